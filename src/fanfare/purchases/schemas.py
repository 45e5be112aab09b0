"""Schemas of purchases and products."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.fans.contact import Contact, read_contact
from fanfare.kernel.data.paging import Cursor, CursorForm, Meta, NextCursor
from fanfare.kernel.folding import fold
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.running.http_client import MAX_URL_LENGTH, URL_FAULT, http_client
from fanfare.kernel.wire import (
    Bound,
    Currency,
    Day,
    Flag,
    Form,
    IntegerForm,
    LimitForm,
    Moment,
    Money,
    MoneyForm,
    NetworkName,
    OuterKey,
    Text,
    TextForm,
    future_faults,
    text_of,
)

Url = Annotated[str, TextForm(2000, r"https?://[^\s]+", "must be a URL that starts with http:// or https://")]
Quantity = Annotated[int, IntegerForm(-1_000_000, 1_000_000)]


class Purchase(msgspec.Struct):
    """A purchase line. order_timestamp is in unix seconds, its `_iso` twin GMT; amounts are in `currency`."""

    account_id: int
    network: str
    purchase_key: str
    order_key: str
    location_key: str | None
    merchant_key: str
    customer_key: str | None
    fan_id: int | None
    order_timestamp: int
    gross_sale_amount: Decimal
    net_sale_amount: Decimal
    deduction_amount: Decimal
    currency: str
    quantity: int
    product_key: str | None
    product_name: str | None
    product_category: str | None
    email: str | None
    phone: str | None
    country_code: str | None
    province: str | None
    city: str | None
    order_timestamp_iso: str


class PurchaseMeta(Meta):
    """The page size and the number of rows on this page; next_purchase_key is there only while more remain."""

    page_size: int
    count: int
    next_purchase_key: str | UnsetType = UNSET


class PurchaseQuery(Params):
    """Filters for purchases, in pages of 500."""

    network: Annotated[NetworkName, "Network the purchases came from."]
    start_date: Annotated[Bound, "Only purchases on or after this day (the account's) or moment."]
    end_date: Annotated[Bound, "Only purchases up to this day, included, or before this moment."]
    product_name: Annotated[Text | None, "Part of the product name."] = None
    merchant_key: Annotated[OuterKey | None, "Only this merchant."] = None
    location_key: Annotated[OuterKey | None, "Only this location."] = None
    next_purchase_key: Annotated[Annotated[str, TextForm(512)] | None, "Paging key from the previous answer."] = None


def read_customer(values: Mapping[str, Any], home_country: str | None) -> Contact:
    """Return the contact data of a customer; the parameter is `country`, not `country_code`."""
    read = read_contact({**values, "country_code": values.get("country")}, home_country)
    return read._replace(
        faults=[("country" if field == "country_code" else field, message) for field, message in read.faults]
    )


class NewPurchase(Params):
    """A purchase line to create or update."""

    purchase_key: Annotated[
        OuterKey, "Unique key of the purchase line; network, order key and line id joined by hyphens is advised."
    ]
    network: Annotated[NetworkName, "Network the purchase came from."]
    order_key: Annotated[OuterKey, "Order the line belongs to."]
    merchant_key: Annotated[OuterKey, "Merchant that made the sale."]
    order_timestamp: Annotated[Moment, "When the purchase happened, YYYY-MM-DD HH:MI:SS in GMT."]
    gross_sale_amount: Annotated[Money, "Gross amount of the line."]
    net_sale_amount: Annotated[Money, "Net amount of the line; lower after a partial refund."]
    deduction_amount: Annotated[Money | None, "Deductions; gross minus net when left out."] = None
    location_key: Annotated[OuterKey | None, "Place of the sale."] = None
    customer_key: Annotated[OuterKey | None, "Customer id of the purchase."] = None
    email: Annotated[Text | None, "Email of the customer."] = None
    phone: Annotated[Text | None, "Phone of the customer."] = None
    country: Annotated[Text | None, "Country code or country name of the customer."] = None
    province: Annotated[Text | None, "Province of the customer."] = None
    city: Annotated[Text | None, "City of the customer."] = None
    product_key: Annotated[OuterKey | None, "Product id."] = None
    product_name: Annotated[Text | None, "Readable product name."] = None
    product_category: Annotated[Text | None, "Category of the product."] = None
    quantity: Annotated[Quantity | None, "Quantity; 1 when left out."] = None
    currency: Annotated[Currency | None, "Currency of the amounts; the account's when left out."] = None
    first_name: Annotated[Text | None, "Given name of the customer."] = None
    last_name: Annotated[Text | None, "Family name of the customer."] = None

    example: ClassVar[Mapping[str, object]] = {
        "purchase_key": "shop-1001-1",
        "network": "shop",
        "order_key": "1001",
        "merchant_key": "northside",
        "order_timestamp": "2026-05-01T17:30:00Z",
        "gross_sale_amount": 49.9,
        "net_sale_amount": 44.91,
        "email": "ada@example.com",
        "product_name": "Home shirt",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject parts of an address without their country, and amounts whose difference is out of range."""
        gross, net = values.get("gross_sale_amount"), values.get("net_sale_amount")
        if values.get("deduction_amount") is None and gross and net and abs(gross - net) >= MoneyForm.maximum:
            yield "net_sale_amount", "differs too much from gross_sale_amount"
        if not values.get("country"):
            for name in ("province", "city"):
                if values.get(name):
                    yield name, "is only accepted together with country"

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Reject a future order, and addresses and numbers that are invalid in the account's country."""
        yield from future_faults(context.now, values, "order_timestamp")
        yield from read_customer(values, context.account.country_code).faults


class PurchaseSaved(msgspec.Struct):
    """The saved line and its fan; null while the fan is unknown."""

    purchase_key: str
    fan_id: int | None


class Product(msgspec.Struct):
    """A product of a shop. Timestamps are unix seconds, the price is in `currency`."""

    account_id: int
    network: str
    product_key: str
    product_name: str
    product_category: str | None
    product_url: str | None
    image_url: str | None
    price: Decimal | None
    currency: str | None
    is_active: bool
    creation_timestamp: int
    last_update_timestamp: int


class OrderQuery(Params):
    """Which orders, the newest first."""

    text: Annotated[Text | None, "An order key, or an email address of a fan."] = None
    network: Annotated[NetworkName | None, "Only this network."] = None
    product_name: Annotated[Text | None, "Only orders with this in the name of the product of their last line."] = None
    start_date: Annotated[Day | None, "Only orders on or after this day of the account."] = None
    end_date: Annotated[Day | None, "Only orders on or before this day."] = None
    limit: Annotated[Annotated[int, LimitForm(500)], "Maximum number of rows to return."] = 50
    cursor: NextCursor = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject an end before the start."""
        if values.get("start_date") and values.get("end_date") and values["end_date"] < values["start_date"]:
            yield "end_date", "must not be before start_date"


class Order(msgspec.Struct):
    """An order with the sums of its lines: amounts by currency, refunds subtracted. Time in unix seconds."""

    network: str
    order_key: str
    merchant_key: str
    order_timestamp: int
    fan_id: int | None
    line_count: int
    quantity: int
    product_names: list[str]
    net_amounts: dict[str, Decimal]


class OneOrder(Params):
    """An order by its key in a network."""

    network: Annotated[NetworkName, "Network the order came from."]
    order_key: Annotated[OuterKey, "Order."]


class OrderLines(Order, kw_only=True):
    """An order with its lines, at most 1000."""

    lines: list[Purchase] = []


class ProductSales(msgspec.Struct):
    """What was sold of a product in some days: pieces, and net amounts by currency."""

    quantity: int
    net_amounts: dict[str, Decimal]


class ProductEntry(Product, kw_only=True):
    """A product with what was sold of it."""

    quantity: int = 0
    net_amounts: dict[str, Decimal] = {}


class ProductQuery(Params):
    """Filters for products."""

    query: Annotated[Text | None, "Part of the product's name, category or key."] = None
    limit: Annotated[Annotated[int, LimitForm(250)], "Maximum number of rows to return."] = 250
    cursor: NextCursor = None


class ProductSalesQuery(ProductQuery, kw_only=True):
    """Which products, and the days of their sales."""

    start_date: Annotated[Day | None, "First day of the sales; all days when left out."] = None
    end_date: Annotated[Day | None, "Last day of the sales; today when left out."] = None


# Cursors of shops that can travel in a header and come back.
SHOP_CURSOR = re.compile(r"[A-Za-z0-9_=+/-]{1,500}")


class ShopCursorForm(CursorForm):
    """The cursor of an earlier response: ours, or one of the shop, which is passed on as it is."""

    prefix = "shop."

    def read(self, raw: object) -> Any:  # noqa: ANN401 - a cursor or a text
        """Return our cursor, or that of the shop as a text."""
        text = raw.removeprefix(self.prefix) if isinstance(raw, str) and raw.startswith(self.prefix) else ""
        return text if SHOP_CURSOR.fullmatch(text) else super().read(raw)

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return {"type": "string", "maxLength": 505, "examples": ["asc.1042"]}


class ShopProductQuery(Params):
    """Which products of the shop."""

    query: Annotated[Text | None, "Product text to look for; the beginnings of words."] = None
    limit: Annotated[Annotated[int, LimitForm(250)], "Maximum number of rows to return."] = 250
    cursor: Annotated[
        Annotated[Cursor | str | None, ShopCursorForm()], "Continue where an earlier response ended: its X-Next-Cursor."
    ] = None


class ShopUrlForm(Form):
    """The address of a shop: its domain, or its URL without a path."""

    def read(self, raw: object) -> str:
        """Return the URL, which the client of outgoing calls accepts."""
        text = text_of(raw).strip().rstrip("/")
        if len(text) > MAX_URL_LENGTH or not text.isascii():
            raise ValueError(URL_FAULT)
        url = text if "://" in text else f"https://{fold(text)}"
        if fault := http_client.url_fault(url):
            raise ValueError(fault)
        if "/" in url.partition("://")[2] or "?" in url:
            message = "must be the domain of the shop, such as harbour-city.myshopify.com"
            raise ValueError(message)
        return url

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return {"type": "string", "maxLength": MAX_URL_LENGTH, "examples": ["harbour-city.myshopify.com"]}


class NewShop(Params):
    """A Shopify shop to connect."""

    shop_url: Annotated[Annotated[str, ShopUrlForm()], "Domain of the shop at Shopify."]
    access_token: Annotated[
        Annotated[str, TextForm(500, r"[!-~]+", "must be an access token of the Admin API")],
        "Access token of the Admin API, with the scope read_products; stored encrypted.",
    ]

    example: ClassVar[Mapping[str, object]] = {
        "shop_url": "harbour-city.myshopify.com",
        "access_token": "shpat_0123456789abcdef0123456789abcdef",
    }


class Shop(msgspec.Struct, frozen=True):
    """A shop to be asked."""

    account_id: int
    shop_url: str
    access_token: str


class ShopName(msgspec.Struct, frozen=True):
    """What a shop that was asked calls itself."""

    name: str


class ConnectedShop(msgspec.Struct):
    """The connected Shopify shop, without its token. Timestamps are unix seconds."""

    account_id: int
    shop_url: str
    shop_name: str
    creation_timestamp: int
    last_update_timestamp: int


class ShopSaved(msgspec.Struct):
    """The shop that was connected."""

    shop_url: str
    shop_name: str


class NewProduct(Params):
    """A product to create or update."""

    network: Annotated[NetworkName, "Shop of the product, such as shopify."]
    product_key: Annotated[OuterKey, "Product id in the shop."]
    product_name: Annotated[Text, "Readable name."]
    product_category: Annotated[Text | None, "Category of the product."] = None
    product_url: Annotated[Url | None, "Page of the product."] = None
    image_url: Annotated[Url | None, "Picture address."] = None
    price: Annotated[Money | None, "Unit price."] = None
    currency: Annotated[Currency | None, "Currency of the price; the account's when left out."] = None
    is_active: Annotated[Flag | None, "Whether it is on sale; true by default."] = None

    example: ClassVar[Mapping[str, object]] = {
        "network": "shopify",
        "product_key": "8001",
        "product_name": "Home shirt",
        "price": 49.9,
    }


class ProductSaved(msgspec.Struct):
    """The product that was saved."""

    network: str
    product_key: str
