"""HTTP endpoints of registrations."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.registrations.actions import registrations as actions
from fanfare.registrations.queries import entries
from fanfare.registrations.queries import registrations as queries
from fanfare.registrations.schemas.registrations import (
    EntryQuery,
    FanRegistrationQuery,
    NewFanRegistration,
    NewRegistration,
    Registration,
    RegistrationEntry,
    RegistrationMeta,
    RegistrationQuery,
    RegistrationSaved,
)


@endpoint.get("/api/v1/crm/registrations", scope="crm", key=SECRET)
async def crm_registrations_search(
    db: Db, account: Account, query: RegistrationQuery
) -> Page[RegistrationMeta, Registration]:
    """Find registrations by day, email or performance, the last stored first; 50 by default.

    Send meta.next_cursor back as `cursor` to continue. To stay up to date, start with `order=asc` and store the cursor.
    """
    return await queries.registrations(db, account, query)


@endpoint.post("/api/v1/crm/registrations", scope="crm", key=SECRET, references=actions.references)
async def crm_registrations_create(db: Db, account: Account, new: NewRegistration, now: datetime) -> RegistrationSaved:
    """Store a wristband or ticket registration, and find or create its fan.

    A registration_key that exists in the network is updated: a field left out stays as it is.
    """
    return RegistrationSaved(new.registration_key, await actions.save_registration(db, account, new, now))


@endpoint.get("/api/v1/crm/fans/{fan_id}/registrations", scope="crm", key=SECRET)
async def crm_fan_registrations_list(db: Db, account: Account, query: FanRegistrationQuery) -> ArrayPage[Registration]:
    """List the registrations of a fan, the last stored first.

    Send the header X-Next-Cursor back as `cursor` to continue.
    """
    return await queries.fan_registrations(db, account.id, query)


@endpoint.post("/api/v1/crm/fans/{fan_id}/registrations", scope="crm", key=SECRET, references=actions.references)
async def crm_fan_registrations_create(
    db: Db, account: Account, new: NewFanRegistration, now: datetime
) -> list[Registration]:
    """Add a registration to a fan and return the fan's newest 50.

    Of the fan's own data only consents change.
    """
    return await actions.add_registration(db, account, new, now)


@endpoint.get("/api/v1/manage/registrations", scope="manage", key=SECRET)
async def manage_registrations_list(
    db: Db, account: Account, query: EntryQuery
) -> Page[RegistrationMeta, RegistrationEntry]:
    """Find registrations as `GET /api/v1/crm/registrations` does, each with how its holder came in."""
    return await entries.registration_entries(db, account, query)
