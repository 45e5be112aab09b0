"""Fans for the tests of campaigns, put straight into the tables of a lower domain."""

from datetime import UTC, datetime

from fanfare.campaigns.actions.activities import count_activities
from fanfare.kernel.data.db import Db


async def some_fan(db: Db, account_id: int, name: str = "Sam Poe", *, mail: bool = False, phone: bool = False) -> int:
    first, last = name.split()
    fan_id: int = await db.value(
        """
        insert into fans (account_id, first_name, last_name, is_subscribed, is_phone_subscribed, created_at, updated_at,
                          position)
        values ($1, $2, $3, $4, $5, now(), now(), nextval('positions'))
        returning fan_id
        """,
        account_id,
        first,
        last,
        mail,
        phone,
    )
    return fan_id


async def some_activities(db: Db, account_id: int, fan_id: int, page_tab_id: int | None, *moments: datetime) -> None:
    """Record an activity at each moment, as if the clock had stood there; in a transaction without its total."""
    await db.execute(
        """
        insert into activities (account_id, activity_id, fan_id, page_tab_id, created_at)
        select $1, nextval('positions'), $2, $3, moment from unnest($4::timestamptz[]) as moment
        """,
        account_id,
        fan_id,
        page_tab_id,
        list(moments),
    )
    if not db.in_transaction:
        await count_activities(db, account_id)


def moment_of(text: str) -> datetime:
    """Return a moment in GMT."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
