"""Shapes of streams."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, IntegerForm, JsonObject, KeyForm, Text, TextForm

MAX_STREAMS = 500
MAX_PAGE = 500
TrustLevel = Literal["open", "regulars", "moderated"]
StreamKey = Annotated[str, KeyForm()]
Code = Annotated[str, TextForm(64 * 1024)]
Host = Annotated[
    str,
    TextForm(
        253, r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+", "must be a name such as wall.example.com"
    ),
]
Limit = Annotated[int, IntegerForm(1, MAX_PAGE)]
Rate = Annotated[int, IntegerForm(1, 10_000)]
Days = Annotated[int, IntegerForm(1, 3650)]
Trust = Annotated[TrustLevel, ChoiceForm("open", "regulars", "moderated")]
TRUST_LEVEL = (
    "Whose records are published at once: everybody's (open), those of trusted authors and authors with an approved"
    " record (regulars), or those of trusted authors alone (moderated). Others wait for staff."
)


class OneStream(Params):
    """The key of a stream."""

    stream_key: Annotated[StreamKey, "Stream by its key."]


class NewStream(Params):
    """A stream to create."""

    stream_name: Annotated[Text, "Name of the stream."]
    trust_level: Annotated[Trust, TRUST_LEVEL] = "moderated"
    is_public: Annotated[Flag, "Whether approved records can be read without a key, and the stream be embedded."] = (
        False
    )
    record_limit: Annotated[Limit, "Records of a page."] = 50
    author_limit: Annotated[Rate, "Records that one author can submit in an hour."] = 20
    has_word_list: Annotated[
        Flag, "Whether records with words that are refused in display names wait for staff."
    ] = True  # fmt: skip
    retention_days: Annotated[Days | None, "Days after which records are deleted; without it they stay."] = None
    virtual_domain: Annotated[Host | None, "Domain of the stream, for your own use."] = None
    css_text: Annotated[Code, "CSS of the embedded widget."] = ""
    javascript_text: Annotated[Code, "JavaScript for your own pages; it is stored and never run by us."] = ""
    props: Annotated[JsonObject | None, "JSON structure, for your own use."] = None
    media_map: Annotated[JsonObject | None, "Pictures of the stream by name, for your own use."] = None

    example: ClassVar[Mapping[str, object]] = {"stream_name": "Match day", "trust_level": "regulars", "is_public": True}


class StreamChanges(OneStream, kw_only=True):
    """The fields of a stream to change."""

    stream_name: Annotated[Text | None, "Name of the stream."] = None
    trust_level: Annotated[Trust | None, TRUST_LEVEL] = None
    is_public: Annotated[
        Flag | None, "Whether approved records can be read without a key, and the stream be embedded."
    ] = None  # fmt: skip
    record_limit: Annotated[Limit | None, "Records of a page."] = None
    author_limit: Annotated[Rate | None, "Records that one author can submit in an hour."] = None
    has_word_list: Annotated[
        Flag | None, "Whether records with words that are refused in display names wait for staff."
    ] = None  # fmt: skip
    retention_days: Annotated[Days | None | UnsetType, "Days after which records are deleted."] = UNSET
    virtual_domain: Annotated[Host | None | UnsetType, "Domain of the stream, for your own use."] = UNSET
    css_text: Annotated[Code | None | UnsetType, "CSS of the embedded widget."] = UNSET
    javascript_text: Annotated[Code | None | UnsetType, "JavaScript for your own pages; never run by us."] = UNSET
    props: Annotated[JsonObject | None | UnsetType, "JSON structure, for your own use."] = UNSET
    media_map: Annotated[JsonObject | None | UnsetType, "Pictures of the stream by name, for your own use."] = UNSET

    example: ClassVar[Mapping[str, object]] = {"trust_level": "open"}


class StreamSaved(msgspec.Struct):
    """The stream that was saved."""

    stream_key: str


class Stream(msgspec.Struct):
    """A stream with its settings. The timestamp is in unix seconds."""

    stream_key: str
    account_id: int
    creation_timestamp: int
    stream_name: str
    props: dict[str, Any]
    virtual_domain: str | None
    css_text: str
    javascript_text: str
    record_limit: int
    trust_level: TrustLevel
    media_map: dict[str, Any]
    is_public: bool
    has_word_list: bool
    author_limit: int
    retention_days: int | None


class StreamFacts(msgspec.Struct, frozen=True):
    """What decides about the records of a stream."""

    account_id: int
    stream_id: int
    stream_key: str
    stream_name: str
    record_limit: int
    trust_level: TrustLevel
    is_public: bool
    has_word_list: bool
    author_limit: int
    retention_days: int | None
    css_text: str
