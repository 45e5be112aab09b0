"""Shapes of the profile of a fan: timeline, figures, segments, comparisons."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.fans.schemas.fans import Fan, OneFan
from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Id, LimitForm, ListForm, Text

ROWS, DEFAULT_ROWS = 200, 50
# What a timeline has, by kind.
KINDS = (
    "created", "activity", "wager", "post", "click", "ticket", "registration", "scan", "pass", "check_in", "purchase",
    "points", "reward", "message", "consent", "login", "tag", "idol", "segment_entered", "segment_left", "merge",
    "unmerge",
)  # fmt: skip
Kinds = Annotated[list[str], ListForm(ChoiceForm(*KINDS))]


class TimelineQuery(OneFan, kw_only=True):
    """Which part of a fan's timeline, the latest first."""

    kinds: Annotated[Kinds | None, f"Only these kinds: {', '.join(KINDS)}."] = None
    limit: Annotated[
        Annotated[int, LimitForm(ROWS)] | None,
        "Entries a page, 50 by default; those of one moment stay together, so a page may have some more.",
    ] = None
    cursor: NextCursor = None

    example: ClassVar[Mapping[str, object]] = {"kinds": "ticket,purchase", "limit": 20}


class TimelineEntry(msgspec.Struct):
    """Something that happened, by `kind`. The timestamp is in unix seconds.

    `title` says of what: an event, a campaign, a product, a template. `entry_count` are seats, pieces or points;
    `amount` is in `currency`. `details` depend on the kind.
    """

    kind: str
    entry_key: str
    occurrence_timestamp: int
    title: str | None
    entry_count: int | None
    amount: Decimal | None
    currency: str | None
    page_tab_id: int | None
    business_id: int | None
    details: dict[str, Any]


class Spending(msgspec.Struct):
    """What a fan spent in a currency: on tickets, and on other purchases, refunds subtracted."""

    currency: str
    ticket_amount: Decimal
    purchase_amount: Decimal


class FanFigures(msgspec.Struct):
    """A fan in numbers. Timestamps are unix seconds, null if there was nothing. Deleted tickets do not count."""

    fan_id: int
    activity_count: int
    first_active_timestamp: int | None
    last_active_timestamp: int | None
    ticket_count: int
    seat_count: int
    last_ticket_timestamp: int | None
    purchase_count: int
    pass_count: int
    spending: list[Spending]


class FanSegment(msgspec.Struct):
    """A segment that a fan is in, and since when (unix seconds; null if that is not stored)."""

    segment_type: str
    segment_id: str
    segment_name: str
    entered_timestamp: int | None


class RowCount(msgspec.Struct):
    """How many rows of a table are about a fan."""

    table_name: str
    row_count: int


class FanRows(msgspec.Struct):
    """How many rows of each table are about a fan: what an export has, and what an erasure deletes or clears."""

    fan_id: int
    row_count: int
    tables: list[RowCount]


class CompareFans(OneFan, kw_only=True):
    """Two fans."""

    merged_fan_id: Annotated[Id, "Fan who would be merged into the other."]

    example: ClassVar[Mapping[str, object]] = {"merged_fan_id": 1025}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a comparison of a fan with itself."""
        if "fan_id" in values and values["fan_id"] == values.get("merged_fan_id"):
            yield "merged_fan_id", "must be another fan"


class Comparison(msgspec.Struct):
    """Two fans side by side, and what a merge would leave.

    `outcome` has the fields of the fan who stays that would change, with their new values; consents follow the latest
    word of both. `tables` count what would move, `agreements` names what both have alike.
    """

    fan: Fan
    merged_fan: Fan
    outcome: dict[str, Any]
    agreements: list[str]
    tables: list[RowCount]
    row_count: int


class UnmergePreview(msgspec.Struct):
    """What undoing a merge would do. `tables` count the rows that go back.

    `later_fan_id` is the fan merged later, who must be unmerged first, or null. The timestamp is in unix seconds.
    """

    merge_id: int
    fan_id: int
    merged_fan_id: int
    merge_timestamp: int
    name: str | None
    email: str | None
    phone: str | None
    later_fan_id: int | None
    tables: list[RowCount]
    row_count: int


class OneMerge(Params):
    """A merge, by its two fans."""

    fan_id: Annotated[Id, "Fan who stayed."]
    merged_fan_id: Annotated[Id, "Fan who was merged into the other."]


class FanFind(Params):
    """What to look for."""

    text: Annotated[Text, "Id (a merged fan's too), email address, phone number, or part of the name."]

    example: ClassVar[Mapping[str, object]] = {"text": "maren"}


class FanContact(msgspec.Struct):
    """A fan in a short list. The timestamp is in unix seconds, birth_date YYYY-MM-DD."""

    fan_id: int
    name: str | None
    email: str | None
    phone: str | None
    display_name: str | None
    city: str | None
    birth_date: str | None
    creation_timestamp: int


class Lookalike(FanContact):
    """A fan who may be the same person: `contact` is shared, or `name` and birth date are the same."""

    reasons: list[str]


class SuppressedAddress(msgspec.Struct):
    """An address of the fan that gets no messages: after a `bounce` or `complaint`, or added by hand (`manual`)."""

    recipient: str
    suppression_id: int
    channel: str
    reason: str
    message_id: int | None
    creation_timestamp: int


class FanRestrictions(msgspec.Struct):
    """What keeps a fan from being reached or shown.

    `shared_networks` are the kinds of contact that another fan owns. `is_banned`: public calls from the fan's last IP
    address are refused. `is_hidden`: public lists leave the fan out.
    """

    fan_id: int
    suppressed: list[SuppressedAddress]
    shared_networks: list[str]
    is_banned: bool
    is_hidden: bool
