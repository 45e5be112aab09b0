"""Schemas of the items of campaigns, and wagers on them."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import (
    AnyForm,
    Day,
    Id,
    Integer,
    IntegerForm,
    JsonObject,
    Latitude,
    LimitForm,
    Longitude,
    LongText,
    Moment,
    Money,
    Text,
    Uuid,
    Wildcard,
)

MAX_INTEGER = 2**31 - 1
ItemCount = Annotated[int, IntegerForm(0, MAX_INTEGER)]
MAX_WAGERS = 10_000
Limit = Annotated[int, LimitForm(MAX_WAGERS)]
ItemPosition = Annotated[int, IntegerForm(-MAX_INTEGER, MAX_INTEGER)]


class PublicItem(msgspec.Struct):
    """A quiz question, wager item or product of a campaign.

    `item_count` is the total number and `inventory_count` the number left; both are null when unlimited.
    `creation_date` and `active_date` are days of the account, timestamps unix seconds.
    """

    tab_item_id: int
    page_tab_id: int
    creation_date: date
    title: str
    subtitle: str | None
    description: str | None
    tag_id: int | None
    tag_name: str | None
    position: int
    active_date: date | None
    props: dict[str, Any]
    inventory_count: int | None
    item_count: int | None
    item_group_name: str | None
    activation_timestamp: int | None
    price: Decimal | None
    media_uid: UUID | None
    items_purchased: int
    latitude: float | None
    longitude: float | None
    media_map: dict[str, Any]
    creation_timestamp: int


class Wager(msgspec.Struct):
    """A wager of a fan on an item. Time in unix seconds."""

    wager_id: int
    fan_id: int
    item_count: int
    point_count: int
    creation_timestamp: int
    props: dict[str, Any]


class WagerEntry(PublicItem):
    """An item with wagers placed on it, the oldest first: those of the page."""

    wagers: list[Wager] = []


class WagerChoice(Params):
    """Filters for items of a wager campaign: text and day (active_date, else the day of creation)."""

    page_tab_id: Annotated[Id, "Wager campaign."]
    q: Annotated[Text | None, "Part of the title, the subtitle or the description."] = None
    start_date: Annotated[Day | None, "First day of the range."] = None
    end_date: Annotated[Day | None, "Last day of the range."] = None
    limit: Annotated[Limit, "Maximum number of wagers to return."] = MAX_WAGERS
    cursor: NextCursor = None


class NewItem(Params):
    """An item to add to a campaign."""

    page_tab_id: Annotated[Id, "Campaign that it belongs to."]
    title: Annotated[Text, "Name of the item, or the question."]
    subtitle: Annotated[Text | None, "Second line."] = None
    description: Annotated[LongText | None, "Text of the item."] = None
    tag_id: Annotated[Id | None, "Tag for fans who take it."] = None
    position: Annotated[ItemPosition, "Place in the list, ascending."] = 0
    active_date: Annotated[Day | None, "Day on which it is active."] = None
    props: Annotated[JsonObject | None, "Settings of the item, such as answers. Public."] = None
    item_count: Annotated[ItemCount | None, "Number of items; unlimited when left out."] = None
    item_group_name: Annotated[Text | None, "Group of items it belongs to."] = None
    activation_timestamp: Annotated[Moment | None, "When it opens."] = None
    price: Annotated[Money | None, "Price in the account's currency, or in points."] = None
    media_uid: Annotated[Uuid | None, "Picture."] = None
    latitude: Annotated[Latitude | None, "Where it is."] = None
    longitude: Annotated[Longitude | None, "Where it is."] = None
    media_map: Annotated[JsonObject | None, "Pictures by purpose."] = None

    example: ClassVar[Mapping[str, object]] = {"title": "Home side wins", "price": 10, "item_count": 500}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a negative price."""
        yield from price_faults(values)


class ItemChanges(Params):
    """Fields of an item to update; an empty value clears a field; a field left out stays as it is."""

    page_tab_id: Annotated[Id, "Campaign that it belongs to."]
    tab_item_id: Annotated[Id, "Item to change."]
    title: Annotated[Text | None | UnsetType, "Name of the item, or the question."] = UNSET
    subtitle: Annotated[Text | None | UnsetType, "Second line."] = UNSET
    description: Annotated[LongText | None | UnsetType, "Text of the item."] = UNSET
    tag_id: Annotated[Id | None | UnsetType, "Tag for fans who take it."] = UNSET
    position: Annotated[ItemPosition | None | UnsetType, "Place in the list, ascending."] = UNSET
    active_date: Annotated[Day | None | UnsetType, "Day on which it is active."] = UNSET
    props: Annotated[JsonObject | None | UnsetType, "Settings of the item, such as answers. Public."] = UNSET
    item_count: Annotated[ItemCount | None | UnsetType, "Number of items."] = UNSET
    item_group_name: Annotated[Text | None | UnsetType, "Group of items it belongs to."] = UNSET
    activation_timestamp: Annotated[Moment | None | UnsetType, "When it opens."] = UNSET
    price: Annotated[Money | None | UnsetType, "Price in the account's currency, or in points."] = UNSET
    media_uid: Annotated[Uuid | None | UnsetType, "Picture."] = UNSET
    latitude: Annotated[Latitude | None | UnsetType, "Where it is."] = UNSET
    longitude: Annotated[Longitude | None | UnsetType, "Where it is."] = UNSET
    media_map: Annotated[JsonObject | None | UnsetType, "Pictures by purpose."] = UNSET

    example: ClassVar[Mapping[str, object]] = {"item_count": 600}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject an empty title and a negative price."""
        for name in ("title", "position"):
            if name in values and values[name] is None:
                yield name, "must not be empty"
        yield from price_faults(values)


def price_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the error of a negative price."""
    price = values.get("price")
    if price is not None and price < 0:
        yield "price", "must not be negative"


class OneItem(Params):
    """The id of an item."""

    page_tab_id: Annotated[Id, "Campaign that it belongs to."]
    tab_item_id: Annotated[Id, "Item to delete."]


class ItemSaved(msgspec.Struct):
    """The item that was saved."""

    tab_item_id: int


class NewWager(Params):
    """A wager to place on an item."""

    page_tab_id: Annotated[Id, "Wager campaign."]
    tab_item_id: Annotated[Id, "Item it is placed on."]
    fan_id: Annotated[Id, "Fan who places it."]
    item_count: Annotated[Annotated[int, IntegerForm(1, MAX_INTEGER)], "Quantity of the item."] = 1
    point_count: Annotated[Integer, "Points it costs."] = 0
    props: Annotated[
        dict[str, Any] | None, Wildcard("field_", AnyForm()), "Value to record; the part after field_ is its name."
    ] = None

    example: ClassVar[Mapping[str, object]] = {"tab_item_id": 1, "fan_id": 1, "item_count": 2, "point_count": 20}


class WagerSaved(msgspec.Struct):
    """The wager that was placed."""

    wager_id: int
    tab_item_id: int
    fan_id: int
