"""Reads rows into structs: each column into the field with the same name."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from fanfare.kernel.data.db import Record

T = TypeVar("T", bound=msgspec.Struct)


def read_rows(kind: type[T], rows: Sequence[Record]) -> list[T]:
    """Return a struct for each row of one statement; raises TypeError if columns and fields do not match.

    Equivalent to `kind(**row)` for each row. If the columns are in the order of the fields, which is checked once for
    all rows, it takes an eighth of the time.
    """
    columns = tuple(rows[0].keys()) if rows else ()
    if columns == kind.__match_args__[: len(columns)]:
        return [kind(*row) for row in rows]
    return [kind(**row) for row in rows]
