"""Shapes of segments: tags, snapshots and filters alike."""

import uuid
from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Text, WholeForm
from fanfare.segments.schemas.search import SearchCursor, SearchCursorForm

MOST_ROWS = 10_000

Kind = Annotated[str, ChoiceForm("filter", "snapshot", "tag")]


class Segment(msgspec.Struct):
    """A segment. `segment_id` is a tag's number or the uid of a filter or snapshot, always as text.

    `segment_count` is how many fans are in it; of a filter that is not kept live what the last look at it counted,
    null before.
    """

    segment_type: str
    segment_id: str
    segment_name: str
    segment_count: int | None


class OneSegment(Params):
    """Which segment."""

    example: ClassVar[Mapping[str, object]] = {"segment_type": "filter"}

    segment_type: Annotated[Kind, "Kind of the segment"]
    segment_id: Annotated[Text, "Its id, as the list of segments gives it"]


class SegmentReading(OneSegment):
    """How a segment is read."""

    search_uid: Annotated[SearchCursor | None, SearchCursorForm(), "Go on reading"] = None
    limit: Annotated[int, WholeForm(0, MOST_ROWS), "Rows a page"] = 1000


class SegmentStatus(msgspec.Struct):
    """Who can be reached in a segment. `last_update_timestamp` is when one of its fans last changed, in unix seconds.

    Opted in counts who has an address or a number, said yes to it, and did not opt out of everything.
    """

    fan_count: int
    email_count: int
    phone_count: int
    phone_subscribe_count: int
    email_subscribe_count: int
    last_update_timestamp: int | None


class SegmentFan(msgspec.Struct):
    """A fan as a message needs it."""

    fan_id: int
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    is_subscribed: bool
    is_phone_subscribed: bool


class SegmentMeta(msgspec.Struct):
    """How to go on: both uids are null when no more fans remain. `next_search_uid` may be asked for again.

    `count` is how many fans the segment had when the reading began, null while they are still being written down.
    """

    search_uid: uuid.UUID | None
    next_search_uid: str | None
    count: int | None
    limit: int
