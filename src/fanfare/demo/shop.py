"""The demo's shop and its stands on match days: products, orders and refunds."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from fanfare.demo.book import Book, Fan
from fanfare.demo.people import DemoPerson
from fanfare.demo.programme import BUSINESSES, CLUB, FESTIVAL, LABEL, WOMEN, YEARS
from fanfare.demo.shares import Shares
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.purchases.actions.purchases import save_product
from fanfare.purchases.schemas import NewProduct
from fanfare.purchases.topics import PURCHASE_CREATED, PURCHASE_UPDATED

TABLES = {
    "purchases": """account_id network purchase_key purchase_id fan_id ordered_at created_at updated_at
        gross_sale_amount net_sale_amount deduction_amount currency quantity order_key merchant_key location_key
        customer_key product_key product_name product_category email phone country_code province city""",
}
COLUMNS = TABLES["purchases"].split()
UPDATED, GROSS, NET, DEDUCTED = (
    COLUMNS.index(name) for name in ("updated_at", "gross_sale_amount", "net_sale_amount", "deduction_amount")
)
ONLINE, STAND = "shopify", "atvenu"
STANDS = ("North stand", "South stand", "Ferry gate")
DAY = 86_400.0


class Product(NamedTuple):
    """A product of a business; the price is in dollars, `share` its weight in orders."""

    name: str
    category: str
    business: int
    price: int
    share: float


PRODUCTS = (
    Product("Home shirt", "Shirts", CLUB, 109, 20),
    Product("Away shirt", "Shirts", CLUB, 109, 9),
    Product("Kids' home shirt", "Shirts", CLUB, 84, 9),
    Product("Women's team home shirt", "Shirts", WOMEN, 109, 8),
    Product("Tidal blue scarf", "Accessories", CLUB, 32, 18),
    Product("Cap", "Accessories", CLUB, 36, 8),
    Product("Enamel pin set", "Accessories", WOMEN, 14, 5),
    Product("Hooded top", "Clothing", CLUB, 89, 6),
    Product("Mug", "Home", CLUB, 18, 5),
    Product("Tideline shirt", "Clothing", FESTIVAL, 42, 8),
    Product("Tideline poster", "Home", FESTIVAL, 25, 4),
    Product("Tote bag", "Accessories", FESTIVAL, 22, 4),
    Product("Low Water EP, vinyl", "Records", LABEL, 34, 4),
    Product("Salt Lane sampler, vinyl", "Records", LABEL, 38, 3),
)
BASKET = Shares((product.share, number) for number, product in enumerate(PRODUCTS))
BUYER_RATE, STAND_RATE, DISCOUNT_RATE, RETURN_RATE = 0.17, 0.25, 0.2, 0.07


class Bought(NamedTuple):
    """A line of an order: where, which product, how many, and the discount as a share."""

    network: str
    order: str
    line: int
    product: int
    quantity: int
    discount: float


class Refunded(NamedTuple):
    """A refund of a share of the price of a line."""

    network: str
    purchase_key: str
    share: float


async def make_products(db: Db, account: Account, now: datetime) -> None:
    """Create the products."""
    for number, product in enumerate(PRODUCTS):
        slug = BUSINESSES[product.business].slug
        new = NewProduct(
            network=ONLINE,
            product_key=f"P{number + 1:03}",
            product_name=product.name,
            product_category=product.category,
            product_url=f"https://{slug}.example.com/shop/{number + 1}",
            image_url=f"https://{slug}.example.com/shop/{number + 1}.jpg",
            price=Decimal(product.price),
        )
        await save_product(db, account, new, now - YEARS + timedelta(days=number))


def orders(
    chance: Random, number: int, person: DemoPerson, arrived_at: float, now: float
) -> Iterator[tuple[float, Bought | Refunded]]:
    """Yield the purchases and refunds of a fan with their times."""
    if not person.email or chance.random() >= BUYER_RATE:
        return
    for turn in range(min(9, 1 + int(chance.expovariate(0.9)))):
        moment = chance.uniform(arrived_at, now)
        network = STAND if chance.random() < STAND_RATE else ONLINE
        order = f"{number + 1}-{turn + 1}"
        discount = 0.1 if chance.random() < DISCOUNT_RATE else 0.0
        for line in range(1 if chance.random() < 0.7 else 2):  # noqa: PLR2004 - most orders have one line
            yield moment, Bought(network, order, line + 1, BASKET.pick(chance), chance.choice((1, 1, 1, 2)), discount)
            if network == ONLINE and chance.random() < RETURN_RATE:
                refund = Refunded(network, purchase_key(network, order, line + 1), chance.choice((0.5, 1.0, 1.0)))
                yield min(now, moment + chance.uniform(2, 20) * DAY), refund


def purchase_key(network: str, order: str, line: int) -> str:
    """Return the key of a line, in the recommended format."""
    return f"{network}-{order}-{line}"


class Till:
    """Writes purchases."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.places: dict[str, int] = {}
        self.handlers: dict[type, Callable[[Fan, Any, str], None]] = {Bought: self._bought, Refunded: self._refunded}

    def _bought(self, fan: Fan, bought: Bought, stamp: str) -> None:
        product, person = PRODUCTS[bought.product], fan.person
        key = purchase_key(bought.network, bought.order, bought.line)
        gross = Decimal(product.price * bought.quantity)
        net = gross - gross * int(bought.discount * 100) / 100
        position = self.book.announce(PURCHASE_CREATED, f"{bought.network}:{key}", fan.fan_id, stamp)
        rows = self.book.tables["purchases"]
        self.places[key] = len(rows)
        location = None if bought.network == ONLINE else STANDS[bought.product % len(STANDS)]
        rows.append((
            self.book.ids.account_id, bought.network, key, position, fan.fan_id, stamp, stamp, stamp,
            gross, net, gross - net,
            "CAD", bought.quantity, bought.order, BUSINESSES[product.business].slug, location,
            person.identities.get("shop"), f"P{bought.product + 1:03}", product.name, product.category, person.email,
            person.phone, person.town.country_code, person.town.province, person.town.name,
        ))  # fmt: skip

    def _refunded(self, fan: Fan, refund: Refunded, stamp: str) -> None:
        rows, place = self.book.tables["purchases"], self.places[refund.purchase_key]
        row = list(rows[place])
        gross, net = Decimal(str(row[GROSS])), Decimal(str(row[NET]))
        rest = net - net * int(refund.share * 100) / 100
        row[UPDATED], row[NET], row[DEDUCTED] = stamp, rest, gross - rest
        rows[place] = tuple(row)
        self.book.announce(PURCHASE_UPDATED, f"{refund.network}:{refund.purchase_key}", fan.fan_id, stamp)
