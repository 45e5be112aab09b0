"""Reads which files of exports at storages may contain a fan who was erased.

The complete ones are ours to name, not to delete: their owner was told of each, and may have moved it since.
"""

from datetime import datetime

from fanfare.exports.queries.tables.statements import TABLES
from fanfare.exports.schemas.objects import ROWS, ErasureObjectWindow, ExportObject, ExportObjectMeta
from fanfare.fans.queries.erasures import erasure
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page, below, newest_first

# Tables of the set-up: their rows are about things, and no erasure changes them.
OF_THINGS = frozenset({
    "ad_days", "ad_projects", "businesses", "campaign_items", "draws", "fields", "idol_events", "idols",
    "pass_sections", "performances", "point_categories", "products", "quests", "rewards", "streams", "tags",
    "ticket_events", "trackers",
})  # fmt: skip
# Tables that name people who are no fans, or not yet.
OF_ANYBODY = ("filters", "props", "scans", "stream_authors", "stream_records", "suppressions")
OF_PEOPLE = sorted(TABLES.keys() - OF_THINGS)
# Whoever creates fans and whoever completes exports may differ in their clocks.
MAY_CONTAIN = """
    o.table_name = any($2::text[])
      and ($4::timestamptz is null or o.table_name = any($3::text[])
           or o.completed_at >= $4::timestamptz - interval '1 hour')
"""


async def count_objects(db: Db, account_id: int, since: datetime) -> int:
    """Return how many files at storages may contain a fan who was here since then."""
    sql = f"select count(*) from export_objects o where o.account_id = $1 and {MAY_CONTAIN}"  # noqa: S608 - fixed parts
    count: int = await db.value(sql, account_id, OF_PEOPLE, OF_ANYBODY, since)
    return count


async def objects_of_erasure(
    db: Db, account_id: int, query: ErasureObjectWindow
) -> Page[ExportObjectMeta, ExportObject]:
    """Return the files that were at storages before an erasure and may contain its fan, the newest first.

    Those on their way then are left out once they are deleted there. Unknown (404).
    """
    certificate = await erasure(db, account_id, query.erasure_id)
    limit = query.limit or ROWS
    sql = "select fan_created_at from erasures where account_id = $1 and erasure_id = $2"
    since = await db.value(sql, account_id, certificate.erasure_id)
    rows = await db.rows(
        f"""
        select o.object_id, o.export_uid, o.table_name as table, st.storage_uid, o.endpoint, o.bucket, o.object_key,
               o.delivery_id is null as is_complete,
               case when o.delivery_id is null then floor(extract(epoch from o.completed_at))::bigint end
                   as completion_timestamp
        from export_objects o
        left join storages st on st.account_id = $1 and st.storage_id = o.storage_id
        where o.account_id = $1 and {MAY_CONTAIN} and o.object_id < $5
        order by o.object_id desc limit $6
        """,  # noqa: S608 - fixed parts
        account_id,
        OF_PEOPLE,
        OF_ANYBODY,
        since,
        below(query.max_object_id, certificate.erasure_id),
        limit + 1,
    )
    data = [ExportObject(**row) for row in rows[:limit]]
    return newest_first(ExportObjectMeta, data, "object_id", query.max_object_id, has_more=len(rows) > limit)
