"""Turns the data of a report into what its page shows, whatever the type.

A struct becomes figures, what it contains further sections, a list a table, and a list by day a chart too. A field is
shown if it is among FIELDS, with the title that it has there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from fanfare.hosted.schemas.report_sheets import Column, Figure, Section, Table
from fanfare.kernel.callers import Account
from fanfare.kernel.pages.charts import BarChart, Point, bar_chart
from fanfare.kernel.pages.languages import Language
from fanfare.reports.schemas.reports import ReportData

MAX_ROWS = 200
MAX_BARS = 92
NO_VALUE = "\u2013"
COUNT, MONEY, PER_CENT, RATIO, TEXT, DAY, WORD = "count", "money", "percent", "ratio", "text", "day", "word"
NUMBERS = (COUNT, MONEY, PER_CENT, RATIO)


class Field(NamedTuple):
    """How a field is shown: its title, to be translated, and the kind of its values."""

    title: str
    kind: str = COUNT


FIELDS: Mapping[str, Field] = {
    "day": Field("Day", DAY),
    "purchase_date": Field("Day", DAY),
    "event_name": Field("Event", TEXT),
    "event_date": Field("Date", DAY),
    "tracker_name": Field("Link", TEXT),
    "tracker_group_name": Field("Group", TEXT),
    "network": Field("Platform", TEXT),
    "campaign_name": Field("Campaign", TEXT),
    "name": Field("Campaign", TEXT),
    "currency": Field("Currency", TEXT),
    "gender": Field("Gender", WORD),
    "age_group": Field("Age", WORD),
    "country_code": Field("Country", TEXT),
    "metro_area": Field("Metro area", TEXT),
    "term": Field("Word", TEXT),
    "label_key": Field("Label", TEXT),
    "city": Field("City", TEXT),
    "province": Field("Province", TEXT),
    "spend": Field("Spend", MONEY),
    "conversion": Field("Value of web purchases", MONEY),
    "conversion_amount": Field("Value of web purchases", MONEY),
    "offline_conversion": Field("Value of offline purchases", MONEY),
    "offline_conversion_amount": Field("Value of offline purchases", MONEY),
    "conversion_count": Field("Web purchases"),
    "offline_conversion_count": Field("Offline purchases"),
    "impressions": Field("Impressions"),
    "clicks": Field("Clicks"),
    "ctr": Field("Click rate", PER_CENT),
    "cpc": Field("Cost per click", MONEY),
    "cpm": Field("Cost per 1,000 impressions", MONEY),
    "cpa": Field("Cost per purchase", MONEY),
    "roas": Field("Return on ad spend", RATIO),
    "roi": Field("Return on investment", RATIO),
    "total_tracker_click_count": Field("Clicks"),
    "attributed_purchase_count": Field("Attributed purchases"),
    "attributed_purchase_amount": Field("Attributed sales", MONEY),
    "total": Field("Posts"),
    "approved_total": Field("Approved posts"),
    "count": Field("Posts"),
    "authors": Field("Authors"),
    "reach": Field("Reach"),
    "total_entries": Field("Entries"),
    "fan_count": Field("Fans"),
    "fans_count": Field("Fans"),
    "new_fans_count": Field("New buyers"),
    "returning_fans_count": Field("Returning buyers"),
    "view_count": Field("Views"),
    "unique_view_count": Field("Viewers"),
    "subscribers": Field("Opted in"),
    "email_count": Field("With an email address"),
    "phone_count": Field("With a phone number"),
    "email_subscribe_count": Field("Opted in to email"),
    "phone_subscribe_count": Field("Opted in to text messages"),
    "email_subscribers": Field("Opted in to email"),
    "phone_subscribers": Field("Opted in to text messages"),
    "active_fan_count": Field("Ever active"),
    "recently_active_fan_count": Field("Active in 30 days"),
    "activity_count": Field("Activities"),
    "average_rating": Field("Average rating", RATIO),
    "optout_count": Field("Opted out of everything"),
    "sales_count": Field("Orders"),
    "seats_count": Field("Seats"),
    "revenue": Field("Revenue", MONEY),
}
# Titles of the parts within the data; a part that is not among them is not shown.
PARTS: Mapping[str, str] = {
    "days": "By day",
    "fans": "Reach",
    "fan_demographics": "Demographics",
    "genders": "Gender",
    "ages": "Age",
    "top_countries": "Countries",
    "top_metro_areas": "Metro areas",
    "top_locations": "Cities",
    "fan_metrics": "Activity",
    "words": "Words",
    "hashtags": "Hashtags",
    "labels": "Labels",
    "summary": "All campaigns together",
    "bundles": "By campaign",
    "revenue_by_currency": "Revenue by currency",
}
WORDS = ("male", "female", "diverse", "other", "empty", "unknown")


class Sheet:
    """Shows the data of one report in one language."""

    def __init__(self, account: Account, language: Language) -> None:
        """Amounts without a currency of their own are in that of the account."""
        self._account = account
        self._language = language
        self._formats: Mapping[str, Callable[[Any], str]] = {
            COUNT: lambda value: language.number(round(value, 2)),
            RATIO: lambda value: language.number(round(value, 2)),
            PER_CENT: lambda value: language.percent(round(value, 2)),
            DAY: language.calendar_day,
            WORD: lambda value: self._text(value or "unknown"),
            TEXT: str,
        }

    def sections(self, report: ReportData) -> list[Section]:
        """Return the sections of the page."""
        sections = self._part("", getattr(report, report.report_type), self._account.currency)
        return [each for each in sections if each.table is None or each.table.rows]

    def _part(self, title: str, value: object, currency: str) -> Iterator[Section]:
        if isinstance(value, list):
            yield self._listing(title, [_fields(row) for row in value], currency)
            return
        fields = _fields(value)
        currency = str(fields.get("currency", currency))
        figures = [
            Figure(self._text(FIELDS[name].title), self._value(name, each, currency))
            for name, each in fields.items()
            if name in FIELDS and name not in PARTS and each is not None and FIELDS[name].kind in NUMBERS
        ]
        if figures:
            yield Section(title, figures)
        for name, each in fields.items():
            if name == "revenue_by_currency" and len(each) > 1:
                rows = [{"currency": key, "revenue": amount} for key, amount in each.items()]
                yield self._listing(self._text(PARTS[name]), rows, currency)
            elif name in PARTS and isinstance(each, list | msgspec.Struct):
                yield from self._part(self._text(PARTS[name]), each, currency)

    def _listing(self, title: str, rows: Sequence[Mapping[str, Any]], currency: str) -> Section:
        names = [name for name in FIELDS if any(_is_shown(name, row) for row in rows)]
        columns = [Column(self._text(FIELDS[name].title), FIELDS[name].kind in NUMBERS) for name in names]
        cells = [[self._value(name, row.get(name), row.get("currency", currency)) for name in names] for row in rows]
        table = Table(columns, cells[:MAX_ROWS], _shares(names, rows[:MAX_ROWS]), max(len(cells) - MAX_ROWS, 0))
        measures = [name for name in names if FIELDS[name].kind in (COUNT, MONEY)]
        if not measures or FIELDS[names[0]].kind != DAY or names[0] == "event_date":
            return Section(title, table=table)
        # Money says more about days than numbers of things do.
        name = next((each for each in measures if FIELDS[each].kind == MONEY), measures[0])
        return Section(title, [], table, self._chart(names[0], name, rows, currency), self._text(FIELDS[name].title))

    def _chart(self, day_name: str, name: str, rows: Sequence[Mapping[str, Any]], currency: str) -> BarChart:
        """Return a bar for each day of the range, or of several days where there are many."""
        values: dict[date, Decimal] = {}
        for row in rows:
            values[row[day_name]] = values.get(row[day_name], Decimal(0)) + Decimal(row[name] or 0)
        first, last = min(values), max(values)
        step = -(-((last - first).days + 1) // MAX_BARS)
        points = []
        for offset in range(0, (last - first).days + 1, step):
            start = first + timedelta(days=offset)
            total = sum((values.get(start + timedelta(days=each), Decimal(0)) for each in range(step)), Decimal(0))
            days = self._days(start, min(start + timedelta(days=step - 1), last))
            text = f"{days}: {self._value(name, total, str(rows[0].get('currency', currency)))}"
            points.append(Point(self._language.short_day(start), float(total), text))
        return bar_chart(points)

    def _days(self, first: date, last: date) -> str:
        day = self._language.calendar_day
        return day(first) if first == last else f"{day(first)} \u2013 {day(last)}"

    def _value(self, name: str, value: Any, currency: str) -> str:  # noqa: ANN401 - of any kind of field
        kind = FIELDS[name].kind
        if value is None and kind != WORD:
            return NO_VALUE
        if kind == MONEY:
            return self._language.money(value, currency)
        return self._formats[kind](value)

    def _text(self, message: str) -> str:
        return self._language.text(message)


def _fields(value: object) -> dict[str, Any]:
    """Return the fields of a struct; ages as one text."""
    fields = msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else dict(value)  # type: ignore[call-overload]
    if "youngest_age" in fields:
        fields["age_group"] = _age_group(fields["youngest_age"], fields["oldest_age"])
    return fields


def _is_shown(name: str, row: Mapping[str, Any]) -> bool:
    """Return whether a row makes its table have a column. Amounts show their currency."""
    if name == "currency":
        return "revenue" in row and len(row) == len(("currency", "revenue"))
    return name in row and (row[name] is not None or FIELDS[name].kind == WORD)


def _age_group(youngest: int | None, oldest: int | None) -> str | None:
    if youngest is None:
        return None
    return f"{youngest}+" if oldest is None else f"{youngest}\u2013{oldest}"


def _shares(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[float] | None:
    """Return the bars of a list whose only number is how many fans there are."""
    if not rows or [name for name in names if FIELDS[name].kind in NUMBERS] != ["fan_count"]:
        return None
    highest = max(row["fan_count"] for row in rows) or 1
    return [100 * row["fan_count"] / highest for row in rows]
