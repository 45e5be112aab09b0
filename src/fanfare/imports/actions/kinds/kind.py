"""A kind of rows: its fields, and how its domain writes and undoes them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans.actions.importing import ImportContext
from fanfare.imports.schemas.fields import Fields
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal


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

    `line` returns what `write` takes, or raises BadParameters; `write` runs in the caller's transaction and returns an
    outcome for each line; `undo` deletes what was created, unless it changed behind a position.
    """

    name: str
    fields: Fields
    line: Callable[[Any, ImportContext], Any]
    write: Callable[[Db, Sequence[Any], ImportContext], Awaitable[list[Outcome]]]
    undo: Callable[[Db, int, Sequence[int], int, datetime], Awaitable[Undone]]
