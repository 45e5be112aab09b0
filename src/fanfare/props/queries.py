"""Reads props, each with its counters added."""

from typing import Any

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.props.schemas import Prop, PropQuery

# The stored object of the row p, in which each counter is added to the number of that name, if there is one.
CONTENT = """
    p.content || coalesce((
        select jsonb_object_agg(c.counter_name, c.total + case jsonb_typeof(p.content -> c.counter_name)
                   when 'number' then (p.content ->> c.counter_name)::numeric else 0 end)
        from (select counter_name, sum(amount) as total from prop_counts
              where account_id = p.account_id and prop_name = p.prop_name
              group by counter_name) as c), jsonb_build_object())
"""
ONE = f"select {CONTENT} as props from props as p where p.account_id = $1 and p.prop_name = $2"  # noqa: S608 - fixed parts
PAGE = f"""
    select p.prop_id as position, p.prop_name, p.account_id, {CONTENT} as props,
           floor(extract(epoch from p.created_at))::bigint as creation_timestamp,
           floor(extract(epoch from p.updated_at))::bigint as last_update_timestamp
    from props as p
    where p.account_id = $1 and p.prop_id > $2 and p.prop_id < $3
    order by p.prop_id {{order}} limit $4
"""  # noqa: S608 - fixed parts


async def content(db: Db, account_id: int, prop_name: str) -> dict[str, Any]:
    """Return what is stored under a name; an empty object if there is nothing."""
    row: dict[str, Any] | None = await db.value(ONE, account_id, prop_name)
    return row or {}


async def props(db: Db, account_id: int, query: PropQuery) -> ArrayPage[Prop]:
    """Return the stored values of the account in the order in which they were created."""
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(PAGE.format(order=cursor.order), account_id, low, high, query.limit + 1)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(Prop), page.next_page)
