"""Finds which of what an import created is named elsewhere since, and so stays when the import is undone."""

from collections.abc import Sequence

from fanfare.kernel.data.db import Db


async def used_activities(db: Db, account_id: int, activity_ids: Sequence[int]) -> set[int]:
    """Return those of some activities that awards or registrations name."""
    rows = await db.rows(
        """
        select activity_id from fan_points where account_id = $1 and activity_id = any($2::bigint[])
        union
        select activity_id from registrations where account_id = $1 and activity_id = any($2::bigint[])
        """,
        account_id,
        list(activity_ids),
    )
    return {row["activity_id"] for row in rows}


async def present_activities(db: Db, account_id: int, activity_ids: Sequence[int]) -> set[int | None]:
    """Return those of some activities that are there, and None."""
    rows = await db.rows(
        "select activity_id from activities where account_id = $1 and activity_id = any($2::bigint[])",
        account_id,
        list(activity_ids),
    )
    return {None, *(row["activity_id"] for row in rows)}


async def used_tickets(db: Db, account_id: int, ticket_ids: Sequence[int]) -> set[int]:
    """Return those of some tickets that are a sale of a link."""
    rows = await db.rows(
        "select ticket_id from tracker_events where account_id = $1 and ticket_id = any($2::bigint[])",
        account_id,
        list(ticket_ids),
    )
    return {row["ticket_id"] for row in rows}


async def used_purchases(db: Db, account_id: int, purchase_ids: Sequence[int]) -> set[int]:
    """Return those of some purchases that are a sale of a link."""
    rows = await db.rows(
        """
        select p.purchase_id from purchases p
        join tracker_events e on e.account_id = $1 and e.network = p.network and e.purchase_key = p.purchase_key
          and e.event_source = 'purchase'
        where p.account_id = $1 and p.purchase_id = any($2::bigint[])
        """,
        account_id,
        list(purchase_ids),
    )
    return {row["purchase_id"] for row in rows}
