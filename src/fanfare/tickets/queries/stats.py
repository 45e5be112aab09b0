"""Adds up what was sold: in all, and by day or event."""

import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.wire import day_bounds
from fanfare.tickets.schemas.stats import Sales, SalesBy, SalesRange, SalesRow, StatsQuery

# The lines bought from $2 on and before $3 for the events $4, or for any when that is null.
CHOSEN = """
    chosen as materialized (
        select ticket_id, fan_id, event_uid, purchased_at, num_seats, paid_amount, currency, network, order_key
        from tickets
        where account_id = $1 and not is_deleted and purchased_at >= $2 and purchased_at < $3
          and ($4::uuid[] is null or event_uid = any($4))
    )
"""
# The definition of a sale, for every figure: lines of one order in one network are one, and a line without an order is
# one by itself. Compared by the keys, byte by byte: of any hash that is faster, callers can choose two alike.
SALE = "(length(network) || ' ' || network || order_key) collate \"C\""
SALES = f"count(distinct {SALE}) + count(*) filter (where order_key is null)"
SEATS = "sum(num_seats)"


async def sales(db: Db, account: Account, query: StatsQuery) -> Sales:
    """Return how many fans bought, new and returning, how many orders and seats, and for how much."""
    window = await _window(db, account, query)
    row = await db.row(
        Heavy(f"""
        with {CHOSEN},
        buyers as (select distinct fan_id from chosen),
        returning_fans as (
            select count(*) as fan_count from buyers b
            where exists (
                select from tickets before
                where before.account_id = $1 and before.fan_id = b.fan_id and not before.is_deleted
                  and before.purchased_at < $2
                  and (not $5 or not exists (
                      select from chosen c where c.fan_id = b.fan_id and c.event_uid = before.event_uid)))
        )
        select (select fan_count from returning_fans) as returning_fans_count,
               (select count(*) from buyers) as fans_count,
               {SALES} as sales_count, coalesce({SEATS}, 0)::bigint as seats_count
        from chosen
        """),  # noqa: S608 - fixed parts
        account.id,
        *window,
        query.event_specific,
    )
    revenue = await db.rows(
        Heavy(f"with {CHOSEN} select currency, sum(paid_amount) as revenue from chosen group by currency"),  # noqa: S608 - as above
        account.id,
        *window,
    )
    by_currency = {each["currency"]: each["revenue"] for each in revenue}
    returning, fans = (row["returning_fans_count"], row["fans_count"]) if row else (0, 0)
    return Sales(
        returning,
        fans - returning,
        row["sales_count"] if row else 0,
        row["seats_count"] if row else 0,
        by_currency.get(account.currency, Decimal(0)),
        by_currency,
    )


async def sales_by(db: Db, account: Account, params: SalesBy) -> list[SalesRow]:
    """Return the sales of each day of the account, or of each event, those without any left out."""
    days, starts = (None, None) if params.by == "event" else _days(account, params)
    rows = await db.rows(
        Heavy(f"""
        with {CHOSEN},
        summed as (
            select ($5::date[])[width_bucket(purchased_at, $6::timestamptz[])] as purchase_date,
                   case when $5 is null then event_uid end as event_uid,
                   count(distinct fan_id) as fans_count, {SALES} as sales_count,
                   {SEATS}::bigint as seats_count,
                   coalesce(sum(paid_amount) filter (where currency = $7), 0) as revenue
            from chosen group by 1, 2
        )
        select s.purchase_date, s.event_uid, e.event_name, e.event_date, s.fans_count, s.sales_count, s.seats_count,
               s.revenue
        from summed s
        left join ticket_events e on e.account_id = $1 and e.event_uid = s.event_uid
        order by s.purchase_date, e.event_date, fold_text(e.event_name), s.event_uid
        """),  # noqa: S608 - fixed parts
        account.id,
        *await _window(db, account, params),
        days,
        starts,
        account.currency,
    )
    return [SalesRow(**row) for row in rows]


def _days(account: Account, query: SalesRange) -> tuple[list[date], list[datetime]]:
    """Return the days of a range and their first moments: no other list of time zones than the one here decides."""
    count = (query.max_purchase_date - query.min_purchase_date).days + 1
    days = [query.min_purchase_date + timedelta(days=number) for number in range(count)]
    return days, [day_bounds(day, account.time_zone)[0] for day in days]


async def _window(db: Db, account: Account, query: SalesRange) -> tuple[object, ...]:
    """Return the arguments $2 to $4 of CHOSEN."""
    start = day_bounds(query.min_purchase_date, account.time_zone)[0]
    end = day_bounds(query.max_purchase_date, account.time_zone)[1]
    return start, end, await _events(db, account.id, query)


async def _events(db: Db, account_id: int, query: SalesRange) -> list[uuid.UUID] | None:
    """Return the events that the range is narrowed to, or None when it is not."""
    names = (query.event_name, query.event_key, query.event_date, query.venue_name, query.artist_name)
    if not any(names):
        return None
    rows = await db.rows(
        """
        select event_uid from ticket_events
        where account_id = $1 and ($2::text is null or fold_text(event_name) = fold_text($2))
          and ($3::text is null or event_key = $3) and ($4::date is null or event_date = $4)
          and ($5::text is null or fold_text(venue_name) = fold_text($5))
          and ($6::text is null or fold_text(artist_name) = fold_text($6))
        """,
        account_id,
        *names,
    )
    return [row["event_uid"] for row in rows]
