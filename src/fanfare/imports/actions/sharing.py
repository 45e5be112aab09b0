"""Fans whom several imports named: the undo of the one that created them leaves them to the next one."""

from collections.abc import Collection

from fanfare.kernel.data.db import Db

# An import that names one of them has committed then, and is seen by the next statement, or finds nobody.
LOCK = "select from fans where account_id = $1 and fan_id = any($2::bigint[]) order by fan_id for update"
# The next import that named each, which then counts as the one that created the fan.
LEAVE = """
    with named as (
        select distinct on (m.fan_id) m.fan_id, b.import_id, b.batch_number
        from import_batches b cross join unnest(b.matched_ids) as m (fan_id)
        where b.account_id = $1 and b.import_id <> $2 and not b.is_undone
          and b.matched_span && int8range($3, $4, '[]') and m.fan_id = any($5::bigint[])
        order by m.fan_id, b.import_id, b.batch_number
    ),
    ids as (
        select import_id, batch_number, array_agg(fan_id) as fan_ids from named group by import_id, batch_number
    ),
    taken as (
        update import_batches b set created_ids = b.created_ids || ids.fan_ids
        from ids
        where b.account_id = $1 and b.import_id = ids.import_id and b.batch_number = ids.batch_number
          and not b.is_undone
        returning ids.fan_ids
    )
    select fan_id from taken cross join unnest(taken.fan_ids) as f (fan_id)
"""


async def leave_to_others(db: Db, account_id: int, import_id: int, fan_ids: Collection[int]) -> set[int]:
    """Return those of the fans whom another import named too, and which that may undo now.

    Part of the caller's transaction.
    """
    if not fan_ids:
        return set()
    await db.execute(LOCK, account_id, list(fan_ids))
    rows = await db.rows(LEAVE, account_id, import_id, min(fan_ids), max(fan_ids), list(fan_ids))
    return {row["fan_id"] for row in rows}
