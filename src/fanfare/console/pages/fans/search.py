"""Fans found by criteria that read as sentences, with their number beside them."""

from datetime import datetime
from urllib.parse import urlencode

from fanfare.console.criteria.builder import Builder, read_builder
from fanfare.console.schemas.fans import FansQuery
from fanfare.console.shell.access import manage
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.search.criteria import Criteria
from fanfare.search.queries.listing import ListedFans, ListWindow, fans_listed
from fanfare.search.schemas.stats import SegmentStatus
from fanfare.segments.queries.segments import segment_status
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/fans"
ROWS = 50


def _url(member: Member) -> str:
    return f"/manage/{member.account.id}/fans"


def _with_query(path: str, pairs: list[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path


@manage.get("/fans", area="fans")
async def fans(db: Db, member: Member, visit: Visit, query: FansQuery, now: datetime) -> View | Redirect:
    """Show the fans who meet the criteria of the URL, which buttons of the page change."""
    builder = await read_builder(db, member, visit.language, visit.query or {})
    order = [("order", query.order)] if query.order else []
    if builder.has_command:
        return Redirect(_with_query(_url(member), [*builder.pairs, *order]))
    listed, faults = await _listed(db, member.account, builder, query, now)
    status = await _status(db, member.account, builder, now) if query.count else None
    values = {
        "builder": builder,
        "listed": member.mask("fans").record(listed),
        "faults": faults,
        "query": query,
        "status": status,
        "total": await _status_of_all(db, member.account, now) if status else 0,
        "search_query": urlencode(builder.used_pairs),
        "further": urlencode([*builder.pairs, *order, ("last_fan_id", str(listed.last_fan_id or ""))]),
    }
    return View(f"{TEMPLATES}/fans.html", values)


@manage.get("/fans/count", area="fans")
async def fans_count(db: Db, member: Member, visit: Visit, now: datetime) -> View:
    """Show how many fans meet the criteria of the URL, and how many of them can be reached."""
    builder = await read_builder(db, member, visit.language, visit.query or {})
    status = await _status(db, member.account, builder, now)
    values = {
        "builder": builder,
        "status": status,
        "total": await _status_of_all(db, member.account, now) if status else 0,
        "search_query": urlencode(builder.used_pairs),
    }
    return View(f"{TEMPLATES}/count.html", values)


async def _listed(
    db: Db, account: Account, builder: Builder, query: FansQuery, now: datetime
) -> tuple[ListedFans, list[str]]:
    """Return the page of fans, or nobody and why the criteria cannot be evaluated."""
    if builder.criteria is None:
        return ListedFans([], None), [*builder.faults.values()]
    window = ListWindow(query.is_newest_first, query.last_fan_id, ROWS)
    try:
        return await fans_listed(db, account, builder.criteria, window, now), []
    except BadParameters as wrong:
        return ListedFans([], None), [message for _, message in wrong.errors]


async def _status(db: Db, account: Account, builder: Builder, now: datetime) -> SegmentStatus | None:
    if builder.criteria is None:
        return None
    try:
        return await segment_status(db, account, builder.criteria, now)
    except BadParameters:
        return None


async def _status_of_all(db: Db, account: Account, now: datetime) -> int:
    return (await segment_status(db, account, Criteria(), now)).fan_count
