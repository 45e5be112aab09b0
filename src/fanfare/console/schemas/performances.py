"""Shapes of the forms of performances."""

from typing import Annotated

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Day, Flag, Id, LongText, Text, TextForm, Uuid
from fanfare.performances.schemas.performances import GroupName, SafeUrl, Status
from fanfare.performances.schemas.quests import CompletionQuery
from fanfare.performances.schemas.rewards import ClaimQuery, ClaimUndoing, OneReward

PerformanceUid = Annotated[Uuid, "Performance by its uid."]


class PerformanceListQuery(Params):
    """Which performances the list shows."""

    q: Annotated[Text | None, "Part of the name, the venue or the city."] = None
    time: Annotated[Annotated[str, ChoiceForm("coming", "past", "all")], "Which days."] = "coming"


class PerformanceForm(Params, kw_only=True):
    """The fields of a performance."""

    performance_name: Annotated[Text, "Name."]
    performance_date: Annotated[Day, "Day."]
    status: Status = "draft"
    venue_name: Annotated[Text | None, "Venue."] = None
    city: Annotated[Text | None, "City."] = None
    artist_name: Annotated[Text | None, "Artist."] = None
    performance_url: Annotated[SafeUrl | None, "Page."] = None
    performance_group_name: Annotated[GroupName | None, "Group."] = None
    business_id: Annotated[Id | None, "Business."] = None
    onsale_date: Annotated[Day | None, "Start of sales."] = None
    notes: Annotated[LongText | None, "Notes."] = None


class PerformanceEdit(PerformanceForm, kw_only=True):
    """A performance with its fields."""

    performance_uid: PerformanceUid


class PerformanceCompletions(CompletionQuery, kw_only=True):
    """Who completed a quest of a performance."""

    performance_uid: PerformanceUid


class PerformanceClaims(ClaimQuery, kw_only=True):
    """The claims of a reward of a performance."""

    performance_uid: PerformanceUid


class PerformanceClaimUndoing(ClaimUndoing, kw_only=True):
    """A claim of a reward of a performance, to undo."""

    performance_uid: PerformanceUid
    reward_uid: Annotated[Uuid, "Reward by its uid."]
    is_code_returned: Annotated[Flag, "Whether the code can be given to somebody else."] = False


class CodesForm(OneReward, kw_only=True):
    """Codes of a reward, one in a line."""

    performance_uid: PerformanceUid
    code_lines: Annotated[Annotated[str, TextForm(60_000)], "Codes, one in a line."]
