"""Makes, changes and deletes a fan."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from msgspec import UNSET

from fanfare.fans import followers
from fanfare.fans.actions.consents import Saying, folded, note, words
from fanfare.fans.actions.fields import read_values, set_values
from fanfare.fans.actions.names import free_name
from fanfare.fans.actions.passwords import password_hash
from fanfare.fans.actions.people import find_or_create, person
from fanfare.fans.contact import phone_number
from fanfare.fans.schemas.fans import FanChanges, NewFan
from fanfare.kernel.db import Db, Record
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.kernel.keys import Account
from fanfare.places.addresses import WrongAddressError, complete_address

# Columns that a request writes as they come.
PLAIN = (
    "first_name", "last_name", "gender", "birth_date", "ip_address", "latitude", "longitude", "image_url",
)  # fmt: skip
ADDRESS = ("country_code", "province", "city", "postal_code")
FLAGS = ("is_subscribed", "is_phone_subscribed", "is_optout")


class MailTaken(Conflict):
    """Another fan has this mail address"""


class NameTaken(Conflict):
    """Another fan has this display name"""


async def create_fan(db: Db, account: Account, wanted: NewFan, now: datetime, *, source: str) -> int:
    """Make a fan, or change the one who is known by mail address or phone number; return the fan's id."""
    contact = {name: getattr(wanted, name) for name in ("email", "phone", *ADDRESS)}
    who = person(contact, home_country=account.country_code, fan_source=wanted.fan_source)
    given = {name: value for name in FanChanges.__struct_fields__ if (value := getattr(wanted, name, None)) is not None}
    for handled in ("email", "phone"):
        given.pop(handled, None)

    async def write(held: Db) -> int:
        (fan_id,) = await find_or_create(held, account.id, [who], now, source=source)
        if given:
            await change_fan(held, account, FanChanges(fan_id=fan_id, **given), now, source=source)
        if wanted.idol_names:
            await followers.tie(held, account.id, fan_id, wanted.idol_names, now)
        return fan_id

    async with db.transaction() as held:
        return await write(held)


async def change_fan(db: Db, account: Account, wanted: FanChanges, now: datetime, *, source: str) -> int:
    """Change the given fields of a fan and return the fan's id; refuses an unknown fan and a taken address or name."""
    values = await read_values(db, account.id, wanted.fields) if wanted.fields else {}
    secret = await password_hash(wanted.password) if wanted.password else None
    async with db.transaction() as held:
        old = await _locked(held, account.id, wanted.fan_id)
        columns = await _columns(held, account, wanted, old)
        said = words(wanted.is_subscribed, wanted.is_phone_subscribed, wanted.is_optout, wanted.businesses)
        columns |= folded({name: old[name] for name in FLAGS}, said)
        if secret:
            columns["password_hash"] = secret
        await _move_identifiers(held, account.id, old, columns, now)
        saying = Saying(wanted.consent_source or source, now, wanted.consent_wording, columns.get("ip_address"))
        await note(held, account.id, old["fan_id"], said, saying)
        changed = await set_values(held, account.id, old["fan_id"], values, now) if values else []
        changed += [name for name, value in columns.items() if value != old[name]]
        if changed:
            await _write(held, account.id, old["fan_id"], columns, changed, now)
    fan_id: int = old["fan_id"]
    return fan_id


async def _locked(db: Db, account_id: int, fan_id: int) -> Record:
    # Not the strongest lock: two who found the same fan, and so share its key, would each wait for the other.
    old = await db.row(
        """
        with hold as materialized (select hold_position($1) as held)
        select f.* from hold cross join fans f where f.account_id = $1 and f.fan_id = $2 for no key update of f
        """,
        account_id,
        fan_id,
    )
    if old is None:
        raise Unknown
    return old


async def _columns(db: Db, account: Account, wanted: FanChanges, old: Record) -> dict[str, Any]:
    """Return the columns that the request sets, in their normal forms."""
    columns = {name: value for name in PLAIN if (value := getattr(wanted, name)) is not UNSET}
    for name in ("is_confirmed", "is_phone_confirmed"):
        if (flag := getattr(wanted, name)) is not None:
            columns[name] = flag
    columns |= _address(wanted)
    home = columns.get("country_code") or old["country_code"] or account.country_code
    columns |= _phones(wanted, home)
    if wanted.email is not UNSET:
        columns["email"] = wanted.email
        if (wanted.email or "").lower() != (old["email"] or "").lower():
            columns["is_confirmed"] = bool(wanted.is_confirmed)
    if not (columns.get("email", old["email"]) or columns.get("phone", old["phone"])):
        raise BadParameters([("email", "must stay unless there is a phone")])
    if wanted.display_name is not UNSET:
        columns["display_name"] = await free_name(db, account, wanted.display_name, old["fan_id"])
    return columns


def _phones(wanted: FanChanges, home: str | None) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    errors: list[tuple[str, str]] = []
    for name in ("phone", "add_phone"):
        phone = getattr(wanted, name)
        try:
            if phone is not UNSET:
                numbers[name] = phone_number(phone, home) if phone else None
        except ValueError as wrong:
            errors.append((name, str(wrong)))
    if errors:
        raise BadParameters(errors)
    return numbers


def _address(wanted: FanChanges) -> dict[str, Any]:
    given = {name: value for name in ADDRESS if (value := getattr(wanted, name)) is not UNSET}
    if not given.get("country_code"):
        return dict.fromkeys(given)
    try:
        address = complete_address(*(given.get(name) for name in ADDRESS))
    except WrongAddressError as wrong:
        raise BadParameters(wrong.errors) from None
    return {name: getattr(address, name) for name in given}


async def _move_identifiers(db: Db, account_id: int, old: Record, columns: Mapping[str, Any], now: datetime) -> None:
    """Let the fan be recognised by the new address and number. A number that another fan owns is only noted."""
    for network, column in (("email", "email"), ("phone", "phone")):
        if column not in columns or columns[column] == old[column]:
            continue
        value = columns[column].lower() if columns[column] else None
        try:
            async with db.transaction() as held:
                await held.execute(
                    "delete from fan_identifiers where account_id = $1 and fan_id = $2 and network = $3"
                    " and identifier_value = lower($4)",
                    account_id,
                    old["fan_id"],
                    network,
                    old[column],
                )
                if value:
                    await held.execute(
                        "insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)"
                        " values ($1, $2, $3, $4, $5)",
                        account_id,
                        network,
                        value,
                        old["fan_id"],
                        now,
                    )
        except asyncpg.UniqueViolationError:
            await _shared(db, account_id, network, value, old["fan_id"])


async def _shared(db: Db, account_id: int, network: str, value: str | None, fan_id: int) -> None:
    """Refuse an address that is somebody else's; a shared number, or one's own from before, is right."""
    owner = await db.value(
        "select fan_id from fan_identifiers where account_id = $1 and network = $2 and identifier_value = $3",
        account_id,
        network,
        value,
    )
    if network == "email" and owner != fan_id:
        raise MailTaken


async def _write(
    db: Db, account_id: int, fan_id: int, columns: Mapping[str, Any], changed: list[str], now: datetime
) -> None:
    try:
        await db.execute(
            """
            with made as (
                update fans f
                set first_name = w.first_name, last_name = w.last_name, email = w.email, phone = w.phone,
                    add_phone = w.add_phone, display_name = w.display_name, gender = w.gender,
                    birth_date = w.birth_date, country_code = w.country_code, province = w.province, city = w.city,
                    postal_code = w.postal_code, latitude = w.latitude, longitude = w.longitude,
                    ip_address = w.ip_address, image_url = w.image_url, is_subscribed = w.is_subscribed,
                    is_phone_subscribed = w.is_phone_subscribed, is_optout = w.is_optout,
                    is_confirmed = w.is_confirmed, is_phone_confirmed = w.is_phone_confirmed,
                    password_hash = w.password_hash, updated_at = $4, position = nextval('positions')
                from (select (jsonb_populate_record(old, $3)).* from fans old
                      where old.account_id = $1 and old.fan_id = $2) as w
                where f.account_id = $1 and f.fan_id = $2
                returning f.fan_id, f.position
            )
            insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)
            select $1, position, 'fan.updated', fan_id::text, fan_id, $4, jsonb_build_object('fields', $5::text[])
            from made
            """,
            account_id,
            fan_id,
            msgspec.to_builtins(dict(columns)),
            now,
            changed,
        )
    except asyncpg.UniqueViolationError:
        raise NameTaken from None


async def delete_fan(db: Db, account_id: int, fan_id: int, now: datetime) -> None:
    """Delete a fan with all that is personal; what the fan did stays in figures and feeds without a name."""
    async with db.transaction() as held:
        await held.execute("select from fans where account_id = $1 and fan_id = $2 for update", account_id, fan_id)
        old = await _locked(held, account_id, fan_id)
        await followers.forget(held, account_id, old["fan_id"])
        await held.execute(
            """
            with gone as (delete from fans where account_id = $1 and fan_id = $2 returning fan_id)
            insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)
            select $1, nextval('positions'), 'fan.deleted', fan_id::text, fan_id, $3, '{}' from gone
            """,
            account_id,
            fan_id,
            now,
        )
