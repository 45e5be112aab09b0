"""The fans who meet a condition: their ids in the order of a search, and the rows of a page."""

from collections.abc import Sequence

from fanfare.fans.queries.fans import RECENT, RECORD, fill_fields
from fanfare.kernel.data.db import Composed, Db
from fanfare.kernel.data.rows import read_rows
from fanfare.search.criteria.where import Where
from fanfare.search.schemas.search import FanSearch, FoundFan

# A search is ordered by fan id: no sorting is needed, and the rest of a set can be computed again from any fan on.
IN_ORDER = "select f.fan_id from fans f where f.account_id = $1 and {condition} order by f.fan_id limit {limit}"
IN_ORDER_AFTER = IN_ORDER.replace("{condition}", "f.fan_id > {after} and {condition}")

NEWEST = "select f.fan_id from fans f where f.account_id = $1 and {condition} order by f.fan_id desc limit {limit}"
NEWEST_BEFORE = NEWEST.replace("{condition}", "f.fan_id < {before} and {condition}")


def statement(where: Where, limit: int, last_fan_id: int | None = None) -> tuple[Composed, tuple[object, ...]]:
    """Return the statement, with its arguments, for the ids of at most `limit` fans, in order, after `last_fan_id`."""
    args, (limit_mark, after_mark) = where.with_arguments(limit, last_fan_id)
    if last_fan_id is None:
        return where.statement(IN_ORDER, limit=limit_mark), args[:-1]
    return where.statement(IN_ORDER_AFTER, limit=limit_mark, after=after_mark), args


async def ids(db: Db, where: Where, limit: int) -> list[int]:
    """Return the ids of the first fans who meet a condition, in order, at most `limit`."""
    sql, args = statement(where, limit)
    return [row["fan_id"] for row in await db.rows(sql, *args)]


async def newest_ids(db: Db, where: Where, limit: int, last_fan_id: int | None = None) -> list[int]:
    """Return the ids of the newest fans who meet a condition, the newest first, after `last_fan_id` in this order."""
    args, (limit_mark, before_mark) = where.with_arguments(limit, last_fan_id)
    if last_fan_id is None:
        rows = await db.rows(where.statement(NEWEST, limit=limit_mark), *args[:-1])
    else:
        rows = await db.rows(where.statement(NEWEST_BEFORE, limit=limit_mark, before=before_mark), *args)
    return [row["fan_id"] for row in rows]


# Tags, fields and opt-ins are collected once for the page: a lookup for each fan costs more than all the rest. Columns
# have the order of the fields.
ROWS = f"""
    select {RECORD.format(field_values="v.field_values", tags="coalesce(g.tags, array[]::text[])")},
           {{last}},
           coalesce(b.business_ids, array[]::bigint[]) as opted_in_business_ids
    from fans f
    left join (
        select v.fan_id, jsonb_object_agg(v.crm_field_key, v.field_value) as field_values
        from fan_fields v
        where v.account_id = $1 and v.fan_id = any($2::bigint[])
        group by v.fan_id) v on v.fan_id = f.fan_id
    left join (
        select g.fan_id, array_agg(t.tag_name order by fold_text(t.tag_name)) as tags
        from fan_tags g
        join tags t on t.account_id = $1 and t.tag_id = g.tag_id
        where g.account_id = $1 and g.fan_id = any($2::bigint[])
        group by g.fan_id) g on g.fan_id = f.fan_id
    left join (
        select b.fan_id, array_agg(b.business_id order by b.business_id) as business_ids
        from fan_businesses b
        where b.account_id = $1 and b.fan_id = any($2::bigint[]) and b.is_opted_in
        group by b.fan_id) b on b.fan_id = f.fan_id
    {{join}}
    where f.account_id = $1 and f.fan_id = any($2::bigint[])
    order by f.fan_id
"""  # noqa: S608 - fixed parts
# Only who asks for the last campaign pays for the join, which is run for each fan even where it finds nothing.
FANS = ROWS.format(last="null::bigint as last_page_tab_id, null::text as last_campaign_name", join="")
FANS_WITH_RECENT = ROWS.format(
    last="recent.page_tab_id as last_page_tab_id, recent.title as last_campaign_name", join=RECENT
)


async def rows(db: Db, account_id: int, fan_ids: Sequence[int], query: FanSearch) -> list[FoundFan]:
    """Return the rows of those fans who still exist, by fan id."""
    if not fan_ids:
        return []
    sql = FANS_WITH_RECENT if query.include_recent_entry else FANS
    result = read_rows(FoundFan, await db.rows(sql, account_id, fan_ids))
    fill_fields(result)
    return result
