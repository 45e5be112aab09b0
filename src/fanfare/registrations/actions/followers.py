"""What registrations and passes keep of a fan, when two fans become one and when one is forgotten."""

from fanfare.kernel.data.db import Db
from fanfare.registrations.queries.scans import MOMENTS, OF_ITS_EVENT

TABLES = ("registrations", "passes")


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Give the registrations and passes of one fan to another."""
    await db.execute(
        """
        with made_for as (
            update passes
            set fan_id = case when fan_id = $2 then $3 else fan_id end,
                claim_fan_id = case when claim_fan_id = $2 then $3 else claim_fan_id end
            where account_id = $1 and (fan_id = $2 or claim_fan_id = $2)
        )
        update registrations set fan_id = $3 where account_id = $1 and fan_id = $2
        """,
        account_id,
        old_fan_id,
        fan_id,
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Keep who came how often, and nothing of who it was; the codes on wrists and tickets go as well.

    A number on a scan is the fan's at the fan's own events only: at another it is another person's.
    """
    await db.execute(
        f"""
        with theirs as (
            select s.scan_key
            from registrations r
            join accounts a on a.account_id = $1
            join scans s on s.account_id = $1 and s.network = r.network
                and (s.registration_key = r.registration_key or s.barcode = r.barcode)
            {MOMENTS.format(ahead="(now() at time zone a.time_zone - now() at time zone 'UTC')")}
            where r.account_id = $1 and r.fan_id = $2
              and (s.registration_key = r.registration_key or s.registration_key is null and {OF_ITS_EVENT})
        ),
        read as (
            update scans s set barcode = null, ticket_order_key = null
            from theirs where s.account_id = $1 and s.scan_key = theirs.scan_key
        ),
        let_go as (
            update passes
            set fan_id = case when fan_id = $2 then null else fan_id end,
                claim_fan_id = case when claim_fan_id = $2 then null else claim_fan_id end
            where account_id = $1 and (fan_id = $2 or claim_fan_id = $2)
        )
        update registrations
        set fan_id = null, first_name = null, last_name = null, email = null, mail_key = null, phone = null,
            birth_date = null, address = null, city = null, province = null, postal_code = null, barcode = null,
            lookup_id = null, order_key = null, ticket_key = null
        where account_id = $1 and fan_id = $2
        """,  # noqa: S608 - fixed parts
        account_id,
        fan_id,
    )
