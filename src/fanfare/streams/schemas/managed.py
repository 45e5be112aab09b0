"""Shapes of streams and authors as staff sees them."""

from typing import Annotated

import msgspec

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Id, Ids, LimitForm
from fanfare.streams.schemas.records import AuthorStatus
from fanfare.streams.schemas.streams import OneStream, TrustLevel

ROWS = 200


class ManagedStream(msgspec.Struct):
    """A stream as staff sees it: what waits, and how its sources are. Timestamps in unix seconds."""

    stream_key: str
    stream_name: str
    trust_level: TrustLevel
    is_public: bool
    has_word_list: bool
    creation_timestamp: int
    waiting_count: int
    source_count: int
    failing_source_count: int
    last_read_timestamp: int | None


class ManagedStreamQuery(Params):
    """Which streams staff sees."""

    business_ids: Annotated[Ids | None, "Only streams that belong to campaigns of these businesses."] = None


class AuthorQuery(OneStream, kw_only=True):
    """Which authors of a stream."""

    author_status: Annotated[
        Annotated[AuthorStatus | None, ChoiceForm("new", "trusted", "blocked")], "Only authors with this status."
    ] = None  # fmt: skip
    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class ManagedAuthor(msgspec.Struct):
    """An author of a stream, and how many records are stored and approved. fan_id is null unless it is a fan."""

    author_id: Annotated[Id, "Author."]
    network: str
    author_name: str | None
    screen_name: str | None
    author_url: str | None
    author_status: AuthorStatus
    fan_id: int | None
    stored_count: int
    approved_count: int
    creation_timestamp: int
