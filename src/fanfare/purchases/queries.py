"""Reads purchases and products."""

from msgspec import UNSET

from fanfare.kernel.callers import Account
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.paging import ArrayPage, Page, part, start
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.folding import like_pattern
from fanfare.kernel.wire import window
from fanfare.purchases.schemas import ConnectedShop, Product, ProductQuery, Purchase, PurchaseMeta, PurchaseQuery

PAGE = 500

# What was paid by day, in each currency.
REVENUE = Heavy("""
    select (ordered_at at time zone $4)::date as day, currency as name, sum(net_sale_amount) as amount
    from purchases where account_id = $1 and ordered_at >= $2 and ordered_at < $3
    group by 1, 2
""")

PURCHASES = Sql("""
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
    page = [Purchase(**row) for row in rows[:PAGE]]
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
    return ArrayPage([Product(**row) for row in page.rows], page.next_page)


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
