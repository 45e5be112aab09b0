"""Reads tickets: pages for sync, and one by its id.

Pages end at the settled position, so that no ticket can appear later below a position that a client has passed.
"""

from fanfare.fans.contact import mail_key
from fanfare.fans.queries.fans import fans_by_ids
from fanfare.kernel.callers import Account
from fanfare.kernel.data import changes
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page, below, ends
from fanfare.kernel.data.rows import SECONDS, read_rows
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.wire import day_bounds
from fanfare.tickets.schemas.tickets import PAGE, OneTicket, Ticket, TicketPageMeta, TicketWindow

COLUMNS = """account_id, ticket_id, fan_id, event_uid, purchased_at, updated_at, num_seats, is_deleted, paid_amount,
    currency, network, ticket_key, order_key, customer_key, price_code"""
# From `page`: the fields of Ticket.
ROWS = f"""
    select t.ticket_id, t.ticket_key, t.account_id, t.fan_id, f.email, nullif(t.network, '') as network, t.event_uid,
           e.event_key, e.event_date, e.event_name, {SECONDS.format("t.purchased_at")} as purchase_timestamp,
           t.paid_amount, t.currency, t.num_seats, e.artist_name, t.price_code, e.venue_name, f.city, f.province,
           f.country_code, f.metro_area, f.postal_code, t.customer_key, t.order_key, t.is_deleted,
           {SECONDS.format("t.updated_at")} as last_updated_timestamp
    from page t
    join ticket_events e on e.account_id = t.account_id and e.event_uid = t.event_uid
    left join fans f on f.account_id = t.account_id and f.fan_id = t.fan_id
"""  # noqa: S608 - fixed parts
BY_EMAIL = """
    and fan_id = (
        select i.fan_id from fan_identifiers i
        where i.account_id = $1 and i.network = 'email' and i.identifier_value = {})
"""


async def ticket(db: Db, account_id: int, target: OneTicket) -> Ticket:
    """Return a ticket, deleted or not; Unknown (404) if not found."""
    row = await db.row(
        f"""
        with page as (select {COLUMNS} from tickets where account_id = $1 and ticket_id = $2)
        {ROWS}
        """,  # noqa: S608 - fixed parts
        account_id,
        target.ticket_id,
    )
    if row is None:
        raise Unknown(ticket=target.ticket_id)
    return read_rows(Ticket, [row])[0]


async def ticket_page(db: Db, account: Account, query: TicketWindow) -> Page[TicketPageMeta, Ticket]:
    """Return a page of tickets, the newest first, or the oldest first with `min_ticket_id`."""
    settled = await changes.settled(db, account.id)
    ascends = query.min_ticket_id is not None
    limit = query.limit or PAGE
    sql, args = _page(account, query, settled, limit, ascends=ascends)
    rows = await db.rows(sql, *args)
    data = read_rows(Ticket, rows[:limit])
    if query.data == "fan":
        fans = {fan.fan_id: fan for fan in await fans_by_ids(db, account.id, list({row.fan_id for row in data}))}
        for row in data:
            row.fan = fans.get(row.fan_id)
    window = (query.min_ticket_id, query.max_ticket_id)
    page_ends = ends([row.ticket_id for row in data], window, settled, ascends=ascends)
    return Page(TicketPageMeta(*page_ends, has_more=len(rows) > limit), data)


def _page(
    account: Account, query: TicketWindow, settled: int, limit: int, *, ascends: bool
) -> tuple[str, list[object]]:
    """Return the statement of a page and one more row, and its arguments.

    The inner query has one bound and a constant limit, so that PostgreSQL chooses the generic plan and does not plan
    each page again.
    """
    upper = below(query.max_ticket_id, settled)
    args: list[object] = [account.id, query.min_ticket_id or 0, upper, limit + 1]
    conditions = _filters(account, query, args)
    source = "tickets"
    if conditions:
        # Filtered first (`offset 0` is a fence): a scan in the order of ids could pass millions of other rows.
        source = f"(select {COLUMNS} from tickets where account_id = $1{conditions} offset 0) as filtered"  # noqa: S608
    visible = "" if query.include_deleted else " and not is_deleted"
    order, near, far = ("asc", "> $2", "< $3") if ascends else ("desc", "< $3", "> $2")
    page = (
        f"select {COLUMNS} from (select {COLUMNS} from {source}"  # noqa: S608 - fixed parts
        f" where account_id = $1{visible} and ticket_id {near} order by ticket_id {order} limit {PAGE + 1}) as next"
        f" where ticket_id {far} order by ticket_id {order} limit $4"
    )
    return f"with page as materialized ({page}) {ROWS} order by t.ticket_id {order}", args


def _filters(account: Account, query: TicketWindow, args: list[object]) -> str:
    """Return the conditions of the date ranges and the fan, and append their values to `args`."""
    conditions = ""
    bounds = (
        ("purchased_at >=", query.min_purchase_date, 0),
        ("purchased_at <", query.max_purchase_date, 1),
        ("updated_at >=", query.min_last_update_date, 0),
        ("updated_at <", query.max_last_update_date, 1),
    )
    for condition, day, end in bounds:
        if day is not None:
            args.append(day_bounds(day, account.time_zone)[end])
            conditions += f" and {condition} ${len(args)}"
    if query.email is not None:
        try:
            args.append(mail_key(query.email))
        except ValueError as error:
            raise BadParameters([("email", str(error))]) from None
        conditions += BY_EMAIL.format(f"${len(args)}")
    return conditions
