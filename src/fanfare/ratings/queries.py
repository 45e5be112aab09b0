"""The rule of the rating as one statement, and the parts of a fan's rating. See docs/decisions/0016-rating.md."""

from datetime import date, datetime, timedelta

from fanfare.campaigns.topics import ACTIVITY_CREATED
from fanfare.fans.topics import (
    CONSENT_GIVEN,
    CONSENT_WITHDRAWN,
    FAN_CREATED,
    FAN_IDENTIFIED,
    FAN_MERGED,
    FAN_UNIDENTIFIED,
    FAN_UNMERGED,
)
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import names
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import day_bounds
from fanfare.kernel.wire.times import day_of
from fanfare.purchases.topics import PURCHASE_CREATED, PURCHASE_MATCHED, PURCHASE_UPDATED
from fanfare.ratings.schemas import RatingParts, Since
from fanfare.tickets.topics import TICKET_CREATED, TICKET_DELETED, TICKET_UPDATED

# Purchases of the fans $2: fan_id, order_key, ordered_at and amount. A domain with sales adds its rows here, and its
# topics to TOPICS.
PURCHASES = (
    """
    select p.fan_id, array[p.network, p.order_key] as order_key, p.ordered_at, p.net_sale_amount as amount
    from purchases p where p.account_id = $1 and p.fan_id = any($2::bigint[])
    """,
    """
    select t.fan_id, array['tickets', t.network, t.order_key, case when t.order_key is null then t.ticket_id::text end],
           t.purchased_at, t.paid_amount
    from tickets t where t.account_id = $1 and t.fan_id = any($2::bigint[]) and not t.is_deleted
    """,
)

# Topics that can change a fan's rating.
TOPICS = names([
    FAN_CREATED, FAN_MERGED, FAN_UNMERGED, FAN_IDENTIFIED, FAN_UNIDENTIFIED, CONSENT_GIVEN, CONSENT_WITHDRAWN,
    ACTIVITY_CREATED, PURCHASE_CREATED, PURCHASE_UPDATED, PURCHASE_MATCHED, TICKET_CREATED, TICKET_UPDATED,
    TICKET_DELETED,
])  # fmt: skip

# The points of the fans $2; $3 to $7 are the starts of the days 30, 90, 180, 365 and 730 days ago. An order counts
# once, if its sum, refunds included, is positive.
POINTS = f"""
    select f.account_id, f.fan_id, f.rating as kept_rating,
           case when a.last_active_at >= $3 then 20 when a.last_active_at >= $4 then 14
                when a.last_active_at >= $5 then 9 when a.last_active_at >= $6 then 5 else 0 end
           + case when a.activity_count >= 20 then 20 when a.activity_count >= 8 then 14
                  when a.activity_count >= 3 then 8 when a.activity_count >= 1 then 4 else 0 end as activity_points,
           case when f.is_subscribed then 6 else 0 end + case when f.is_phone_subscribed then 5 else 0 end
           + case when exists (select from fan_businesses b where b.account_id = $1 and b.fan_id = f.fan_id
                               and b.is_opted_in) then 4 else 0 end
           + 5 * least(2, (select count(distinct i.network) from fan_identifiers i
                           where i.account_id = $1 and i.fan_id = f.fan_id
                             and i.network not in ('email', 'phone'))) as connection_points,
           case when o.newest_at >= $4 then 10 when o.newest_at >= $6 then 6 when o.newest_at >= $7 then 3 else 0 end
           + case when o.orders >= 8 then 25 when o.orders >= 4 then 20 when o.orders >= 2 then 15
                  when o.orders >= 1 then 10 else 0 end as purchase_points
    from fans f
    left join fan_activity a on a.account_id = $1 and a.fan_id = f.fan_id
    left join (
        select o.fan_id, max(o.placed_at) as newest_at, count(*) as orders
        from (
            select fan_id, order_key, min(ordered_at) as placed_at
            from ({" union all ".join(PURCHASES)}) purchases
            group by fan_id, order_key
            having sum(amount) > 0
        ) o
        where o.placed_at >= $7
        group by o.fan_id
    ) o on o.fan_id = f.fan_id
    where f.account_id = $1 and f.fan_id = any($2::bigint[])
"""  # noqa: S608 - fixed texts

# One star, plus half a star for each ten points, at most five.
RATED = f"""
    select p.*, p.activity_points + p.connection_points + p.purchase_points as points,
           1 + least(8, (p.activity_points + p.connection_points + p.purchase_points) / 10) / 2.0 as rating
    from ({POINTS}) p
"""  # noqa: S608 - fixed text


def today(account: Account, now: datetime) -> date:
    """Return the current day in the account's time zone."""
    return day_of(now, account.time_zone)


def since(account: Account, now: datetime) -> Since:
    """Return the times from which data counts as recent; they are constant during a day."""
    day = today(account, now)
    return Since(*(day_bounds(day - timedelta(days=days), account.time_zone)[0] for days in (30, 90, 180, 365, 730)))


def as_arguments(moments: Since) -> tuple[datetime, ...]:
    """Return the times in the order of the statement's arguments."""
    return moments.days_30, moments.days_90, moments.days_180, moments.days_365, moments.days_730


async def rating_parts(db: Db, account: Account, fan_id: int, now: datetime) -> RatingParts:
    """Return the parts of a fan's rating; Unknown (404) if the fan does not exist."""
    row = await db.row(
        f"""
        select fan_id, rating::float8 as rating, kept_rating::float8 as kept_rating, points, activity_points,
               connection_points, purchase_points
        from ({RATED}) rated
        """,  # noqa: S608 - fixed text
        account.id,
        [fan_id],
        *as_arguments(since(account, now)),
    )
    if row is None:
        raise Unknown(fan=fan_id)
    return RatingParts(**row)
