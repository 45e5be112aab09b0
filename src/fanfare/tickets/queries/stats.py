"""Computes sales figures: totals, and by day or event."""

import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.wire import day_bounds
from fanfare.tickets.schemas.stats import Sales, SalesBy, SalesRange, SalesRow, StatsQuery

# The lines bought from $2 to before $3, for the events $4, or for all if that is null.
LINES = """
    lines as materialized (
        select ticket_id, fan_id, event_uid, purchased_at, num_seats, paid_amount, currency, network, order_key
        from tickets
        where account_id = $1 and not is_deleted and purchased_at >= $2 and purchased_at < $3
          and ($4::uuid[] is null or event_uid = any($4))
    )
"""
# The definition of a sale: the lines of one order in one network, or a line without an order. The keys are compared
# byte by byte, not by a hash, for which callers could construct collisions.
SALE = "(length(network) || ' ' || network || order_key) collate \"C\""
SALES = f"count(distinct {SALE}) + count(*) filter (where order_key is null)"
SEATS = "sum(num_seats)"


async def sales(db: Db, account: Account, query: StatsQuery) -> Sales:
    """Return the number of new and returning fans, orders and seats, and the revenue."""
    window = await _window(db, account, query)
    row = await db.row(
        Heavy(f"""
        with {LINES},
        buyers as (select distinct fan_id from lines),
        returning_fans as (
            select count(*) as fan_count from buyers b
            where exists (
                select from tickets earlier
                where earlier.account_id = $1 and earlier.fan_id = b.fan_id and not earlier.is_deleted
                  and earlier.purchased_at < $2
                  and (not $5 or not exists (
                      select from lines c where c.fan_id = b.fan_id and c.event_uid = earlier.event_uid)))
        ),
        revenues as (select currency, sum(paid_amount) as revenue from lines group by currency)
        select (select fan_count from returning_fans) as returning_fans_count,
               (select count(*) from buyers) as fans_count,
               {SALES} as sales_count, coalesce({SEATS}, 0)::bigint as seats_count,
               array(select currency from revenues order by currency) as currencies,
               array(select revenue from revenues order by currency) as revenues
        from lines
        """),  # noqa: S608 - fixed parts
        account.id,
        *window,
        query.event_specific,
    )
    by_currency = dict(zip(row["currencies"], row["revenues"], strict=True)) if row else {}
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
    """Return the sales of each day in the account's time zone, or of each event, without those that have none."""
    days, starts = (None, None) if params.by == "event" else _days(account, params)
    rows = await db.rows(
        Heavy(f"""
        with {LINES},
        totals as (
            select ($5::date[])[width_bucket(purchased_at, $6::timestamptz[])] as purchase_date,
                   case when $5 is null then event_uid end as event_uid,
                   count(distinct fan_id) as fans_count, {SALES} as sales_count,
                   {SEATS}::bigint as seats_count,
                   coalesce(sum(paid_amount) filter (where currency = $7), 0) as revenue
            from lines group by 1, 2
        )
        select s.purchase_date, s.event_uid, e.event_name, e.event_date, s.fans_count, s.sales_count, s.seats_count,
               s.revenue
        from totals s
        left join ticket_events e on e.account_id = $1 and e.event_uid = s.event_uid
        order by s.purchase_date, e.event_date, fold_text(e.event_name), s.event_uid
        """),  # noqa: S608 - fixed parts
        account.id,
        *await _window(db, account, params),
        days,
        starts,
        account.currency,
    )
    return read_rows(SalesRow, rows)


def _days(account: Account, query: SalesRange) -> tuple[list[date], list[datetime]]:
    """Return the days of a range and their starts, computed here since PostgreSQL may have other time zone data."""
    count = (query.max_purchase_date - query.min_purchase_date).days + 1
    days = [query.min_purchase_date + timedelta(days=number) for number in range(count)]
    return days, [day_bounds(day, account.time_zone)[0] for day in days]


async def _window(db: Db, account: Account, query: SalesRange) -> tuple[object, ...]:
    """Return the arguments $2 to $4 of LINES."""
    start = day_bounds(query.min_purchase_date, account.time_zone)[0]
    end = day_bounds(query.max_purchase_date, account.time_zone)[1]
    return start, end, await _events(db, account.id, query)


async def _events(db: Db, account_id: int, query: SalesRange) -> list[uuid.UUID] | None:
    """Return the ids of the events that the query names, or None if it names none."""
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
