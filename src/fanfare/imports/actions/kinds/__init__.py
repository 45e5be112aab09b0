"""Kinds of rows: the fields of each, and how its domain writes and undoes them."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from fanfare.fans.actions.importing import ImportContext
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal
from fanfare.kernel.folding import fold
from fanfare.kernel.parameters import Params, Slot, slots


class Outcome(msgspec.Struct, frozen=True):
    """What became of a line: the id of what it created, or nothing, or why it was refused.

    `refused_count` is the number of opt-ins that were left out.
    """

    created_id: int | None = None
    refused_count: int = 0
    refusal: Refusal | None = None


class Undone(msgspec.Struct, frozen=True):
    """How much of what was created is deleted, and how much stays because it is used or was changed."""

    undone_count: int = 0
    kept_count: int = 0


class Kind(msgspec.Struct, frozen=True):
    """A kind of rows.

    `params` has the fields of a row, but for those in `excluded`; `names` are other names of columns. `line` returns
    what `write` takes, or raises BadParameters; `write` runs in the caller's transaction and returns an outcome for
    each line; `undo` deletes what was created, unless it changed behind a position.
    """

    name: str
    params: type[Params]
    line: Callable[[Any, ImportContext], Any]
    write: Callable[[Db, Sequence[Any], ImportContext], Awaitable[list[Outcome]]]
    undo: Callable[[Db, int, Sequence[int], int, datetime], Awaitable[Undone]]
    excluded: frozenset[str] = frozenset()
    names: Mapping[str, str] = {}

    def slot(self, field: str) -> Slot | None:
        """Return the slot that a field fills, None if there is none."""
        by_name, prefixes = _slots(self.params)
        if field in self.excluded:
            return None
        return by_name.get(field) or next(
            (slot for prefix, slot in prefixes if field.startswith(prefix) and field != prefix), None
        )

    def fields(self) -> list[str]:
        """Return the names of all fields; a prefix has an asterisk."""
        by_name, prefixes = _slots(self.params)
        names = [name for name in by_name if not name.endswith("[]") and name not in self.excluded]
        return [*names, *(f"{prefix}*" for prefix, _ in prefixes)]

    def field_of(self, column: str) -> str | None:
        """Return the field that a column is likely to have, None for none."""
        name = re.sub(r"[^a-z0-9]+", "_", fold(column)).strip("_")
        if self.slot(column) is not None:
            return column
        candidate = self.names.get(name, name)
        return candidate if self.slot(candidate) is not None else None


@cache
def _slots(params: type[Params]) -> tuple[dict[str, Slot], list[tuple[str, Slot]]]:
    by_name = {name: slot for slot in slots(params) for name in slot.wire_names}
    return by_name, [(slot.prefix, slot) for slot in slots(params) if slot.prefix]
