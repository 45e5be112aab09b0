"""HTTP endpoints of purchases and products."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, Page
from fanfare.kernel.folding import fold
from fanfare.kernel.web.endpoint import endpoint
from fanfare.purchases import actions, queries
from fanfare.purchases.schemas import (
    ConnectedShop,
    NewProduct,
    NewPurchase,
    NewShop,
    OneOrder,
    Order,
    OrderLines,
    OrderQuery,
    Product,
    ProductEntry,
    ProductQuery,
    ProductSalesQuery,
    ProductSaved,
    Purchase,
    PurchaseMeta,
    PurchaseQuery,
    PurchaseSaved,
    ShopName,
    ShopProductQuery,
    ShopSaved,
)


@endpoint.post("/api/v1/crm/purchases", scope="crm", key=SECRET)
async def crm_purchases_upsert(db: Db, account: Account, new: NewPurchase, now: datetime) -> PurchaseSaved:
    """Create or update one purchase line, identified by purchase_key in its network, and link it to a fan.

    The fan is found or created by email address or phone, or found by customer_key in the network. A line of an unknown
    customer is linked as soon as a fan gets that key.
    """
    return PurchaseSaved(new.purchase_key, await actions.upsert_purchase(db, account, new, now))


@endpoint.get("/api/v1/crm/purchases", scope="crm", key=SECRET)
async def crm_purchases_search(db: Db, account: Account, query: PurchaseQuery) -> Page[PurchaseMeta, Purchase]:
    """Page through the purchases of a network inside a date range, 500 a page.

    meta.next_purchase_key is present while more rows remain: send it back for the next page.
    """
    return await queries.purchases(db, account, query)


@endpoint.get("/api/v1/manage/orders", scope="manage", key=SECRET)
async def manage_orders_list(db: Db, account: Account, query: OrderQuery) -> ArrayPage[Order]:
    """List the orders of all networks, the newest first, each with the sums of its lines.

    Send the header X-Next-Cursor back as `cursor` to continue.
    """
    return await queries.orders(db, account, query)


@endpoint.get("/api/v1/manage/orders/{order_key}", scope="manage", key=SECRET)
async def manage_orders_get(db: Db, account: Account, target: OneOrder) -> OrderLines:
    """Return an order of a network with its lines."""
    return await queries.order(db, account.id, target)


@endpoint.get("/api/v1/manage/product_sales", scope="manage", key=SECRET)
async def manage_product_sales_list(db: Db, account: Account, query: ProductSalesQuery) -> ArrayPage[ProductEntry]:
    """List products as `GET /api/v1/manage/products` does, each with what was sold of it in some days."""
    return await queries.product_sales(db, account, query)


@endpoint.get("/api/v1/shopify/products", scope="misc", key=SECRET, has_conflict=True)
async def shopify_products_search(db: Db, account: Account, query: ShopProductQuery) -> ArrayPage[Product]:
    """Search the products of the connected Shopify shop; at most 250, by name.

    The shop is asked each time. It limits how much it is asked: then there are fewer products with a cursor, or 503
    with Retry-After. 409 if the shop refuses the token. Without a connected shop, stored products are searched.
    """
    return await actions.shop_products(db, account.id, query)


@endpoint.get("/api/v1/manage/shopify_shop", scope="manage", key=SECRET)
async def manage_shopify_shop_get(db: Db, account: Account) -> ConnectedShop:
    """Return the connected Shopify shop, without its token; 404 if there is none."""
    return await queries.connected_shop(db, account.id)


@endpoint.post("/api/v1/manage/shopify_shop", scope="manage", key=SECRET, prepare=actions.ask_shop)
async def manage_shopify_shop_save(db: Db, account: Account, new: NewShop, now: datetime, name: ShopName) -> ShopSaved:
    """Connect a Shopify shop, in place of an earlier one. It is asked once; 422 if it refuses or does not answer."""
    return await actions.connect_shop(db, account.id, new, name, now)


@endpoint.delete("/api/v1/manage/shopify_shop", scope="manage", key=SECRET)
async def manage_shopify_shop_delete(db: Db, account: Account, now: datetime) -> bool:
    """Disconnect the Shopify shop: its token is deleted."""
    await actions.disconnect_shop(db, account.id, now)
    return True


@endpoint.get("/api/v1/manage/products", scope="manage", key=SECRET)
async def manage_products_list(db: Db, account: Account, query: ProductQuery) -> ArrayPage[Product]:
    """Search the products of all shops; at most 250, by name."""
    return await queries.products(db, account.id, query, network=None)


@endpoint.post("/api/v1/manage/products", scope="manage", key=SECRET)
async def manage_products_save(db: Db, account: Account, new: NewProduct, now: datetime) -> ProductSaved:
    """Create a product, or update the one with that key in its shop."""
    await actions.save_product(db, account, new, now)
    return ProductSaved(fold(new.network), new.product_key)
