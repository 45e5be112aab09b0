"""The tables of registrations and passes in merges and erasures of fans."""

from fanfare.kernel.data.db import Db
from fanfare.registrations.queries.scans import EVENT_TIMES, SAME_EVENT

TABLES = ("registrations", "passes")


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the registrations and passes of one fan to another."""
    await db.execute(
        """
        with move_passes as (
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
    """Clear personal data, including the codes of wristbands and tickets; the rows stay for attendance figures.

    The code of a scan is only cleared for the fan's own events: at others the same code belongs to another person.
    """
    await db.execute(
        f"""
        with own_scans as (
            select s.scan_key
            from registrations r
            join accounts a on a.account_id = $1
            join scans s on s.account_id = $1 and s.network = r.network
                and (s.registration_key = r.registration_key or s.barcode = r.barcode)
            {EVENT_TIMES.format(ahead="(now() at time zone a.time_zone - now() at time zone 'UTC')")}
            where r.account_id = $1 and r.fan_id = $2
              and (s.registration_key = r.registration_key or s.registration_key is null and {SAME_EVENT})
        ),
        clear_scans as (
            update scans s set barcode = null, ticket_order_key = null
            from own_scans where s.account_id = $1 and s.scan_key = own_scans.scan_key
        ),
        clear_passes as (
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
