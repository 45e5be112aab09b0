"""Shapes of the pages of one fan and of their forms."""

from datetime import date, datetime
from typing import Annotated

import msgspec

from fanfare.accounts.schemas import Business
from fanfare.fans.schemas.attributes import Consent, DeviceToken, Identifier
from fanfare.fans.schemas.fans import OneFan
from fanfare.idols.schemas import FanIdol
from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, IntegerForm, Moment, Text, TextForm, Uuid
from fanfare.performances.schemas.performances import Performance
from fanfare.points.schemas.points import Balance
from fanfare.profiles.schemas import FanFigures, FanRestrictions, FanSegment, TimelineEntry
from fanfare.ratings.schemas import RatingParts
from fanfare.sessions.schemas.sessions import FanSession

# Views of the timeline, by the kinds that each has; the first has all.
VIEWS: dict[str, tuple[str, ...]] = {
    "all": (),
    "campaigns": ("activity", "wager", "post", "click"),
    "tickets": ("ticket", "registration", "scan", "pass", "check_in"),
    "purchases": ("purchase",),
    "points": ("points", "reward"),
    "messages": ("message",),
    "consents": ("consent",),
    "record": ("created", "login", "tag", "idol", "segment_entered", "segment_left", "merge", "unmerge"),
}
CHANNELS = ("email", "phone", "everything", "business")


class ProfileQuery(OneFan, kw_only=True):
    """Which fan, and which part of the timeline."""

    view: Annotated[Annotated[str, ChoiceForm(*VIEWS)] | None, "Kinds of the timeline."] = None
    cursor: NextCursor = None


class FanFilter(OneFan, kw_only=True):
    """A fan and a live segment."""

    filter_uid: Annotated[Uuid, "The filter."]


class Day(msgspec.Struct):
    """The entries of a day, each with its moment, in the account's zone."""

    day: date
    entries: list[tuple[datetime, TimelineEntry]]


class TimelinePage(msgspec.Struct):
    """A page of the timeline: its view, the year of now, its days, and the cursor of what is older."""

    view: str
    year: int
    days: list[Day]
    cursor: str | None


class Reach(msgspec.Struct):
    """A channel or business, what the fan said about it, and the consent that decides."""

    channel: str
    business: Business | None
    state: bool | None
    consent: Consent | None


class Profile(msgspec.Struct):
    """What the page of a fan shows beside the record and the timeline. For limited people some of it is none."""

    figures: FanFigures | None
    rating: RatingParts
    # None if it is masked
    birth_day: date | None
    last_active_day: date | None
    reach: list[Reach]
    consents: list[Consent]
    identifiers: list[Identifier]
    idols: list[FanIdol]
    segments: list[FanSegment]
    balances: list[Balance]
    performances: list[Performance]
    tickets: list[TimelineEntry]
    purchases: list[TimelineEntry]
    passes: list[TimelineEntry]
    sessions: list[FanSession]
    devices: list[DeviceToken]
    restrictions: FanRestrictions
    businesses: dict[int, str]


class TagForm(OneFan, kw_only=True):
    """A tag of a fan."""

    tag_name: Annotated[Text, "Name of the tag."]


class ConsentForm(OneFan, kw_only=True):
    """What a fan said, where, and with which words."""

    channel: Annotated[Annotated[str, TextForm(40)], "email, phone, everything or business:ID."]
    is_granted: Annotated[Flag, "Whether it is a yes."]
    consent_source: Annotated[Text, "Where the fan said it."]
    consent_wording: Annotated[Annotated[str, TextForm(10_000)] | None, "The text, or a note that proves it."] = None
    consent_timestamp: Annotated[Moment | None, "When; now if left out."] = None


class FanSessionForm(OneFan, kw_only=True):
    """A session of a fan."""

    session_id: Annotated[Id, "Session by its id."]


class FanDeviceForm(OneFan, kw_only=True):
    """A device of a fan, by its number in the list."""

    device_number: Annotated[Annotated[int, IntegerForm(0, 10_000)], "Place in the list."]


class FanSuppressionForm(OneFan, kw_only=True):
    """A suppression of a fan's address."""

    suppression_id: Annotated[Id, "Suppression by its id."]


class FanVisibilityForm(OneFan, kw_only=True):
    """Whether public lists leave a fan out."""

    is_hidden: Annotated[Flag, "Whether the fan is hidden."]


class PointsForm(OneFan, kw_only=True):
    """Points for a fan, with the reason."""

    point_uid: Annotated[Uuid, "Category of the points."]
    point_count: Annotated[Annotated[int, IntegerForm(-1_000_000, 1_000_000)], "How many; negative ones are taken."]
    reason: Annotated[Text, "Why."]
    award_uid: Annotated[Uuid, "Made with the form, so that a second press books nothing."]


class MergeSearch(OneFan, kw_only=True):
    """Whom to compare with."""

    text: Annotated[Text | None, "Id, email address, phone number or name."] = None


class MergePair(OneFan, kw_only=True):
    """Two fans."""

    merged_fan_id: Annotated[Id, "The other fan."]


class EraseForm(OneFan, kw_only=True):
    """The erasure of a fan, with the name typed."""

    typed_name: Annotated[Text, "The name, as the page shows it."]


class OneRequest(Params):
    """Which request for erasure."""

    erasure_request_id: Annotated[Id, "Request by its id."]


class DecisionForm(OneRequest, kw_only=True):
    """What becomes of a request for erasure."""

    decision: Annotated[Annotated[str, ChoiceForm("erase", "refuse")], "erase or refuse."]
    typed_name: Annotated[Text | None, "The name, as the page shows it; to erase."] = None
