"""Shapes of the fan search and of the list of tags."""

import re
import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, ClassVar

import msgspec

from fanfare.fans.schemas.fans import FanRecord
from fanfare.kernel.data.paging import Meta, NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import (
    NOTHING,
    Alias,
    DayForm,
    Flag,
    Form,
    IntegerForm,
    LimitForm,
    MomentForm,
    word_of,
)
from fanfare.search.criteria import Criteria

MAX_LIMIT = 1000
MAX_COUNT = 1_000_000
DEFAULT_COUNT = 100_000
SEARCH_HOURS = 24
MAX_TAGS = 10_000


class SearchCursor(msgspec.Struct, frozen=True):
    """A search and the row to read from; without a row the server's position counts."""

    search_uid: uuid.UUID
    row: int | None = None


class SearchCursorForm(Form):
    """The `search_uid` of an earlier answer, or its `next_search_uid`."""

    nothing = NOTHING
    pattern = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.([0-9]{1,7}))?")

    def read(self, raw: object) -> SearchCursor:
        """Return the search and, when it was a `next_search_uid`, the row."""
        match = self.pattern.fullmatch(word_of(raw))
        if not match:
            message = "must be the search_uid or next_search_uid of an earlier response"
            raise ValueError(message)
        return SearchCursor(uuid.UUID(match[1]), int(match[2]) if match[2] else None)

    def schema(self) -> dict[str, object]:
        """Describe the cursor by its pattern."""
        return {"type": "string", "pattern": f"^{self.pattern.pattern}$"}


class FanSearch(Criteria):
    """A search: its criteria, optional fields of its rows, and the page to read."""

    example: ClassVar[Mapping[str, object]] = {"fan_provinces": "BC,WA", "crm_active_days": 30, "limit": 200}

    include_recent_entry: Annotated[Flag, "Fill last_page_tab_id and last_campaign_name"] = False
    include_tags: Annotated[Flag, "Has no effect: tags are always returned"] = False
    include_business_opt_ins: Annotated[Flag, "Has no effect: opted_in_business_ids are always returned"] = False
    search_uid: Annotated[
        SearchCursor | None, SearchCursorForm(), Alias("cursor"), "Continue a search; its criteria stay the same"
    ] = None
    limit: Annotated[int, LimitForm(MAX_LIMIT), "Rows per page"] = MAX_LIMIT
    max_count: Annotated[int, IntegerForm(1, MAX_COUNT), "Maximum number of rows in the whole search"] = DEFAULT_COUNT


class FoundFan(FanRecord):
    """A fan of a search. `fields` holds `key=value` texts, `field_values` the same with their types.

    `last_page_tab_id` and `last_campaign_name` are null unless include_recent_entry asks for them.
    """

    last_page_tab_id: int | None
    last_campaign_name: str | None
    opted_in_business_ids: list[int]


class SearchMeta(Meta):
    """How to continue: send `search_uid` until `data` is empty, or follow `next_search_uid`, which may be retried.

    `next_search_uid` is null on the last page. `count` is the number of fans in the result (at most max_count), null
    while it is still being computed.
    """

    search_uid: uuid.UUID
    next_search_uid: str | None
    count: int | None
    limit: int


class StartForm(Form):
    """A time, or a day, which means its first moment in the account's time zone."""

    nothing = NOTHING
    day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}")

    def read(self, raw: object) -> date | datetime:
        """Return the day or the time."""
        form: Form = DayForm() if isinstance(raw, str) and self.day.fullmatch(raw.strip()) else MomentForm(0)
        read: date | datetime = form.read(raw)
        return read

    def schema(self) -> dict[str, object]:
        """Describe both formats."""
        return {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}


class TagWindow(Params):
    """The range of time of the assignments to list, and the page."""

    start_date: Annotated[date | datetime | None, StartForm(), "Assigned at this time or later"] = None
    end_date: Annotated[date | datetime | None, StartForm(), "Assigned before this time"] = None
    limit: Annotated[int, LimitForm(MAX_TAGS), "Maximum number of rows to return"] = MAX_TAGS
    cursor: NextCursor = None


class TagGiven(msgspec.Struct):
    """The assignment of a tag to a fan."""

    tag_name: str
    tag_id: int
    fan_id: int
    creation_timestamp: int
    first_name: str | None
    last_name: str | None
    email: str | None
