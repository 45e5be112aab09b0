"""Dialects: encoding, delimiter, order of dates and decimal separator, found in the begin of a file."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from fanfare.kernel.wire import BoundForm, DayForm, Form, MomentForm, MoneyForm, NumberForm

Encoding = Literal["utf-8", "windows-1252"]
DateOrder = Literal["ymd", "dmy", "mdy"]
DELIMITERS = (",", ";", "\t", "|")
BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}

DATE = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?:[ T](\d{1,2}:\d{2}(?::\d{2})?))?")
COMMA_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:[.'\u2019\u00a0\u202f ]\d{3})+|\d+),\d+|[+-]?\d{1,3}(?:\.\d{3}){2,}")
POINT_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:[,'\u2019\u00a0\u202f ]\d{3})+|\d+)\.\d+|[+-]?\d{1,3}(?:,\d{3}){2,}")
# In a file with decimal commas: twelve and a half is 12,5 there, and 12.500 twelve thousand five hundred.
THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+")
GROUPS = re.compile(r"(?<=\d)['\u2019\u00a0\u202f ](?=\d{3})")
# What spreadsheets would run as a formula; our own files have an apostrophe before it.
FORMULA = tuple("=+-@\t\r")


class Dialect(msgspec.Struct, frozen=True):
    """How a file is written. `date_order` is null while days and months cannot be told apart.

    `preset` is the product whose export it is. Programs for old Macs end lines with a carriage return alone.
    """

    encoding: Encoding = "utf-8"
    delimiter: str = ","
    date_order: DateOrder | None = "ymd"
    decimal_separator: Literal[".", ","] = "."
    preset: str | None = None
    line_end: Literal["\n", "\r"] = "\n"


def line_end_of(data: bytes) -> Literal["\n", "\r"]:
    """Return what ends the lines of a file, by its begin."""
    return "\r" if b"\r" in data and b"\n" not in data else "\n"


def delimiter_of(lines: Sequence[str]) -> str:
    """Return the delimiter that splits most of the lines into as many values as the first one, at least two."""
    best, best_score = DELIMITERS[0], (0, 0)
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        score = (sum(len(row) == width for row in rows), width) if width > 1 else (0, 0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def date_order_of(values: Iterable[str]) -> DateOrder | None:
    """Return the order of the dates among some values: `ymd` if no other is there, None if it cannot be told."""
    pairs = [(int(match[1]), int(match[2])) for value in values if (match := DATE.fullmatch(value.strip()))]
    has_day_first = any(first > 12 for first, _ in pairs)  # noqa: PLR2004 - months
    has_month_first = any(second > 12 for _, second in pairs)  # noqa: PLR2004 - months
    if not pairs:
        return "ymd"
    if has_day_first == has_month_first:
        return None
    return "dmy" if has_day_first else "mdy"


def decimal_separator_of(values: Iterable[str]) -> Literal[".", ","]:
    """Return the decimal separator of most numbers among some values."""
    commas = points = 0
    for value in values:
        text = value.strip()
        commas += COMMA_NUMBER.fullmatch(text) is not None
        points += POINT_NUMBER.fullmatch(text) is not None
    return "," if commas > points else "."


def plain(text: str, form: Form, dialect: Dialect) -> str:
    """Return the text of a cell as the form reads it; ValueError for a date whose order is unknown."""
    if text[:1] == "'" and text[1:2] in FORMULA and len(text) > 1:
        text = text[1:]
    if isinstance(form, DayForm | MomentForm | BoundForm):
        return _plain_date(text, dialect)
    if isinstance(form, MoneyForm | NumberForm):
        return _plain_number(text, dialect)
    return text


def _plain_date(text: str, dialect: Dialect) -> str:
    match = DATE.fullmatch(text.strip())
    if match is None:
        return text
    if dialect.date_order in (None, "ymd"):
        message = "day and month cannot be told apart; set date_order to dmy or mdy"
        raise ValueError(message)
    first, second, year, time = match.groups()
    day, month = (second, first) if dialect.date_order == "mdy" else (first, second)
    return f"{year}-{month:0>2}-{day:0>2}" + (f" {time:0>5}" if time else "")


def _plain_number(text: str, dialect: Dialect) -> str:
    text = GROUPS.sub("", text.strip())
    if dialect.decimal_separator == ",":
        is_number = COMMA_NUMBER.fullmatch(text) or THOUSANDS.fullmatch(text)
        return text.replace(".", "").replace(",", ".") if is_number else text
    return text.replace(",", "") if POINT_NUMBER.fullmatch(text) else text
