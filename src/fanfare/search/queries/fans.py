"""The fans who meet a condition: their ids in the order of a search, and the rows of a page."""

from collections.abc import Sequence
from typing import Any

from fanfare.fans.queries.fans import field_texts
from fanfare.kernel.data.db import Composed, Db
from fanfare.kernel.data.rows import SECONDS, read_rows
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
# have the order of the fields, of which `rows` fills two.
ROWS = """
    select f.fan_id, f.account_id, nullif(coalesce(f.first_name || ' ' || f.last_name, f.first_name, f.last_name), '')
               as name,
           f.first_name, f.last_name, f.email, f.province, f.latitude, f.longitude,
           {created} as creation_timestamp,
           f.ip_address, f.country_code, f.city,
           f.is_subscribed, f.is_phone_subscribed, f.rating::float8 as rating, f.phone,
           f.birth_date::text as birth_date, f.metro_area, f.postal_code, null as fields, v.field_values, f.gender,
           coalesce(g.tags, '{{}}') as tags,
           {last},
           coalesce(b.business_ids, '{{}}') as opted_in_business_ids
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
    {join}
    where f.account_id = $1 and f.fan_id = any($2::bigint[])
    order by f.fan_id
"""
CREATED = SECONDS.format("f.created_at")
# Only who asks for the last campaign pays for the join, which is run for each fan even where it finds nothing.
FANS = ROWS.format(created=CREATED, last="null::bigint as last_page_tab_id, null::text as last_campaign_name", join="")
FANS_WITH_RECENT = ROWS.format(
    created=CREATED,
    last="recent.page_tab_id as last_page_tab_id, recent.title as last_campaign_name",
    join="""left join lateral (
        select a.page_tab_id, c.title from activities a
        join campaigns c on c.account_id = $1 and c.page_tab_id = a.page_tab_id
        where a.account_id = $1 and a.fan_id = f.fan_id
        order by a.created_at desc, a.activity_id desc
        limit 1) recent on true""",
)


async def rows(db: Db, account_id: int, fan_ids: Sequence[int], query: FanSearch) -> list[FoundFan]:
    """Return the rows of those fans who still exist, by fan id."""
    if not fan_ids:
        return []
    sql = FANS_WITH_RECENT if query.include_recent_entry else FANS
    result = read_rows(FoundFan, await db.rows(sql, account_id, fan_ids))
    for fan in result:
        values: dict[str, Any] | None = fan.field_values
        fan.fields = field_texts(values) if values else []
        if values is None:
            fan.field_values = {}
    return result
