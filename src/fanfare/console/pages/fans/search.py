"""Fans found by criteria that read as sentences, with their number beside them."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from fanfare.audience.counting import fan_count
from fanfare.console.criteria.builder import Builder, read_builder
from fanfare.console.criteria.names import has_closed_names
from fanfare.console.criteria.values import of_stored
from fanfare.console.schemas.fans import (
    COLUMNS,
    COLUMNS_COOKIE,
    DEFAULT_COLUMNS,
    NUMBERS,
    OF_ALL_BUSINESSES,
    SEPARATOR,
    ColumnsForm,
    CountQuery,
    FansQuery,
)
from fanfare.console.shell.access import manage, personal
from fanfare.console.shell.signed_in import next_path
from fanfare.fans.queries.business_limits import seen_fans
from fanfare.fans.queries.finding import fan_ids_of_text
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.segments import in_filter
from fanfare.search.queries.figures import FanFigures, fan_figures
from fanfare.search.queries.listing import ListedFans, ListWindow, fans_listed
from fanfare.search.queries.stored import criteria_in
from fanfare.search.schemas.stats import SegmentStatus
from fanfare.segments.queries.filters import filter_by_uid
from fanfare.segments.queries.segments import about_status, segment_status
from fanfare.staff.schemas.members import Member, StaffSession

TEMPLATES = "console/templates/fans"
ROWS = 50
COLUMNS_AGE = timedelta(days=365)


def with_query(path: str, pairs: list[tuple[str, str]]) -> str:
    """Return a path with parameters, which may be none."""
    return f"{path}?{urlencode(pairs)}" if pairs else path


async def builder_of(db: Db, member: Member, visit: Visit) -> Builder:
    """Return the criteria of the URL."""
    return await read_builder(db, member, visit.language, visit.query or {})


@manage.get("/fans", area="fans")
async def fans(db: Db, member: Member, visit: Visit, query: FansQuery, now: datetime) -> View | Redirect:
    """Show the fans who meet the criteria of the URL, which buttons of the page change."""
    path = f"/manage/{member.account.id}/fans"
    if query.find:
        return Redirect(await _find(db, member, path, query.find))
    if query.filter_uid:
        return Redirect(await _filter_path(db, member, path, query))
    builder = await builder_of(db, member, visit)
    order = [("order", query.order)] if query.order else []
    if builder.has_command:
        return Redirect(with_query(path, [*builder.pairs, *order]))
    columns = _columns(member, visit)
    listed, faults = await _listed(db, member, builder, query, columns, now)
    values = {
        **await count_values(db, member, builder, now, is_counted=query.count),
        "listed": member.mask("fans").record(listed),
        "figures": await _figures(db, member, listed),
        "faults": faults,
        "query": query,
        "columns": {name: COLUMNS[name] for name in columns},
        "all_columns": _open_columns(member),
        "numbers": NUMBERS,
        "further": urlencode([*builder.used_pairs, *order, ("last_fan_id", str(listed.last_fan_id or ""))]),
    }
    return View(f"{TEMPLATES}/fans.html", values)


async def _find(db: Db, member: Member, path: str, text: str) -> str:
    """Return the page of the fan whose contact or id was typed, or the search for a name."""
    if not member.may("fans", "personal"):
        return path
    fan_ids = await fan_ids_of_text(db, member.account, text)
    fan_ids = await seen_fans(db, member.account.id, fan_ids, member.business_ids)
    return f"{path}/{fan_ids[0]}" if len(fan_ids) == 1 else with_query(path, [("name", text)])


async def _filter_path(db: Db, member: Member, path: str, query: FansQuery) -> str:
    """Return the search for the criteria of a filter; for its fans where the criteria name people who are hidden."""
    assert query.filter_uid is not None  # noqa: S101 - the caller has looked
    criteria = criteria_in((await filter_by_uid(db, member.account.id, query.filter_uid)).criteria)
    if has_closed_names(member, criteria):
        return with_query(path, [(f"{name}[]", each) for name, each in in_filter(query.filter_uid).items()])
    return with_query(path, [(name, str(each)) for name, entries in of_stored(criteria).items() for each in entries])


@manage.get("/fans/count", area="fans")
async def fans_count(db: Db, member: Member, visit: Visit, query: CountQuery, now: datetime) -> View:
    """Show how many fans meet the criteria of the URL, and how many of them can be reached.

    For people limited to businesses first about how many, where to count them takes long; the page asks for the rest.
    """
    builder = await builder_of(db, member, visit)
    values = None if query.is_exact else await _about_values(db, member, builder, now)
    values = values or await count_values(db, member, builder, now, is_counted=True)
    return View(f"{TEMPLATES}/count.html", values)


async def _about_values(db: Db, member: Member, builder: Builder, now: datetime) -> dict[str, object] | None:
    """Return what shows an estimate of the number of fans; None where it is counted."""
    if member.business_ids is None or builder.criteria is None:
        return None
    try:
        status = await about_status(db, member.account, builder.criteria, now, member.business_ids)
    except BadParameters:
        return None
    total = await about_status(db, member.account, Criteria(), now, member.business_ids) if status else None
    if status is None or total is None:
        return None
    values = {"builder": builder, "status": status, "total": total.fan_count, "is_estimate": True}
    return {**values, "search_query": urlencode(builder.used_pairs)}


async def count_values(
    db: Db, member: Member, builder: Builder, now: datetime, *, is_counted: bool
) -> dict[str, object]:
    """Return what shows the number of fans beside the criteria."""
    status = await status_of(db, member, builder.criteria, now) if is_counted else None
    total = status.fan_count if status else 0
    if builder.used_pairs and status:
        total = await fan_count(db, member.account, Criteria(), now, member.business_ids)
    values = {"builder": builder, "status": status, "total": total, "is_estimate": False}
    return {**values, "search_query": urlencode(builder.used_pairs)}


def _open_columns(member: Member) -> dict[str, str]:
    """Return the columns that the person may see, with their titles."""
    return {name: title for name, title in COLUMNS.items() if not member.is_limited or name not in OF_ALL_BUSINESSES}


def _columns(member: Member, visit: Visit) -> list[str]:
    names, columns = visit.cookies.get(COLUMNS_COOKIE, "").split(SEPARATOR), _open_columns(member)
    return [name for name in columns if name in names] or [name for name in DEFAULT_COLUMNS if name in columns]


async def _figures(db: Db, member: Member, listed: ListedFans) -> dict[int, FanFigures]:
    """Return the figures of the fans on the page; none for people who are limited to businesses."""
    if member.is_limited:
        return {}
    return await fan_figures(db, member.account.id, [each.fan_id for each in listed.fans])


@personal.post("/fan_columns")
async def fan_columns(session: StaffSession, visit: Visit, form: ColumnsForm) -> Redirect:  # noqa: ARG001 - as for themes
    """Keep the choice of columns in this browser."""
    visit.new_cookies[COLUMNS_COOKIE] = Cookie(SEPARATOR.join(form.columns or ()), COLUMNS_AGE)
    return Redirect(next_path(form.next))


async def _listed(
    db: Db, member: Member, builder: Builder, query: FansQuery, columns: list[str], now: datetime
) -> tuple[ListedFans, list[str]]:
    """Return the page of fans, or nobody and why the criteria cannot be evaluated."""
    if builder.criteria is None:
        return ListedFans([], None), []
    window = ListWindow(query.is_newest_first, query.last_fan_id, ROWS, has_campaigns="campaign" in columns)
    try:
        return await fans_listed(db, member.account, builder.criteria, window, now, member.business_ids), []
    except BadParameters as wrong:
        return ListedFans([], None), [message for _, message in wrong.errors]


async def status_of(db: Db, member: Member, criteria: Criteria | None, now: datetime) -> SegmentStatus | None:
    """Return how many fans meet criteria now and can be reached; None for criteria that cannot be evaluated."""
    if criteria is None:
        return None
    try:
        return await segment_status(db, member.account, criteria, now, member.business_ids)
    except BadParameters:
        return None
