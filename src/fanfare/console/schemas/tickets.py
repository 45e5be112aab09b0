"""Shapes of the pages of events, gates, passes and registrations."""

from typing import Annotated

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, Text, Uuid
from fanfare.registrations.schemas.passes import Code
from fanfare.tickets.schemas.event_lists import OneEvent


class EventPage(OneEvent):
    """One event, with or without what takes longer to compute."""

    has_figures: Annotated[Flag, "With the figures."] = False


class GatesPage(OneEvent):
    """The gates of an event, with or without what counts all its scans."""

    has_figures: Annotated[Flag, "With the figures of the whole event."] = False
    is_paused: Annotated[Flag, "Without updates."] = False
    at_gate: Annotated[Text | None, "The gate of the last check-in by hand."] = None


class CheckInForm(OneEvent):
    """A pass at a gate."""

    pass_code: Annotated[Code, "Code of the pass."]
    gate_name: Annotated[Text, "Where."]


class PassesPage(Params):
    """The passes of a campaign, in the order of their creation."""

    page_tab_id: Annotated[Id, "Campaign."]
    state: Annotated[
        Annotated[str, ChoiceForm("all", "unused", "checked_in", "cancelled")], "Which passes; all by default."
    ] = "all"
    pass_code: Annotated[Code | None, "Code of a pass."] = None
    next_pass_id: Annotated[Id, "Where the page begins."] = 0


class OnePassPage(Params):
    """One pass of a campaign."""

    page_tab_id: Annotated[Id, "Campaign."]
    pass_uid: Annotated[Uuid, "Pass."]


class PassGateForm(OnePassPage):
    """Where a pass is checked in."""

    gate_name: Annotated[Text, "Where."]


class PassHolderForm(OnePassPage):
    """The fan who gets a pass."""

    fan_id: Annotated[Id, "Fan."]
