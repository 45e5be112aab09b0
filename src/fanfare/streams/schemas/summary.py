"""Shapes of the summary of a stream."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from fanfare.kernel.wire import BoundMoment, ChoiceForm, ListForm
from fanfare.streams.schemas.records import Label
from fanfare.streams.schemas.streams import OneStream

SECTIONS = ("words", "hashtags", "labels")
Sections = Annotated[list[str], ListForm(ChoiceForm(*SECTIONS), len(SECTIONS))]


class SummaryQuery(OneStream, kw_only=True):
    """Which part of a stream to sum up."""

    data: Annotated[Sections | None, "Sections to add: words, hashtags, labels."] = None
    label_key: Annotated[Label | None, "Label to filter by."] = None
    start_time: Annotated[BoundMoment | None, "Start of the window, unix time."] = None
    end_time: Annotated[BoundMoment | None, "End of the window, unix time, exclusive."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a window that ends before it starts."""
        start, end = values.get("start_time"), values.get("end_time")
        if isinstance(start, datetime) and isinstance(end, datetime) and end < start:
            yield "end_time", "must not be before start_time"


class TermCount(msgspec.Struct):
    """A word or hashtag, and in how many records it is."""

    term: str
    count: int


class LabelCount(msgspec.Struct):
    """A label, and how many approved records have it."""

    label_key: str
    count: int


class Summary(msgspec.Struct):
    """Totals of a stream.

    `total_stored` counts all records of the stream, `total` those of the window, `approved_total` the approved ones of
    these. `reach` adds the followers that the author of each approved record had at that time. `authors`, `words` and
    `hashtags` are those of the newest `sampled_count` approved records of the window; null for a section not asked for.
    """

    stream_key: str
    stream_name: str
    total_stored: int
    total: int
    approved_total: int
    authors: int
    reach: int
    last_record_timestamp: int | None
    words: list[TermCount] | None
    hashtags: list[TermCount] | None
    labels: list[LabelCount] | None
    sampled_count: int
