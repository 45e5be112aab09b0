"""Schemas of point categories, awards, balances and leaderboards."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.data.paging import NextCursor, ReadingOrder
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import (
    BoundMoment,
    ChoiceForm,
    Day,
    Flag,
    Id,
    IntegerForm,
    JsonObject,
    KeyForm,
    LimitForm,
    LongText,
    Text,
    Uuid,
)

MAX_POINTS = 10**12
PointCount = Annotated[int, IntegerForm(-MAX_POINTS, MAX_POINTS)]
Rows = Annotated[int, LimitForm(10_000)]
Places = Annotated[int, LimitForm(1000)]
PointType = Annotated[str, ChoiceForm("points", "atvenu", "bestring")]


# Keys of awards that Fanfare makes itself. With one of a caller's they could be blocked, or pretended.
QUEST, REWARD, RETURN, UNDONE = "quest:", "reward:", "reward-return:", "undo:"


class AwardKeyForm(KeyForm):
    """A key that a caller chose for an award, outside of those that Fanfare makes."""

    def read(self, raw: object) -> str:
        """Return the key; ValueError for one that begins like ours."""
        key = super().read(raw)
        for prefix in (QUEST, REWARD, RETURN, UNDONE):
            if key.startswith(prefix):
                message = f"must not begin with {prefix}, as our own keys do"
                raise ValueError(message)
        return key


AwardKey = Annotated[str, AwardKeyForm()]


def quest_key(page_tab_id: int, fan_id: int) -> str:
    """Return the key of the points of a quest that a fan completed."""
    return f"{QUEST}{page_tab_id}:{fan_id}"


def reward_key(reward_claim_id: int) -> str:
    """Return the key of what a claim costs."""
    return f"{REWARD}{reward_claim_id}"


def return_key(reward_claim_id: int) -> str:
    """Return the key of what comes back when a claim is undone."""
    return f"{RETURN}{reward_claim_id}"


def undo_key(fan_point_uid: uuid.UUID) -> str:
    """Return the key of the points that take an award back."""
    return f"{UNDONE}{fan_point_uid}"


class Point(msgspec.Struct):
    """A category of points. Times are unix seconds."""

    point_uid: uuid.UUID
    account_id: int
    point_name: str
    description: str | None
    is_active: bool
    creation_timestamp: int


class NewPoint(Params):
    """A category to create."""

    point_name: Annotated[Text, "Name of the category; unique in the account."]
    description: Annotated[LongText | None, "What the points are awarded for."] = None

    example: ClassVar[Mapping[str, object]] = {"point_name": "Loyalty"}


class PointChanges(Params):
    """Fields of a category to update."""

    point_uid: Annotated[Uuid, "Category to change."]
    point_name: Annotated[Text | None | UnsetType, "Name of the category; unique in the account."] = UNSET
    description: Annotated[LongText | None | UnsetType, "What the points are awarded for."] = UNSET
    is_active: Annotated[Flag | None | UnsetType, "Whether points can still be awarded."] = UNSET

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject an empty value for a mandatory field."""
        for name in ("point_name", "is_active"):
            if name in values and values[name] is None:
                yield name, "must not be empty"


class PointSaved(msgspec.Struct):
    """The category that was saved."""

    point_uid: uuid.UUID


class AwardQuery(Params):
    """Filters for awards to list, or to rank by fan."""

    start_date: Annotated[Day, "First day (YYYY-MM-DD), in the account's zone."]
    end_date: Annotated[Day, "Last day (YYYY-MM-DD), in the account's zone."]
    point_uid: Annotated[Uuid | None, "Only this point category."] = None
    fan_id: Annotated[Id | None, "Only this fan."] = None
    leaderboard: Annotated[Flag | None, "Return a ranking instead of single awards; off by default."] = None
    limit: Annotated[Rows, "Maximum number of rows to return."] = 1000
    order: ReadingOrder = "desc"
    cursor: NextCursor = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a range that ends before it starts, and a cursor for a ranking."""
        if values.get("leaderboard") and values.get("cursor"):
            yield "cursor", "cannot be used with leaderboard: a ranking starts at the top"
        yield from range_faults(values)


def range_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the error of a range that ends before it starts."""
    for start, end in (("start_date", "end_date"), ("start_timestamp", "end_timestamp")):
        if values.get(start) and values.get(end) and values[end] < values[start]:
            yield end, f"must not be before {start}"


class Award(msgspec.Struct):
    """An award; in a leaderboard one row for each fan, with the sum as point_count and its rank."""

    fan_point_uid: uuid.UUID | None
    fan_id: int
    point_uid: uuid.UUID | None
    creation_timestamp: int | None
    point_count: int
    page_tab_id: int | None
    ip_address: str | None
    point_source: str | None
    session_uid: uuid.UUID | None
    award_signature: str | None
    activity_id: int | None
    point_type: str | None
    props: dict[str, Any] | None
    performance_uid: uuid.UUID | None
    reward_uid: uuid.UUID | None
    point_name: str | None
    display_name: str | None
    rank: int | None = None


class NewAward(Params):
    """Points to award to a fan."""

    point_uid: Annotated[Uuid, "Category the points belong to."]
    fan_id: Annotated[Id, "Fan who gets the points."]
    point_count: Annotated[PointCount, "Points to award; may be negative."]
    point_type: Annotated[PointType | None, "Kind of points: points (default), atvenu or bestring."] = None
    reward_uid: Annotated[Uuid | None, "Reward to link the points to."] = None
    page_tab_id: Annotated[Id | None, "Campaign to link the points to."] = None
    activity_id: Annotated[Id | None, "Activity to link the points to."] = None
    session_uid: Annotated[Uuid | None, "Session to link the points to."] = None
    award_key: Annotated[
        AwardKey | None,
        "Caller-chosen key that stops double awards; quest:, reward:, reward-return:, undo: are ours.",
    ] = None
    performance_uid: Annotated[Uuid | None, "Performance to link the points to."] = None
    point_source: Annotated[Text | None, "Source of the points, such as quiz or clicker."] = None
    award_signature: Annotated[Text | None, "Signature of the system that awarded the points."] = None
    props: Annotated[JsonObject | None, "Further values to store with the award."] = None

    example: ClassVar[Mapping[str, object]] = {
        "point_uid": "4a1c6f0e-5f0f-4ad1-9c43-1f2f3f0a7d11",
        "fan_id": 1024,
        "point_count": 50,
        "award_key": "match-17-checkin-1024",
    }


class Awarded(msgspec.Struct):
    """The award, or the earlier one with the same award_key."""

    fan_point_uid: uuid.UUID


class NewNamedAward(Params):
    """Points of a named category for one fan."""

    fan_id: Annotated[Id, "Fan who gets the points."]
    point_name: Annotated[Text, "Name of the point category."]
    point_count: Annotated[PointCount, "Points to award."]
    award_key: Annotated[
        AwardKey | None,
        "Caller-chosen key that stops double awards; quest:, reward:, reward-return:, undo: are ours.",
    ] = None

    example: ClassVar[Mapping[str, object]] = {"point_name": "Loyalty", "point_count": 10}


class NamedAwarded(msgspec.Struct):
    """The award."""

    fan_id: int
    fan_point_uid: uuid.UUID


class OneFan(Params):
    """The id of a fan."""

    fan_id: Annotated[Id, "Fan to read."]


class Balance(msgspec.Struct):
    """A fan's balance in one category."""

    fan_id: int
    point_uid: uuid.UUID
    point_name: str
    point_count: int


class LeaderboardQuery(Params):
    """The category and the range of days to rank; at least one end is required."""

    point_name: Annotated[Text, "Name of the point category."]
    start_date: Annotated[Day | None, "First day (YYYY-MM-DD); this or end_date is needed."] = None
    end_date: Annotated[Day | None, "Last day (YYYY-MM-DD); this or start_date is needed."] = None
    limit: Annotated[Places | None, "Number of places; 100 by default."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a range without start and end, or one that ends before it starts."""
        if "start_date" not in values and "end_date" not in values:
            yield "start_date", "is required when end_date is left out"
        yield from range_faults(values)


class Place(msgspec.Struct):
    """A place of a leaderboard; fans with the same count share a rank."""

    point_name: str
    fan_id: int
    fan_point_count: int
    rank: int
    display_name: str | None


class LeaderboardMeta(msgspec.Struct):
    """The scope of the ranking."""

    point_name: str
    start_date: date | None
    end_date: date | None
    count: int


class CampaignBoardQuery(Params):
    """The campaign to rank."""

    page_tab_id: Annotated[Id, "Campaign to rank."]
    show_hidden: Annotated[Flag | None, "Also show fans hidden from the public board; off by default."] = None
    limit: Annotated[Places | None, "Number of places of the board; 10 by default."] = None


class CampaignPlace(msgspec.Struct):
    """A rank on a campaign's board. `points` were won in the campaign; `balance` is the fan's total."""

    rank: int
    fan_id: int
    display_name: str | None
    is_hidden: bool
    activity_timestamp: int | None
    points: int
    balance: int
    activity_duration_ms: int | None
    correct_count: int | None


class PublicBoardQuery(Params):
    """The campaign to rank for the public."""

    page_tab_id: Annotated[Id, "Campaign to rank."]
    session_uid: Annotated[Uuid | None, "Session of the signed-in fan; needed for friends_only."] = None
    friends_only: Annotated[Flag | None, "Only the signed-in fan's friends."] = None
    limit: Annotated[Places | None, "Number of places of the board; 10 by default."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject friends_only, as no network with a fan's friends is connected."""
        if values.get("friends_only"):
            yield "friends_only", "no network that knows a fan's friends is connected"


class PublicPlace(msgspec.Struct):
    """A place of a campaign's public board, without personal data except the display name."""

    fan_id: int
    display_name: str | None
    correct_answer_count: int
    points: int
    clicker_points: int


class CampaignWindow(Params):
    """A campaign and a time range."""

    page_tab_id: Annotated[Id, "Campaign to read."]
    start_timestamp: Annotated[BoundMoment | None, "Window start, included."] = None
    end_timestamp: Annotated[BoundMoment | None, "Window end, not included."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a window that ends before it starts."""
        return range_faults(values)


class CampaignAwardQuery(CampaignWindow):
    """Filters for the awards of a campaign."""

    limit: Annotated[Rows, "Maximum number of rows to return."] = 10_000
    order: ReadingOrder = "desc"
    cursor: NextCursor = None


class TotalPoints(msgspec.Struct):
    """The sum of all awards in a campaign."""

    total_points: int


class CampaignAward(msgspec.Struct):
    """An award without personal data except the fan id."""

    fan_id: int
    point_count: int
    creation_timestamp: int


class StandingQuery(Params):
    """The fan and the category to rank in."""

    point_uid: Annotated[Uuid, "Category to rank."]
    fan_id: Annotated[Id, "Fan to find."]
    around: Annotated[Annotated[int, IntegerForm(0, 50)] | None, "Neighbours on each side; 3 by default."] = None


class Neighbour(msgspec.Struct):
    """A fan near another on a board."""

    rank: int
    fan_id: int
    display_name: str | None
    point_count: int


class Standing(msgspec.Struct):
    """A fan's rank among all fans of a category, with the neighbours."""

    fan_id: int
    point_uid: uuid.UUID
    point_count: int
    rank: int
    around: list[Neighbour]


class Window(msgspec.Struct, frozen=True):
    """A time range from `start` (included) to `end` (excluded); None is unbounded."""

    start: datetime | None
    end: datetime | None
