"""Schemas of merges."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, LimitForm

ROWS = 200


class Merge(msgspec.Struct):
    """A merge of two fans: fan_id is the one who stayed; merged_fan_id redirects to it.

    merge_source names the call. Timestamps are unix seconds; unmerge_timestamp is null while they are merged.
    """

    merge_id: int
    fan_id: int
    merged_fan_id: int
    merge_source: str
    merge_timestamp: int
    unmerge_timestamp: int | None


class MergeMeta(Meta):
    """How to request the next page, and the number of merges in this one."""

    min_merge_id: int | None
    count: int


class MergeOther(Params):
    """Two fans."""

    fan_id: Annotated[Id, "Fan who stays, by its id."]
    merged_fan_id: Annotated[Id, "Fan to merge into the other, or merged into it."]

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a merge of a fan with itself."""
        if "fan_id" in values and values["fan_id"] == values.get("merged_fan_id"):
            yield "merged_fan_id", "must be another fan"


class MergeWindow(Params):
    """Filters for merges, the newest first."""

    fan_id: Annotated[Id | None, "Only merges into this fan."] = None
    max_merge_id: Annotated[Id | None, "Only merges with a smaller id: the previous meta.min_merge_id."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)] | None, "Page size; 200 by default."] = None

    example: ClassVar[Mapping[str, object]] = {"limit": 50}
