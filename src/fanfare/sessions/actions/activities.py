"""Records what apps report of fans who did not log in here: sign-ups, entries, venue wifi."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fanfare.campaigns.actions.activities import EnteredAlready, Entry, record_entry
from fanfare.campaigns.queries.checks import check_business, check_campaign_field
from fanfare.fans.actions.fans import create_fan
from fanfare.fans.actions.people import find_or_create, person
from fanfare.fans.actions.references import references as fan_references
from fanfare.fans.actions.tags import change_tag
from fanfare.fans.schemas.attributes import TagChange
from fanfare.fans.schemas.fans import NewFan
from fanfare.kernel.addresses import subscriber
from fanfare.kernel.callers import Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import faults_of
from fanfare.sessions.actions.budgets import (
    DAILY_ENTRIES,
    ENTRIES,
    REPEATED_ENTRIES,
    RESERVED_SECONDS,
    Attempt,
    count,
    give_back,
)
from fanfare.sessions.actions.steps import fan_address
from fanfare.sessions.schemas.activities import NewSessionActivity, SessionActivity, WifiVisit

SOURCE = "sessions_activity_create"
WIFI = "sessions_wifi"
PERSON = (
    "email", "phone", "first_name", "last_name", "birth_date", "country_code", "province", "city", "postal_code",
    "fields",
)  # fmt: skip


async def record_activity(
    db: Db, account: Account, caller: Caller, new: NewSessionActivity, now: datetime
) -> SessionActivity:
    """Record an activity of a fan, who is found by address or number or made; what is empty of the fan is filled.

    All of it or nothing. Refuses (422) unknown businesses, campaigns and fields, and (409) a second entry where one is
    allowed.
    """
    await check_business(db, account.id, new.business_id)
    await check_campaign_field(db, account.id, new.page_tab_id)
    await _count_entry(db, account.id, caller, now)
    is_counted = new.is_unique_activity and not caller.has_secret
    attempts = [Attempt(REPEATED_ENTRIES, subscriber(caller.address))] if is_counted else []
    receipts = await count(db, account.id, attempts, now, max_wait=RESERVED_SECONDS)
    try:
        return await _record(db, account, caller, new, now)
    except EnteredAlready:
        receipts = []
        raise
    finally:
        await give_back(db, account.id, receipts)


async def _record(db: Db, account: Account, caller: Caller, new: NewSessionActivity, now: datetime) -> SessionActivity:
    address = fan_address(caller, new.ip_address)
    fields = {name: value for name in PERSON if (value := getattr(new, name)) is not None}
    businesses = {str(new.business_id): True} if new.business_id is not None else None
    idol_names = [new.idol_name] if new.idol_name else None
    fan = NewFan(**fields, ip_address=address, idol_names=idol_names, businesses=businesses)
    tags = dict.fromkeys([*(new.tag_name or ()), *(new.tag_names or ())])

    async def write(outer: Db) -> SessionActivity:
        async with outer.transaction() as tx:
            fan_id = await create_fan(tx, account, fan, now, source=SOURCE)
            for tag_name in tags:
                await change_tag(tx, account.id, TagChange(tag_name=tag_name, action="add", fan_ids=[fan_id]), now)
            recorded = await record_entry(tx, account.id, _entry(new, fan_id, address), now)
            return SessionActivity(recorded.fan_id, recorded.activity_id)

    return await db.retry_conflicts(write)


def _entry(new: NewSessionActivity, fan_id: int, address: str | None) -> Entry:
    """Return what is recorded: the values of custom fields as they came, and the kind of device."""
    device = {"device_network": new.device_network} if new.device_network else {}
    return Entry(
        fan_id=fan_id,
        page_tab_id=new.page_tab_id,
        campaign_title=new.campaign_name if new.page_tab_id is None else None,
        is_unique=bool(new.is_unique_activity),
        ip_address=address,
        user_key=new.device_id,
        props={**(new.fields or {}), **device},
    )


async def _count_entry(db: Db, account_id: int, caller: Caller, now: datetime) -> None:
    """Count a call of somebody without the secret, who could try addresses of fans one after the other."""
    if not caller.has_secret:
        budgets = (ENTRIES, DAILY_ENTRIES)
        await count(db, account_id, [Attempt(each, subscriber(caller.address)) for each in budgets], now)


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with an activity that only the account's own rows can tell."""
    faults = await fan_references(db, account, {"fields": values.get("fields")})
    return faults + await faults_of(
        check_campaign_field(db, account.id, values.get("page_tab_id")),
        check_business(db, account.id, values.get("business_id")),
    )


async def record_wifi(db: Db, account: Account, caller: Caller, visit: WifiVisit, now: datetime) -> None:
    """Find or make the fan who signed in to a venue's wifi, and record that as an activity."""
    await _count_entry(db, account.id, caller, now)
    address = fan_address(caller, None)
    profile = person(
        {"email": visit.email},
        home_country=account.country_code,
        first_name=visit.first_name,
        last_name=visit.last_name,
        ip_address=address,
    )
    device = {"device_network": visit.device_network} if visit.device_network else {}

    async def write(outer: Db) -> None:
        async with outer.transaction() as tx:
            (fan_id,) = await find_or_create(tx, account.id, [profile], now, source=WIFI)
            entry = Entry(
                fan_id=fan_id,
                campaign_title=visit.activity_name,
                ip_address=address,
                user_key=visit.device_id,
                props={"network": visit.network, **device},
            )
            await record_entry(tx, account.id, entry, now)

    await db.retry_conflicts(write)
