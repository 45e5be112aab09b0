"""Shapes of figures of segments: their list with trends, days, overlaps, and what refers to them."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import IntegerForm, ListForm
from fanfare.search.criteria.segments import SegmentForm
from fanfare.segments.schemas.filters import OneFilter
from fanfare.segments.schemas.segments import Kind

MAX_DAYS = 366
MIN_SEGMENTS, MAX_SEGMENTS = 2, 5

DayCount = Annotated[int, IntegerForm(1, MAX_DAYS)]
Segments = Annotated[list[str], ListForm(SegmentForm(), maximum=MAX_SEGMENTS)]


class FilterDays(OneFilter):
    """Which filter, and how many days up to today."""

    days: Annotated[DayCount, "Number of days up to today"] = 90


class SegmentDay(msgspec.Struct):
    """A day of a filter: its members at the end, the fans who entered and left, and the change by builds.

    A build evaluates new criteria over all fans: nobody enters or leaves by it.
    """

    day: date
    member_count: int
    entered_count: int
    left_count: int
    rebuilt_count: int


class SegmentQuery(Params):
    """Which segments, and over how many days their change is."""

    segment_type: Annotated[Kind | None, "Only segments of this kind"] = None
    days: Annotated[DayCount, "Number of days up to today over which they changed"] = 28


class SegmentListed(msgspec.Struct):
    """A segment. `change_count` is by how many fans a live filter changed over the days, `sizes` its size after each.

    `segment_count` is null for a filter without a count yet. Only filters have a group, can be live (`is_active`) and
    change by themselves; timestamps are unix seconds.
    """

    segment_type: str
    segment_id: str
    segment_name: str
    segment_count: int | None
    group_name: str | None
    is_active: bool
    creation_timestamp: int
    change_count: int | None
    sizes: list[int]


class OverlapQuery(Params):
    """Which segments to compare."""

    segments: Annotated[Segments, "Two to five segments, each written filter:uid, snapshot:uid or tag:id"]

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Ask for at least two different segments."""
        if "segments" in values and len(set(values["segments"])) < MIN_SEGMENTS:
            yield "segments", "must name at least two segments"


class SegmentSize(msgspec.Struct):
    """A segment of a comparison, with its number of fans."""

    segment: str
    segment_name: str
    fan_count: int


class OverlapPart(msgspec.Struct):
    """Fans who are in these segments and in none of the others."""

    segments: list[str]
    fan_count: int


class Overlap(msgspec.Struct):
    """How segments overlap: their sizes, and each combination that fans are in, the largest first."""

    segments: list[SegmentSize]
    parts: list[OverlapPart]
    fan_count: int


class Referrer(msgspec.Struct):
    """A filter whose criteria refer to a segment."""

    filter_uid: uuid.UUID
    filter_name: str
