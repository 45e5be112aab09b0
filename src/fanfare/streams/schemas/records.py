"""Shapes of the records of streams."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from fanfare.fans.schemas.fans import Mail
from fanfare.kernel.data.paging import Meta, NextCursor, ReadingOrder
from fanfare.kernel.folding import fold
from fanfare.kernel.wire import (
    AnyForm,
    ChoiceForm,
    Flag,
    Id,
    IntegerForm,
    Latitude,
    LimitForm,
    ListForm,
    Longitude,
    NetworkName,
    OuterKey,
    Text,
    TextForm,
    TimeKeyForm,
    Wildcard,
)
from fanfare.streams.schemas.streams import MAX_PAGE, OneStream
from fanfare.streams.schemas.terms import words

# The network of records that sites and apps submit.
DIRECT = "direct"
MAX_CAPTION = 5000
MAX_LABELS = 20
MAX_BATCH = 500
# Each is looked up in each slice of a stream.
MAX_QUERY_WORDS = 10
Status = Literal["approved", "waiting", "removed"]
AuthorStatus = Literal["new", "trusted", "blocked"]
Action = Literal["approve", "remove", "label", "unlabel"]
Bulk = Literal["approve", "remove", "wait", "label", "unlabel"]
URL = r"https?://[^\s\x22'<>\\^`{|}]{1,2000}"
MapLatitude = Annotated[Latitude | None, "Map box: a latitude; needs all four."]
MapLongitude = Annotated[Longitude | None, "Map box: a longitude; needs all four."]


class LabelForm(TextForm):
    """A label; case and accents are ignored, and it is stored folded."""

    def __init__(self) -> None:
        super().__init__(60, r"[^,@#\x00-\x1f]+", "must not contain commas, @ or #")

    def read(self, raw: object) -> str:
        """Return the folded label."""
        return fold(super().read(raw))


class UrlForm(TextForm):
    """A URL of the web."""

    def __init__(self) -> None:
        super().__init__(2048, URL, "must be a URL that begins with https:// or http://")


Label = Annotated[str, LabelForm()]
Url = Annotated[str, UrlForm()]
# 0 is before all.
TIME_KEY = r"0|[0-9]{1,11}_[0-9]{1,3}_[0-9]{1,18}"
TimeKey = Annotated[
    str, TimeKeyForm(64, TIME_KEY, "must be a meta.min_time_key or meta.max_time_key of an earlier response")
]
NetworkNames = Annotated[list[str], ListForm(NetworkName.__metadata__[0], 50)]
Labels = Annotated[list[str], ListForm(LabelForm(), MAX_LABELS)]
RecordIds = Annotated[list[int], ListForm(IntegerForm(0), MAX_BATCH)]


def query_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuse a search for too many words."""
    if len(words(values.get("q") or "")) > MAX_QUERY_WORDS:
        yield "q", f"must have at most {MAX_QUERY_WORDS} words"


class RecordFilter(OneStream, kw_only=True):
    """Which approved records of a stream."""

    networks: Annotated[NetworkNames | None, "Networks to include."] = None
    label_key: Annotated[Label | None, "Label to filter by."] = None
    sku: Annotated[OuterKey | None, "Product code of the record."] = None
    is_graphic: Annotated[Flag | None, "Only records with (yes) or without (no) a picture."] = None
    q: Annotated[Text | None, "Words of the caption, each of which must be there, at most 10; #word is a hashtag."] = (
        None
    )
    start_latitude: MapLatitude = None
    end_latitude: MapLatitude = None
    start_longitude: MapLongitude = None
    end_longitude: MapLongitude = None
    min_time_key: Annotated[
        TimeKey | None, "Only later records, the oldest first: meta.max_time_key of the page before."
    ] = None  # fmt: skip
    max_time_key: Annotated[
        TimeKey | None, "Only earlier records, the newest first: meta.min_time_key of the page before."
    ] = None  # fmt: skip
    limit: Annotated[
        Annotated[int | None, LimitForm(MAX_PAGE)], "Number of records; by default record_limit of the stream."
    ] = None  # fmt: skip

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse both directions at once, and a part of a box."""
        if "min_time_key" in values and "max_time_key" in values:
            yield "max_time_key", "cannot be combined with min_time_key"
        corners = ("start_latitude", "end_latitude", "start_longitude", "end_longitude")
        if any(name in values for name in corners):
            yield from ((name, "is required with the rest of the map box") for name in corners if name not in values)
        yield from query_faults(values)


class RecordPageMeta(Meta, kw_only=True):
    """The keys of the first and last record, and their number; an empty page repeats the key that was sent."""

    min_time_key: str | None
    max_time_key: str | None
    row_count: int
    count: int


class RecordLink(msgspec.Struct):
    """A link of a record."""

    url: str
    name: str | None = None


class StreamRecord(msgspec.Struct):
    """A record. `image_url` is our copy of the picture, `src_image_url` where it comes from. Unix seconds."""

    stream_key: str
    feed_record_id: int
    record_key: str
    props: dict[str, Any]
    creation_timestamp: int
    image_url: str | None
    src_image_url: str | None
    video_url: str | None
    caption: str
    network: str
    record_url: str | None
    latitude: float | None
    longitude: float | None
    links: list[RecordLink]
    link_url: str | None
    link_name: str | None
    author_id: int
    author_user_key: str | None
    author_screen_name: str | None
    author_name: str | None
    author_image_url: str | None
    author_status: AuthorStatus
    labels: list[str]
    sku: str | None
    time_key: str | None


class ManagedRecord(StreamRecord, kw_only=True):
    """A record as staff sees it, with what has become of it."""

    record_status: Status
    stored_timestamp: int


class OneRecord(OneStream, kw_only=True):
    """A record of a stream."""

    feed_record_id: Annotated[Id, "Record by its id."]


class NewRecord(OneStream, kw_only=True):
    """A record to submit."""

    email: Annotated[Mail | None, "Email address of the author, which is never shown."] = None
    name: Annotated[Text | None, "Name of the author, which is shown; required without an email."] = None
    caption: Annotated[Annotated[str, TextForm(MAX_CAPTION)], "Text of the record."] = ""
    image_url: Annotated[Url | None, "Where the picture is; it is copied."] = None
    latitude: Annotated[Latitude | None, "Latitude."] = None
    longitude: Annotated[Longitude | None, "Longitude."] = None
    labels: Annotated[Labels | None, "Labels of the record."] = None
    sku: Annotated[OuterKey | None, "Product code of the record."] = None
    props: Annotated[
        Annotated[dict[str, Any] | None, Wildcard("props_", AnyForm())],
        "Extra value to store; the part after props_ is its name.",
    ] = None  # fmt: skip

    example: ClassVar[Mapping[str, object]] = {
        "email": "ada@example.com",
        "name": "Ada",
        "caption": "What a night! #northside",
        "labels": ["match day"],
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a record without an author, without anything to show, and half a place."""
        if not values.get("email") and not values.get("name"):
            yield "email", "is required, or a name"
        if not values.get("caption") and not values.get("image_url"):
            yield "caption", "is required, or a picture"
        if ("latitude" in values) != ("longitude" in values):
            yield "longitude" if "latitude" in values else "latitude", "is required with the other coordinate"


class RecordSaved(msgspec.Struct):
    """The record that was saved."""

    feed_record_id: int


class RecordAction(OneRecord, kw_only=True):
    """What to do with a record."""

    action: Annotated[
        Annotated[Action, ChoiceForm("approve", "remove", "label", "unlabel")], "What to do with the record."
    ]
    label_key: Annotated[Label | None, "Label to attach or detach."] = None

    example: ClassVar[Mapping[str, object]] = {"action": "approve"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a label without its key."""
        yield from label_faults(values)


def label_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield that a label is missing."""
    if str(values.get("action")).endswith("label") and not values.get("label_key"):
        yield "label_key", "is required"


class BulkAction(OneStream, kw_only=True):
    """What to do with several records."""

    feed_record_ids: Annotated[RecordIds, "Records by their ids; unknown ones are skipped."]
    action: Annotated[
        Annotated[Bulk, ChoiceForm("approve", "remove", "wait", "label", "unlabel")],
        "What to do with the records; wait undoes a decision: they wait for staff again.",
    ]
    label_key: Annotated[Label | None, "Label to attach or detach."] = None

    example: ClassVar[Mapping[str, object]] = {"feed_record_ids": [1042], "action": "approve"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a label without its key."""
        yield from label_faults(values)


class RecordsChanged(msgspec.Struct):
    """The ids of the records that an action changed; those that were so already are missing."""

    feed_record_ids: list[int]


class ManagedQuery(OneStream, kw_only=True):
    """Which records staff sees."""

    record_status: Annotated[
        Annotated[Status | None, ChoiceForm("approved", "waiting", "removed")], "Only records with this status."
    ] = None  # fmt: skip
    network: Annotated[NetworkName | None, "Only records of this network."] = None
    label_key: Annotated[Label | None, "Only records with this label."] = None
    author_id: Annotated[Id | None, "Only records of this author."] = None
    order: ReadingOrder = "asc"
    limit: Annotated[Annotated[int, LimitForm(MAX_PAGE)], "Maximum number of rows to return."] = MAX_PAGE
    cursor: NextCursor = None


class AuthorChange(OneStream, kw_only=True):
    """Whether an author is trusted or blocked."""

    author_id: Annotated[Id, "Author by its id."]
    author_status: Annotated[
        Annotated[AuthorStatus, ChoiceForm("new", "trusted", "blocked")],
        "trusted: records are published at once; blocked: none is, and those that are there are removed.",
    ]

    example: ClassVar[Mapping[str, object]] = {"author_status": "blocked"}


class AuthorSaved(msgspec.Struct):
    """The author that was changed."""

    author_id: int
