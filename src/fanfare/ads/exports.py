"""Reads the exports of ad platforms: CSV whose columns, marks and days are written in many ways."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any, NamedTuple, cast

from fanfare.ads.schemas.figures import AdFigure, NewImport
from fanfare.kernel.data.lines import ItemForm, WrongLine
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.folding import fold

# The English names of the columns of each platform by field, the best first. docs/ads.md lists them.
PLATFORM_COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "meta": {
        "day": ("Day", "Reporting starts"),
        "last_day": ("Reporting ends",),
        "ad_account_key": ("Account ID",),
        "campaign_key": ("Campaign ID",),
        "campaign_name": ("Campaign name",),
        "ad_key": ("Ad ID", "Ad set ID"),
        "currency": ("Currency",),
        "spend": ("Amount spent",),
        "impressions": ("Impressions",),
        "clicks": ("Link clicks", "Clicks (all)"),
        "conversion_count": ("Website purchases", "Purchases"),
        "conversion_amount": ("Website purchases conversion value", "Purchases conversion value"),
        "offline_conversion_count": ("Offline purchases",),
        "offline_conversion_amount": ("Offline purchases conversion value",),
    },
    "google": {
        "day": ("Day", "Date"),
        "ad_account_key": ("Customer ID",),
        "campaign_key": ("Campaign ID",),
        "campaign_name": ("Campaign", "Campaign name"),
        "ad_key": ("Ad ID", "Ad group ID"),
        "currency": ("Currency code", "Currency"),
        "spend": ("Cost",),
        "impressions": ("Impr.", "Impressions"),
        "clicks": ("Clicks",),
        "conversion_count": ("Conversions",),
        "conversion_amount": ("Conv. value", "Conversion value"),
    },
    "tiktok": {
        "day": ("By Day", "Date", "Day"),
        "ad_account_key": ("Account ID", "Advertiser ID"),
        "campaign_key": ("Campaign ID",),
        "campaign_name": ("Campaign name",),
        "ad_key": ("Ad ID", "Ad group ID"),
        "currency": ("Currency",),
        "spend": ("Cost", "Total cost"),
        "impressions": ("Impressions",),
        "clicks": ("Clicks (destination)", "Clicks (all)", "Clicks"),
        "conversion_count": ("Purchases (website)", "Complete payment", "Conversions"),
        "conversion_amount": ("Total purchase value (website)", "Total complete payment value"),
    },
    "x": {
        "day": ("Time period", "Date", "Day"),
        "ad_account_key": ("Account ID",),
        "campaign_key": ("Campaign ID",),
        "campaign_name": ("Campaign name", "Campaign"),
        "ad_key": ("Ad ID", "Ad group ID"),
        "currency": ("Currency",),
        "spend": ("Spend",),
        "impressions": ("Impressions",),
        "clicks": ("Link clicks", "Clicks"),
        "conversion_count": ("Purchases",),
        "conversion_amount": ("Purchases - sale amount",),
    },
}
# The same fields for every other platform.
FIELD_NAMES: dict[str, tuple[str, ...]] = {
    name: (name, name.replace("_", " ")) for name in AdFigure.__struct_fields__ if name != "network"
}
# Titles and ranges of dates stand before the names of the columns.
MAX_TITLE_LINES = 20
# No name of a column and no number is longer; a regular expression may take quadratic time on what is.
MAX_NAME, MAX_NUMBER = 255, 64
TEXTS = {"day", "last_day", "ad_account_key", "campaign_key", "campaign_name", "ad_key", "currency"}
MISSING = {"", "-", "--", "\u2013", "\u2014", "n/a"}
CURRENCY = re.compile(r" ?\(([A-Z]{3})\)$")
NUMBERS = {
    ".": re.compile(r"-?(?:\d{1,3}(?:[, \u00a0\u202f]\d{3})+|\d+)(?:\.\d+)?"),
    ",": re.compile(r"-?(?:\d{1,3}(?:[. \u00a0\u202f]\d{3})+|\d+)(?:,\d+)?"),
}
MONTHS = ("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y")
FIGURE = ItemForm(AdFigure, "csv")


class Export(NamedTuple):
    """An export: the column of each field, its lines with their index in the text, and how many are no figures."""

    columns: dict[str, str]
    lines: list[tuple[int, AdFigure | WrongLine]]
    skipped_count: int


class _Header(NamedTuple):
    """The names of the columns: their line, what separates them, and the place of the column of each field."""

    line: int
    delimiter: str
    names: Sequence[str]
    places: Mapping[str, int]


def read_export(new: NewImport) -> Export:
    """Return the figures of an export; BadParameters (422) if it has no line with the names of its columns."""
    # Not splitlines(), which also splits at separators that may stand in a cell.
    texts = list(io.StringIO(new.csv.removeprefix("\ufeff"), newline=""))
    header = _header(texts, _columns(new))
    reader = csv.reader(texts[header.line + 1 :], delimiter=header.delimiter)
    lines: list[tuple[int, AdFigure | WrongLine]] = []
    skipped_count = 0
    for index, cells in _records(reader, header.line):
        values = {name: cells[place].strip() for name, place in header.places.items() if place < len(cells)}
        if not values.get("day") or any(_is_total(cell) for cell in cells[:2]):
            skipped_count += any(cell.strip() for cell in cells)
            continue
        lines.append((index, cast("AdFigure | WrongLine", FIGURE.read(_figure(new, header, values)))))
    return Export({name: header.names[place] for name, place in header.places.items()}, lines, skipped_count)


def _is_total(cell: str) -> bool:
    """Whether a cell marks a line of totals; a campaign may be named Total Football."""
    return len(cell) <= MAX_NAME and fold(cell.strip()).partition(":")[0] == "total"


def _columns(new: NewImport) -> dict[str, tuple[str, ...]]:
    columns = PLATFORM_COLUMNS.get(new.network, FIELD_NAMES)
    if new.columns is None:
        return columns
    if wrong := [name for name in new.columns if name not in FIELD_NAMES]:
        raise BadParameters([("columns", f"has the unknown field {wrong[0][:100]!r}")])
    if not all(isinstance(name, str) for name in new.columns.values()):
        raise BadParameters([("columns", "must have the name of a column for each field")])
    return {**columns, **{field: (name,) for field, name in new.columns.items()}}


def _header(texts: Sequence[str], columns: Mapping[str, tuple[str, ...]]) -> _Header:
    for line, text in enumerate(texts[:MAX_TITLE_LINES]):
        for delimiter in ",;\t":
            with suppress(csv.Error, StopIteration):
                names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter))]
                places = _places(names, columns)
                if {"day", "spend"} <= places.keys():
                    return _Header(line, delimiter, names, places)
    message = f"has no line with the names of the columns {columns['day'][0]!r} and {columns['spend'][0]!r}"
    raise BadParameters([("csv", message)])


def _places(names: Sequence[str], columns: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    short = [(place, name) for place, name in enumerate(names) if len(name) <= MAX_NAME]
    by_name = {fold(CURRENCY.sub("", name)): place for place, name in reversed(short)}
    places = {
        field: next((by_name[fold(name)] for name in choices if fold(name) in by_name), None)
        for field, choices in columns.items()
    }
    return {field: place for field, place in places.items() if place is not None}


def _records(reader: Any, first: int) -> Iterator[tuple[int, list[str]]]:  # noqa: ANN401 - csv names no type
    try:
        for cells in reader:
            yield first + reader.line_num, cells
    except csv.Error as wrong:
        raise BadParameters([("csv", f"line {first + reader.line_num + 1} is not valid CSV: {wrong}")]) from None


def _figure(new: NewImport, header: _Header, values: Mapping[str, str]) -> dict[str, object]:
    """Return the values of a figure as a line of a batch has them."""
    mark = new.decimal_mark or ("," if header.delimiter == ";" else ".")
    figure: dict[str, object] = {"network": new.network, "ad_account_key": new.ad_account_key}
    figure["currency"] = new.currency or _currency(header)
    for name, text in values.items():
        if len(text) > MAX_NUMBER or fold(text) not in MISSING:
            figure[name] = text if name in TEXTS else _number(text, mark)
    figure["day"] = _day(values["day"], new.date_order)
    # A line over several days would count all of them on the first.
    last_day = figure.pop("last_day", None)
    if last_day and fold(header.names[header.places["day"]]) != "day" and last_day != values["day"]:
        figure["day"] = f"{values['day']} to {last_day}"
    return {name: value for name, value in figure.items() if value is not None}


def _currency(header: _Header) -> str | None:
    match = CURRENCY.search(header.names[header.places["spend"]])
    return match[1] if match else None


def _number(text: str, mark: str) -> str:
    """Return a number as in JSON; a text that is none is returned as it is, and refused later."""
    if len(text) > MAX_NUMBER:
        return text
    plain = re.sub(r"^[^\d.,-]+|[^\d.,]+$", "", text)
    if not NUMBERS[mark].fullmatch(plain):
        return text
    return re.sub(r"[^\d.-]", "", plain.replace(".", "").replace(",", ".") if mark == "," else plain)


def _day(text: str, order: str | None) -> str:
    """Return a day as YYYY-MM-DD; a text that is none is returned as it is, and refused later."""
    if len(text) > MAX_NUMBER:
        return text
    if re.match(r"\d{4}-\d\d-\d\d(?:[T ]|$)", text):
        return text[:10]
    for form in MONTHS:
        with suppress(ValueError):
            return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 - a day has no time zone
    parts = re.fullmatch(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})", text)
    if parts and order:
        numbers = dict(zip(order, map(int, parts.groups()), strict=True))
        with suppress(ValueError):
            return date(numbers["y"], numbers["m"], numbers["d"]).isoformat()
    return text
