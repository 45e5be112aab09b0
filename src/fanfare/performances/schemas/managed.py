"""Shapes of performances as staff sees them."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Day, Ids, Text


class ManagedPerformance(msgspec.Struct):
    """A performance as staff sees it: what belongs to it, and how many fans have it on their schedule."""

    performance_uid: uuid.UUID
    performance_name: str
    performance_date: date
    venue_name: str | None
    city: str | None
    status: str
    business_id: int | None
    business_name: str | None
    performance_group_name: str | None
    quest_count: int
    reward_count: int
    schedule_count: int


class ManagedPerformanceQuery(Params):
    """Which performances staff sees, by day."""

    q: Annotated[Text | None, "Part of the name, the venue or the city; case is ignored."] = None
    start_date: Annotated[Day | None, "First day of the range."] = None
    end_date: Annotated[Day | None, "Last day of the range."] = None
    business_ids: Annotated[Ids | None, "Only performances of these businesses."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a range that ends before it starts."""
        start, end = values.get("start_date"), values.get("end_date")
        if start is not None and end is not None and end < start:
            yield "end_date", "must not be before start_date"
