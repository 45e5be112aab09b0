"""Shapes of campaigns as staff sees them, and of their entries by day."""

from datetime import date
from typing import Annotated, Literal

import msgspec

from fanfare.kernel.data.paging import NextCursor, ReadingOrder
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Day, Flag, Id, Ids, LimitForm, Text

ROWS = 200
State = Literal["planned", "open", "inactive", "ended", "closed"]
STATES: tuple[State, ...] = ("open", "planned", "inactive", "ended", "closed")


class ManagedCampaign(msgspec.Struct, kw_only=True):
    """A campaign as staff sees it. Timestamps in unix seconds.

    `campaign_state`: closed with or without a winner, else inactive, ended or planned by its dates, else open.
    `entry_count` is null unless it was asked for.
    """

    page_tab_id: int
    title: str
    app_type: str
    business_id: int | None
    business_name: str | None
    campaign_state: State
    is_scheduled: bool
    start_timestamp: int | None
    end_timestamp: int | None
    close_timestamp: int | None
    winner_fan_id: int | None
    creation_timestamp: int
    entry_count: int | None


class ManagedCampaignQuery(Params):
    """Which campaigns staff sees, newest first by default."""

    q: Annotated[Text | None, "Part of the title; case is ignored."] = None
    app_type: Annotated[Text | None, "Only campaigns of this kind."] = None
    business_ids: Annotated[Ids | None, "Only campaigns of these businesses."] = None
    campaign_state: Annotated[
        Annotated[State | None, ChoiceForm(*STATES)],
        "Only campaigns in this state.",
    ] = None
    include_counts: Annotated[Flag, "Count the entries of each campaign; else entry_count is null."] = False
    order: ReadingOrder = "desc"
    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class CampaignDaysQuery(Params):
    """Of which campaign and days, both included, in the account's time zone; at most 366 days."""

    page_tab_id: Annotated[Id, "Campaign to count."]
    start_date: Annotated[Day, "First day."]
    end_date: Annotated[Day, "Last day."]


class EntriesOfDay(msgspec.Struct):
    """How many entries a campaign had on a day, and of how many fans. Days without entries are there too."""

    entry_date: date
    entry_count: int
    fan_count: int
