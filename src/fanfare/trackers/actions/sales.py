"""Records sales: those that pages report, and purchases and tickets of fans who had clicked."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data import changes
from fanfare.kernel.data.announcements import HOLD, also, announce, names
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.purchases.topics import PURCHASE_CREATED, PURCHASE_MATCHED, PURCHASE_UPDATED
from fanfare.tickets.topics import TICKET_CREATED, TICKET_DELETED, TICKET_UPDATED
from fanfare.trackers.actions.attribution import attribute, attribute_again, is_in_time, matches
from fanfare.trackers.queries.click_ids import click_of
from fanfare.trackers.schemas.sales import NewSale
from fanfare.trackers.topics import TRACKER_EVENT_CREATED, TRACKER_EVENT_UPDATED
from fanfare.trackers.verdicts.agents import device_of

PAGE = 500
PURCHASE_TOPICS = names([PURCHASE_CREATED, PURCHASE_MATCHED, PURCHASE_UPDATED])
TICKET_TOPICS = names([TICKET_CREATED, TICKET_DELETED, TICKET_UPDATED])


class Origin(msgspec.Struct, frozen=True):
    """Where a report came from: the browser as the account stores it, and the request."""

    visitor_uid: str | None
    ip_address: str | None
    user_agent: str | None


# So long a report that is credited to no click can be replaced.
REPLACEABLE = timedelta(days=1)
REPLACED = ", ".join(
    f"{column} = excluded.{column}"
    for column in (
        "created_at", "purchase_event_name", "purchase_amount", "currency", "quantity",
        "click_id", "visitor_uid", "fan_id", "ip_address", "user_agent", "device_type", "host_name",
        "purchase_event_details", "url_param_props",
    )
)  # fmt: skip
# Anyone can report an order. Within a day, one that is credited to no click is replaced by a report whose click is
# credited, once.
# The fan is the one who clicked, whom the browser or the named click tells.
RECORD = Sql(f"""
    with {HOLD},
    visit as materialized (
        select c.visitor_uid, c.fan_id, {is_in_time(":now")} and {matches(":purchase_event_name")} as is_credited
        from tracker_clicks c join trackers t on t.account_id = $1 and t.tracker_id = c.tracker_id
        where c.account_id = $1 and c.click_id = :click_id
    ),
    browser as materialized (
        select coalesce(:visitor_uid::uuid, (select visitor_uid from visit)) as visitor_uid
    ),
    person as materialized (
        select coalesce((select fan_id from visit), (
            select c.fan_id from tracker_clicks c, browser
            where c.account_id = $1 and c.visitor_uid = browser.visitor_uid and c.fan_id is not null
            order by c.click_id desc limit 1)) as fan_id
    ),
    created as (
        insert into tracker_events as e (
            account_id, event_id, tracker_event_uid, event_source, created_at, purchase_event_name, purchase_amount,
            currency, quantity, order_key, click_id, visitor_uid, fan_id, is_clicked, ip_address, user_agent,
            device_type, host_name, purchase_event_details, url_param_props)
        select $1, nextval('positions'), :event_uid, 'pixel', :now, :purchase_event_name, :purchase_amount, :currency,
               :quantity, :order_key, :click_id, browser.visitor_uid,
               (select f.fan_id from fans f where f.account_id = $1 and f.fan_id = person.fan_id for key share), false,
               :ip_address, :user_agent, :device_type, :host_name, :details, :props
        from hold cross join browser cross join person
        on conflict (account_id, order_key) where event_source = 'pixel' and order_key is not null do update
        set is_replaced = true, {REPLACED}
        where not e.is_clicked and not e.is_replaced and e.created_at > :now - interval '{REPLACEABLE.days} days'
          and (select is_credited from visit)
        returning event_id, tracker_event_uid, fan_id, tracker_id, is_replaced
    ),
    announced as (
        {announce(TRACKER_EVENT_CREATED, "created where not is_replaced", position="event_id", at=":now")}
        {also(TRACKER_EVENT_UPDATED, "created where is_replaced", at=":now")}
    )
    select event_id, tracker_event_uid from created
""")  # noqa: S608 - fixed parts
LINE_COLUMNS = """
    account_id, event_id, tracker_event_uid, event_source, created_at, purchase_event_name, purchase_amount, currency,
    quantity, order_key, network, purchase_key, ticket_id, fan_id, is_clicked, is_returned, province, country_code
"""
HAS_CLICKED = f"""
    exists (
        select from tracker_clicks c
        where c.account_id = $1 and c.fan_id = line.fan_id and {is_in_time("line.sold_at")})
"""
UPDATED = """
    purchase_amount = excluded.purchase_amount, currency = excluded.currency, quantity = excluded.quantity,
    fan_id = excluded.fan_id, created_at = excluded.created_at, order_key = excluded.order_key,
    is_returned = excluded.is_returned
"""
# Lines are recorded once; one that changes is attributed again.
FOLLOW_PURCHASES = f"""
    with {HOLD},
    line as materialized (
        select p.network, p.purchase_key, p.fan_id, p.ordered_at as sold_at, p.net_sale_amount, p.currency, p.quantity,
               p.order_key, p.province, p.country_code,
               p.gross_sale_amount > 0 and p.net_sale_amount <= 0 as is_returned
        from purchases p
        where p.account_id = $1 and p.fan_id = any($2::bigint[])
          and p.network || ':' || p.purchase_key = any($3::text[])
    ),
    saved as (
        insert into tracker_events as e ({LINE_COLUMNS})
        select $1, nextval('positions'), gen_random_uuid(), 'purchase', line.sold_at, 'purchase', line.net_sale_amount,
               line.currency, line.quantity, line.order_key, line.network, line.purchase_key, null, line.fan_id, false,
               line.is_returned, line.province, line.country_code
        from hold cross join line
        where {HAS_CLICKED} or exists (
            select from tracker_events r
            where r.account_id = $1 and r.network = line.network and r.purchase_key = line.purchase_key
              and r.event_source = 'purchase')
        order by line.sold_at, line.network, line.purchase_key
        on conflict (account_id, network, purchase_key) where event_source = 'purchase' do update set {UPDATED}
        returning event_id, fan_id, tracker_id, xmax = 0 as is_new
    ),
    announced as (
        {announce(TRACKER_EVENT_CREATED, "saved where is_new", position="event_id", at="$4")}
    )
    select event_id from saved
"""  # noqa: S608 - fixed parts
FOLLOW_TICKETS = f"""
    with {HOLD},
    line as materialized (
        -- A refund of seats belongs to the time of its order, whose click it is taken from.
        select t.ticket_id, t.fan_id, t.is_deleted, t.num_seats,
               least(t.purchased_at, case when t.num_seats < 0 then (
                   select min(o.purchased_at) from tickets o
                   where o.account_id = $1 and o.fan_id = t.fan_id and o.network = t.network
                     and o.order_key = t.order_key and o.num_seats > 0) end) as sold_at,
               t.currency, t.order_key, t.network,
               case when t.is_deleted then 0 else t.paid_amount end as paid_amount
        from tickets t
        where t.account_id = $1 and t.ticket_id = any($2::bigint[])
    ),
    saved as (
        insert into tracker_events as e ({LINE_COLUMNS})
        select $1, nextval('positions'), gen_random_uuid(), 'ticket', line.sold_at, 'ticket', line.paid_amount,
               line.currency, line.num_seats, line.order_key, line.network, null, line.ticket_id, line.fan_id, false,
               line.is_deleted, null, null
        from hold cross join line
        where {HAS_CLICKED} or exists (
            select from tracker_events r
            where r.account_id = $1 and r.ticket_id = line.ticket_id and r.event_source = 'ticket')
        order by line.sold_at, line.ticket_id
        on conflict (account_id, ticket_id) where event_source = 'ticket' do update set {UPDATED}
        returning event_id, fan_id, tracker_id, xmax = 0 as is_new
    ),
    announced as (
        {announce(TRACKER_EVENT_CREATED, "saved where is_new", position="event_id", at="$3")}
    )
    select event_id from saved
"""  # noqa: S608 - fixed parts


async def record_sale(db: Db, account: Account, new: NewSale, origin: Origin, now: datetime) -> uuid.UUID | None:
    """Record a sale that a page reports and attribute it; None for an order that was reported before.

    A report whose click is credited replaces one of the same order that was credited to none, and keeps its uid.
    """
    host_name, props = new.page()

    async def write(handle: Db) -> uuid.UUID | None:
        async with handle.transaction() as tx:
            row = await tx.row(
                RECORD,
                account.id,
                event_uid=uuid.uuid4(),
                now=now,
                purchase_event_name=new.purchase_event_name,
                purchase_amount=new.purchase_amount,
                currency=new.currency or account.currency,
                quantity=new.quantity,
                order_key=new.order_key,
                click_id=click_of(account.id, new.trk_click),
                visitor_uid=origin.visitor_uid,
                ip_address=origin.ip_address,
                user_agent=origin.user_agent,
                device_type=device_of(origin.user_agent) if origin.user_agent else None,
                host_name=host_name,
                details=new.purchase_event_details,
                props=props,
            )
            if row:
                await attribute(tx, account.id, [row["event_id"]])
        return row["tracker_event_uid"] if row else None

    return await db.retry_conflicts(write)


async def follow_sales(db: Db, account_id: int, now: datetime) -> bool:
    """Record and attribute the purchases and tickets of the next page of the change log; return whether there are more.

    The position is kept in the same transaction, so that a worker that dies repeats nothing and skips nothing.
    """
    position = await _position(db, account_id)
    page = await changes.feed(db, account_id, position, PAGE)
    if not page.changes:
        return False

    async def write(handle: Db) -> None:
        async with handle.transaction() as tx:
            has_moved = await tx.value(
                "update tracker_settings set feed_position = $3 where account_id = $1 and feed_position = $2"
                " returning true",
                account_id,
                position,
                page.position,
            )
            if has_moved:
                await _follow(tx, account_id, page.changes, now)

    await db.retry_conflicts(write)
    return not page.is_last


async def _position(db: Db, account_id: int) -> int:
    """Return how far the change log was read; an account begins with what comes from now on."""
    sql = "select feed_position from tracker_settings where account_id = $1"
    position: int | None = await db.value(sql, account_id)
    if position:
        return position
    bound = await changes.settled(db, account_id)
    sql = """
        insert into tracker_settings as s (account_id, feed_position) values ($1, $2)
        on conflict (account_id) do update
        set feed_position = case when s.feed_position = 0 then excluded.feed_position else s.feed_position end
        returning feed_position
    """
    begin: int = await db.value(sql, account_id, bound)
    return begin


async def _follow(tx: Db, account_id: int, rows: Sequence[changes.Change], now: datetime) -> None:
    purchases = [each for each in rows if each.topic in PURCHASE_TOPICS and each.fan_id]
    ticket_ids = [int(each.subject_id) for each in rows if each.topic in TICKET_TOPICS]
    event_ids: list[int] = []
    if purchases:
        fan_ids, subjects = [each.fan_id for each in purchases], [each.subject_id for each in purchases]
        saved = await tx.rows(FOLLOW_PURCHASES, account_id, fan_ids, subjects, now)
        event_ids += [row["event_id"] for row in saved]
    if ticket_ids:
        saved = await tx.rows(FOLLOW_TICKETS, account_id, ticket_ids, now)
        event_ids += [row["event_id"] for row in saved]
    if event_ids:
        await attribute_again(tx, account_id, sorted(event_ids))
