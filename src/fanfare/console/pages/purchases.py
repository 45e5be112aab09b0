"""Purchases: orders with their lines and fan, and products with what was sold of each."""

from datetime import date, datetime, timedelta

import msgspec

from fanfare.console.schemas.purchases import ProductsPage
from fanfare.console.shell.access import manage
from fanfare.console.shell.links import further_path, path_of
from fanfare.fans.queries.fans import fans_by_ids
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import View
from fanfare.kernel.wire.times import day_of
from fanfare.purchases.queries import order, orders, product_sales, products
from fanfare.purchases.schemas import OneOrder, OrderQuery, ProductEntry, ProductQuery, ProductSalesQuery
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/purchases"
ROWS = 50
RANGES = ("31", "90", "365", "all")


@manage.get("/purchases", area="purchases", is_account_wide=True)
async def purchase_list(db: Db, member: Member, query: OrderQuery) -> View:
    """Show the orders, the newest first. Purchases belong to the whole account."""
    mask = member.mask("purchases")
    # Whoever sees no addresses looks for none: what is found would tell whose it is.
    query = msgspec.structs.replace(query, limit=ROWS, text=None if mask.is_on else query.text)
    page = await orders(db, member.account, query)
    keys = {
        "text": query.text, "network": query.network, "product_name": query.product_name,
        "start_date": query.start_date, "end_date": query.end_date,
    }  # fmt: skip
    fan_ids = sorted({each.fan_id for each in page.data if each.fan_id})
    values = {
        "orders": page.data,
        "fans": {fan.fan_id: fan for fan in await fans_by_ids(db, member.account.id, fan_ids)},
        "mask": mask,
        "query": query,
        "is_filtered": any(keys.values()),
        "further": further_path(member, "/purchases", page.next_page, **keys),
    }
    return View(f"{TEMPLATES}/orders.html", values)


@manage.get("/purchases/order", area="purchases", is_account_wide=True)
async def purchase_order(db: Db, member: Member, query: OneOrder) -> View:
    """Show an order with its lines and its fan."""
    one_order = await order(db, member.account.id, query)
    fan_ids = [one_order.fan_id] if one_order.fan_id else []
    values = {
        "order": one_order,
        "fans": {fan.fan_id: fan for fan in await fans_by_ids(db, member.account.id, fan_ids)},
        "mask": member.mask("purchases"),
    }
    return View(f"{TEMPLATES}/order.html", values)


@manage.get("/products", area="purchases", is_account_wide=True)
async def product_list(db: Db, member: Member, query: ProductsPage) -> View:
    """Show the products; what was sold of each comes after the page."""
    choice = ProductQuery(query=query.text, cursor=query.cursor, limit=ROWS)
    page = await products(db, member.account.id, choice, network=None)
    keys = {"text": query.text, "days": query.days}
    values = {
        "products": [ProductEntry(**msgspec.structs.asdict(each)) for each in page.data],
        **_values(member, query, has_figures=False),
        "further": path_of(member, "/products", **keys, cursor=page.next_page.cursor)
        if page.next_page.has_more
        else "",
    }
    return View(f"{TEMPLATES}/products.html", values)


@manage.get("/products/figures", area="purchases", is_account_wide=True)
async def product_figures(db: Db, member: Member, query: ProductsPage, now: datetime) -> View:
    """Show the products with what was sold of each."""
    choice = ProductSalesQuery(
        query=query.text, cursor=query.cursor, limit=ROWS, start_date=_first_day(member, query, now)
    )
    page = await product_sales(db, member.account, choice)
    keys = {"text": query.text, "days": query.days}
    values = {
        "products": page.data,
        **_values(member, query, has_figures=True),
        "further": path_of(member, "/products", **keys, cursor=page.next_page.cursor)
        if page.next_page.has_more
        else "",
    }
    return View(f"{TEMPLATES}/products.html", values)


def _first_day(member: Member, query: ProductsPage, now: datetime) -> date | None:
    """Return the first day of the range; None for all days."""
    if query.days == "all":
        return None
    return day_of(now, member.account.time_zone) - timedelta(days=int(query.days) - 1)


def _values(member: Member, query: ProductsPage, *, has_figures: bool) -> dict[str, object]:
    keys = {"text": query.text, "days": query.days}
    return {
        "query": query,
        "has_figures": has_figures,
        "ranges": [(count, path_of(member, "/products", text=query.text, days=count)) for count in RANGES],
        "figures_path": path_of(member, "/products/figures", **keys, cursor=query.cursor),
    }
