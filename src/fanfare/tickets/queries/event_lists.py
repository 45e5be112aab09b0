"""Reads events in lists, with what was sold of each.

An event belongs to the businesses of the performances on its day that have its key or its name.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.paging import Page
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import unix
from fanfare.kernel.wire.times import day_of
from fanfare.tickets.schemas.event_lists import (
    EventEntry,
    EventFigures,
    EventQuery,
    EventSales,
    PriceFigures,
    TicketEventMeta,
)

# Whether an event `e` is of one of some businesses; null for all.
OF_BUSINESSES = """(:business_ids::bigint[] is null or exists (
    select from performances p
    where p.account_id = $1 and p.performance_date = e.event_date and p.business_id = any(:business_ids)
      and (p.campaign_event_key = e.event_key or fold_text(p.performance_name) = fold_text(e.event_name))))"""
ENTRY = """e.event_uid, e.event_key, e.event_name, e.event_date, e.venue_name, e.artist_name, e.event_type,
    nullif(e.network, '') as network"""
CHOSEN = f"""
    from ticket_events e
    where e.account_id = $1 and {OF_BUSINESSES}
      and (:period = 'all' or (e.event_date >= :today) = (:period = 'coming'))
      and (:business_id::bigint is null or exists (
          select from performances p
          where p.account_id = $1 and p.performance_date = e.event_date and p.business_id = :business_id
            and (p.campaign_event_key = e.event_key or fold_text(p.performance_name) = fold_text(e.event_name))))
      and (:text::text is null or strpos(fold_text(e.event_name), fold_text(:text)) > 0
           or strpos(fold_text(e.venue_name), fold_text(:text)) > 0
           or strpos(fold_text(e.artist_name), fold_text(:text)) > 0
           or strpos(fold_text(e.event_key), fold_text(:text)) > 0)
"""
# By day the nearest first of those that come, and the last first of the others.
ENTRIES = Sql(f"""
    select {ENTRY} {CHOSEN}
    order by case when :order_by = 'name' then fold_text(e.event_name) end,
             case when :order_by = 'venue' then fold_text(e.venue_name) end nulls last,
             case when :period = 'coming' then e.event_date end, e.event_date desc, fold_text(e.event_name), e.event_uid
    limit :limit offset :start
""")
# Also by what was sold of each, the most first.
RANKED = Sql(
    Heavy(f"""
    with chosen as materialized (select {ENTRY} {CHOSEN}),
    sold as (
        select event_uid, sum(num_seats) as seats_count, sum(paid_amount) as amount,
               sum(paid_amount) filter (where currency = :currency) as revenue
        from tickets
        where account_id = $1 and event_uid in (select event_uid from chosen) and not is_deleted
        group by event_uid
    )
    select e.* from chosen e left join sold s on s.event_uid = e.event_uid
    order by case when :order_by = 'seats' then s.seats_count end desc nulls last,
             s.revenue desc nulls last, s.amount desc nulls last, e.event_date, e.event_uid
    limit :limit offset :start
""")  # noqa: S608 - fixed parts
)
FIGURES = Heavy("""
    select event_uid, currency, count(*) as ticket_count, coalesce(sum(num_seats), 0)::bigint as seats_count,
           sum(paid_amount) as revenue
    from tickets
    where account_id = $1 and event_uid = any($2::uuid[]) and not is_deleted
    group by event_uid, currency order by event_uid, currency
""")
EVENT = Sql(f"""
    select {ENTRY}, e.notes, e.label_name, e.venue_province
    from ticket_events e where e.account_id = $1 and e.event_uid = :event_uid and {OF_BUSINESSES}
""")  # noqa: S608 - fixed parts
PRICES = Heavy("""
    select price_code, currency, count(*) as ticket_count, coalesce(sum(num_seats), 0)::bigint as seats_count,
           sum(paid_amount) as revenue
    from tickets
    where account_id = $1 and event_uid = $2 and not is_deleted
    group by price_code, currency order by price_code, currency
""")
BUYERS = Heavy("""
    select count(distinct fan_id) as fan_count, max(purchased_at) as purchased_at
    from tickets where account_id = $1 and event_uid = $2 and not is_deleted
""")


async def event_entries(
    db: Db, account: Account, query: EventQuery, now: datetime, *, business_ids: Sequence[int] | None = None
) -> Page[TicketEventMeta, EventEntry]:
    """Return a page of events; with `business_ids` only theirs."""
    is_ranked = query.order_by in ("seats", "revenue")
    names = {
        "business_ids": business_ids, "business_id": query.business_id, "text": query.text, "period": query.period,
        "today": day_of(now, account.time_zone), "order_by": query.order_by,
        "limit": query.limit + 1, "start": query.after,
    }  # fmt: skip
    if is_ranked:
        names["currency"] = account.currency
    rows = await db.rows(RANKED if is_ranked else ENTRIES, account.id, **names)
    entries = read_rows(EventEntry, rows[: query.limit])
    if query.has_figures:
        figures = await event_figures(db, account.id, [entry.event_uid for entry in entries])
        for entry in entries:
            entry.figures = figures[entry.event_uid]
    return Page(TicketEventMeta(query.after + len(entries), has_more=len(rows) > query.limit), entries)


async def event_figures(db: Db, account_id: int, event_uids: Sequence[uuid.UUID]) -> dict[uuid.UUID, EventFigures]:
    """Return what was sold of each of these events."""
    result = {event_uid: EventFigures(0, 0, {}) for event_uid in event_uids}
    for row in await db.rows(FIGURES, account_id, event_uids):
        _add(result[row["event_uid"]], row["ticket_count"], row["seats_count"], {row["currency"]: row["revenue"]})
    return result


def _add(figures: EventFigures, ticket_count: int, seats_count: int, revenues: dict[str, Decimal]) -> None:
    figures.ticket_count += ticket_count
    figures.seats_count += seats_count
    figures.revenue_by_currency |= revenues


async def one_event(
    db: Db, account_id: int, event_uid: uuid.UUID, *, business_ids: Sequence[int] | None = None
) -> EventSales:
    """Return an event without figures; Unknown (404), also for one of another business than `business_ids`."""
    row = await db.row(EVENT, account_id, event_uid=event_uid, business_ids=business_ids)
    if row is None:
        raise Unknown(event=event_uid)
    return EventSales(**row, fan_count=0, last_purchase_timestamp=None, prices=[])


async def event_sales(db: Db, account_id: int, event_uid: uuid.UUID) -> EventSales:
    """Return an event with what was sold of it; Unknown (404)."""
    event = await one_event(db, account_id, event_uid)
    prices: dict[str | None, PriceFigures] = {}
    event.figures = EventFigures(0, 0, {})
    for row in await db.rows(PRICES, account_id, event_uid):
        currency, revenue = row["currency"], row["revenue"]
        price = prices.setdefault(row["price_code"], PriceFigures(0, 0, {}, row["price_code"]))
        earlier = event.figures.revenue_by_currency.get(currency, Decimal(0))
        _add(price, row["ticket_count"], row["seats_count"], {currency: revenue})
        _add(event.figures, row["ticket_count"], row["seats_count"], {currency: earlier + revenue})
    event.prices = sorted(prices.values(), key=lambda price: (-price.seats_count, price.price_code or ""))
    if (buyers := await db.row(BUYERS, account_id, event_uid)) and buyers["purchased_at"]:
        event.fan_count, event.last_purchase_timestamp = buyers["fan_count"], unix(buyers["purchased_at"])
    return event
