"""The tables of performances in merges and erasures of fans."""

from fanfare.fans.queries.fans import check_fan
from fanfare.kernel.data.db import Db

TABLES = ("fan_performances", "fan_events")


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move one fan's schedule to another."""
    await check_fan(db, account_id, fan_id)
    await db.execute(
        """
        with move_events as (
            insert into fan_events (account_id, fan_id, event_uid, created_at)
            select account_id, $3, event_uid, created_at from fan_events where account_id = $1 and fan_id = $2
            on conflict (account_id, fan_id, event_uid) do nothing
        )
        insert into fan_performances (account_id, fan_id, performance_uid, created_at)
        select account_id, $3, performance_uid, created_at
        from fan_performances where account_id = $1 and fan_id = $2
        on conflict (account_id, fan_id, performance_uid) do nothing
        """,
        account_id,
        old_fan_id,
        fan_id,
    )
    await forget_fan(db, account_id, old_fan_id)


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete a fan's schedule."""
    await db.execute(
        """
        with delete_events as (delete from fan_events where account_id = $1 and fan_id = $2)
        delete from fan_performances where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )
