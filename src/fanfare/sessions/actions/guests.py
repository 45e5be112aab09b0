"""Deletes guests who left nothing behind, when their session is over."""

from datetime import datetime

from fanfare.fans.actions.journal import shapes
from fanfare.fans.topics import FAN_DELETED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db

GUESTS_AT_ONCE = 500
# Tables that say of a fan only that the fan is there.
NO_TRACES = frozenset({"fans", "changes", "sessions"})
OVER = """
    select f.fan_id from fans f
    where f.account_id = $1 and f.fan_id in (
        select s.fan_id from sessions s
        where s.account_id = $1 and s.expires_at <= $2 and s.login_method = 'guest'
        order by s.expires_at limit $3)
    order by f.fan_id
    for update
"""
FORGET = f"""
    with {HOLD},
    gone as (
        delete from fans f
        where f.account_id = $1 and f.fan_id = any($3::bigint[])
          and f.email is null and f.phone is null and f.password_hash is null and f.props = '{{{{}}}}'
          and not exists (
              select from sessions s where s.account_id = $1 and s.fan_id = f.fan_id and s.expires_at > $2)
          and not ({{traces}})
        returning f.fan_id
    ),
    logged as (
        {announce(FAN_DELETED, "gone", at="$2")}
    )
    select count(*) from gone
"""  # noqa: S608 - fixed parts


async def forget_guests(db: Db, account_id: int, now: datetime) -> int:
    """Delete guests whose session is over and to whom nothing else refers; return how many there were."""
    async with db.transaction() as tx:
        # Locked first: whoever records something of a fan holds the row, and the next statement sees it.
        rows = await tx.rows(OVER, account_id, now, GUESTS_AT_ONCE)
        if not rows:
            return 0
        traces = " or ".join(
            f"exists (select from {shape.table} t where t.account_id = $1 and t.{column} = f.fan_id)"
            for shape in await shapes(tx)
            if shape.table not in NO_TRACES
            for column in shape.fan_columns
        )
        fan_ids = [row["fan_id"] for row in rows]
        count: int = await tx.value(FORGET.format(traces=traces), account_id, now, fan_ids)
        return count
