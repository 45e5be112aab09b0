"""Shapes of segments of all kinds: tags, snapshots and filters."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Alias, ChoiceForm, Day, Id, LimitForm, Text, Uuid
from fanfare.search.schemas.search import SearchCursor, SearchCursorForm

MAX_ROWS = 10_000

Kind = Annotated[str, ChoiceForm("filter", "snapshot", "tag")]


class Segment(msgspec.Struct):
    """A segment.

    `segment_id` is a tag's id or the uid of a filter or snapshot, always a string. `segment_count` is its number of
    fans; of a filter that is not kept live the latest count, null before the first.
    """

    segment_type: str
    segment_id: str
    segment_name: str
    segment_count: int | None


class OneSegment(Params):
    """Which segment."""

    example: ClassVar[Mapping[str, object]] = {"segment_type": "filter"}

    segment_type: Annotated[Kind, "Kind of the segment"]
    segment_id: Annotated[Text, "Its id, as in the list of segments"]


class SegmentReading(OneSegment):
    """How a segment is read."""

    search_uid: Annotated[SearchCursor | None, SearchCursorForm(), Alias("cursor"), "Go on reading"] = None
    limit: Annotated[int, LimitForm(MAX_ROWS, 0), "Rows per page"] = 1000


class SegmentFan(msgspec.Struct):
    """The fields of a fan that a message needs."""

    fan_id: int
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    is_subscribed: bool
    is_phone_subscribed: bool


class SegmentMeta(Meta):
    """How to continue: both uids are null when no more fans remain. `next_search_uid` may be requested again.

    `count` is the number of fans in the segment when the reading started, null while it is still being computed.
    """

    search_uid: uuid.UUID | None
    next_search_uid: str | None
    count: int | None
    limit: int


class OneMember(OneSegment):
    """Which fan, in which segment."""

    fan_id: Annotated[Id, "Fan who is in it, or is not"]


class Verdict(msgspec.Struct):
    """The result of one criterion for a fan.

    `wanted` are its parameters, `seen` the value it checked: a value, a list, or an object; null when there is none.
    Times in it are unix seconds.
    """

    criterion: str
    wanted: dict[str, Any]
    is_met: bool
    seen: Any


class Branch(msgspec.Struct):
    """A group of criteria, or a member of one, for a fan: whether it holds, and why.

    `path` is its place, such as `groups[0].any[1]`. A group has its `relation` (all, any, none) and its `members`,
    other members have the results of their `criteria`.
    """

    path: str
    relation: str | None
    is_met: bool
    criteria: list[Verdict]
    members: list["Branch"]


class Why(msgspec.Struct):
    """Why a fan is in a segment or not: a fan for whom every criterion and every group holds is in it."""

    fan_id: int
    segment_type: str
    segment_id: str
    is_member: bool
    criteria: list[Verdict]
    branches: list[Branch]


class PastMembers(Params):
    """On which day, and which page."""

    example: ClassVar[Mapping[str, object]] = {"day": "2026-05-31", "limit": 1000}

    filter_uid: Annotated[Uuid, "Filter by its uid"]
    day: Annotated[Day, "Members at the end of this day in the account's time zone; today: now"]
    after_fan_id: Annotated[Id | None, "Only fans with a larger id; use the previous meta.next_after_fan_id"] = None
    limit: Annotated[int, LimitForm(MAX_ROWS), "Rows per page"] = 1000


class PastMember(msgspec.Struct):
    """A fan who was a member. `left_timestamp` is null for one who still is."""

    fan_id: int
    entered_timestamp: int
    left_timestamp: int | None


class PastMeta(Meta):
    """The number of members, and how to continue; null on the last page."""

    count: int
    next_after_fan_id: int | None
