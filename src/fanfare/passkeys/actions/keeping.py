"""Keeps the passkeys of fans: adds, renames and removes them, and notes that one was used."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.passkeys.queries import credentials
from fanfare.passkeys.schemas.credentials import Registration
from fanfare.passkeys.topics import PASSKEY_CREATED, PASSKEY_DELETED, PASSKEY_UPDATED

MAX_PASSKEYS = 20
HANDLE_BYTES = 32
DEFAULT_NAME = "Passkey"


class TooManyPasskeys(Conflict):
    """The fan has 20 passkeys; remove one first"""


class PasskeyTaken(Conflict):
    """The passkey is registered already"""


def user_handle(present: Sequence[Record]) -> bytes:
    """Return what identifies a fan to devices, random and the same for all passkeys of the fan (`present`)."""
    return present[0]["user_handle"] if present else secrets.token_bytes(HANDLE_BYTES)


LOCK = "select from fans where account_id = $1 and fan_id = $2 for no key update"
ADD = Sql(f"""
    with {HOLD},
    created as (
        insert into passkeys (account_id, passkey_id, fan_id, credential_id, user_handle, public_key, sign_count, rp_id,
                              passkey_name, transports, is_synced, created_at)
        select $1, nextval('positions'), :fan_id, :credential_id, :user_handle, :public_key, :sign_count, :rp_id,
               :passkey_name, :transports, :is_synced, :now
        from hold
        on conflict (account_id, credential_id) do nothing
        returning passkey_id, fan_id
    ),
    announced as (
        {announce(PASSKEY_CREATED, "created", position="passkey_id", at=":now")}
    )
    select passkey_id from created
""")  # noqa: S608 - fixed parts


async def add(db: Db, account_id: int, fan_id: int, registration: Registration, now: datetime, **values: object) -> int:
    """Add a passkey to a fan and return its id; part of the caller's transaction. `values`: handle, host and name.

    Refuses (409) more than 20, and one that is registered already.
    """
    # Registrations of a fan come one after the other, so that they count each other.
    await db.execute(LOCK, account_id, fan_id)
    if len(await credentials(db, account_id, fan_id)) >= MAX_PASSKEYS:
        raise TooManyPasskeys
    passkey_id: int | None = await db.value(ADD, account_id, fan_id=fan_id, **registration._asdict(), **values, now=now)
    if passkey_id is None:
        raise PasskeyTaken
    return passkey_id


RENAME = f"""
    with {HOLD},
    updated as (
        update passkeys set passkey_name = $4 where account_id = $1 and fan_id = $2 and passkey_id = $3
        returning passkey_id, fan_id
    ),
    announced as (
        {announce(PASSKEY_UPDATED, "updated", at="$5", fields="array['passkey_name']")}
    )
    select passkey_id from updated
"""  # noqa: S608 - fixed parts


async def rename(db: Db, account_id: int, fan_id: int, passkey_id: int, name: str, now: datetime) -> None:
    """Rename a passkey of a fan; refuses (404) any other."""
    if await db.value(RENAME, account_id, fan_id, passkey_id, name, now) is None:
        raise Unknown(passkey=passkey_id)


REMOVE = f"""
    with {HOLD},
    deleted as (
        delete from passkeys where account_id = $1 and {{condition}} returning passkey_id, fan_id
    ),
    announced as (
        {announce(PASSKEY_DELETED, "deleted", at="$2")}
    )
    select passkey_id from deleted
"""  # noqa: S608 - fixed parts
REMOVE_ONE = REMOVE.format(condition="passkey_id = $3 and ($4::bigint is null or fan_id = $4)")
REMOVE_ALL = REMOVE.format(condition="fan_id = $3")


async def remove(db: Db, account_id: int, passkey_id: int, now: datetime, fan_id: int | None = None) -> None:
    """Remove a passkey, of one fan if that is named; refuses (404) any other. Part of the caller's transaction."""
    if await db.value(REMOVE_ONE, account_id, now, passkey_id, fan_id) is None:
        raise Unknown(passkey=passkey_id)


async def remove_all(db: Db, account_id: int, fan_id: int, now: datetime) -> None:
    """Remove all passkeys of a fan; part of the caller's transaction."""
    await db.execute(REMOVE_ALL, account_id, now, fan_id)


USE = """
    update passkeys set sign_count = $3, used_at = greatest(used_at, $4)
    where account_id = $1 and passkey_id = $2 and (sign_count < $3 or (sign_count = 0 and $3 = 0))
    returning true
"""


async def note_use(db: Db, account_id: int, passkey_id: int, sign_count: int, now: datetime) -> bool:
    """Note that a passkey was used; part of the caller's transaction.

    False when its counter went back, because there is a copy of it, or when it was removed.
    """
    return bool(await db.value(USE, account_id, passkey_id, sign_count, now))
