"""Rows of a file, each with the offset of its end, from a piece of its bytes: no more than that is in memory.

A row is at most MAX_ROW_BYTES long. A piece that ends within a row gives the rows before that.
"""

import csv
from collections.abc import Iterator, Mapping
from itertools import chain, repeat
from typing import Any, NamedTuple

from fanfare.imports.readers.dialects import BYTE_ORDER_MARKS, Dialect
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.wire import BYTE_ORDER_MARK, decode_json, storage_fault

# The begin of a file that was compressed by gzip.
GZIP = b"\x1f\x8b"
MAX_ROW_BYTES = 1024 * 1024
MAX_COLUMNS = 1000
MAX_FILE_BYTES = 4 * 1024**3
INVALID = (
    "is not valid CSV: a quotation mark is missing or in the wrong place, or a value has more than 131,072 characters"
)
LINES = "ndjson"
WORKBOOK = "xlsx"


class Row(NamedTuple):
    """A row: its number (the header is 1), the offsets of its begin and end, its cells by column, or what is wrong."""

    number: int
    begin: int
    end: int
    cells: Mapping[str, Any]
    fault: str = ""


class Piece(NamedTuple):
    """Bytes of a file: the offset of the first, the number of the row that begins there, whether it is the last."""

    data: bytes
    offset: int
    number: int
    is_last: bool


class UnreadableFileError(BadParameters):
    """The file cannot be read"""

    def __init__(self, message: str) -> None:
        super().__init__([("file", message)])


def check_begin(data: bytes, file_format: str) -> None:
    """Raise UnreadableFileError for the begin of a file that is no text, or in an encoding that is not supported."""
    if (name := BYTE_ORDER_MARKS.get(data[:2])) is not None:
        message = f"is encoded in {name}; save it as UTF-8"
        raise UnreadableFileError(message)
    if data[:4] == b"PK\x03\x04":
        message = "is a workbook or an archive; create the import with the format xlsx"
        raise UnreadableFileError(message)
    if data.startswith(GZIP):
        message = "is compressed twice; compress it once"
        raise UnreadableFileError(message)
    if b"\0" in data:
        message = f"contains binary data; it must be a {file_format} file"
        raise UnreadableFileError(message)


class _Lines:
    """The lines of a piece, decoded, one by one, and the offset behind the last of them."""

    def __init__(self, piece: Piece, encoding: str, line_end: str = "\n") -> None:
        self.data = piece.data if line_end == "\n" else piece.data.replace(line_end.encode(), b"\n")
        self.place = len(BYTE_ORDER_MARK) if piece.offset == 0 and piece.data.startswith(BYTE_ORDER_MARK) else 0
        self.encoding = encoding
        self.is_last = piece.is_last
        # Whether there was no further complete line.
        self.is_used_up = False

    def __iter__(self) -> Iterator[str]:
        data = self.data
        while self.place < len(data):
            end = data.find(b"\n", self.place) + 1
            if not end:
                if not self.is_last:
                    break
                end = len(data)
            line = data[self.place : end]
            self.place = end
            yield line.decode(self.encoding, "replace")
        self.is_used_up = True

    def line_again(self, place: int) -> str:
        """Go back behind the line that begins at a place, and return that line; iterate anew for those behind it."""
        end = self.data.find(b"\n", place) + 1 or len(self.data)
        self.place, self.is_used_up = end, False
        return self.data[place:end].decode(self.encoding, "replace")


def header_of(piece: Piece, dialect: Dialect) -> tuple[list[str], int]:
    """Return the names of the columns of a CSV file, each once, and the offset of the first row."""
    lines = _Lines(piece, dialect.encoding, dialect.line_end)
    reader = csv.reader(lines, delimiter=dialect.delimiter, strict=True)
    try:
        cells = next((row for row in reader if any(map(str.strip, row))), [])
    except csv.Error:
        cells = []
    if not cells or (lines.is_used_up and not piece.is_last):
        message = "has no first row with the names of its columns"
        raise UnreadableFileError(message)
    if len(cells) > MAX_COLUMNS:
        message = f"has more than {MAX_COLUMNS} columns"
        raise UnreadableFileError(message)
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name = " ".join(cell.replace("\0", "").replace("\ufeff", "").split())[:255] or f"column {place}"
        while name in names:
            name = f"{name} ({place})"
        names.append(name)
    return names, piece.offset + lines.place


def csv_rows(piece: Piece, columns: list[str], dialect: Dialect) -> Iterator[Row]:
    """Yield the rows of a piece of a CSV file, which begins with a row that is not the header.

    Of blank lines only those at the end are a row, where the next piece begins. Of a row that is not valid its first
    line alone: what follows a quotation mark that is missing is no part of a value.
    """
    lines = _Lines(piece, dialect.encoding, dialect.line_end)
    number, begin = piece.number, piece.offset
    blank: list[Row] = []
    reader = csv.reader(lines, delimiter=dialect.delimiter, strict=True)
    while True:
        fault = ""
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            cells, fault = [], INVALID
        if lines.is_used_up and not lines.is_last:
            break
        if fault:
            cells = _plain_cells(lines.line_again(begin - piece.offset), dialect)
            reader = csv.reader(lines, delimiter=dialect.delimiter, strict=True)
        elif len(cells) > len(columns) and any(cells[len(columns) :]):
            fault = f"has {len(cells)} values for {len(columns)} columns"
        end = piece.offset + lines.place
        if cells or fault:
            # A short row ends with empty cells: it has the columns of its file.
            yield Row(number, begin, end, dict(zip(columns, chain(cells, repeat("")), strict=False)), fault)
        blank = [] if cells or fault else [Row(number, begin, end, {})]
        number, begin = number + 1, end
    yield from blank


def _plain_cells(line: str, dialect: Dialect) -> list[str]:
    """Return the cells of a line whose quotation marks mean nothing, none if there is more wrong with it."""
    try:
        return next(csv.reader([line], delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE), [])
    except csv.Error:
        return []


def json_rows(piece: Piece) -> Iterator[Row]:
    """Yield the rows of a piece of an NDJSON file: objects, one a line. Blank lines are as in CSV."""
    lines = _Lines(piece, "utf-8")
    number, begin = piece.number, piece.offset
    blank: list[Row] = []
    for line in lines:
        end = piece.offset + lines.place
        if text := line.strip():
            yield _json_row(text, number, begin, end)
        blank = [] if text else [Row(number, begin, end, {})]
        number, begin = number + 1, end
    yield from blank


def _json_row(text: str, number: int, begin: int, end: int) -> Row:
    try:
        value = decode_json(text, "is not a JSON object", is_line=True)
    except ValueError as error:
        return Row(number, begin, end, {}, str(error))
    if not isinstance(value, dict):
        return Row(number, begin, end, {}, "is not a JSON object")
    if len(value) > MAX_COLUMNS:
        return Row(number, begin, end, {}, f"has more than {MAX_COLUMNS} members")
    # Only an escape can write what cannot be stored.
    if "\\u" in text and any(map(storage_fault, value)):
        return Row(number, begin, end, {}, "has a member whose name cannot be stored")
    return Row(number, begin, end, value)
