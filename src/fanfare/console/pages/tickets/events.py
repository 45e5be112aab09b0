"""Events: the list with what was sold, and one event with its sales curve."""

import math
from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.console.schemas.tickets import EventPage
from fanfare.console.shell.access import manage
from fanfare.console.shell.links import path_of
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.charts import LineChart, Series, Tick, line_chart
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.page import View, Visit
from fanfare.registrations.queries.gates import admitted_counts
from fanfare.staff.schemas.members import Member
from fanfare.tickets.queries.curves import curves
from fanfare.tickets.queries.event_lists import event_entries, event_sales, one_event
from fanfare.tickets.schemas.event_lists import Curve, CurveQuery, EventQuery

TEMPLATES = "console/templates/tickets"
ROWS = 30
# How many areas of a chart tell their values, and how many days the axis names.
MAX_AREAS, MAX_TICKS = 60, 6
# Days before the event in the table behind the chart: each of the last week, then a week apart.
LAST_DAYS, WEEK = 7, 7


@manage.get("/tickets", area="tickets")
async def tickets(db: Db, member: Member, query: EventQuery, now: datetime) -> View:
    """Show the events of a period; what was sold of each comes after the page."""
    query = msgspec.structs.replace(query, limit=ROWS)
    is_awaited = not query.has_figures and query.order_by in ("seats", "revenue")
    page = None if is_awaited else await event_entries(db, member.account, query, now, business_ids=member.business_ids)
    entries = page.data if page else []
    event_uids = [entry.event_uid for entry in entries]
    values = {
        "entries": entries,
        "query": query,
        "is_awaited": is_awaited,
        "admitted": await admitted_counts(db, member.account.id, event_uids) if query.has_figures else {},
        "paths": _paths(member, query, page.meta.next_after if page and page.meta.has_more else 0),
    }
    return View(f"{TEMPLATES}/events.html", values)


def _paths(member: Member, query: EventQuery, next_after: int) -> dict[str, str]:
    """Return where the parts of the list lead: its figures, the next page, other periods and orders."""
    keys = {"text": query.text, "period": query.period, "order_by": query.order_by}
    periods = {f"period_{period}": path_of(member, "/tickets", **{**keys, "period": period}) for period in PERIOD_NAMES}
    orders = {f"order_{order}": path_of(member, "/tickets", **{**keys, "order_by": order}) for order in ORDER_NAMES}
    return {
        **periods,
        **orders,
        "figures": path_of(member, "/tickets", **keys, after=query.after, has_figures=True),
        "further": path_of(member, "/tickets", **keys, after=next_after) if next_after else "",
    }


PERIOD_NAMES, ORDER_NAMES = ("coming", "past", "all"), ("date", "name", "venue", "seats", "revenue")


@manage.get("/tickets/{event_uid}", area="tickets")
async def ticket_event(db: Db, member: Member, visit: Visit, query: EventPage, now: datetime) -> View:
    """Show an event; its sales, beside those of earlier ones, come after the page."""
    event = await one_event(db, member.account.id, query.event_uid, business_ids=member.business_ids)
    values = {"event": event, "has_figures": query.has_figures, "path": path_of(member, f"/tickets/{query.event_uid}")}
    if query.has_figures:
        event = await event_sales(db, member.account.id, query.event_uid)
        choice = CurveQuery(event_uid=query.event_uid)
        each_curve = await curves(db, member.account, choice, now, business_ids=member.business_ids)
        admitted = await admitted_counts(db, member.account.id, [query.event_uid])
        values |= {
            "event": event,
            "admitted_count": admitted.get(query.event_uid, 0),
            "curves": each_curve,
            "chart": _chart(visit.language, each_curve),
            "steps": _steps(each_curve),
        }
    return View(f"{TEMPLATES}/event.html", values)


def _seats(curve: Curve, days: int) -> int | None:
    """Return what was sold until so many days before the event; None while that day has not come."""
    place = curve.days_before - days
    if place < 0:
        return 0
    return curve.seats[place] if place < len(curve.seats) else None


def _chart(language: Language, each_curve: Sequence[Curve]) -> LineChart:
    """Return the curves over the days before their events; the axis ends with the day of the event."""
    longest = max(curve.days_before for curve in each_curve)
    series = [
        Series(
            _name(language, curve),
            [(number - curve.days_before, count) for number, count in enumerate(curve.seats)],
            is_compared=place > 0,
        )
        for place, curve in enumerate(each_curve)
    ]
    step = max(math.ceil(longest / MAX_AREAS), 1)
    days = range(longest, -1, -step)
    texts = [(float(-number), _text(language, each_curve, number)) for number in days]
    tick_step = max(math.ceil(longest / MAX_TICKS), 1)
    ticks = [
        Tick(-number, language.number(number)) for number in range(longest // tick_step * tick_step, -1, -tick_step)
    ]
    return line_chart(series, texts, ticks)


def _name(language: Language, curve: Curve) -> str:
    return f"{curve.event_name}, {language.calendar_day(curve.event_date)}"


def _text(language: Language, each_curve: Sequence[Curve], days: int) -> str:
    lines = [language.number(-days)]
    for curve in each_curve:
        count = _seats(curve, days)
        if count is not None:
            lines.append(f"{curve.event_name}: {language.number(count)}")
    return "\n".join(lines)


def _steps(each_curve: Sequence[Curve]) -> list[tuple[int, list[int | None]]]:
    """Return the rows of the table: days before the event, and what each event had sold until then."""
    longest = max(curve.days_before for curve in each_curve)
    days = [*range(min(LAST_DAYS, longest + 1)), *range(2 * WEEK, longest + 1, WEEK)]
    return [(number, [_seats(curve, number) for curve in each_curve]) for number in reversed(days)]
