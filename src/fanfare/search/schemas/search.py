"""Shapes of the fan search and of the list of tags."""

import re
import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.paging import Meta, NextCursor
from fanfare.kernel.folding import fold
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import (
    NOTHING,
    Alias,
    ChoiceForm,
    Day,
    DayForm,
    Flag,
    Form,
    LimitForm,
    ListForm,
    MomentForm,
    Money,
    NumberForm,
    Text,
    TextForm,
    Texts,
    Uuids,
    WholeForm,
    text_of,
)

MAX_LIMIT = 1000
MAX_COUNT = 1_000_000
DEFAULT_COUNT = 100_000
SEARCH_HOURS = 24
MOST_TAGS = 10_000

Names = Annotated[list[str], ListForm(TextForm(), most=100)]
Relation = Annotated[str, ChoiceForm("any", "all")]
Gender = Annotated[str, ChoiceForm("male", "female", "diverse", "other", "empty")]
Days = Annotated[int, WholeForm(0, 36_500)]
Age = Annotated[int, WholeForm(0, 150)]
Rating = Annotated[float, NumberForm(1, 5)]
Count = Annotated[int, WholeForm(0, 1_000_000)]


class SearchCursor(msgspec.Struct, frozen=True):
    """A running search, and the row to read from; without one the server's own position counts."""

    search_uid: uuid.UUID
    row: int | None = None


class SearchCursorForm(Form):
    """The `search_uid` of an earlier answer, or its `next_search_uid`."""

    nothing = NOTHING
    pattern = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.([0-9]{1,7}))?")

    def read(self, raw: object) -> SearchCursor:
        """Return the search and, when it was a `next_search_uid`, the row."""
        found = self.pattern.fullmatch(fold(text_of(raw).strip()))
        if not found:
            message = "must be the search_uid or next_search_uid of an earlier response"
            raise ValueError(message)
        return SearchCursor(uuid.UUID(found[1]), int(found[2]) if found[2] else None)

    def schema(self) -> dict[str, object]:
        """Return the pattern."""
        return {"type": "string", "pattern": f"^{self.pattern.pattern}$"}


class SegmentForm(Form):
    """A segment by its kind and id, such as `tag:7`."""

    nothing = NOTHING
    pattern = re.compile(r"tag:[0-9]{1,18}|(?:filter|snapshot):[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

    def read(self, raw: object) -> str:
        """Return the segment as it is stored."""
        text = fold(text_of(raw).strip())
        if not self.pattern.fullmatch(text):
            message = "must be filter:uid, snapshot:uid or tag:id"
            raise ValueError(message)
        kind, _, key = text.partition(":")
        return f"tag:{int(key)}" if kind == "tag" else text

    def schema(self) -> dict[str, object]:
        """Return the pattern."""
        return {"type": "string", "pattern": f"^(?:{self.pattern.pattern})$"}


Segments = Annotated[list[str], ListForm(SegmentForm(), most=100)]


class Criteria(Params):
    """Which fans: all given criteria must hold. Days are days in the account's time zone."""

    name: Annotated[Text | None, "Part of the name or email address; case and accents are ignored"] = None
    crm_active_days: Annotated[Days | None, "Active in the last N days"] = None
    crm_inactive_days: Annotated[Days | None, "Not active in the last N days, or never active"] = None
    crm_start_active_date: Annotated[Day | None, "Active on or after this day"] = None
    crm_end_active_date: Annotated[Day | None, "Active on or before this day"] = None
    fan_youngest_age: Annotated[Age | None, "At least this many years old today"] = None
    fan_oldest_age: Annotated[Age | None, "At most this many years old today"] = None
    fan_incl_snapshot_uids: Annotated[Uuids | None, "In one of these snapshots"] = None
    fan_excl_snapshot_uids: Annotated[Uuids | None, "In none of these snapshots"] = None
    fan_incl_segments: Annotated[
        Segments | None, "In one of these segments, each written filter:uid, snapshot:uid or tag:id"
    ] = None
    fan_excl_segments: Annotated[Segments | None, "In none of these segments"] = None
    fan_tags: Annotated[Names | None, "Has these tags, by name; case is ignored"] = None
    fan_tag_relations: Annotated[Relation, "Whether one of the tags is enough (any) or all are needed"] = "any"
    fan_networks: Annotated[Names | None, "Has an external identity in one of these networks"] = None
    fan_is_subscribed: Annotated[Flag | None, "Whether the fan opted in to email"] = None
    fan_is_optout: Annotated[Flag | None, "Whether the fan opted out of everything"] = None
    fan_is_phone_subscribed: Annotated[Flag | None, "Whether the fan opted in to text messages"] = None
    fan_postal_codes: Annotated[Texts | None, "Lives in one of these postal codes; case and spaces are ignored"] = None
    fan_provinces: Annotated[Texts | None, "Lives in one of these provinces or states; case is ignored"] = None
    fan_rating: Annotated[Rating | None, "At least this rating"] = None
    fan_gender: Annotated[Gender | None, "This gender"] = None
    fan_source: Annotated[Text | None, "Came from this source; case is ignored"] = None
    fan_metro_areas: Annotated[Texts | None, "Lives in one of these metro areas; case is ignored"] = None
    fan_start_creation_date: Annotated[Day | None, "Created on or after this day"] = None
    fan_end_creation_date: Annotated[Day | None, "Created on or before this day"] = None
    idol_names: Annotated[
        Names | None, "Fan of these idols, by name, whether chosen by the fan or derived; case is ignored"
    ] = None
    idol_relations: Annotated[Relation, "Whether one of the idols is enough (any) or all are needed"] = "any"
    ticket_event_name: Annotated[Text | None, "Holds a ticket for this event"] = None
    ticket_price_code: Annotated[Text | None, "Holds a ticket of this price level"] = None
    ticket_start_purchase_date: Annotated[Day | None, "Bought a ticket on or after this day"] = None
    ticket_end_purchase_date: Annotated[Day | None, "Bought a ticket on or before this day"] = None
    ticket_venue_name: Annotated[Text | None, "Holds a ticket for this venue"] = None
    ticket_venue_provinces: Annotated[Texts | None, "Holds a ticket for a venue in one of these provinces"] = None
    ticket_purchased_days: Annotated[Days | None, "Bought a ticket in the last N days"] = None
    ticket_artist_name: Annotated[Text | None, "Holds a ticket for this artist"] = None
    ticket_start_event_date: Annotated[Day | None, "Holds a ticket for an event on or after this day"] = None
    ticket_end_event_date: Annotated[Day | None, "Holds a ticket for an event on or before this day"] = None
    ticket_seat_price_min: Annotated[Money | None, "Paid at least this much per seat"] = None
    ticket_seat_price_max: Annotated[Money | None, "Paid at most this much per seat"] = None
    ticket_seat_count_min: Annotated[Count | None, "Bought at least this many seats; 0 includes fans with none"] = None
    ticket_seat_count_max: Annotated[Count | None, "Bought at least one and at most this many seats; 0 means none"] = (
        None
    )
    ticket_sales_count_min: Annotated[
        Count | None, "Bought at least this many times; 0 includes fans who never did"
    ] = None
    ticket_sales_count_max: Annotated[
        Count | None, "Bought at least once and at most this many times; 0 means never"
    ] = None
    ticket_is_negative: Annotated[Flag, "Negates the ticket criteria: fans who do not meet all of them"] = False


class FanSearch(Criteria):
    """A search: its criteria, what its rows shall hold and how it is read."""

    example: ClassVar[Mapping[str, object]] = {"fan_provinces": "BC,WA", "crm_active_days": 30, "limit": 200}

    include_recent_entry: Annotated[Flag, "Fill last_page_tab_id and last_campaign_name"] = False
    include_tags: Annotated[Flag, "Has no effect: tags are always returned"] = False
    include_business_opt_ins: Annotated[Flag, "Has no effect: opted_in_business_ids are always returned"] = False
    search_uid: Annotated[
        SearchCursor | None, SearchCursorForm(), Alias("cursor"), "Continue a search; its criteria stay the same"
    ] = None
    limit: Annotated[int, LimitForm(MAX_LIMIT), "Rows per page"] = MAX_LIMIT
    max_count: Annotated[int, WholeForm(1, MAX_COUNT), "Maximum number of rows in the whole search"] = DEFAULT_COUNT


class FoundFan(msgspec.Struct):
    """A fan of a search. `fields` holds `key=value` texts, `field_values` the same with their types.

    `last_page_tab_id` and `last_campaign_name` are null unless include_recent_entry asks for them.
    """

    fan_id: int
    account_id: int
    name: str | None
    first_name: str | None
    last_name: str | None
    email: str | None
    province: str | None
    latitude: float | None
    longitude: float | None
    creation_timestamp: int
    ip_address: str | None
    country_code: str | None
    city: str | None
    is_subscribed: bool
    is_phone_subscribed: bool
    rating: float | None
    phone: str | None
    birth_date: str | None
    metro_area: str | None
    postal_code: str | None
    fields: list[str]
    field_values: dict[str, Any]
    gender: str | None
    tags: list[str]
    last_page_tab_id: int | None
    last_campaign_name: str | None
    opted_in_business_ids: list[int]


class SearchMeta(Meta):
    """How to continue: send `search_uid` until `data` is empty, or follow `next_search_uid`, which may be retried.

    `next_search_uid` is null on the last page. `count` is the number of fans in the result (at most max_count), null
    while it is still being computed.
    """

    search_uid: uuid.UUID
    next_search_uid: str | None
    count: int | None
    limit: int


class StartForm(Form):
    """A moment, or a day that stands for its first moment in the account's time zone."""

    nothing = NOTHING
    day = re.compile(r"\s*(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})\s*")

    def read(self, raw: object) -> date | datetime:
        """Return the day or the moment."""
        form: Form = DayForm() if isinstance(raw, str) and self.day.fullmatch(raw) else MomentForm(0)
        read: date | datetime = form.read(raw)
        return read

    def schema(self) -> dict[str, object]:
        """Return both formats."""
        return {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}


class TagWindow(Params):
    """Which assignments, by when they were made."""

    start_date: Annotated[date | datetime | None, StartForm(), "Given at this moment or after it"] = None
    end_date: Annotated[date | datetime | None, StartForm(), "Given before this moment"] = None
    limit: Annotated[int, LimitForm(MOST_TAGS), "Maximum number of rows to return"] = MOST_TAGS
    cursor: NextCursor = None


class TagGiven(msgspec.Struct):
    """One tag on one fan."""

    tag_name: str
    tag_id: int
    fan_id: int
    creation_timestamp: int
    first_name: str | None
    last_name: str | None
    email: str | None
