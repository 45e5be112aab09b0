"""Shapes of quests and of fans' progress in them."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import (
    ChoiceForm,
    Day,
    Flag,
    Id,
    Ids,
    IntegerForm,
    LimitForm,
    LongText,
    OuterKey,
    Text,
    Texts,
    Uuid,
)
from fanfare.performances.schemas.performances import OnePerformance, SafeUrl
from fanfare.points.schemas.points import MAX_POINTS, PointType, range_faults

ROWS = 1000
MAX_QUESTS = 200
MAX_GROUPS = 100
QuestType = Annotated[str, ChoiceForm("campaign", "scan", "link", "points", "registration", "check_in")]
Access = Annotated[str, ChoiceForm("none", "points", "quests")]
Points = Annotated[int, IntegerForm(1, MAX_POINTS)]


class Quest(msgspec.Struct, kw_only=True):
    """A quest of a performance. creation_timestamp is in unix seconds, days are YYYY-MM-DD in the account's zone."""

    page_tab_id: int
    performance_uid: uuid.UUID
    quest_type: str
    target_page_tab_id: int | None
    scan_group_names: list[str]
    is_required: bool
    access_restriction_type: str
    fan_points_required: int | None
    quest_title: str
    button_text: str | None
    quest_description: str | None
    reward_type: str | None
    fan_points_reward: int | None
    atvenu_sales_event_key: str | None
    atvenu_promo_key: str | None
    creation_timestamp: int
    bestring_location_group_id: str | None
    bestring_promotion_id: str | None
    required_page_tab_ids: list[int]
    link_url: str | None
    start_date: date | None
    end_date: date | None
    point_uid: uuid.UUID | None
    site_name: str | None


class NewQuest(OnePerformance, kw_only=True):
    """A quest to add to a performance."""

    quest_title: Annotated[Text, "Title of the quest."]
    quest_type: Annotated[QuestType, "What fulfils it: campaign, scan, link, points, registration or check_in."]
    target_page_tab_id: Annotated[Id | None, "Campaign to take part in, or whose passes are checked in."] = None
    site_name: Annotated[Text | None, "Site at which to be scanned."] = None
    scan_group_names: Annotated[Texts | None, "Scan groups of which one fulfils the quest; case is ignored."] = None
    link_url: Annotated[SafeUrl | None, "Page that the quest leads to; must start with https://."] = None
    is_required: Annotated[Flag, "Whether rewards of the performance need it."] = False
    fan_points_required: Annotated[
        Points | None, "Points to be awarded in a quest of points; else points that open the quest."
    ] = None
    access_restriction_type: Annotated[
        Access | None, "What opens the quest: none, points or quests; by default what is required."
    ] = None
    required_page_tab_ids: Annotated[Ids | None, "Quests of the performance to complete first."] = None
    reward_type: Annotated[PointType | None, "Kind of the points won: points (default), atvenu or bestring."] = None
    bestring_location_group_id: Annotated[OuterKey | None, "Bestring location group."] = None
    bestring_promotion_id: Annotated[OuterKey | None, "Bestring promotion."] = None
    atvenu_sales_event_key: Annotated[OuterKey | None, "atVenu sales event."] = None
    atvenu_promo_key: Annotated[OuterKey | None, "atVenu promotion."] = None
    fan_points_reward: Annotated[Points | None, "Points won, once for each fan."] = None
    button_text: Annotated[Text | None, "Label of the button."] = None
    quest_description: Annotated[LongText | None, "Text of the quest."] = None
    start_date: Annotated[Day | None, "First day of the range (YYYY-MM-DD)."] = None
    end_date: Annotated[Day | None, "Last day of the range (YYYY-MM-DD)."] = None
    point_uid: Annotated[Uuid | None, "Category of the points; by default that of the performance."] = None

    example: ClassVar[Mapping[str, object]] = {
        "quest_title": "Visit the pier",
        "quest_type": "scan",
        "scan_group_names": ["Pier"],
        "fan_points_reward": 50,
    }

    @property
    def access(self) -> str:
        """What opens the quest."""
        if self.access_restriction_type:
            return self.access_restriction_type
        if self.required_page_tab_ids:
            return "quests"
        return "points" if self.fan_points_required and self.quest_type != "points" else "none"

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a quest that nothing fulfils, and contradictory ways to open it."""
        yield from _target_faults(values)
        yield from _access_faults(values)
        yield from range_faults(values)
        if len(values.get("scan_group_names") or ()) > MAX_GROUPS:
            yield "scan_group_names", f"must be at most {MAX_GROUPS} names"
        if len(values.get("required_page_tab_ids") or ()) > MAX_QUESTS:
            yield "required_page_tab_ids", f"must be at most {MAX_QUESTS} ids"
        if values.get("reward_type") == "points" and not values.get("fan_points_reward"):
            yield "fan_points_reward", "is required when reward_type is points"


def _target_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = values.get("quest_type")
    needed = {"campaign": "target_page_tab_id", "link": "link_url", "points": "fan_points_required"}.get(kind or "")
    if needed and values.get(needed) is None:
        yield needed, f"is required when quest_type is {kind}"
    if kind == "scan" and not values.get("scan_group_names") and not values.get("site_name"):
        yield "scan_group_names", "is required when quest_type is scan, unless site_name is sent"


def _access_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    access, is_of_points = values.get("access_restriction_type"), values.get("quest_type") == "points"
    needs_points = bool(values.get("fan_points_required")) and not is_of_points
    needs_quests = bool(values.get("required_page_tab_ids"))
    if access == "points" and is_of_points:
        yield "access_restriction_type", "cannot be points when quest_type is points"
    elif access == "points" and not needs_points:
        yield "fan_points_required", "is required when access_restriction_type is points"
    if access == "quests" and not needs_quests:
        yield "required_page_tab_ids", "is required when access_restriction_type is quests"
    if access is None and needs_points and needs_quests:
        yield "access_restriction_type", "is required when both points and quests are required"
    if access in ("none", "quests") and needs_points:
        yield "fan_points_required", f"cannot be sent when access_restriction_type is {access}"
    if access in ("none", "points") and needs_quests:
        yield "required_page_tab_ids", f"cannot be sent when access_restriction_type is {access}"


class QuestSaved(msgspec.Struct):
    """The quest that was added."""

    page_tab_id: int


class OneQuest(OnePerformance, kw_only=True):
    """A quest of a performance."""

    page_tab_id: Annotated[Id, "Quest by its page_tab_id."]


class QuestFigures(msgspec.Struct):
    """How many fans have made progress in a quest, and how many of them completed it."""

    page_tab_id: int
    quest_title: str
    fan_count: int
    completed_count: int


class CompletionQuery(Params):
    """Who completed a quest."""

    page_tab_id: Annotated[Id, "Quest by its page_tab_id."]
    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class Completion(msgspec.Struct):
    """A fan who completed a quest; the timestamp is in unix seconds."""

    fan_id: int
    page_tab_id: int
    completion_timestamp: int


class FanQuestQuery(OnePerformance, kw_only=True):
    """A fan and a performance."""

    fan_id: Annotated[Id, "Fan to read."]


class SessionQuestQuery(OnePerformance, kw_only=True):
    """The session of a fan, and a performance."""

    session_uid: Annotated[Uuid, "Session of the fan."]


class FanQuest(Quest, kw_only=True):
    """A quest, and the progress of a fan in it.

    `is_open` says whether what opens the quest is fulfilled. `progress_count` of `target_count` is done: points in a
    quest of points, else 1. The completion_timestamp is in unix seconds.
    """

    is_open: bool
    progress_count: int
    target_count: int
    is_completed: bool
    completion_timestamp: int | None


class LinkVisit(Params):
    """A fan follows the link of a quest."""

    session_uid: Annotated[Uuid, "Session of the fan."]
    page_tab_id: Annotated[Id, "Quest by its page_tab_id."]


class LinkTarget(msgspec.Struct):
    """The page that the quest leads to."""

    link_url: str
