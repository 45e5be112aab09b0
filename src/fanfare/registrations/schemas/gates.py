"""Schemas of what happens at the gates of an event."""

from typing import Annotated

import msgspec

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Flag, Id, LimitForm, Text, Uuid


class GateFigures(msgspec.Struct):
    """One gate: entries, refusals, entries a minute in the last five minutes, and its last scan in unix seconds."""

    gate_name: str | None
    entry_count: int
    refusal_count: int
    entries_a_minute: float
    last_scan_timestamp: int


class Refusals(msgspec.Struct):
    """How many scans were refused for one reason; null where the gate sent none."""

    refusal: str | None
    scan_count: int


class Arrivals(msgspec.Struct):
    """Entries from a moment (unix seconds) on, for as many seconds as the answer says."""

    timestamp: int
    entry_count: int


class EventGates(msgspec.Struct):
    """What happens at the gates of an event.

    `admitted_count` are wristbands, tickets and passes that were let in at least once, `inside_count` entries less
    exits, `refusal_count` refused scans. While scans of the last hour are there, `arrivals` are those of that hour by
    minute; else of the whole event by `seconds`, without those in which nobody came.
    """

    admitted_count: int
    inside_count: int
    scan_count: int
    refusal_count: int
    entries_a_minute: float
    last_scan_timestamp: int | None
    is_live: bool
    seconds: int
    arrivals: list[Arrivals]
    gates: list[GateFigures]
    refusals: list[Refusals]


class LastHour(msgspec.Struct):
    """The last hour at the gates of an event: entries by minute, and those and refusals of each gate.

    Without a scan in that hour it is not live, and both lists are empty.
    """

    entries_a_minute: float
    last_scan_timestamp: int | None
    is_live: bool
    arrivals: list[Arrivals]
    gates: list[GateFigures]


class EventScan(msgspec.Struct):
    """A scan at a gate of an event, without personal data; why it was refused, and how its pass was used before."""

    scan_key: int
    scan_timestamp: int
    gate_name: str | None
    access_mode: str | None
    is_success: bool
    refusal: str | None
    code: str | None
    fan_id: int | None
    check_in_timestamp: int | None
    check_in_gate_name: str | None


class EventScanMeta(Meta):
    """The scan_key below which the next page begins."""

    min_scan_key: int | None


class OneEventGates(Params):
    """The event of the gates."""

    event_uid: Annotated[Uuid, "Event."]


class EventScanQuery(OneEventGates):
    """Filters for the scans of an event, the last stored first."""

    max_scan_key: Annotated[Id | None, "Only scans stored before this one: meta.min_scan_key of the page before."] = (
        None
    )
    is_refused: Annotated[Flag, "Only refused scans."] = False
    gate_name: Annotated[Text | None, "Only scans of this gate."] = None
    limit: Annotated[Annotated[int, LimitForm(500)], "Page size; 50 by default."] = 50
