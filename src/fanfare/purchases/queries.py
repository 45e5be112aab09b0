"""Reads purchases, orders and products."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime

import msgspec
from msgspec import UNSET

from fanfare.fans.contact import mail_key
from fanfare.kernel.callers import Account
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Composed, Db, Heavy
from fanfare.kernel.data.paging import ArrayPage, Page, part, start
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.folding import like_pattern
from fanfare.kernel.wire import day_bounds, window
from fanfare.purchases.schemas import (
    ConnectedShop,
    OneOrder,
    Order,
    OrderLines,
    OrderQuery,
    Product,
    ProductEntry,
    ProductQuery,
    ProductSalesQuery,
    Purchase,
    PurchaseMeta,
    PurchaseQuery,
)

PAGE = 500

# What was paid by day, in each currency.
REVENUE = Heavy("""
    select (ordered_at at time zone $4)::date as day, currency as name, sum(net_sale_amount) as amount
    from purchases where account_id = $1 and ordered_at >= $2 and ordered_at < $3
    group by 1, 2
""")

# Planned for its values, as searches are: whether it begins at the window, the name or the last page depends on how
# many lines each has.
PURCHASES = Sql(
    Composed("""
    select account_id, network, purchase_key, order_key, location_key, merchant_key, customer_key, fan_id,
           floor(extract(epoch from ordered_at))::bigint as order_timestamp,
           gross_sale_amount, net_sale_amount, deduction_amount, currency, quantity,
           product_key, product_name, product_category, email, phone, country_code, province, city,
           to_char(ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as order_timestamp_iso
    from purchases
    where account_id = $1 and network = :network and purchase_id > :after and purchase_id <= :bound
      and ordered_at >= :start and ordered_at < :end
      and (:product_name::text is null or fold_text(product_name) like :product_name)
      and (:merchant_key::text is null or merchant_key = :merchant_key)
      and (:location_key::text is null or location_key = :location_key)
    order by purchase_id
    limit :limit
""")
)


async def purchases(db: Db, account: Account, query: PurchaseQuery) -> Page[PurchaseMeta, Purchase]:
    """Return the next page of purchases, in the order of creation; BadParameters (422) for an unknown paging key."""
    position = await _place(db, account.id, query)
    start, end = window(query.start_date, query.end_date, account.time_zone)
    bound = await settled(db, account.id)
    rows = await db.rows(
        PURCHASES,
        account.id,
        network=query.network,
        after=position,
        bound=bound,
        start=start,
        end=end,
        product_name=like_pattern(query.product_name) if query.product_name else None,
        merchant_key=query.merchant_key,
        location_key=query.location_key,
        limit=PAGE + 1,
    )
    page = read_rows(Purchase, rows[:PAGE])
    has_more = len(rows) > PAGE
    following = page[-1].purchase_key if has_more else UNSET
    return Page(PurchaseMeta(PAGE, len(page), following, has_more=has_more), page)


async def _place(db: Db, account_id: int, query: PurchaseQuery) -> int:
    if query.next_purchase_key is None:
        return 0
    place: int | None = await db.value(
        "select purchase_id from purchases where account_id = $1 and network = $2 and purchase_key = $3",
        account_id,
        query.network,
        query.next_purchase_key,
    )
    if place is None:
        raise BadParameters([("next_purchase_key", "is not a paging key of this network")])
    return place


async def products(db: Db, account_id: int, query: ProductQuery, *, network: str | None) -> ArrayPage[Product]:
    """Return the next page of products whose name, category or key contains a text, in the order of their creation."""
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(
        """
        select product_id, account_id, network, product_key, product_name, product_category, product_url, image_url,
               price, currency, is_active, floor(extract(epoch from created_at))::bigint as creation_timestamp,
               floor(extract(epoch from updated_at))::bigint as last_update_timestamp
        from products
        where account_id = $1 and ($2::text is null or network = $2)
          and ($3::text is null or fold_text(product_name) like $3 or fold_text(product_category) like $3
              or fold_text(product_key) like $3)
          and product_id > $4 and product_id < $5
        order by product_id
        limit $6
        """,
        account_id,
        network,
        like_pattern(query.query) if query.query else None,
        low,
        high,
        query.limit + 1,
    )
    page = part(rows, query.limit, cursor, "product_id")
    return ArrayPage(page.read(Product), page.next_page)


class NoShop(Unknown):
    """No Shopify shop is connected"""


async def connected_shop(db: Db, account_id: int) -> ConnectedShop:
    """Return the connected Shopify shop; NoShop (404)."""
    row = await db.row(
        """
        select account_id, shop_url, shop_name, floor(extract(epoch from created_at))::bigint as creation_timestamp,
               floor(extract(epoch from updated_at))::bigint as last_update_timestamp
        from shopify_shops where account_id = $1
        """,
        account_id,
    )
    if row is None:
        raise NoShop
    return ConnectedShop(**row)


async def sealed_shop(db: Db, account_id: int) -> tuple[str, str] | None:
    """Return the URL of the connected Shopify shop and its sealed token, if there is one."""
    row = await db.row("select shop_url, sealed_token from shopify_shops where account_id = $1", account_id)
    return (row["shop_url"], row["sealed_token"]) if row else None


MAX_LINES = 1000
COLUMNS = "p.purchase_id, p.network, p.order_key, p.merchant_key, p.ordered_at, p.product_name"
FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
SUMS = """
    cross join lateral (
        select count(*) as line_count, coalesce(sum(l.quantity), 0)::bigint as quantity, max(l.fan_id) as fan_id,
               (array_agg(distinct l.product_name) filter (where l.product_name is not null))[:3] as product_names
        from purchases l
        where l.account_id = $1 and l.order_key = p.order_key and l.network = p.network) as sums
    cross join lateral (
        select jsonb_object_agg(a.currency, a.amount) as net_amounts from (
            select l.currency, sum(l.net_sale_amount) as amount
            from purchases l where l.account_id = $1 and l.order_key = p.order_key and l.network = p.network
            group by l.currency) as a) as amounts
"""
ORDER = """p.network, p.order_key, p.merchant_key,
    floor(extract(epoch from p.ordered_at))::bigint as order_timestamp, sums.fan_id, sums.line_count, sums.quantity,
    coalesce(sums.product_names, '{}') as product_names, amounts.net_amounts"""
CONDITIONS = """
    (:network::text is null or p.network = :network)
    and (:product_name::text is null or fold_text(p.product_name) like :product_name)
    and p.purchase_id <= :bound
    and not exists (
        select from purchases n
        where n.account_id = $1 and n.order_key = p.order_key and n.network = p.network
          and n.purchase_id > p.purchase_id)
"""
# An order stands at the line that was stored last.
NEWEST = f"""
    with page as materialized (
        select {COLUMNS} from purchases p
        where p.account_id = $1 and p.ordered_at >= :start and p.ordered_at < :end
          and (p.ordered_at, p.purchase_id) < (:before_at::timestamptz, :before_id::bigint) and {CONDITIONS}
        order by p.ordered_at desc, p.purchase_id desc limit :limit
    )
    select p.purchase_id as position, {ORDER} from page p {SUMS}
    order by p.ordered_at desc, p.purchase_id desc
"""  # noqa: S608 - fixed parts
ORDERS = Sql(NEWEST)
# The same planned for its values: lines with a rare name are found by it, those with a frequent one by their time.
CHOSEN_ORDERS = Sql(Composed(NEWEST))
# Those with a key, and those of a fan.
NAMED = Sql(f"""
    with chosen as (
        select {COLUMNS} from purchases p where p.account_id = $1 and p.order_key = :text
        union
        select {COLUMNS} from purchases p where p.account_id = $1 and p.fan_id = (
            select fan_id from fan_identifiers
            where account_id = $1 and network = 'email' and identifier_value = :mail_key)
    ),
    page as materialized (
        select {COLUMNS} from chosen p
        where p.ordered_at >= :start and p.ordered_at < :end
          and (p.ordered_at, p.purchase_id) < (:before_at::timestamptz, :before_id::bigint) and {CONDITIONS}
        order by p.ordered_at desc, p.purchase_id desc limit :limit
    )
    select p.purchase_id as position, {ORDER} from page p {SUMS}
    order by p.ordered_at desc, p.purchase_id desc
""")  # noqa: S608 - fixed parts
PLACE = "select ordered_at from purchases where account_id = $1 and purchase_id = $2"
ONE = Sql(f"""
    with page as (
        select {COLUMNS} from purchases p where p.account_id = $1 and p.order_key = :order_key and p.network = :network
        order by p.purchase_id desc limit 1
    )
    select {ORDER} from page p {SUMS}
""")  # noqa: S608 - fixed parts
LINES = """
    select account_id, network, purchase_key, order_key, location_key, merchant_key, customer_key, fan_id,
           floor(extract(epoch from ordered_at))::bigint as order_timestamp,
           gross_sale_amount, net_sale_amount, deduction_amount, currency, quantity,
           product_key, product_name, product_category, email, phone, country_code, province, city,
           to_char(ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as order_timestamp_iso
    from purchases where account_id = $1 and order_key = $2 and network = $3
    order by purchase_id limit $4
"""
SALES = Heavy("""
    select p.network, p.product_key, p.currency, sum(p.quantity)::bigint as quantity,
           sum(p.net_sale_amount) as net_amount
    from unnest($2::text[], $3::text[]) as k (network, product_key)
    join purchases p on p.account_id = $1 and p.product_key = k.product_key and p.network = k.network
    where p.ordered_at >= $4 and p.ordered_at < $5
    group by p.network, p.product_key, p.currency order by p.currency
""")


def _days(account: Account, first: date | None, last: date | None) -> tuple[datetime, datetime]:
    zone = account.time_zone
    return (
        day_bounds(first, zone)[0] if first else FIRST,
        day_bounds(last, zone)[1] if last else LAST,
    )


async def orders(db: Db, account: Account, query: OrderQuery) -> ArrayPage[Order]:
    """Return a page of orders, the newest first."""
    cursor = start(query.cursor, "desc")
    before_at = await db.value(PLACE, account.id, cursor.position) if query.cursor else LAST
    first, last = _days(account, query.start_date, query.end_date)
    names = {
        "start": first, "end": last, "before_at": before_at or LAST, "before_id": cursor.position,
        "network": query.network, "product_name": like_pattern(query.product_name) if query.product_name else None,
        "bound": await settled(db, account.id), "limit": query.limit + 1,
    }  # fmt: skip
    statement = CHOSEN_ORDERS if query.product_name or query.network else ORDERS
    if query.text:
        statement = NAMED
        names |= {"text": query.text.strip(), "mail_key": _mail_key(query.text)}
    rows = await db.rows(statement, account.id, **names)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(Order), page.next_page)


def _mail_key(text: str) -> str | None:
    with suppress(ValueError):
        return mail_key(text)
    return None


async def order(db: Db, account_id: int, target: OneOrder) -> OrderLines:
    """Return an order with its lines; Unknown (404)."""
    row = await db.row(ONE, account_id, order_key=target.order_key, network=target.network)
    if row is None:
        raise Unknown(order=target.order_key)
    lines = await db.rows(LINES, account_id, target.order_key, target.network, MAX_LINES)
    return OrderLines(**row, lines=[Purchase(**line) for line in lines])


async def product_sales(db: Db, account: Account, query: ProductSalesQuery) -> ArrayPage[ProductEntry]:
    """Return a page of products with what was sold of each."""
    page = await products(db, account.id, query, network=None)
    entries = [ProductEntry(**msgspec.structs.asdict(each)) for each in page.data]
    await _add_sales(db, account, entries, query)
    return ArrayPage(entries, page.next_page)


async def _add_sales(db: Db, account: Account, entries: Sequence[ProductEntry], query: ProductSalesQuery) -> None:
    by_key = {(entry.network, entry.product_key): entry for entry in entries}
    networks, keys = [network for network, _ in by_key], [key for _, key in by_key]
    days = _days(account, query.start_date, query.end_date)
    for row in await db.rows(SALES, account.id, networks, keys, *days):
        entry = by_key[row["network"], row["product_key"]]
        entry.quantity += row["quantity"]
        entry.net_amounts = {**entry.net_amounts, row["currency"]: row["net_amount"]}
