"""Shapes of what pixels report, and of the rules of attribution."""

import re
import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Currency, IntegerForm, JsonObject, MoneyForm, OuterKey, TextForm, Uuid

MAX_DETAILS = 4096
MAX_PAGE_URL = 2000
# What is stored of the query of a page.
MAX_PROPS, MAX_PROP = 20, 200
HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")
ATTRIBUTIONS = ("last_click", "first_click", "linear")


class AmountForm(MoneyForm):
    """An amount of money from 0: what comes from pages cannot take from figures."""

    def read(self, raw: object) -> Decimal:
        """Return the amount."""
        amount: Decimal = super().read(raw)
        if amount < 0:
            message = "must not be negative"
            raise ValueError(message)
        return amount


class NewSale(Params, kw_only=True):
    """A sale that a page reports."""

    api_key: Annotated[Uuid | None, "Public key of the account; needless on a virtual domain."] = None
    purchase_event_name: Annotated[Annotated[str, TextForm(128)], "Name of the event."] = "purchase"
    purchase_amount: Annotated[Annotated[Decimal, AmountForm()], "Amount of the sale."] = Decimal(0)
    currency: Annotated[Currency | None, "Currency of the amount; the account's when left out."] = None
    quantity: Annotated[Annotated[int, IntegerForm(1, 1_000_000)], "Number of things sold."] = 1
    order_key: Annotated[OuterKey | None, "Order: reported again, it counts once."] = None
    trk_click: Annotated[Annotated[str, TextForm(64)] | None, "What the link passed on to the page."] = None
    page_url: Annotated[Annotated[str, TextForm(MAX_PAGE_URL)] | None, "Address of the page."] = None
    purchase_event_details: Annotated[JsonObject | None, "Anything about the sale, at most 4 KiB of JSON."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse details that are too long."""
        details = values.get("purchase_event_details")
        if details and len(msgspec.json.encode(details)) > MAX_DETAILS:
            yield "purchase_event_details", f"must be at most {MAX_DETAILS} bytes of JSON"

    def page(self) -> tuple[str | None, dict[str, str] | None]:
        """Return the host of the page and the parameters in its address, bounded."""
        try:
            parts = urlsplit(self.page_url or "")
            host = parts.hostname or ""
            pairs = parse_qsl(parts.query, max_num_fields=100)
        except ValueError:
            return None, None
        props = {name[:MAX_PROP]: value[:MAX_PROP] for name, value in pairs[:MAX_PROPS] if (name + value).isprintable()}
        return host if HOST.fullmatch(host) else None, props or None


class AttributionSettings(Params):
    """How sales are attributed."""

    attribution: Annotated[
        Annotated[str, ChoiceForm(*ATTRIBUTIONS)],
        "Which click within five days before a sale is credited: the last, the first, or all in equal parts.",
    ]

    example: ClassVar[Mapping[str, object]] = {"attribution": "last_click"}


class Attribution(msgspec.Struct):
    """How sales are attributed: last_click, first_click or linear."""

    attribution: str


class SaleSaved(msgspec.Struct):
    """The sale that was recorded; for one of an order that was reported before, the uid is null."""

    tracker_event_uid: uuid.UUID | None
