"""A kind of rows: its fields, and how its domain writes and undoes them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.importing_people import ReadyPeople
from fanfare.fans.actions.undoing import OwnWrites
from fanfare.imports.schemas.fields import Fields
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal


class Outcome(msgspec.Struct, frozen=True):
    """What became of a line: the ids of what it created, if anything, or why it was refused.

    `new_fan_id` is a fan whom a line of another kind created along with it, `matched_fan_id` one whom a line of fans
    named, and who was there. `refused_count` is the number of opt-ins that were left out.
    """

    created_ids: tuple[int, ...] = ()
    new_fan_id: int | None = None
    refused_count: int = 0
    refusal: Refusal | None = None
    matched_fan_id: int | None = None


class Created(msgspec.Struct, frozen=True):
    """The ids of what a batch created, and what else the import wrote."""

    ids: list[int]
    writes: OwnWrites

    @property
    def position(self) -> int:
        """The newest position when the batch was written."""
        return self.writes.position


class Undone(msgspec.Struct, frozen=True):
    """How much of what was created is deleted, and how much stays because it is used or was changed."""

    undone_count: int = 0
    kept_count: int = 0


class Kind(msgspec.Struct, frozen=True):
    """A kind of rows.

    `line` returns what `write` takes, or raises BadParameters; `write` runs in the caller's transaction and returns an
    outcome for each line; `undo` deletes what was created, unless it was changed or used since. A batch has at most
    `batch` lines. What is written is announced under topics whose names begin with one of `topics`. `people` returns
    the persons of lines as `write` finds or creates them, unless it refuses some of the lines.
    """

    name: str
    fields: Fields
    line: Callable[[Any, ImportContext], Any]
    write: Callable[[Db, Sequence[Any], ImportContext], Awaitable[list[Outcome]]]
    undo: Callable[[Db, int, Created, datetime], Awaitable[Undone]]
    topics: tuple[str, ...] = ()
    batch: int = 1000
    people: Callable[[Sequence[Any]], ReadyPeople] | None = None


def ids(created_id: int | None) -> tuple[int, ...]:
    """Return an id as the ids of an outcome."""
    return () if created_id is None else (created_id,)


def synonyms(**names: tuple[str, ...]) -> dict[str, str]:
    """Return fields by the other names of their columns."""
    return {each: field for field, columns in names.items() for each in columns}
