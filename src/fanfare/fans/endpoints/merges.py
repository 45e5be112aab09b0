"""Merging over HTTP: two fans become one, and are parted again."""

from datetime import datetime

from fanfare.fans.actions import merging
from fanfare.fans.queries import merges as queries
from fanfare.fans.schemas.merges import Merge, MergeMeta, MergeOther, MergeWindow
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/merges", scope="manage", key=SECRET)
async def manage_merges_list(db: Db, account: Account, wanted: MergeWindow) -> Page[MergeMeta, Merge]:
    """List merges, the newest first, also those that were undone."""
    return await queries.merges(db, account.id, wanted)


@endpoint.post("/api/v1/manage/fans/{fan_id}/merge", scope="manage", key=SECRET)
async def manage_fans_merge(db: Db, account: Account, wanted: MergeOther, now: datetime) -> Merge:
    """Make two fans one: all that merged_fan_id has and did goes to fan_id, whose own values win.

    From then on the old id leads to the fan in every call that takes a fan_id. Two who are one already stay so.
    """
    return await merging.merge_fans(db, account.id, wanted, now, source="manage_fans_merge")


@endpoint.post("/api/v1/manage/fans/{fan_id}/unmerge", scope="manage", key=SECRET)
async def manage_fans_unmerge(db: Db, account: Account, wanted: MergeOther, now: datetime) -> Merge:
    """Undo a merge: what merged_fan_id had before goes back, what was added since stays with fan_id.

    Merges into one fan are undone in reverse order: 409 names the one that comes first.
    """
    return await merging.unmerge_fans(db, account.id, wanted, now)
