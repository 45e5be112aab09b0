"""Writes purchases and products, and links purchases to fans, also when the fan becomes known later."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fanfare.fans.actions.claims import CLAIM_KEYS
from fanfare.fans.actions.people import Person, details, find_or_create
from fanfare.fans.contact import identifies_people, identifies_people_sql, is_unambiguous_sql
from fanfare.fans.topics import FAN_IDENTIFIED
from fanfare.kernel.callers import Account, Caller
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, Cursor, NextPage
from fanfare.kernel.data.sql import Arrays, Sql
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import present_fields
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.kernel.wire import check_past, unix
from fanfare.purchases import gateways, queries
from fanfare.purchases.actions.lines import SAVE_LIGHT, record_of, save_lines
from fanfare.purchases.schemas import (
    NewProduct,
    NewPurchase,
    NewShop,
    Product,
    ProductQuery,
    Shop,
    ShopCursorForm,
    ShopName,
    ShopProductQuery,
    ShopSaved,
    read_customer,
)
from fanfare.purchases.topics import (
    PURCHASE_MATCHED,
    SHOPIFY_SHOP_DELETED,
    SHOPIFY_SHOP_UPDATED,
)

SOURCE = "purchase"
SHOPIFY = "shopify"
TOKEN_PURPOSE = "access token of a shop"  # noqa: S105 - a purpose


async def upsert_purchase(db: Db, account: Account, new: NewPurchase, now: datetime) -> int | None:
    """Insert or update a line by its key; return its fan_id, or None if the fan is unknown.

    A fan found or created by email address or phone number also gets the customer_key, which then identifies the fan of
    later lines and of earlier ones without a fan.
    """
    profile = customer_of(account, new, now)
    has_customer_key = bool(new.customer_key) and identifies_people(new.network)
    has_contact = bool(profile.mail or profile.phone)
    fan_id: int | None
    if has_contact:
        record = record_of(account, new, profile, None)
        named = {"record": record, "claim_key": new.customer_key if has_customer_key else None, "now": now}
        if row := await SAVE_LIGHT.row(db, account.id, profile, named):
            fan_id = row["fan_id"]
            return fan_id
    async with db.transaction() as tx:
        if has_contact:
            (fan_id,) = await find_or_create(tx, account.id, [profile], now, source=SOURCE)
        else:
            fan_id = await _customer_fan(tx, account.id, new) if has_customer_key else None
        if fan_id and has_customer_key:
            key = {"network": new.network, "customer_key": new.customer_key, "fan_id": fan_id, "place": 0}
            await claim_customers(tx, account.id, [key], now)
        (saved,) = await save_lines(tx, account.id, [record_of(account, new, profile, fan_id)], now)
        if fan_id and has_customer_key:
            await match_purchases(tx, account.id, now, network=new.network, customer_keys=[new.customer_key or ""])
    return saved.fan_id


def customer_of(account: Account, new: NewPurchase, now: datetime) -> Person:
    """Return the buyer of a line, who may be nameless; BadParameters (422) names every invalid field."""
    check_past(now, order_timestamp=new.order_timestamp)
    names = {"first_name": new.first_name, "last_name": new.last_name}
    return details(read_customer(present_fields(new), account.country_code), **names)


async def _customer_fan(db: Db, account_id: int, new: NewPurchase) -> int | None:
    """Return the fan_id of the customer_key's owner, or None.

    The fan is locked, so that a concurrent merge or erasure waits and then finds this purchase too.
    """
    fan_id: int | None = await db.value(
        f"""
        select f.fan_id from fan_identifiers i join fans f on f.account_id = $1 and f.fan_id = i.fan_id
        where i.account_id = $1 and i.network = fold_text($2) and i.identifier_value = $3
          and {is_unambiguous_sql("i")}
        for key share of f
        """,  # noqa: S608 - fixed parts
        account_id,
        new.network,
        new.customer_key,
    )
    return fan_id


KEYS = Arrays("key", {"network": "text", "customer_key": "text", "fan_id": "bigint", "place": "integer"})
CLAIM = Sql(f"""
    with {HOLD},
    keys as materialized (
        select fold_text(g.network) as network, g.customer_key as identifier_value, g.fan_id, g.place
        from {KEYS.unnest("g")}
    ),
    {CLAIM_KEYS}
    {announce(FAN_IDENTIFIED, "new_owners", at=":now")}
""")  # noqa: S608 - fixed parts


async def claim_customers(db: Db, account_id: int, keys: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Make fans the owners of customer_keys, or let them share those with an owner; `keys` are rows of KEYS."""
    await db.execute(CLAIM, account_id, **KEYS.arguments(keys), now=now)


MATCH_PURCHASES = f"""
    with {HOLD},
    owners as materialized (
        select p.network, p.purchase_key, f.fan_id
        from purchases p
        join fan_identifiers i
          on i.account_id = $1 and i.network = fold_text(p.network) and i.identifier_value = p.customer_key
        join fans f on f.account_id = $1 and f.fan_id = i.fan_id
        where p.account_id = $1 and p.fan_id is null and ($3::text is null or p.network = $3)
          and ($4::text[] is null or p.customer_key = any($4))
          and {identifies_people_sql("p.network")} and {is_unambiguous_sql("i")}
        order by f.fan_id
        for key share of f
    ),
    linked as (
        update purchases p set fan_id = owners.fan_id, updated_at = $2
        from owners
        where p.account_id = $1 and p.network = owners.network and p.purchase_key = owners.purchase_key
          and p.fan_id is null
        returning p.network, p.purchase_key, p.fan_id
    ),
    announced as (
        {announce(PURCHASE_MATCHED, "linked", subject="network || ':' || purchase_key", at="$2")}
    )
    select count(*) from linked
"""  # noqa: S608 - fixed parts


async def match_purchases(
    db: Db, account_id: int, now: datetime, *, network: str | None = None, customer_keys: Sequence[str] | None = None
) -> int:
    """Link purchases without a fan to the owner of their customer_key; return the number linked.

    With `customer_keys` only those of these keys are looked at.
    """
    keys = None if customer_keys is None else list(customer_keys)
    linked: int = await db.value(MATCH_PURCHASES, account_id, now, network, keys)
    return linked


SAVE_PRODUCT = Sql(f"""
    with {HOLD}
    insert into products (account_id, product_id, network, product_key, product_name, product_category,
                          product_url, image_url, price, currency, is_active, created_at, updated_at)
    select $1, nextval('positions'), fold_text(:network), :product_key, :product_name, :product_category, :product_url,
           :image_url, :price, :currency, :is_active, :now, :now from hold
    on conflict (account_id, network, product_key) do update
    set product_name = excluded.product_name, product_category = excluded.product_category,
        product_url = excluded.product_url, image_url = excluded.image_url, price = excluded.price,
        currency = excluded.currency, is_active = excluded.is_active, updated_at = excluded.updated_at
""")  # noqa: S608 - fixed parts


async def save_product(db: Db, account: Account, new: NewProduct, now: datetime) -> None:
    """Insert or update a product by its key."""
    await db.execute(
        SAVE_PRODUCT,
        account.id,
        network=new.network,
        product_key=new.product_key,
        product_name=new.product_name,
        product_category=new.product_category,
        product_url=new.product_url,
        image_url=new.image_url,
        price=new.price,
        currency=new.currency or account.currency,
        is_active=new.is_active is not False,
        now=now,
    )


SAVE_SHOP = f"""
    with {HOLD},
    saved as (
        insert into shopify_shops (account_id, shop_url, shop_name, sealed_token, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $5)
        on conflict (account_id) do update
        set shop_url = excluded.shop_url, shop_name = excluded.shop_name, sealed_token = excluded.sealed_token,
            updated_at = excluded.updated_at
        returning account_id
    )
    {announce(SHOPIFY_SHOP_UPDATED, "saved", at="$5")}
"""  # noqa: S608 - fixed parts
DELETE_SHOP = announced_deletion(
    SHOPIFY_SHOP_DELETED, "delete from shopify_shops where account_id = $1", returning="account_id", at="$2"
)


async def ask_shop(_: Db, account: Account, __: Caller, new: NewShop, ___: datetime) -> ShopName:
    """Ask the shop to be connected for its name; BadParameters (422) if it refuses or does not answer."""
    try:
        return ShopName(await gateways.shop_name(Shop(account.id, new.shop_url, new.access_token)))
    except gateways.ShopRefused:
        raise BadParameters([("access_token", "is refused by the shop")]) from None
    except gateways.ShopUnavailable:
        raise BadParameters([("shop_url", "does not answer as a shop; try again if it is right")]) from None


async def connect_shop(db: Db, account_id: int, new: NewShop, name: ShopName, now: datetime) -> ShopSaved:
    """Store the shop of the account, in place of an earlier one, with its token sealed."""
    token = secret_keys.seal(TOKEN_PURPOSE, new.access_token.encode())
    await db.execute(SAVE_SHOP, account_id, new.shop_url, name.name, token, now)
    return ShopSaved(new.shop_url, name.name)


async def disconnect_shop(db: Db, account_id: int, now: datetime) -> None:
    """Forget the shop with its token; NoShop (404) without one."""
    if await db.value(DELETE_SHOP, account_id, now) is None:
        raise queries.NoShop


async def shop_products(db: Db, account_id: int, query: ShopProductQuery) -> ArrayPage[Product]:
    """Ask the connected shop for products; without one return those that were stored.

    ShopRefused (409) if the shop refuses the token, ShopUnavailable (503).
    """
    shop = await queries.sealed_shop(db, account_id)
    if shop is None:
        if isinstance(query.cursor, str):
            raise BadParameters([("cursor", "is of a shop that is no longer connected")])
        stored_query = ProductQuery(query=query.query, limit=query.limit, cursor=query.cursor)
        return await queries.products(db, account_id, stored_query, network=SHOPIFY)
    if isinstance(query.cursor, Cursor):
        raise BadParameters([("cursor", "must be the cursor of an earlier response of the shop")])
    url, sealed = shop
    try:
        token = secret_keys.unseal(TOKEN_PURPOSE, sealed).decode()
    except NotSealed:
        raise gateways.ShopRefused from None
    rows, info = await gateways.products(Shop(account_id, url, token), query.query, query.cursor, query.limit)
    cursor = f"{ShopCursorForm.prefix}{info.end_cursor}" if info.has_next_page else None
    return ArrayPage([_shop_product(account_id, row) for row in rows], NextPage("cursor", cursor, info.has_next_page))


def _shop_product(account_id: int, row: gateways.ShopProduct) -> Product:
    price = row.price_range.min_variant_price if row.price_range else None
    return Product(
        account_id=account_id,
        network=SHOPIFY,
        product_key=row.legacy_resource_id,
        product_name=row.title,
        product_category=row.product_type or None,
        product_url=row.online_store_url,
        image_url=row.image_url,
        price=price.amount if price and price.amount.is_finite() else None,
        currency=price.currency_code if price else None,
        is_active=row.status == "ACTIVE",
        creation_timestamp=unix(row.created_at),
        last_update_timestamp=unix(row.updated_at),
    )


async def seal_again(db: Db, account_id: int) -> None:
    """Seal the token of the shop with the present secret key, before the one it was sealed with ends."""
    shop = await queries.sealed_shop(db, account_id)
    if shop is None:
        return
    try:
        token = secret_keys.unseal(TOKEN_PURPOSE, shop[1])
    except NotSealed:
        return
    await db.execute(
        "update shopify_shops set sealed_token = $3 where account_id = $1 and sealed_token = $2",
        account_id,
        shop[1],
        secret_keys.seal(TOKEN_PURPOSE, token),
    )
