"""HTTP endpoints of scans."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.registrations.actions import scans as actions
from fanfare.registrations.queries import scans as queries
from fanfare.registrations.schemas.scans import NewScans, Scan, ScanMeta, ScanQuery, ScansSaved


@endpoint.get("/api/v1/crm/registrations/scans", scope="crm", key=SECRET)
async def crm_registration_scans_list(db: Db, account: Account, query: ScanQuery) -> Page[ScanMeta, Scan]:
    """Page through the scans of a scan group with their registrations, 1000 a page, by ascending scan_key.

    Send back meta.next_scan_key for the next page; every response has it, even an empty one, so a poller continues from
    it.
    """
    return await queries.scans(db, account, query)


@endpoint.post("/api/v1/manage/registrations/scans", scope="manage", key=SECRET, array_field="scans", is_routine=True)
async def manage_registration_scans_create(db: Db, account: Account, new: NewScans, now: datetime) -> ScansSaved:
    """Store scans, at most 1000 at once, in any order.

    Each scan is stored once, however often it is sent: it is identified in its network by source_key, or by device_key
    and device_sequence. A scan of a pass admits unless somebody was admitted with that pass before; of several in one
    call the earliest admits. Every other is stored as refused, with when and where the pass was used. Invalid rows are
    listed under `errors`.
    """
    return await actions.record_scans(db, account, new.scans, now)
