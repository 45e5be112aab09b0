"""HTTP endpoints of fans: create, read, update, delete, and the feed of changes."""

from datetime import datetime

from msgspec import UNSET

from fanfare.fans.actions import erasure
from fanfare.fans.actions import fans as actions
from fanfare.fans.actions.references import references
from fanfare.fans.queries import fans as queries
from fanfare.fans.schemas.fans import Fan, FanChanges, FanSaved, LatestFan, LatestMeta, LatestWindow, NewFan, OneFan
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint

# What of an answer is shown once.
RESET_UID = "reset_uid"


@endpoint.post("/api/v1/crm/fans", scope="crm", key=SECRET, references=references)
async def crm_fans_create(db: Db, account: Account, new: NewFan, now: datetime) -> FanSaved:
    """Create a fan.

    An email or a phone is required. If a fan has that email or phone already, that fan is returned: empty fields are
    filled, nothing is overwritten, and consent is recorded.
    """
    return FanSaved(await actions.create_fan(db, account, new, now, source="crm_fans_create"))


@endpoint.get("/api/v1/crm/fans/latest", scope="crm", key=SECRET)
async def crm_fans_latest(db: Db, account: Account, query: LatestWindow) -> Page[LatestMeta, LatestFan]:
    """Page through recently changed fans, 1000 a page, for incremental sync.

    Pass meta.max_fan_time_key as min_time_key to continue. Each fan appears at its newest change, and no change is
    missed, not even one that commits late.
    """
    return await queries.latest(db, account, query)


@endpoint.get("/api/v1/crm/fans/{fan_id}", scope="crm", key=SECRET)
async def crm_fans_get(db: Db, account: Account, target: OneFan) -> Fan:
    """Return the full record of one fan."""
    return await queries.fan(db, account.id, target.fan_id)


@endpoint.post("/api/v1/crm/fans/{fan_id}", scope="crm", key=SECRET, references=references, has_secret_answer=RESET_UID)
async def crm_fans_update(db: Db, account: Account, changes: FanChanges, now: datetime) -> FanSaved:
    """Update the fields sent of a fan; an empty value clears a field; a field left out stays as it is.

    Province, city and postal code are accepted only together with country_code. 409 when another fan has the email
    address, the phone number or the display name. With reset_uid=true, link the fan to
    /crm/reset?account_id=…&reset_uid=…, where the fan sets a new password, once, within an hour.
    """
    reset_uid = await actions.change_fan(db, account, changes, now, source="crm_fans_update")
    return FanSaved(changes.fan_id, reset_uid or UNSET)


@endpoint.delete("/api/v1/crm/fans/{fan_id}", scope="crm", key=SECRET)
async def crm_fans_delete(db: Db, account: Account, target: OneFan, now: datetime) -> bool:
    """Delete a fan with all personal data.

    Activities and amounts stay, without the person. This is an erasure: its certificate is listed at
    /api/v1/manage/erasures.
    """
    await erasure.erase_fan(db, account.id, target.fan_id, now, source="crm_fans_delete")
    return True
