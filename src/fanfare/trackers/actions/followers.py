"""Clicks and sales in merges and erasures of fans."""

from fanfare.kernel.data.db import Db

TABLES = ("tracker_clicks", "tracker_events")


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the clicks and sales of one fan to another."""
    await db.execute(
        """
        with clicks as (
            update tracker_clicks set fan_id = $3 where account_id = $1 and fan_id = $2
        )
        update tracker_events set fan_id = $3 where account_id = $1 and fan_id = $2
        """,
        account_id,
        old_fan_id,
        fan_id,
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Clear what clicks and sales tell of the person; that they were, and what they are counted in, stays.

    Those of the fan's browsers that name nobody are cleared too. Those that name another fan are that fan's.
    """
    await db.execute(
        """
        with browsers as materialized (
            select visitor_uid from tracker_clicks
            where account_id = $1 and fan_id = $2 and visitor_uid is not null
            union
            select visitor_uid from tracker_events
            where account_id = $1 and fan_id = $2 and visitor_uid is not null
        ),
        clicks as (
            update tracker_clicks
            set fan_id = null, visitor_uid = null, ip_address = null, user_agent = null, url_param_props = null
            where account_id = $1
              and (fan_id = $2 or fan_id is null and visitor_uid = any (array(select visitor_uid from browsers)))
        )
        update tracker_events
        set fan_id = null, visitor_uid = null, ip_address = null, user_agent = null, url_param_props = null,
            purchase_event_details = null, province = null
        where account_id = $1
          and (fan_id = $2 or fan_id is null and visitor_uid = any (array(select visitor_uid from browsers)))
        """,
        account_id,
        fan_id,
    )
