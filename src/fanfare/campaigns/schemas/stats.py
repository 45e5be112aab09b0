"""Schemas of views, app events and statistics of campaigns."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.lines import LineFault, WrongLine, lines_of
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import (
    BoundMoment,
    ChoiceForm,
    Day,
    Id,
    Ids,
    IntegerForm,
    JsonObject,
    LimitForm,
    Moment,
    Text,
    future_faults,
)

LONGEST_LIST = 10_000
MAX_VIEWS = 1_000_000
MAX_EVENTS = 1000
WAGERS = "wager_points"
# Events reported by apps, stored in campaign_events.
EVENT_TARGETS = (
    "quiz_results",
    "clicker_results",
    "chat_history",
    "overlay_timeline",
    "feed_switching",
    "websocket_connections",
    "websocket_raw_connections",
)
# Rows from the domain of points.
LEADERBOARD = "leaderboard"
POINT_TARGETS = (LEADERBOARD, "fan_points")


class CampaignStats(msgspec.Struct):
    """Figures of a campaign. Each fan counts once: `fan_count` all, the others those who are opted in now.

    `subscribers` are opted in by email or by phone. `unique_view_count` counts each viewer the site identifies once.
    """

    page_tab_id: int
    name: str
    total_entries: int
    fan_count: int
    view_count: int
    unique_view_count: int
    subscribers: int
    phone_subscribers: int
    email_subscribers: int


class BundleStats(msgspec.Struct):
    """Figures of a bundle: over all members, each fan and viewer once, and of each member."""

    summary: CampaignStats
    bundles: list[CampaignStats]


class StatsRange(Params):
    """The campaign and the days, both included, in the account's time zone."""

    page_tab_id: Annotated[Id, "Campaign to count."]
    start_date: Annotated[Day | None, "First day of the range."] = None
    end_date: Annotated[Day | None, "Last day of the range."] = None


class DetailedStatsChoice(Params):
    """The target and the time range of the rows; the start is included, the end is not."""

    page_tab_id: Annotated[Id, "Campaign to read."]
    target: Annotated[
        Annotated[str, ChoiceForm(*POINT_TARGETS, *EVENT_TARGETS, WAGERS)],
        "Kind of rows: leaderboard, fan_points, quiz_results, clicker_results, chat_history, overlay_timeline, "
        "feed_switching, websocket_connections, websocket_raw_connections or wager_points.",
    ]
    start_timestamp: Annotated[BoundMoment | None, "Window start."] = None
    end_timestamp: Annotated[BoundMoment | None, "Window end."] = None
    tab_item_id: Annotated[Ids | None, "Only these items; for target wager_points."] = None
    limit: Annotated[
        Annotated[int, LimitForm(LONGEST_LIST)] | None,
        "Maximum number of rows to return, the oldest (of leaderboard the best) first; 10000 by default.",
    ] = None
    min_event_id: Annotated[
        Id | None, "Only rows with a larger event_id (wager_id for wager_points, fan_point_id for fan_points)."
    ] = None


class NewViews(Params):
    """Views of a campaign to record."""

    page_tab_id: Annotated[Id, "Campaign that was viewed."]
    viewer: Annotated[Text | None, "What identifies the viewer, such as a cookie; only a hash of it is stored."] = None
    view_count: Annotated[Annotated[int, IntegerForm(1, MAX_VIEWS)], "Number of views."] = 1
    viewed_at: Annotated[Moment | None, "When they happened; now when left out."] = None

    example: ClassVar[Mapping[str, object]] = {"viewer": "3f0c2a", "view_count": 1}

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Reject future views."""
        yield from future_faults(context.now, values, "viewed_at")


class ViewsSaved(msgspec.Struct):
    """The day (in the account's time zone) and the viewer's count on it."""

    page_tab_id: int
    view_date: date
    view_count: int


class ReportedEvent(Params):
    """Something that happened inside a campaign, as its app reports it."""

    target: Annotated[Annotated[str, ChoiceForm(*EVENT_TARGETS)], "What happened."]
    fan_id: Annotated[Annotated[int, IntegerForm(1)] | None, "Fan who did it."] = None
    occurred_at: Annotated[Moment | None, "When it happened; now when left out."] = None
    props: Annotated[JsonObject | None, "Data of the app."] = None

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Reject a future event."""
        yield from future_faults(context.now, values, "occurred_at")


class NewEvents(Params):
    """Events to record, at most 1000 in a call; the body may be the bare array."""

    page_tab_id: Annotated[Id, "Campaign in which they happened."]
    events: Annotated[
        Annotated[list[ReportedEvent | WrongLine], lines_of(ReportedEvent, MAX_EVENTS, "events")],
        "Objects with target, fan_id, occurred_at (now when left out), props.",
    ]

    example: ClassVar[Mapping[str, object]] = {
        "events": [{"target": "chat_history", "fan_id": 1, "props": {"text": "what a goal"}}]
    }


class EventsSaved(msgspec.Struct):
    """The ids of the events, in the order sent, null for invalid ones; and the errors."""

    event_ids: list[int | None]
    errors: list[LineFault]
