"""Made-up calls with every kind of parameter and answer, to look at what is said and read of them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.callers import PUBLIC, SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.parameters import Params
from fanfare.kernel.web.endpoint import Endpoint, endpoint
from fanfare.kernel.wire import (
    Address,
    AddressRange,
    Alias,
    ChoiceForm,
    Day,
    Flag,
    Id,
    Ids,
    IntegerForm,
    JsonForm,
    JsonObject,
    Latitude,
    ListForm,
    Moment,
    Money,
    Text,
    TextForm,
    Texts,
    TimeZone,
    Uuid,
    Wildcard,
)

Kind = Annotated[str, ChoiceForm("large", "small")]
Fields = Annotated[dict[str, str | None] | None, Wildcard("field_", TextForm()), "custom fields"]
Tags = Annotated[dict[str, str | None] | None, Wildcard("tag_", TextForm()), "more tags"]


class OneThing(Params):
    """Which thing."""

    thing_id: Annotated[Id, "the thing"]


class Things(Params):
    """Which things."""

    q: Annotated[Text | None, "text the thing must match"] = None
    group_name: Annotated[Text | None, Alias("group name"), "group"] = None
    tag_name: Annotated[Texts | None, "tags"] = None
    ids: Annotated[Ids | None, "ids"] = None
    fields: Fields = None
    tags: Tags = None
    limit: Annotated[int, IntegerForm(0, 1000), "page size"] = 100
    since: Annotated[Moment | None, "from when"] = None
    day: Annotated[Day | None, "on which day"] = None
    is_active: Annotated[Flag | None, "whether active"] = None
    kind: Annotated[Kind | None, "which kind"] = None
    props: Annotated[JsonObject | None, "properties"] = None


class ThingChanges(Params):
    """What to change of a thing."""

    thing_id: Annotated[Id, "the thing"]
    title: Annotated[Text, "the title"]
    email: Annotated[Text, "the address", Alias("mail")]
    phone: Annotated[Text | None | UnsetType, "the phone"] = UNSET
    kind: Annotated[Kind | None | UnsetType, "the kind"] = UNSET
    birth_date: Annotated[Day | None | UnsetType, "the day"] = UNSET
    price: Annotated[Money | None, "the price"] = None
    names: Annotated[Texts | None, "names"] = None
    props: Annotated[JsonObject | None, "properties"] = None
    fields: Fields = None
    is_active: Annotated[Flag | None, "whether active"] = None
    time_zone: Annotated[TimeZone | None, "the zone"] = None
    seen_at: Annotated[Moment | None, "when"] = None
    latitude: Annotated[Latitude | None, "where"] = None
    thing_uid: Annotated[Uuid | None, "its uid"] = None
    ip: Annotated[Address | None, "from where"] = None
    ips: Annotated[AddressRange | None, "from which range"] = None


class Batch(Params):
    """Many things at once."""

    things: Annotated[list[dict[str, Any]], ListForm(JsonForm(), 50), "the things"]


class Meta(msgspec.Struct):
    """How to continue."""

    search_uid: str | None = None


class Thing(msgspec.Struct):
    """A thing."""

    thing_id: int
    title: Annotated[str | None, msgspec.Meta(description="What it is called.")] = None
    price: Decimal | None = None
    kind: Literal["large", "small"] | None = None
    names: list[str] = []
    reset_uid: str | UnsetType = UNSET


@endpoint.get("/api/v1/things", scope="crm", key=SECRET)
async def things_list(db: Db, account: Account, params: Things) -> Page[Meta, Thing]:  # noqa: ARG001
    """List things. Newest first.

    Paged by
    search_uid.
    """
    return Page(Meta(), [Thing(1)])


@endpoint.get("/api/v1/things/{thing_id}", scope="apps", key=PUBLIC, has_etag=True)
async def things_get(db: Db, account: Account, target: OneThing) -> Thing:  # noqa: ARG001
    """Return one thing."""
    return Thing(target.thing_id)


@endpoint.post("/api/v1/things/{thing_id}", scope="crm", key=SECRET)
async def things_update(db: Db, account: Account, changes: ThingChanges, now: datetime) -> None:
    """Change a thing."""


@endpoint.post("/api/v1/things", scope="crm", key=SECRET, array_field="things")
async def things_create(db: Db, account: Account, params: Batch) -> list[Thing]:  # noqa: ARG001
    """Create things."""
    return [Thing(each) for each in range(len(params.things))]


@endpoint.delete("/api/v1/things/{thing_id}", scope="crm", key=SECRET)
async def things_delete(db: Db, account: Account, target: OneThing) -> bool:  # noqa: ARG001
    """Delete a `thing`; 409 while it is used."""
    return True


CALLS: tuple[Endpoint, ...] = tuple(
    call.endpoint  # type: ignore[union-attr]
    for call in (things_list, things_get, things_update, things_create, things_delete)
)
