"""Stores registrations, of a fan by id, or of a fan found or created by contact data."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from fanfare.campaigns.actions.quests import HAS_PROGRESS, progress
from fanfare.fans.actions.fans import change_fan
from fanfare.fans.actions.people import MATCH, LightStatement, Person, consent_times, find_or_create, person
from fanfare.fans.schemas.fans import FanChanges
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import BadParameters, Unknown, faults_of
from fanfare.kernel.wire import check_past
from fanfare.registrations.actions.quests import (
    HAS_SCAN_QUESTS,
    REGISTRATION_QUESTS,
    follow_registrations,
    lock_registrations,
)
from fanfare.registrations.queries.registrations import newest_registrations
from fanfare.registrations.schemas.registrations import (
    NewFanRegistration,
    NewRegistration,
    Registration,
    RegistrationLine,
)
from fanfare.registrations.topics import REGISTRATION_CREATED, REGISTRATION_UPDATED

SOURCE = "registration"
CONTACT = ("email", "phone", "country_code", "province", "city", "postal_code")
CHANNELS = ("is_subscribed", "is_phone_subscribed")
PERSON_FIELDS = ("first_name", "last_name", "birth_date", *CHANNELS)
# Columns that keep their value when a registration is sent again without it; PERSONAL only if the fan is the same.
RETAINED_FIELDS = ("activity_id", "event_key", "venue_name", "order_key", "ticket_key", "barcode", "lookup_id")
PERSONAL = (
    "phone", "birth_date", "is_minor", "address", "city", "province", "country_code", "postal_code", *CHANNELS,
)  # fmt: skip


async def save_registration(db: Db, account: Account, new: NewRegistration, now: datetime) -> int:
    """Insert or update a registration by its key and return its fan_id; fields left out stay as they are.

    Unknown (404) fan; BadParameters (422) for an activity_id that does not exist.
    """
    return await _save(db, account, new, new.fan_id, now)


async def add_registration(db: Db, account: Account, new: NewFanRegistration, now: datetime) -> list[Registration]:
    """Insert or update a registration of an existing fan and return the fan's newest registrations."""
    fan_id = await _save(db, account, new, new.fan_id, now)
    return await newest_registrations(db, account.id, fan_id)


async def _save(db: Db, account: Account, params: RegistrationLine, fan_id: int | None, now: datetime) -> int:
    profile = holder_of(account, params, now)
    if fan_id is None:
        await check_activity(db, account.id, params.activity_id)
        named = {"record": record_of(params, profile, None), "now": now}
        if row := await SAVE_LIGHT.row(db, account.id, profile, named):
            owner_id: int = row["fan_id"]
            return owner_id

    async def write(outer: Db) -> int:
        async with outer.transaction() as tx:
            await check_activity(tx, account.id, params.activity_id)
            new = await without_repeated_consents(tx, account.id, params, profile)
            if fan_id is None:
                (owner,) = await find_or_create(tx, account.id, [new], now, source=SOURCE)
            else:
                owner = await _current_fan(tx, account, new, fan_id, now)
            await write_registration(tx, account, (params, profile), owner, now)
        return owner

    return await db.retry_conflicts(write)


def holder_of(account: Account, params: RegistrationLine, now: datetime) -> Person:
    """Return the holder of a registration; BadParameters (422) names every invalid field."""
    check_past(now, registration_timestamp=params.registration_timestamp, birth_date=params.birth_date)
    contact = {name: getattr(params, name) for name in CONTACT}
    attributes = {name: getattr(params, name) for name in PERSON_FIELDS} | consent_times(params.registration_timestamp)
    return person(contact, home_country=account.country_code, **attributes)


async def without_repeated_consents(db: Db, account_id: int, new: RegistrationLine, profile: Person) -> Person:
    """Drop consents that the stored registration has with the same time, so that a repeated request adds none."""
    if profile.is_subscribed is None and profile.is_phone_subscribed is None:
        return profile
    row = await db.row(
        """
        select is_subscribed, is_phone_subscribed from registrations
        where account_id = $1 and network = $2 and registration_key = $3 and mail_key = $4 and registered_at = $5
        """,
        account_id,
        new.network,
        new.registration_key,
        profile.mail_key,
        new.registration_timestamp,
    )
    if row is None:
        return profile
    return without_consents(profile, row)


def without_consents(profile: Person, registration: Record) -> Person:
    """Drop the consents that a stored registration of the holder has."""
    repeats = {name: None for name in CHANNELS if getattr(profile, name) == registration[name]}
    return msgspec.structs.replace(profile, **repeats)


async def check_activity(db: Db, account_id: int, activity_id: int | None) -> None:
    """Refuse (422) an activity that is not there."""
    exists = "select true from activities where account_id = $1 and activity_id = $2"
    if activity_id is not None and not await db.value(exists, account_id, activity_id):
        raise BadParameters([("activity_id", "is not an activity of this account")])


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of a registration's activity_id, as (name, message)."""
    return await faults_of(check_activity(db, account.id, values.get("activity_id")))


async def _current_fan(db: Db, account: Account, profile: Person, fan_id: int, now: datetime) -> int:
    """Record the consents of an existing fan and lock the row; nothing else of the fan changes. Unknown (404)."""
    if profile.is_subscribed is not None or profile.is_phone_subscribed is not None:
        changes = FanChanges(
            fan_id=fan_id,
            is_subscribed=profile.is_subscribed,
            is_phone_subscribed=profile.is_phone_subscribed,
            consent_timestamp=profile.mail_consent_at,
        )
        await change_fan(db, account, changes, now, source=SOURCE)
    # Locked, so that a concurrent erasure waits and then finds this registration too.
    current_id: int | None = await db.value(
        "select fan_id from fans where account_id = $1 and fan_id = $2 for key share", account.id, fan_id
    )
    if current_id is None:
        raise Unknown(fan=fan_id)
    return current_id


SUBJECT = "network || ':' || registration_key"
# The columns of a registration that are passed as one JSON record.
COLUMNS = """network, registration_key, fan_id, activity_id, registered_at, event_name, event_date, event_key,
            venue_name, order_key, ticket_key, barcode, lookup_id, is_minor, first_name, last_name, email, mail_key,
            phone, birth_date, address, city, province, country_code, postal_code, is_subscribed, is_phone_subscribed"""
# What a registration that is sent again changes of the stored one, but for `is_preferred`.
ASSIGNMENTS = ", ".join(
    [
        *(f"{name} = excluded.{name}" for name in (
            "fan_id", "registered_at", "updated_at", "event_name", "event_date", "first_name", "last_name", "email",
            "mail_key",
        )),
        *(f"{name} = coalesce(excluded.{name}, r.{name})" for name in RETAINED_FIELDS),
        *(
            f"{name} = coalesce(excluded.{name}, case when r.fan_id = excluded.fan_id then r.{name} end)"
            for name in PERSONAL
        ),
    ]
)  # fmt: skip
SAVE = f"""
    with {HOLD},
    line as (select * from jsonb_populate_record(null::registrations, $2)),
    saved as (
        insert into registrations as r (account_id, registration_id, created_at, updated_at, is_preferred, {COLUMNS})
        select $1, nextval('positions'), $3, $3, coalesce(line.is_preferred, false), {COLUMNS}
        from hold cross join line
        on conflict (account_id, network, registration_key) do update
        set is_preferred = coalesce((select is_preferred from line), r.is_preferred), {ASSIGNMENTS}
        returning network, registration_key, registration_id, fan_id, event_date, event_key, event_name, registered_at,
                  xmax = 0 as is_new
    ),
    {progress("registration", "saved", REGISTRATION_QUESTS, moment="c.registered_at", is_due="false")},
    announced as (
    {announce(REGISTRATION_CREATED, "saved where is_new", subject=SUBJECT, position="registration_id", at="$3")}
    {also(REGISTRATION_UPDATED, "saved where not is_new", subject=SUBJECT, at="$3")}
    )
    select {HAS_PROGRESS}, {HAS_SCAN_QUESTS} as has_scan_quests,
           (select registration_id from saved where is_new) as new_id
"""  # noqa: S608 - fixed parts
# A single new registration in an account without quests of registrations and scans. For any other it writes nothing.
SAVE_LIGHT = LightStatement(f"""
    with {HOLD},
    {MATCH},
    inserted as (
        insert into registrations (account_id, registration_id, created_at, updated_at, is_preferred, {COLUMNS})
        select $1, nextval('positions'), :now, :now, coalesce(is_preferred, false), {COLUMNS}
        from hold cross join (
            select g.* from resolved
            cross join jsonb_populate_record(
                null::registrations, :record::jsonb || jsonb_build_object('fan_id', resolved.fan_id)) as g
            where not exists (
                select from quests q
                where q.account_id = $1 and q.quest_type in ('registration', 'scan') and q.performance_uid is not null)
        ) as line
        on conflict (account_id, network, registration_key) do nothing
        returning network, registration_key, registration_id, fan_id, event_date, event_key, event_name
    ),
    announced as (
        {announce(REGISTRATION_CREATED, "inserted", subject=SUBJECT, position="registration_id", at=":now")}
    )
    select fan_id from inserted
""")  # noqa: S608 - fixed parts
PLAIN = (
    "network", "registration_key", "activity_id", "event_name", "event_date", "event_key", "venue_name", "order_key",
    "ticket_key", "barcode", "lookup_id", "is_minor", "is_preferred", "first_name", "last_name", "birth_date",
    "address", "is_subscribed", "is_phone_subscribed",
)  # fmt: skip
PROFILE_COLUMNS = ("mail_key", "phone", "city", "province", "country_code", "postal_code")


def record_of(new: RegistrationLine, profile: Person, fan_id: int | None) -> dict[str, Any]:
    """Return the columns of a registration."""
    return {
        **{name: getattr(new, name) for name in PLAIN},
        **{name: getattr(profile, name) for name in PROFILE_COLUMNS},
        "fan_id": fan_id,
        "registered_at": new.registration_timestamp,
        "email": profile.mail,
    }


async def write_registration(
    db: Db, account: Account, line: tuple[RegistrationLine, Person], fan_id: int, now: datetime
) -> int | None:
    """Insert or update a registration of a fan whom the caller's transaction holds; return its id if it is new."""
    new, profile = line
    await lock_registrations(db, account.id, [(new.network, new.registration_key), (new.network, new.barcode)])
    row = await db.row(SAVE, account.id, record_of(new, profile, fan_id), now)
    if row and (row["has_progress"] or row["has_scan_quests"]):
        keys = [(new.network, new.registration_key)] if row["has_scan_quests"] else []
        await follow_registrations(db, account, keys, [fan_id] if row["has_progress"] else [], now)
    return row["new_id"] if row else None
