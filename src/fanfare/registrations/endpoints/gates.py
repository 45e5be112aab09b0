"""HTTP endpoints of what happens at gates."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.registrations.queries import gates as queries
from fanfare.registrations.schemas.gates import EventGates, EventScan, EventScanMeta, EventScanQuery, OneEventGates


@endpoint.get("/api/v1/manage/ticket_events/{event_uid}/gates", scope="manage", key=SECRET)
async def manage_ticket_event_gates(db: Db, account: Account, target: OneEventGates, now: datetime) -> EventGates:
    """Return what happens at the gates of an event: arrivals, each gate, and refusals by reason."""
    return await queries.event_gates(db, account.id, target.event_uid, now)


@endpoint.get("/api/v1/manage/ticket_events/{event_uid}/scans", scope="manage", key=SECRET)
async def manage_ticket_event_scans(db: Db, account: Account, query: EventScanQuery) -> Page[EventScanMeta, EventScan]:
    """Page through the scans of an event, the last stored first, with why each was refused.

    Send meta.min_scan_key back as `max_scan_key`.
    """
    return await queries.event_scans(db, account.id, query)
