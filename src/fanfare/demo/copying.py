"""Copies rows into a table by PostgreSQL's COPY, in its text format: jsonb has no other here."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import islice

from fanfare.kernel.data.db import Connection

CHUNK = 4000
# What COPY reads as an end of cell or row, or as a beginning of such a code.
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def cell(value: object) -> str:
    """Return a value as COPY reads it; bytes are JSON."""
    if value is None:
        return "\\N"
    if value is True or value is False:
        return "t" if value else "f"
    text = value.decode() if isinstance(value, bytes) else str(value)
    # Most texts have nothing to escape, which is told faster than they are rewritten.
    return text if text.isprintable() and "\\" not in text else text.translate(ESCAPES)


async def copy_rows(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[tuple[object, ...]],
    report: Callable[[str, float], None],
) -> None:
    """Copy rows into a table; `report` is told the table and the share that is done."""

    async def chunks() -> AsyncIterator[bytes]:
        remaining: Iterator[tuple[object, ...]] = iter(rows)
        count = 0
        while chunk := list(islice(remaining, CHUNK)):
            yield "".join("\t".join(map(cell, row)) + "\n" for row in chunk).encode()
            count += len(chunk)
            report(table, count / len(rows))

    await connection.copy_to_table(table, source=chunks(), columns=list(columns))
