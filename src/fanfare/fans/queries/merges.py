"""Reads merges, and the fans that ids of merged fans redirect to."""

from collections.abc import Sequence

from fanfare.fans.schemas.merges import ROWS, Merge, MergeMeta, MergeWindow
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page, below, newest_first
from fanfare.kernel.data.rows import read_rows

COLUMNS = """
    m.merge_id, m.fan_id, m.absorbed_id as merged_fan_id, m.merge_source,
    floor(extract(epoch from m.merged_at))::bigint as merge_timestamp,
    floor(extract(epoch from m.undone_at))::bigint as unmerge_timestamp
"""


async def successors(db: Db, account_id: int, fan_ids: Sequence[int]) -> dict[int, int]:
    """Return {id of a merged fan: id of the fan it was merged into}, for those of the ids that redirect."""
    rows = await db.rows(
        "select absorbed_id, fan_id from fan_merges"
        " where account_id = $1 and absorbed_id = any($2::bigint[]) and undone_at is null",
        account_id,
        list(fan_ids),
    )
    return {row["absorbed_id"]: row["fan_id"] for row in rows}


async def merge(db: Db, account_id: int, merge_id: int) -> Merge:
    """Return one existing merge."""
    rows = await db.rows(
        f"select {COLUMNS} from fan_merges m where m.account_id = $1 and m.merge_id = $2",  # noqa: S608 - fixed parts
        account_id,
        merge_id,
    )
    return Merge(**rows[0])


async def merges(db: Db, account_id: int, query: MergeWindow) -> Page[MergeMeta, Merge]:
    """Return a page of merges, undone ones too, the newest first, up to the settled position."""
    limit, bound = query.limit or ROWS, await settled(db, account_id)
    rows = await db.rows(
        f"""
        select {COLUMNS} from fan_merges m
        where m.account_id = $1 and ($2::bigint is null or m.fan_id = $2) and m.merge_id < $3
        order by m.merge_id desc limit $4
        """,  # noqa: S608 - fixed parts
        account_id,
        query.fan_id,
        below(query.max_merge_id, bound),
        limit + 1,
    )
    data = read_rows(Merge, rows[:limit])
    return newest_first(MergeMeta, data, "merge_id", query.max_merge_id, has_more=len(rows) > limit)
