"""Checks a pass in by hand: a scan like those of gates, so that the log says who was let in and why others were not."""

import uuid
from datetime import datetime

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.registrations.actions.scans import record_scans
from fanfare.registrations.schemas.passes import Pass
from fanfare.registrations.schemas.scans import ScanItem, ScanSaved
from fanfare.tickets.schemas.event_lists import EventEntry

NETWORK, MODE = "manage-centre", "by hand"


async def check_in_at_event(
    db: Db, account: Account, event: EventEntry, pass_code: str, gate_name: str, now: datetime
) -> ScanSaved:
    """Let the holder of a pass in to an event, if it is for that and was not used; return the stored scan."""
    scan = ScanItem(
        scan_group_name=event.event_name, network=NETWORK, scan_timestamp=now, source_key=str(uuid.uuid4()),
        access_mode=MODE, node_name=gate_name, event_key=event.event_key, event_name=event.event_name,
        event_date=event.event_date, venue_name=event.venue_name, pass_code=pass_code,
    )  # fmt: skip
    return (await record_scans(db, account, [scan], now)).data[0]


async def check_in_pass(db: Db, account: Account, event_pass: Pass, gate_name: str, now: datetime) -> ScanSaved:
    """Let the holder of a pass in wherever it is for; return the stored scan."""
    scan = ScanItem(
        scan_group_name=event_pass.section_name or gate_name, network=NETWORK, scan_timestamp=now,
        source_key=str(uuid.uuid4()), access_mode=MODE, node_name=gate_name, event_key=event_pass.event_key,
        pass_uid=event_pass.pass_uid, page_tab_id=event_pass.page_tab_id,
    )  # fmt: skip
    return (await record_scans(db, account, [scan], now)).data[0]
