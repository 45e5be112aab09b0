"""Computes how the sales of an event grew day by day, beside those of earlier events."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Heavy, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import day_bounds, day_of
from fanfare.tickets.queries.event_lists import OF_BUSINESSES
from fanfare.tickets.schemas.event_lists import MAX_DAYS_BEFORE, Curve, CurveQuery

COMPARED = 3
EVENTS = Sql(f"""
    select e.event_uid, e.event_name, e.event_date
    from ticket_events e
    where e.account_id = $1 and e.event_uid = any(:event_uids::uuid[]) and {OF_BUSINESSES}
    order by e.event_date desc, e.event_uid
""")  # noqa: S608 - fixed parts
# The last events before one, of its kind and at its venue.
EARLIER = Sql(f"""
    select e.event_uid
    from ticket_events e
    join ticket_events o on o.account_id = $1 and o.event_uid = :event_uid
    where e.account_id = $1 and e.event_date < o.event_date and fold_text(e.venue_name) = fold_text(o.venue_name)
      and e.event_type is not distinct from o.event_type and {OF_BUSINESSES}
    order by e.event_date desc, e.event_uid
    limit :limit
""")  # noqa: S608 - fixed parts
FIRST = Heavy("select min(purchased_at) from tickets where account_id = $1 and event_uid = $2 and not is_deleted")
# Days are computed here, since PostgreSQL may have other time zone data.
DAYS = Heavy("""
    select width_bucket(purchased_at, $3::timestamptz[]) as day_number, sum(num_seats)::bigint as seats_count
    from tickets where account_id = $1 and event_uid = $2 and not is_deleted
    group by 1
""")


async def curves(
    db: Db, account: Account, query: CurveQuery, now: datetime, *, business_ids: Sequence[int] | None = None
) -> list[Curve]:
    """Return the curve of an event, then those that it is compared with, the last first; Unknown (404) event.

    Events of other businesses than `business_ids` are left out.
    """
    target = await db.rows(EVENTS, account.id, event_uids=[query.event_uid], business_ids=business_ids)
    if not target:
        raise Unknown(event=query.event_uid)
    event_uids = query.with_event_uids
    if event_uids is None:
        rows = await db.rows(EARLIER, account.id, event_uid=query.event_uid, business_ids=business_ids, limit=COMPARED)
        event_uids = [row["event_uid"] for row in rows]
    rows = await db.rows(EVENTS, account.id, event_uids=event_uids, business_ids=business_ids)
    compared = [row for row in rows if row["event_uid"] != query.event_uid]
    return [await _curve(db, account, row, query.days_before, now) for row in [*target, *compared]]


async def _curve(db: Db, account: Account, event: Record, limit: int | None, now: datetime) -> Curve:
    event_uid: uuid.UUID = event["event_uid"]
    last = min(event["event_date"], day_of(now, account.time_zone))
    first_sale = await db.value(FIRST, account.id, event_uid)
    first = day_of(first_sale, account.time_zone) if first_sale else last
    earliest = event["event_date"] - timedelta(days=min(limit or MAX_DAYS_BEFORE, MAX_DAYS_BEFORE))
    first = min(max(first, earliest), last)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    starts = [day_bounds(day, account.time_zone)[0] for day in days]
    sums = [0] * len(days)
    for row in await db.rows(DAYS, account.id, event_uid, starts):
        sums[max(row["day_number"] - 1, 0)] += row["seats_count"]
    days_before = (event["event_date"] - first).days
    return Curve(event_uid, event["event_name"], event["event_date"], days_before, list(accumulate(sums)))
