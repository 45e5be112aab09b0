"""Schemas of passes and their sections."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import CapitalsForm, ChoiceForm, Id, IntegerForm, LimitForm, OuterKey, Text, Uuid

Code = Annotated[str, CapitalsForm(8, "[A-Za-z0-9]{8}", "must be eight letters and digits")]
Capacity = Annotated[int, IntegerForm(0, 2**31 - 1)]
Quantity = Annotated[int, IntegerForm(1, 1000)]


class Section(msgspec.Struct):
    """A section of a campaign's passes.

    Capacity is null without a limit, pass_count does not count cancelled passes.
    """

    section_uid: uuid.UUID
    page_tab_id: int
    section_name: str
    capacity: int | None
    pass_count: int
    creation_timestamp: int


class Pass(msgspec.Struct):
    """A pass.

    Timestamps in unix seconds, null for what has not happened. fan_id is the fan it was created for, claim_fan_id the
    fan who holds it. pass_code is the content of its QR code. event_key is the only event it is valid for, null when it
    is tied to none.
    """

    pass_uid: uuid.UUID
    pass_id: int
    pass_code: str
    page_tab_id: int
    section_uid: uuid.UUID | None
    section_name: str | None
    event_key: str | None
    fan_id: int | None
    claim_fan_id: int | None
    checked_in: bool
    gate_name: str | None
    creation_timestamp: int
    claim_timestamp: int | None
    transfer_timestamp: int | None
    cancellation_timestamp: int | None
    check_in_timestamp: int | None


class PassMeta(Meta):
    """How to request the next page, and the number of rows in this one."""

    next_pass_id: int
    count: int


class OnePass(Params):
    """The id of a pass."""

    pass_uid: Annotated[Uuid, "Pass."]


class PassFan(OnePass):
    """A pass and the fan who receives it."""

    fan_id: Annotated[Id, "Fan who receives the pass."]


class PassChanges(OnePass):
    """Fields of a pass to update."""

    event_key: Annotated[
        OuterKey | None | UnsetType, "Event id in the ticketing system; not tied to an event when empty."
    ] = UNSET

    example: ClassVar[Mapping[str, object]] = {"event_key": "TIDELINE-2026-SAT"}


class PassQuery(Params):
    """Filters for passes, in pages of 1000, in the order of their creation."""

    page_tab_id: Annotated[Id, "Campaign."]
    section_uid: Annotated[Uuid | None, "Only passes of this section."] = None
    fan_id: Annotated[Id | None, "Only passes created for this fan or held by this fan."] = None
    pass_code: Annotated[Code | None, "Only the pass with this code."] = None
    state: Annotated[
        Annotated[str, ChoiceForm("unused", "checked_in", "cancelled")] | None, "Only unused, used or cancelled passes."
    ] = None
    limit: Annotated[Annotated[int, LimitForm(1000)], "Page size; 1000 by default."] = 1000
    next_pass_id: Annotated[Id, "Paging key from the previous answer; left out on the first call."] = 0


class PassCampaign(msgspec.Struct):
    """A campaign with passes, its sections, and the places in them: taken, and all; null if a section has no limit."""

    page_tab_id: int
    title: str
    business_id: int | None
    section_count: int
    pass_count: int
    capacity: int | None


class PassFigures(msgspec.Struct):
    """How many passes a campaign has; those that were cancelled count in no other number but the first."""

    pass_count: int
    claimed_count: int
    checked_in_count: int
    cancelled_count: int


class NewPasses(Params):
    """Passes to create."""

    page_tab_id: Annotated[Id, "Campaign."]
    section_uid: Annotated[Uuid | None, "Section of the campaign; none when left out."] = None
    quantity: Annotated[Quantity, "How many."] = 1
    fan_id: Annotated[Id | None, "Fan they are created for; none when left out."] = None
    event_key: Annotated[
        OuterKey | None, "Event id in the ticketing system; gates of other events refuse the pass."
    ] = None

    example: ClassVar[Mapping[str, object]] = {"quantity": 2}


class SectionQuery(Params):
    """The campaign of the sections."""

    page_tab_id: Annotated[Id, "Campaign."]


class NewSection(Params):
    """A section to create."""

    page_tab_id: Annotated[Id, "Campaign."]
    section_name: Annotated[Text, "Name, unique in the campaign."]
    capacity: Annotated[Capacity | None, "Maximum number of passes; no limit when left out."] = None

    example: ClassVar[Mapping[str, object]] = {"section_name": "Camping", "capacity": 500}


class SectionChanges(Params):
    """Fields of a section to update."""

    section_uid: Annotated[Uuid, "Section."]
    section_name: Annotated[Text | None | UnsetType, "Name, unique in the campaign."] = UNSET
    capacity: Annotated[Capacity | None | UnsetType, "Maximum number of passes; no limit when empty."] = UNSET

    example: ClassVar[Mapping[str, object]] = {"capacity": 800}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject an empty name."""
        if "section_name" in values and values["section_name"] is None:
            yield "section_name", "must not be empty"


class SectionSaved(msgspec.Struct):
    """The section that was saved."""

    section_uid: uuid.UUID


class NewCheckIn(Params):
    """A pass at a gate."""

    page_tab_id: Annotated[Id, "Campaign."]
    pass_code: Annotated[Code | None, "Eight-character alphanumeric code; this or pass_uid is needed."] = None
    pass_uid: Annotated[Uuid | None, "UUID of the pass; this or pass_code is needed."] = None
    event_key: Annotated[OuterKey | None, "Event of the gate; a pass of another event is refused."] = None
    gate_name: Annotated[Text | None, "Where the pass is checked in; part of the error when it is used again."] = None
    check_in_key: Annotated[
        OuterKey | None,
        "The gate's key of this check-in: sent again after a lost response, it gets the same answer.",
    ] = None

    example: ClassVar[Mapping[str, object]] = {
        "pass_uid": "0f2b7a52-5d0c-4b8e-9a55-3f0f8a2f4c11",
        "gate_name": "North gate",
        "check_in_key": "gate-7-1042",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a check-in without pass_code and pass_uid."""
        if "pass_code" not in values and "pass_uid" not in values:
            yield "pass_code", "is required when pass_uid is left out"


class CheckedIn(msgspec.Struct):
    """A checked-in pass, when (unix seconds) and where."""

    pass_uid: uuid.UUID
    section_uid: uuid.UUID | None
    claim_fan_id: int | None
    fan_id: int | None
    checked_in: bool
    check_in_timestamp: int
    gate_name: str | None
