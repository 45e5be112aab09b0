"""The tables of campaigns in merges and erasures of fans."""

from collections.abc import Sequence

from fanfare.kernel.data.db import Db

TABLES = ("campaigns", "activities", "fan_activity", "wagers", "campaign_events")
EXCLUDED = ("fan_activity",)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the activities, wagers, app events and wins of one fan to another."""
    await db.execute(
        """
        with update_campaigns as (
            update campaigns set winner_fan_id = $3 where account_id = $1 and winner_fan_id = $2
        ),
        update_wagers as (
            update wagers set fan_id = $3 where account_id = $1 and fan_id = $2
        ),
        update_events as (
            update campaign_events set fan_id = $3 where account_id = $1 and fan_id = $2
        ),
        deleted as (
            delete from fan_activity where account_id = $1 and fan_id = $2
            returning first_active_at, last_active_at, activity_count
        ),
        add_counts as (
            insert into fan_activity as f (account_id, fan_id, first_active_at, last_active_at, activity_count)
            select $1, $3, first_active_at, last_active_at, activity_count from deleted
            on conflict (account_id, fan_id) do update
            set first_active_at = least(f.first_active_at, excluded.first_active_at),
                last_active_at = greatest(f.last_active_at, excluded.last_active_at),
                activity_count = f.activity_count + excluded.activity_count
        )
        update activities set fan_id = $3 where account_id = $1 and fan_id = $2
        """,
        account_id,
        old_fan_id,
        fan_id,
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Clear personal data of activities, wagers and app events; the rows stay for statistics and feeds."""
    await db.execute(
        """
        with update_campaigns as (
            update campaigns set winner_fan_id = null where account_id = $1 and winner_fan_id = $2
        ),
        update_wagers as (
            update wagers set props = '{}' where account_id = $1 and fan_id = $2
        ),
        update_events as (
            update campaign_events set fan_id = null, props = '{}' where account_id = $1 and fan_id = $2
        ),
        deleted as (
            delete from fan_activity where account_id = $1 and fan_id = $2
        )
        update activities set ip_address = null, user_key = null, props = '{}' where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )


async def recount_fans(db: Db, account_id: int, fan_ids: Sequence[int]) -> None:
    """Recompute fan_activity of fans; the caller has locked their rows."""
    await db.execute(
        """
        with deleted as (
            delete from fan_activity f
            where f.account_id = $1 and f.fan_id = any($2::bigint[])
              and not exists (select from activities a where a.account_id = $1 and a.fan_id = f.fan_id)
        )
        insert into fan_activity (account_id, fan_id, first_active_at, last_active_at, activity_count)
        select account_id, fan_id, min(created_at), max(created_at), count(*)
        from activities where account_id = $1 and fan_id = any($2::bigint[])
        group by account_id, fan_id
        on conflict (account_id, fan_id) do update
        set first_active_at = excluded.first_active_at, last_active_at = excluded.last_active_at,
            activity_count = excluded.activity_count
        """,
        account_id,
        list(fan_ids),
    )
