"""Endpoints of businesses: reading needs the public key, writing the secret."""

from datetime import datetime

from fanfare.accounts import actions, queries
from fanfare.accounts.schemas import Business, BusinessChanges, BusinessSaved, NewBusiness, OneBusiness
from fanfare.kernel.callers import PUBLIC, SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/businesses", scope="apps", key=PUBLIC, has_etag=True)
async def businesses_list(db: Db, account: Account) -> list[Business]:
    """List the businesses (teams or brands) of the account with their legal texts, media and styling."""
    return await queries.businesses(db, account.id)


@endpoint.get("/api/v1/businesses/{business_id}", scope="apps", key=PUBLIC, has_etag=True)
async def businesses_get(db: Db, account: Account, target: OneBusiness) -> Business:
    """Return one business by its id."""
    return await queries.business(db, account.id, target.business_id)


@endpoint.post("/api/v1/manage/businesses", scope="manage", key=SECRET)
async def manage_businesses_create(db: Db, account: Account, new: NewBusiness, now: datetime) -> BusinessSaved:
    """Create a business; 409 when the account already has one with that name."""
    return BusinessSaved(await actions.create_business(db, account.id, new, now))


@endpoint.post("/api/v1/manage/businesses/{business_id}", scope="manage", key=SECRET)
async def manage_businesses_update(db: Db, account: Account, changes: BusinessChanges, now: datetime) -> BusinessSaved:
    """Update the fields sent of a business; an empty string clears a field."""
    return BusinessSaved(await actions.change_business(db, account.id, changes, now))


@endpoint.delete("/api/v1/manage/businesses/{business_id}", scope="manage", key=SECRET)
async def manage_businesses_delete(db: Db, account: Account, target: OneBusiness, now: datetime) -> bool:
    """Delete a business; 409 while campaigns or fans refer to it."""
    await actions.delete_business(db, account.id, target.business_id, now)
    return True
