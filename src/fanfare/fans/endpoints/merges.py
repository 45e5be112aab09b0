"""HTTP endpoints that merge fans and undo merges."""

from datetime import datetime

from fanfare.fans.actions import merging
from fanfare.fans.queries import merges as queries
from fanfare.fans.schemas.merges import Merge, MergeMeta, MergeOther, MergeWindow
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/merges", scope="manage", key=SECRET)
async def manage_merges_list(db: Db, account: Account, query: MergeWindow) -> Page[MergeMeta, Merge]:
    """List merges, the newest first, including undone ones."""
    return await queries.merges(db, account.id, query)


@endpoint.post("/api/v1/manage/fans/{fan_id}/merge", scope="manage", key=SECRET)
async def manage_fans_merge(db: Db, account: Account, change: MergeOther, now: datetime) -> Merge:
    """Merge two fans: everything of merged_fan_id goes to fan_id, whose own values take precedence.

    From then on the old id redirects to that fan in every call that takes a fan_id. Two fans who are merged already
    stay merged.
    """
    return await merging.merge_fans(db, account.id, change, now, source="manage_fans_merge")


@endpoint.post("/api/v1/manage/fans/{fan_id}/unmerge", scope="manage", key=SECRET)
async def manage_fans_unmerge(db: Db, account: Account, change: MergeOther, now: datetime) -> Merge:
    """Undo a merge: what merged_fan_id had before goes back to it; what was added since stays with fan_id.

    Merges into one fan are undone in reverse order: the 409 names the one to undo first.
    """
    return await merging.unmerge_fans(db, account.id, change, now)
