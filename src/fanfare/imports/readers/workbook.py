"""Writes a sheet of a workbook as CSV: `python -m fanfare.imports.readers.workbook WORKBOOK ROWS SHEET LIMIT`.

Cells are typed in a workbook: dates are written as in ISO 8601, numbers with a point, texts as they are. It is a
program of its own with limits of memory, time and LIMIT bytes of output, since a file of a megabyte can be one of
gigabytes when it is unpacked, and one text in it can be in each cell.
"""

import csv
import errno
import resource
import sys
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from pathlib import Path

import msgspec

from fanfare.imports.readers.dialects import THOUSANDS
from fanfare.imports.readers.rows import MAX_COLUMNS
from fanfare.kernel.running.callers import end_with_caller

# The exit status for a file that cannot be read, with the reason as output.
UNREADABLE = 3
MAX_MEMORY_BYTES = 2 * 1024**3
MAX_SECONDS = 900
MAX_UNPACKED_BYTES = 2 * 1024**3
MAX_PARTS = 10_000
# Of a sheet in Excel.
MAX_ROWS = 1_048_576
# The begin of workbooks before .xlsx, and of those that are encrypted.
OLD_FORM = bytes.fromhex("d0cf11e0a1b11ae1")
MIDNIGHT = time(0, 0)


class Sheet(msgspec.Struct):
    """The sheets of a workbook, and the one that was written."""

    names: list[str]
    name: str


def sheet_in(output: bytes) -> Sheet:
    """Return what this program wrote to its output."""
    return msgspec.json.decode(output, type=Sheet)


class NotReadable(Exception):  # noqa: N818 - a message
    """The file is no workbook that can be read."""


def text_of(value: object) -> str:
    """Return the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == MIDNIGHT else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        return str(int(value))
    text = str(value)
    # With a zero more it is no number of thousands in a file with decimal commas.
    return f"{text}0" if isinstance(value, float) and THOUSANDS.fullmatch(text) else text


def check_parts(path: Path) -> None:
    """Raise NotReadable for what is no archive, or too much when it is unpacked."""
    with path.open("rb") as content:
        if content.read(len(OLD_FORM)) == OLD_FORM:
            message = "has a password, or is an older workbook (.xls); save it as .xlsx without a password"
            raise NotReadable(message)
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        message = "is not an Excel workbook (.xlsx)"
        raise NotReadable(message) from None
    if len(parts) > MAX_PARTS or sum(each.file_size for each in parts) > MAX_UNPACKED_BYTES:
        message = "is a workbook of more than 2 GiB when it is unpacked; save the sheet as CSV"
        raise NotReadable(message)


def write(workbook: Path, rows: Path, name: str) -> Sheet:
    """Write a sheet, the first one with rows if no name is given; raises NotReadable."""
    from openpyxl import load_workbook  # type: ignore[import-untyped] # noqa: PLC0415 - only in this program

    check_parts(workbook)
    try:
        book = load_workbook(workbook, read_only=True, data_only=True)
        names = [each.title for each in book.worksheets]
        for sheet in book.worksheets:
            # What a sheet says of its size is often all columns; each row would be filled up to that.
            sheet.reset_dimensions()
            if name in ("", sheet.title) and (_write_rows(sheet.iter_rows(values_only=True), rows) or name):
                return Sheet(names, sheet.title)
    except (MemoryError, NotReadable):
        raise
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        message = "has more text in its cells than there is room for; split it"
        raise NotReadable(message) from None
    except Exception:  # noqa: BLE001 - whatever the library stumbles over is in the file
        message = "is not an Excel workbook (.xlsx) that can be read; save the sheet as CSV"
        raise NotReadable(message) from None
    message = "has no sheet of this name" if name else "has no rows"
    raise NotReadable(message)


def _write_rows(values: Iterable[Iterable[object]], rows: Path) -> int:
    """Write the rows and return their number, without blank ones at the end."""
    count = 0
    with rows.open("w", encoding="utf-8", newline="") as output:
        writer = csv.writer(output, lineterminator="\n")
        for row in _cells(values):
            writer.writerow(row)
            count += 1
    return count


def _cells(values: Iterable[Iterable[object]]) -> Iterator[list[str]]:
    """Yield the texts of rows up to the last one that is not blank."""
    blank = 0
    for row in values:
        texts = [text_of(each).replace("\0", "") for each in row]
        while texts and not texts[-1]:
            texts.pop()
        if len(texts) > MAX_COLUMNS:
            message = f"has more than {MAX_COLUMNS} columns"
            raise NotReadable(message)
        if not texts:
            blank += 1
            if blank > MAX_ROWS:
                message = f"has more than {MAX_ROWS:,} rows"
                raise NotReadable(message)
            continue
        # Numbers of rows stay those of the sheet.
        yield from ([""] for _ in range(blank))
        blank = 0
        yield texts


def main() -> int:
    """Write the rows that the command line names, and the sheets, or what is wrong, to the output."""
    end_with_caller()
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    workbook, rows, name, limit = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        sheet = write(Path(workbook), Path(rows), name)
    except NotReadable as wrong:
        print(wrong)  # noqa: T201 - the answer
        return UNREADABLE
    sys.stdout.buffer.write(msgspec.json.encode(sheet))
    return 0


if __name__ == "__main__":
    sys.exit(main())
