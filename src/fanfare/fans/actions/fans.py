"""Creates and updates fans."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from msgspec import UNSET

from fanfare.fans import followers
from fanfare.fans.actions.claims import claim, owned_since, release
from fanfare.fans.actions.consents import ConsentContext, consent_entries, derive_consent, record_consents
from fanfare.fans.actions.fields import read_values, set_values
from fanfare.fans.actions.merging import join_verified
from fanfare.fans.actions.names import checked_name, free_name
from fanfare.fans.actions.password_resets import PasswordReset, end_resets, new_reset
from fanfare.fans.actions.passwords import password_hash
from fanfare.fans.actions.people import consent_times, find_or_create, person
from fanfare.fans.actions.references import read_numbers
from fanfare.fans.contact import PHONES, identities, mail_key
from fanfare.fans.schemas.fans import FanChanges, NewFan
from fanfare.fans.topics import FAN_UPDATED
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.updates import assignments, sent_fields
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.kernel.wire import check_past
from fanfare.places.addresses import WrongAddressError, complete_address
from fanfare.places.completion import place_by_code

# Columns that a request writes unchanged.
PLAIN = (
    "first_name", "last_name", "gender", "birth_date", "ip_address", "latitude", "longitude", "image_url",
)  # fmt: skip
ADDRESS = ("country_code", "province", "city", "postal_code")
CHANNELS = ("is_subscribed", "is_phone_subscribed")
CONFIRMATIONS = ("is_confirmed", "is_phone_confirmed")
MOMENTS = ("email_word_at", "phone_word_at", "optout_word_at")
COLUMNS = (
    *PLAIN, *ADDRESS, *PHONES, *CHANNELS, *CONFIRMATIONS, *MOMENTS,
    "email", "display_name", "metro_area", "is_optout", "password_hash",
)  # fmt: skip
# Parameters of a new fan: those that `find_or_create` writes, and those written after it.
PERSONAL = ("first_name", "last_name", "birth_date", "gender", "ip_address", "fan_source")
OTHER_FIELDS = (
    "display_name", "password", "latitude", "longitude", "image_url", "is_confirmed", "is_phone_confirmed", "is_optout",
    "consent_wording", "consent_source", "businesses", "fields",
)  # fmt: skip
# Parameters that `find_or_create` cannot record with a consent; with one of them, consents are recorded separately.
CIRCUMSTANCES = {"is_optout", "businesses", "consent_wording", "consent_source"}


class MailTaken(Conflict):
    """Another fan has this email address"""


class PhoneTaken(Conflict):
    """Another fan has this phone number"""


class NameTaken(Conflict):
    """Another fan has this display name"""


class Change(msgspec.Struct):
    """A change of a fan, with the password hashed before the transaction starts."""

    request: FanChanges
    password_hash: str | None
    source: str
    # set only empty fields; consents are recorded in any case, email and phone are left alone
    fills: bool
    # nobody knows when its yeses were given: they are older than every no
    is_undated: bool = False


async def create_fan(db: Db, account: Account, new: NewFan, now: datetime, *, source: str) -> int:
    """Create a fan, or fill the empty fields of the fan with this email address or number; return the fan_id.

    Nothing is overwritten: a form filled in with somebody else's address must not take over that fan. Two fans, one
    with the address and one with the number, are merged when the request says that both are verified (`join_verified`).
    """
    check_past(now, birth_date=new.birth_date, consent_timestamp=new.consent_timestamp)
    contact = {name: getattr(new, name) for name in ("email", "phone", *ADDRESS)}
    rest = {name: value for name in OTHER_FIELDS if (value := getattr(new, name)) not in (None, {})}
    # Consents with circumstances are recorded separately, the others by `find_or_create`.
    excluded = (*CHANNELS, "consent_timestamp") if rest.keys() & CIRCUMSTANCES else ()
    rest |= {name: value for name in excluded if (value := getattr(new, name)) is not None}
    attributes = {name: getattr(new, name) for name in (*PERSONAL, *(() if excluded else CHANNELS))}
    profile = person(contact, home_country=account.country_code, **consent_times(new.consent_timestamp), **attributes)
    if not rest and not new.idol_names:
        return (await find_or_create(db, account.id, [profile], now, source=source))[0]
    rest |= {"email": profile.mail or UNSET, "phone": profile.phone or UNSET, "ip_address": new.ip_address or UNSET}
    change = await prepare_change(db, account, FanChanges(fan_id=0, **rest), source, fills=True)

    async def write(outer: Db) -> int:
        async with outer.transaction() as tx:
            if new.is_confirmed and new.is_phone_confirmed:
                await join_verified(tx, account.id, profile, now, source=source)
            (change.request.fan_id,) = await find_or_create(tx, account.id, [profile], now, source=source)
            await write_change(tx, account, change, now)
            if new.idol_names:
                await followers.link_idols(tx, account.id, change.request.fan_id, new.idol_names, now)
        return change.request.fan_id

    return await db.retry_conflicts(write)


async def change_fan(db: Db, account: Account, changes: FanChanges, now: datetime, *, source: str) -> uuid.UUID | None:
    """Update the fields sent of a fan; return the id for a new password if that was asked for, else None.

    Unknown (404) if the fan does not exist; Conflict (409) if another fan has the email address, number or display
    name.
    """
    check_past(now, birth_date=changes.birth_date, consent_timestamp=changes.consent_timestamp)
    change = await prepare_change(db, account, changes, source)

    async def write(outer: Db) -> uuid.UUID | None:
        async with outer.transaction() as tx:
            fan_id = await write_change(tx, account, change, now)
            return await new_reset(tx, account.id, PasswordReset(fan_id), now) if changes.reset_uid else None

    return await db.retry_conflicts(write)


async def prepare_change(db: Db, account: Account, changes: FanChanges, source: str, *, fills: bool = False) -> Change:
    """Do the slow work before the transaction starts."""
    secret = await password_hash(account.id, changes.password) if changes.password else None
    if fills:
        # Invalid values are rejected even if the fan's field is not empty and they would be ignored.
        _address(sent_fields(changes))
        await checked_name(db, account, changes.display_name or None)
    return Change(changes, secret, source, fills)


async def write_change(
    db: Db, account: Account, change: Change, now: datetime, *, session_id: int | None = None
) -> int:
    """Update a fan and return the fan's id; part of the caller's transaction.

    A new password ends the fan's sessions, but for the one in which the fan sets it. Refuses as `change_fan`.
    """
    old = await _lock(db, account.id, change.request.fan_id)
    fan_id: int = old["fan_id"]
    request = only_empty(change.request, old, now) if change.fills else change.request
    columns = await _columns(db, account, request, old)
    if change.password_hash and not (change.fills and old["password_hash"]):
        columns["password_hash"] = change.password_hash
        await followers.end_logins(db, account.id, fan_id, now, session_id)
        await end_resets(db, account.id, fan_id)
    await _move_identifiers(db, account.id, old, columns, now)
    consent_columns, fields = await _record_consents(db, account.id, change, fan_id, now)
    columns |= consent_columns
    if change.request.fields:
        values = await read_values(db, account.id, change.request.fields)
        fields += await set_values(db, account.id, fan_id, values, now, fills=change.fills)
    fields += [name for name, value in columns.items() if value != old[name] and name not in MOMENTS]
    if fields:
        await write_columns(db, account.id, fan_id, columns, fields, now)
    elif any(value != old[name] for name, value in consent_columns.items()):
        await _write_consent_times(db, account.id, fan_id, consent_columns)
    return fan_id


async def _record_consents(
    db: Db, account_id: int, change: Change, fan_id: int, now: datetime
) -> tuple[dict[str, Any], list[str]]:
    """Record the consents of a request; return the fan's new consent columns, and the businesses that changed."""
    request = change.request
    entries = consent_entries(request.is_subscribed, request.is_phone_subscribed, request.is_optout, request.businesses)
    if not entries:
        return {}, []
    moment = min(request.consent_timestamp or now, now)
    address = request.ip_address or None
    source = request.consent_source or change.source
    context = ConsentContext(source, now, moment, request.consent_wording, address, is_undated=change.is_undated)
    await record_consents(db, account_id, fan_id, entries, context)
    return await derive_consent(db, account_id, fan_id)


async def _write_consent_times(db: Db, account_id: int, fan_id: int, consent_columns: Mapping[str, Any]) -> None:
    """Write the times of consents that changed no flag; this is not announced."""
    await db.execute(
        "update fans set email_word_at = $3, phone_word_at = $4, optout_word_at = $5"
        " where account_id = $1 and fan_id = $2",
        account_id,
        fan_id,
        *(consent_columns[name] for name in MOMENTS),
    )


def only_empty(changes: FanChanges, old: Record | Mapping[str, Any], now: datetime) -> FanChanges:
    """Reduce a change to fields that are empty so far; only the fan's own address and number can become confirmed."""
    fields = sent_fields(changes)
    unset: dict[str, Any] = {name: UNSET for name in (*PLAIN, *ADDRESS, "display_name") if old[name] is not None}
    if old["created_at"] == now:
        # The coordinates of a fan just created are those of the postal code; the request's are better.
        unset = {name: value for name, value in unset.items() if name not in ("latitude", "longitude")}
    for name, flag, key in (("email", "is_confirmed", mail_key), ("phone", "is_phone_confirmed", str)):
        is_own = name in fields and old[name] is not None and key(fields[name]) == key(old[name])
        unset |= {name: UNSET, flag: True if is_own and getattr(changes, flag) else None}
    return msgspec.structs.replace(changes, **unset)


LOCKED = f"""
    with {HOLD}
    select f.* from hold cross join fans f where f.account_id = $1 and f.fan_id = $2 for no key update of f
"""  # noqa: S608 - fixed parts


async def _lock(db: Db, account_id: int, fan_id: int) -> Record:
    # `for update` would deadlock: two transactions that matched the same fan both hold `for key share` on its row.
    old = await db.row(
        LOCKED,
        account_id,
        fan_id,
    )
    if old is None:
        raise Unknown(fan=fan_id)
    return old


async def _columns(db: Db, account: Account, changes: FanChanges, old: Record) -> dict[str, Any]:
    """Return the columns that the request sets, normalised."""
    fields = sent_fields(changes)
    columns = {name: fields[name] for name in (*PLAIN, *CONFIRMATIONS) if name in fields}
    columns |= await _complete(db, _address(fields), columns, old)
    home = columns.get("country_code") or old["country_code"] or account.country_code
    columns |= read_numbers({name: fields[name] for name in PHONES if name in fields}, home)
    if "email" in fields:
        columns["email"] = fields["email"]
        if _mail_key(fields["email"]) != _mail_key(old["email"]):
            columns["is_confirmed"] = bool(changes.is_confirmed)
    if "phone" in columns and columns["phone"] != old["phone"]:
        columns["is_phone_confirmed"] = bool(changes.is_phone_confirmed)
    is_cleared = any(name in fields and not fields[name] and old[name] for name in ("email", "phone"))
    if is_cleared and not (columns.get("email", old["email"]) or columns.get("phone", old["phone"])):
        raise BadParameters([("email", "cannot be cleared unless the fan has a phone number")])
    if "display_name" in fields:
        columns["display_name"] = await free_name(db, account, fields["display_name"], old["fan_id"])
    return columns


def _mail_key(address: str | None) -> str | None:
    return mail_key(address) if address else None


def _address(fields: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: fields[name] for name in ADDRESS if name in fields}
    if not values.get("country_code"):
        return dict.fromkeys(values)
    try:
        address = complete_address(*(values.get(name) for name in ADDRESS))
    except WrongAddressError as error:
        raise BadParameters(error.errors) from None
    return {name: getattr(address, name) for name in values}


async def _complete(db: Db, address: dict[str, Any], columns: Mapping[str, Any], old: Record) -> dict[str, Any]:
    """Return an address; if it changed, with metro area, coordinates and empty parts from the place tables.

    The values of the old address are replaced, coordinates too, even by null.
    """
    if all(value == old[name] for name, value in address.items()):
        return address
    new = {**{name: old[name] for name in ADDRESS}, **address}
    place = await place_by_code(db, new["country_code"], new["postal_code"])
    place_columns = {
        name: getattr(place, name) for name in ("metro_area", "latitude", "longitude") if name not in columns
    }
    empty = {name: getattr(place, name) for name in ("province", "city") if new[name] is None}
    return {**address, **empty, **place_columns}


async def _move_identifiers(db: Db, account_id: int, old: Record, columns: Mapping[str, Any], now: datetime) -> None:
    """Replace the fan's identifiers by the new address and numbers.

    Conflict (409) if another fan owns the address or number; an `add_phone` of another fan is only shared. What
    replaces another is as old as that, since the age of a contact says which others were added to it.
    """
    old_identities, new_identities = identities(dict(old)), identities({**old, **columns})
    since: dict[str, datetime] = {}
    if removed := old_identities.keys() - new_identities.keys():
        ages = await owned_since(db, account_id, old["fan_id"])
        since = {old_identities[each]: ages[each] for each in removed if each in ages}
        await release(db, account_id, old["fan_id"], removed, now)
    for identity in sorted(new_identities.keys() - old_identities.keys()):
        owner = await claim(db, account_id, identity, old["fan_id"], since.get(new_identities[identity], now))
        if owner != old["fan_id"] and new_identities[identity] != "add_phone":
            raise MailTaken if identity[0] == "email" else PhoneTaken


WRITE = f"""
    with updated as (
        update fans f
        set {assignments(COLUMNS, "f", "$3")}, position = nextval('positions'),
            updated_at = greatest($4, f.updated_at + interval '1 millisecond')
        where f.account_id = $1 and f.fan_id = $2
        returning f.fan_id, f.position, f.updated_at
    )
    {announce(FAN_UPDATED, "updated", position="position", at="updated_at", fields="$5::text[]")}
"""  # noqa: S608 - fixed parts


async def write_columns(
    db: Db, account_id: int, fan_id: int, columns: Mapping[str, Any], fields: list[str], now: datetime
) -> None:
    """Write columns of a fan and announce the fields that changed; in the caller's transaction, which holds a position.

    NameTaken (409) if another fan has the display name.
    """
    try:
        await db.execute(
            WRITE,
            account_id,
            fan_id,
            msgspec.to_builtins(dict(columns)),
            now,
            fields,
        )
    except asyncpg.UniqueViolationError:
        raise NameTaken from None
