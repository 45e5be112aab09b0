"""Asks a Shopify shop for products: the GraphQL Admin API, with its cursors and its limit by the cost of queries.

What the shop says never reaches an answer or the log: an error of it may repeat what it was sent.
"""

import asyncio
import math
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
import structlog

from fanfare.kernel.errors import Conflict, Unavailable
from fanfare.kernel.folding import fold
from fanfare.kernel.running.http_client import CallError, HttpAnswer, HttpRequest, http_client
from fanfare.kernel.running.shares import Busy
from fanfare.kernel.wire import storage_fault
from fanfare.purchases.schemas import SHOP_CURSOR, Shop

log = structlog.get_logger()
# Shopify keeps a version for a year, and then answers with the oldest one that it keeps.
PATH = "/admin/api/2026-10/graphql.json"
PAGE = 50
# Of one call: more than its rows need, and an end where a shop sends pages without rows.
MAX_PAGES = 10
SECONDS = 8.0
MAX_NAME = 255
# How long a call waits in all until the shop has points again, and how long when it does not say when that is.
MAX_WAIT, WAIT = 5.0, 1.0
# What a shop says beyond that, or not as a number.
LONGEST_WAIT = 86_400.0
REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
THROTTLED, ACCESS_DENIED = "THROTTLED", "ACCESS_DENIED"
SHOP = "query { shop { name } }"
PRODUCTS = """
query ($first: Int!, $after: String, $query: String) {
  products(first: $first, after: $after, query: $query, sortKey: TITLE) {
    nodes {
      legacyResourceId title productType status onlineStoreUrl createdAt updatedAt
      featuredMedia { preview { image { url } } }
      priceRangeV2 { minVariantPrice { amount currencyCode } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""


class ShopRefused(Conflict):
    """The Shopify shop refuses the access token; connect it again"""


class ShopUnavailable(Unavailable):
    """The Shopify shop does not respond, or not as it should; try again shortly"""


class Throttled(Exception):  # noqa: N818 - the shop asks for a pause
    """The query costs more points than the shop has at present."""

    def __init__(self, seconds: float) -> None:
        """`seconds` is when it has enough."""
        self.seconds = seconds
        super().__init__(seconds)


class Price(msgspec.Struct):
    """An amount."""

    amount: Decimal
    currency_code: str = msgspec.field(name="currencyCode")


class PriceRange(msgspec.Struct, rename="camel"):
    """The prices of a product's variants."""

    min_variant_price: Price


class Image(msgspec.Struct):
    """A picture."""

    url: str


class Preview(msgspec.Struct):
    """What shows a medium."""

    image: Image | None = None


class Media(msgspec.Struct):
    """The first picture or film of a product."""

    preview: Preview | None = None


# A moment without a zone is none.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class ShopProduct(msgspec.Struct, rename="camel"):
    """A product as the shop returns it."""

    legacy_resource_id: str
    title: str
    status: str
    created_at: Moment
    updated_at: Moment
    product_type: str | None = None
    online_store_url: str | None = None
    featured_media: Media | None = None
    price_range: PriceRange | None = msgspec.field(name="priceRangeV2", default=None)

    @property
    def image_url(self) -> str | None:
        """The address of the picture."""
        preview = self.featured_media.preview if self.featured_media else None
        return preview.image.url if preview and preview.image else None


class PageInfo(msgspec.Struct, rename="camel"):
    """Whether the list goes on, and where."""

    has_next_page: bool
    end_cursor: str | None = None


class Products(msgspec.Struct, rename="camel"):
    """A page of products."""

    nodes: list[ShopProduct]
    page_info: PageInfo


class ThrottleStatus(msgspec.Struct, rename="camel"):
    """The points that the shop has for the app, and how many it gets back in a second."""

    currently_available: float
    restore_rate: float


class Cost(msgspec.Struct, rename="camel"):
    """The cost of a query in points."""

    requested_query_cost: float
    throttle_status: ThrottleStatus


async def shop_name(shop: Shop) -> str:
    """Return the name of a shop; ShopRefused (409), ShopUnavailable (503)."""
    data = (await _ask_patiently(shop, SHOP, {}, MAX_WAIT)).get("shop")
    name = data.get("name") if isinstance(data, dict) else None
    if not isinstance(name, str) or storage_fault(name):
        raise _unavailable(shop, "no name")
    return name[:MAX_NAME]


async def products(shop: Shop, text: str | None, cursor: str | None, limit: int) -> tuple[list[ShopProduct], PageInfo]:
    """Return up to `limit` products after a cursor, by title, and how the list goes on.

    The first page waits for points; later ones do not: what was read is returned, with its cursor.
    """
    rows: list[ShopProduct] = []
    info = PageInfo(has_next_page=True, end_cursor=cursor)
    for _ in range(MAX_PAGES):
        if not info.has_next_page or len(rows) >= limit:
            break
        variables = {"first": min(PAGE, limit - len(rows)), "after": info.end_cursor, "query": search_text(text)}
        try:
            data = await _ask_patiently(shop, PRODUCTS, variables, 0 if rows else MAX_WAIT)
        except ShopUnavailable:
            if rows:
                break
            raise
        page = _page(shop, data.get("products"))
        rows += page.nodes
        following = page.page_info.end_cursor or ""
        if page.page_info.has_next_page and (following == info.end_cursor or not SHOP_CURSOR.fullmatch(following)):
            raise _unavailable(shop, "a cursor that leads nowhere")
        info = page.page_info
    return rows[:limit], info


def search_text(text: str | None) -> str | None:
    """Return a text in the shop's search syntax: each word as the beginning of a word, and none as an operator."""
    words = [re.sub(r"[*\"]", "", word).lstrip("-'") for word in fold(text or "").split()]
    return " ".join(re.sub(r"([\\:()])", r"\\\1", word) + "*" for word in words if word) or None


async def _ask_patiently(shop: Shop, query: str, variables: Mapping[str, object], patience: float) -> dict[str, Any]:
    """Return the data of a query, after waiting for points up to `patience` seconds; else ShopUnavailable (503)."""
    while True:
        try:
            return await _ask(shop, query, variables)
        except Throttled as pause:
            if pause.seconds > patience:
                log.info("shopify shop throttled", account_id=shop.account_id)
                raise ShopUnavailable(retry_after=max(1, round(pause.seconds + 0.5))) from None
            patience -= max(pause.seconds, WAIT / 4)
            await asyncio.sleep(pause.seconds)


async def _ask(shop: Shop, query: str, variables: Mapping[str, object]) -> dict[str, Any]:
    headers = {"X-Shopify-Access-Token": shop.access_token, "Content-Type": "application/json"}
    content = msgspec.json.encode({"query": query, "variables": variables})
    request = HttpRequest("POST", f"{shop.shop_url}{PATH}", headers, content, SECONDS, max_bytes=1024 * 1024)
    try:
        answer = await http_client.send(request, shop.account_id)
    except (CallError, Busy) as error:
        raise _unavailable(shop, type(error).__name__) from None
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Throttled(_retry_after(answer))
    if answer.status in REFUSALS:
        raise ShopRefused
    if answer.status != HTTPStatus.OK:
        raise _unavailable(shop, f"HTTP {answer.status}")
    return _data(shop, answer.body)


def _data(shop: Shop, body: bytes) -> dict[str, Any]:
    try:
        result = msgspec.json.decode(body, type=dict[str, Any])
        codes = {(error.get("extensions") or {}).get("code") for error in result.get("errors") or ()}
    except (msgspec.DecodeError, RecursionError, AttributeError, TypeError):
        raise _unavailable(shop, "not an answer of GraphQL") from None
    if THROTTLED in codes:
        raise Throttled(_seconds(result))
    if ACCESS_DENIED in codes:
        raise ShopRefused
    data = result.get("data")
    if codes or not isinstance(data, dict):
        raise _unavailable(shop, "errors")
    return data


def _seconds(result: Mapping[str, Any]) -> float:
    """Return when the shop has the points that a query costs."""
    try:
        cost = msgspec.convert((result.get("extensions") or {}).get("cost"), Cost)
    except (msgspec.ValidationError, AttributeError):
        return WAIT
    status = cost.throttle_status
    missing = cost.requested_query_cost - status.currently_available
    return min(max(missing / status.restore_rate, 0), LONGEST_WAIT) if status.restore_rate > 0 else LONGEST_WAIT


def _retry_after(answer: HttpAnswer) -> float:
    try:
        seconds = float(answer.headers.get("retry-after", WAIT))
    except ValueError:
        return WAIT
    return min(max(seconds, 0), LONGEST_WAIT) if math.isfinite(seconds) else LONGEST_WAIT


def _page(shop: Shop, raw: object) -> Products:
    try:
        return msgspec.convert(raw, Products)
    except msgspec.ValidationError:
        raise _unavailable(shop, "not a list of products") from None


def _unavailable(shop: Shop, reason: str) -> ShopUnavailable:
    """Return the refusal, after a line in the log for the operator."""
    log.warning("shopify shop unavailable", account_id=shop.account_id, reason=reason)
    return ShopUnavailable(retry_after=5)
