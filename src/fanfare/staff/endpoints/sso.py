"""HTTP endpoints of the single sign-on of staff. Whoever sets it up says who anybody is, and so needs all rights."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.staff.actions import sso as actions
from fanfare.staff.actions.members import key_grantor
from fanfare.staff.queries import sso as queries
from fanfare.staff.schemas.sso import SsoSettings, StaffSso


@endpoint.get("/api/v1/manage/staff_sso", scope="manage", key=SECRET)
async def manage_staff_sso_get(db: Db, account: Account) -> StaffSso:
    """Return the single sign-on of staff, without its secret; 404 if there is none."""
    return await queries.sso_of(db, account.id)


@endpoint.post("/api/v1/manage/staff_sso", scope="manage", key=SECRET)
async def manage_staff_sso_save(
    db: Db, account: Account, caller: Caller, settings: SsoSettings, now: datetime
) -> StaffSso:
    """Set up single sign-on of staff by OpenID Connect; sessions that it began before end.

    403 for a key without every scope; 409 if it is forced while nobody with the role full could sign in without it.
    """
    return await actions.save_sso(db, account.id, settings, now, grantor=key_grantor(caller))


@endpoint.delete("/api/v1/manage/staff_sso", scope="manage", key=SECRET)
async def manage_staff_sso_delete(db: Db, account: Account, caller: Caller) -> bool:
    """End single sign-on with the sessions that it began; people and their roles stay. 403 without every scope."""
    return await actions.end_sso(db, account.id, grantor=key_grantor(caller))
