"""Over HTTP: what an account sets up of itself."""

from datetime import datetime

from fanfare.account_settings.actions import accounts as actions
from fanfare.account_settings.actions import retention as retention_actions
from fanfare.account_settings.queries import accounts, retention
from fanfare.account_settings.schemas.accounts import (
    AccountChanges,
    AccountSettings,
    CurrencyPreview,
    NewCurrency,
    NewZone,
    ZonePreview,
)
from fanfare.account_settings.schemas.retention import RetentionChanges, RetentionPeriod, RetentionPreview
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.places.loads import place_lists
from fanfare.places.schemas import PlaceLists


@endpoint.get("/api/v1/manage/account", scope="manage", key=SECRET)
async def manage_account_get(db: Db, account: Account) -> AccountSettings:
    """Return the time zone, currency and country of the account, and the last change of its time zone."""
    return await accounts.account_settings(db, account.id)


@endpoint.post("/api/v1/manage/account", scope="manage", key=SECRET)
async def manage_account_update(db: Db, account: Account, changes: AccountChanges, now: datetime) -> AccountSettings:
    """Change currency and country for what comes from now on; nothing that is stored is converted."""
    return await actions.change_account(db, account.id, changes, now)


@endpoint.get("/api/v1/manage/account/currency", scope="manage", key=SECRET)
async def manage_account_currency_preview(db: Db, account: Account, query: NewCurrency) -> CurrencyPreview:
    """Return how many amounts another currency of the account concerns."""
    return await accounts.currency_preview(db, account, query.currency)


@endpoint.get("/api/v1/manage/account/time_zone", scope="manage", key=SECRET)
async def manage_account_zone_preview(db: Db, account: Account, query: NewZone) -> ZonePreview:
    """Return what another time zone of the account counts again, and what stays."""
    return await accounts.zone_preview(db, account, query.time_zone)


@endpoint.post("/api/v1/manage/account/time_zone", scope="manage", key=SECRET)
async def manage_account_zone_update(db: Db, account: Account, new: NewZone, now: datetime) -> AccountSettings:
    """Let a job change the time zone and count the days again; 409 while one runs.

    Until `zone_change` has a completion_timestamp everything is by the days of the old time zone, then everything by
    those of the new one.
    """
    return await actions.request_zone(db, account, new.time_zone, now)


@endpoint.post("/api/v1/manage/account/time_zone/withdraw", scope="manage", key=SECRET)
async def manage_account_zone_withdraw(db: Db, account: Account) -> AccountSettings:
    """Withdraw a change of the time zone that waits; 409 if none does, or its job counts already."""
    return await actions.withdraw_zone(db, account.id)


@endpoint.get("/api/v1/manage/retention", scope="manage", key=SECRET)
async def manage_retention_list(db: Db, account: Account) -> list[RetentionPeriod]:
    """List how long each kind of thing is kept, in days, and who decides it."""
    return await retention.retention_periods(db, account.id)


@endpoint.post("/api/v1/manage/retention", scope="manage", key=SECRET)
async def manage_retention_update(db: Db, account: Account, changes: RetentionChanges, now: datetime) -> bool:
    """Keep a kind of thing for fewer days than the operator does, or again as long; older rows go in the next night."""
    await retention_actions.save_retention(db, account.id, changes, now)
    return True


@endpoint.get("/api/v1/manage/retention/preview", scope="manage", key=SECRET)
async def manage_retention_preview(
    db: Db, account: Account, query: RetentionChanges, now: datetime
) -> RetentionPreview:
    """Return how many rows would go in the next night if a kind were kept for so many days."""
    return await retention.retention_preview(db, account.id, query, now)


@endpoint.get("/api/v1/manage/places", scope="manage", key=SECRET)
async def manage_places_get(db: Db) -> PlaceLists:
    """Return which lists of postal codes, metro areas and census figures are loaded on this server, and since when."""
    return await place_lists(db)
