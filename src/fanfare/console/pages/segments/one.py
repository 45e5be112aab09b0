"""One segment: what it is, how it grows, its figures, its members now or on a past day, and why a fan is in it."""

import uuid
from datetime import datetime
from functools import partial
from typing import Any

from fanfare.audience import counting
from fanfare.console.criteria.builder import prose, read_builder
from fanfare.console.criteria.values import of_stored
from fanfare.console.pages.segments.places import map_of
from fanfare.console.queries.fans_shown import current_fan_id
from fanfare.console.queries.why import reasons
from fanfare.console.schemas.segments import RANGES, FiguresQuery, MembersQuery, SegmentView, WhyQuery
from fanfare.console.shell.access import manage
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pages.charts import Point, bar_chart
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.page import View, Visit
from fanfare.kernel.pages.trends import trend_chart
from fanfare.kernel.parameters import Raw
from fanfare.kernel.running.threads import run_in_thread
from fanfare.search.queries.stored import UnreadableCriteria, criteria_in
from fanfare.segments.queries import days, filters, overview, past, segments
from fanfare.segments.queries.contacts import contacts
from fanfare.segments.queries.present import present_fans
from fanfare.segments.schemas.figures import FilterDays, SegmentDay
from fanfare.segments.schemas.filters import Filter
from fanfare.segments.schemas.segments import OneMember, OneSegment, PastMembers, SegmentFan
from fanfare.staff.schemas.masking import HIDDEN
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/segments"
ROWS = 50


async def about(db: Db, member: Member, target: OneSegment) -> dict[str, Any]:
    """Return what every page of a segment shows: its name, and a filter itself; Unknown (404)."""
    name = await segments.segment_name(db, member.account.id, target)
    return {"target": target, "name": name, "filter": await filter_of(db, member, target)}


async def filter_of(db: Db, member: Member, target: OneSegment) -> Filter | None:
    """Return the filter that a segment is, or None for a tag or a snapshot."""
    if target.segment_type != "filter":
        return None
    return await filters.filter_by_uid(db, member.account.id, uuid.UUID(target.segment_id))


@manage.get("/segments/{segment_type}/{segment_id}", area="segments")
async def segment(db: Db, member: Member, visit: Visit, query: SegmentView, now: datetime) -> View:
    """Show a segment; its figures and members come after the page."""
    values = await about(db, member, query)
    rows: list[SegmentDay] = []
    if values["filter"] and not member.is_limited:
        day_query = FilterDays(filter_uid=values["filter"].filter_uid, days=query.day_count)
        rows = await days.filter_days(db, member.account, day_query, now)
    values |= {
        "rules": await _rules(db, member, visit, values["filter"]),
        "referrers": await overview.referrers(db, member.account, query),
        "days": rows,
        "ranges": RANGES,
        "day_count": query.day_count,
        "size_chart": trend_chart([_size(visit.language, each) for each in rows]),
        "flow_chart": bar_chart(
            [_flow(visit.language, each) for each in rows], lower=[each.left_count for each in rows]
        ),
    }
    return View(f"{TEMPLATES}/segment.html", values)


async def _rules(db: Db, member: Member, visit: Visit, live_filter: Filter | None) -> str:
    """Return the criteria of a filter as a line of text; nothing of those that name people who are hidden."""
    if live_filter is None:
        return ""
    try:
        raw = of_stored(criteria_in(live_filter.criteria))
    except UnreadableCriteria:
        return HIDDEN
    return await _prose_of(db, member, visit.language, raw)


async def _prose_of(db: Db, member: Member, language: Language, raw: Raw) -> str:
    """Return criteria as a line of text, or nothing of those with a fault: they may name somebody who is hidden."""
    builder = await read_builder(db, member, language, raw, area="segments")
    return HIDDEN if builder.faults else prose(builder)


def _size(language: Language, day: SegmentDay) -> Point:
    text = f"{language.calendar_day(day.day)}: {language.number(day.member_count)}"
    return Point(language.short_day(day.day), day.member_count, text)


def _flow(language: Language, day: SegmentDay) -> Point:
    numbers = f"{language.signed(day.entered_count)} {language.signed(-day.left_count)}"
    text = f"{language.calendar_day(day.day)}: {numbers}"
    return Point(language.short_day(day.day), day.entered_count, text)


@manage.get("/segments/{segment_type}/{segment_id}/figures", area="segments")
async def segment_figures(db: Db, member: Member, visit: Visit, query: FiguresQuery, now: datetime) -> View:
    """Show how many fans are in a segment now, whom they reach, and who they are."""
    criteria = await segments.criteria_of(db, member.account.id, query)
    stats = await counting.criteria_stats(db, member.account, criteria, now, member.business_ids)
    values = await about(db, member, query)
    drawn = await run_in_thread(partial(map_of, visit.language, stats, is_whole=query.is_whole))
    values |= {"stats": stats, "map": drawn, "is_whole": query.is_whole}
    return View(f"{TEMPLATES}/figures.html", values)


@manage.get("/segments/{segment_type}/{segment_id}/members", area="segments")
async def segment_members(db: Db, member: Member, query: MembersQuery, now: datetime) -> View:
    """Show the fans of a segment, a page at a time: now, or of a live filter at the end of a past day."""
    values = await about(db, member, query)
    fans, count = await _members(db, member, query, now)
    values |= {
        "fans": member.mask("segments").record(fans[:ROWS]),
        "count": count,
        "query": query,
        "last_fan_id": fans[ROWS - 1].fan_id if len(fans) > ROWS else None,
    }
    return View(f"{TEMPLATES}/members.html", values)


async def _members(db: Db, member: Member, query: MembersQuery, now: datetime) -> tuple[list[SegmentFan], int | None]:
    """Return a page of members and one more, and on a past day their number."""
    last_fan_id = -1 if query.after_fan_id is None else query.after_fan_id
    if query.day is None:
        window = (last_fan_id, ROWS + 1)
        return await present_fans(db, member.account, query, window, now, member.business_ids), None
    if query.segment_type != "filter" or member.is_limited:
        raise Unknown
    past_query = PastMembers(
        filter_uid=uuid.UUID(query.segment_id), day=query.day, after_fan_id=query.after_fan_id, limit=ROWS + 1
    )
    page = await past.past_members(db, member.account, past_query, now)
    return await contacts(db, member.account.id, [each.fan_id for each in page.data]), page.meta.count


@manage.get("/segments/{segment_type}/{segment_id}/why", area="segments")
async def segment_why(db: Db, member: Member, visit: Visit, query: WhyQuery, now: datetime) -> View:
    """Show why a fan is in a segment or not: every criterion with the value that it checked."""
    values = await about(db, member, query) | {"query": query, "reasons": None}
    if query.fan_id is not None:
        fan_id = await current_fan_id(db, member, query.fan_id)
        one = OneMember(segment_type=query.segment_type, segment_id=query.segment_id, fan_id=fan_id)
        is_member, parts = await reasons(db, member, visit.language, one, now)
        values |= {"fan_id": fan_id, "is_member": is_member, "reasons": parts}
    return View(f"{TEMPLATES}/why.html", values)
