"""HTTP endpoints of the profile of a fan."""

from fanfare.fans.schemas.fans import OneFan
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.web.endpoint import endpoint
from fanfare.profiles.queries import comparison, figures, finding, restrictions, timeline
from fanfare.profiles.schemas import (
    CompareFans,
    Comparison,
    FanContact,
    FanFigures,
    FanFind,
    FanRestrictions,
    FanRows,
    FanSegment,
    Lookalike,
    OneMerge,
    TimelineEntry,
    TimelineQuery,
    UnmergePreview,
)


@endpoint.get("/api/v1/manage/fans/{fan_id}/timeline", scope="manage", key=SECRET)
async def manage_fans_timeline(db: Db, account: Account, query: TimelineQuery) -> ArrayPage[TimelineEntry]:
    """List everything that happened with a fan, of all kinds, the latest first.

    Entries are ordered by when they happened: what is stored later with an earlier time appears further back.
    """
    return await timeline.timeline(db, account.id, query)


@endpoint.get("/api/v1/manage/fans/{fan_id}/figures", scope="manage", key=SECRET)
async def manage_fans_figures(db: Db, account: Account, target: OneFan) -> FanFigures:
    """Return a fan in numbers: activities, tickets, purchases, passes, and what was spent by currency."""
    return await figures.figures(db, account.id, target.fan_id)


@endpoint.get("/api/v1/manage/fans/{fan_id}/segments", scope="manage", key=SECRET)
async def manage_fans_segments(db: Db, account: Account, target: OneFan) -> list[FanSegment]:
    """List the segments that a fan is in: active filters, snapshots, tags. Why is another call for each."""
    return await figures.fan_segments(db, account.id, target.fan_id)


@endpoint.get("/api/v1/manage/fans/{fan_id}/rows", scope="manage", key=SECRET)
async def manage_fans_rows(db: Db, account: Account, target: OneFan) -> FanRows:
    """Count the rows about a fan, table by table: what an export has, and what an erasure deletes or clears."""
    return await comparison.fan_rows(db, account.id, target.fan_id)


@endpoint.get("/api/v1/manage/fans/{fan_id}/comparison", scope="manage", key=SECRET)
async def manage_fans_comparison(db: Db, account: Account, pair: CompareFans) -> Comparison:
    """Compare two fans before a merge: what both have alike, what would change, how many rows would move."""
    return await comparison.comparison(db, account.id, pair)


@endpoint.get("/api/v1/manage/fans/{fan_id}/unmerge", scope="manage", key=SECRET)
async def manage_fans_unmerge_preview(db: Db, account: Account, pair: OneMerge) -> UnmergePreview:
    """Return what undoing a merge would do: which rows go back, and whether a later merge must be undone first."""
    return await comparison.unmerge_preview(db, account.id, pair)


@endpoint.get("/api/v1/manage/fans/find", scope="manage", key=SECRET)
async def manage_fans_find(db: Db, account: Account, query: FanFind) -> list[FanContact]:
    """Find up to ten fans by id (a merged fan's too), email address, phone number or part of the name."""
    return await finding.find_fans(db, account, query.text)


@endpoint.get("/api/v1/manage/fans/{fan_id}/lookalikes", scope="manage", key=SECRET)
async def manage_fans_lookalikes(db: Db, account: Account, target: OneFan) -> list[Lookalike]:
    """List up to five fans who may be the same person: a shared contact, or the same name and birth date."""
    return await finding.lookalikes(db, account.id, target.fan_id)


@endpoint.get("/api/v1/manage/fans/{fan_id}/restrictions", scope="manage", key=SECRET)
async def manage_fans_restrictions(db: Db, account: Account, target: OneFan) -> FanRestrictions:
    """Return what keeps a fan from being reached or shown: suppressed addresses, bans, hidden from public lists."""
    return await restrictions.restrictions(db, account.id, target.fan_id)
