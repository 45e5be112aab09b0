"""Bounds lists without pages: however many rows an account has, and of whatever size, an answer has its limit."""

from collections.abc import Sequence
from typing import Any

from fanfare.kernel.data.pool import Record
from fanfare.kernel.errors import TooLarge

# A quarter of what a server keeps for all answers that are not yet read (MAX_UNSENT_BYTES).
MAX_LIST_BYTES = 16 * 1024 * 1024


def bounded(statement: str) -> str:
    """Return a statement for `list_rows`; it returns no row of the list if all together are too long."""
    return f"""
        with listed as materialized ({statement}),
        size as (select coalesce(sum(octet_length(listed::text)), 0) as list_bytes from listed)
        select size.list_bytes, listed.* from size left join listed on size.list_bytes <= {MAX_LIST_BYTES}
    """  # noqa: S608 - fixed parts


def list_rows(rows: Sequence[Record]) -> list[dict[str, Any]]:
    """Return the rows of a bounded statement; TooLarge (413) if all together are too long.

    An empty list has a row with its size and nothing else.
    """
    size = rows[0]["list_bytes"]
    if size > MAX_LIST_BYTES:
        message = f"the list has more than {MAX_LIST_BYTES} bytes; read the rows one by one, or narrow the list"
        raise TooLarge(message)
    return [{name: row[name] for name in row.keys() if name != "list_bytes"} for row in rows] if size else []  # noqa: SIM118 - no dict
