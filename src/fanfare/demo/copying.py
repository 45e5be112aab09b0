"""Copies rows into a table with COPY in text format: the driver's binary COPY does not support our jsonb codec."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import islice

from fanfare.kernel.data.db import Connection

CHUNK = 4000
# Characters that end a cell or row, or begin an escape.
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def cell(value: object) -> str:
    """Return a value in COPY's text format; bytes are JSON."""
    if value is None:
        return "\\N"
    if value is True or value is False:
        return "t" if value else "f"
    text = value.decode() if isinstance(value, bytes) else str(value)
    # Most texts have nothing to escape, and checking is faster than translating.
    return text if text.isprintable() and "\\" not in text else text.translate(ESCAPES)


async def copy_rows(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[tuple[object, ...]],
    report: Callable[[str, float], None],
) -> None:
    """Copy rows into a table; `report` gets the table and the share that is done."""

    async def chunks() -> AsyncIterator[bytes]:
        remaining: Iterator[tuple[object, ...]] = iter(rows)
        count = 0
        while chunk := list(islice(remaining, CHUNK)):
            yield "".join("\t".join(map(cell, row)) + "\n" for row in chunk).encode()
            count += len(chunk)
            report(table, count / len(rows))

    await connection.copy_to_table(table, source=chunks(), columns=list(columns))
