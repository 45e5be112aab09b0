"""Schemas of scans at gates."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.lines import LineFault, WrongLine, lines_of
from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import (
    Alias,
    Bound,
    Day,
    Flag,
    Id,
    IntegerForm,
    Moment,
    NetworkName,
    OuterKey,
    Text,
    Uuid,
    future_faults,
)
from fanfare.registrations.schemas.passes import Code

MAX_SCANS = 1000


class Scan(msgspec.Struct):
    """A scan at a gate with the registration it names by key or barcode; timestamps in unix seconds.

    is_success says whether the holder was admitted, refusal why not.
    """

    scan_key: int
    account_id: int
    network: str
    fan_id: int | None
    event_key: str | None
    is_success: bool
    access_mode: str | None
    scan_group_name: str
    site_name: str | None
    site_id: str | None
    node_name: str | None
    zone_name: str | None
    scan_timestamp: int
    registration_key: str | None
    ticket_order_key: str | None
    event_name: str | None
    event_date: date | None
    venue_name: str | None
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    country_code: str | None
    province: str | None
    postal_code: str | None
    registration_timestamp: int | None
    barcode: str | None
    refusal: str | None


class ScanMeta(Meta):
    """How to request the next page: the last scan_key of this one, or that of the request when it is empty."""

    next_scan_key: int


class ScanQuery(Params):
    """Filters for scans, in pages of 1000."""

    scan_group_name: Annotated[Text, "Scan group (also called group set)."]
    start_date: Annotated[Bound, "Scans from this time, or from this day in the account's zone."]
    end_date: Annotated[Bound, "Scans before this time, or up to and including this day in the account's zone."]
    network: Annotated[NetworkName, "Ticketing network."]
    next_scan_key: Annotated[Id, "Paging key from the previous answer; left out on the first call."] = 0
    venue_name: Annotated[Text | None, "Venue."] = None
    event_date: Annotated[Day | None, "Day of the event."] = None


class ScanItem(Params):
    """One scan of a batch."""

    scan_group_name: Annotated[Text, "Scan group (also called group set)."]
    network: Annotated[NetworkName, "Ticketing network."]
    scan_timestamp: Annotated[Moment, "When it was scanned."]
    source_key: Annotated[OuterKey | None, Alias("scan_key"), "Key of the scan in the gate system."] = None
    device_key: Annotated[OuterKey | None, "Device; with device_sequence it stands for a source_key."] = None
    device_sequence: Annotated[Annotated[int, IntegerForm(0)] | None, "Number of the scan on its device."] = None
    is_success: Annotated[Flag, "Whether the device let the holder in."] = True
    access_mode: Annotated[
        Text | None, "Entry, exit and the like; a pass that goes out (exit, out, check-out) is not used."
    ] = None
    site_name: Annotated[Text | None, "Site."] = None
    site_id: Annotated[OuterKey | None, "Site's id."] = None
    node_name: Annotated[Text | None, "Gate or reader."] = None
    zone_name: Annotated[Text | None, "Zone."] = None
    registration_key: Annotated[OuterKey | None, "Registration that was scanned."] = None
    ticket_order_key: Annotated[OuterKey | None, "Order of the ticket."] = None
    barcode: Annotated[OuterKey | None, "Barcode that was read."] = None
    event_key: Annotated[
        OuterKey | None, "Event id in the ticketing system; only passes for this event are admitted."
    ] = None
    event_name: Annotated[Text | None, "Name of the event."] = None
    event_date: Annotated[Day | None, "Day of the event."] = None
    venue_name: Annotated[Text | None, "Venue."] = None
    pass_code: Annotated[Code | None, "Code of the pass that was scanned."] = None
    pass_uid: Annotated[Uuid | None, "Uid of the pass that was scanned."] = None
    page_tab_id: Annotated[Id | None, "Campaign whose passes the gate accepts; those of others are unknown to it."] = (
        None
    )
    check_in_key: Annotated[
        OuterKey | None, "check_in_key of an online check-in at this gate (node_name) that got no response."
    ] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a scan without a unique key: source_key, or device_key with device_sequence."""
        if "source_key" not in values and not ("device_key" in values and "device_sequence" in values):
            yield "source_key", "is required unless device_key and device_sequence are sent"

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Reject a future scan."""
        yield from future_faults(context.now, values, "scan_timestamp")


class NewScans(Params):
    """Scans of one or many devices, in any order."""

    scans: Annotated[
        Annotated[list[ScanItem | WrongLine], lines_of(ScanItem, MAX_SCANS, "scans")],
        "At most 1000 scans, each an object.",
    ]

    example: ClassVar[Mapping[str, object]] = {
        "scans": [
            {
                "device_key": "gate-7",
                "device_sequence": 1042,
                "network": "festival",
                "scan_group_name": "Tideline",
                "scan_timestamp": "2026-07-03T20:31:05Z",
                "barcode": "0451001",
                "node_name": "North gate",
            }
        ]
    }


class ScanSaved(msgspec.Struct):
    """The result for one scan.

    `index` is its place in the batch. Sent again, it is a duplicate with the same result.
    """

    index: int
    scan_key: int
    is_duplicate: bool
    is_success: bool
    refusal: str | None
    reason: str | None


class ScansSaved(msgspec.Struct):
    """The stored scans, and the invalid ones."""

    data: list[ScanSaved]
    errors: list[LineFault]
