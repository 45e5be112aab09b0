"""Passkeys of people: by the same ceremonies as those of fans, for the host of this installation's pages."""

import secrets
from datetime import datetime

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.limits import NO_ACCOUNT
from fanfare.kernel.errors import Unknown
from fanfare.passkeys.actions.challenges import (
    FIELD,
    LIFETIME,
    LOGIN,
    REGISTRATION,
    Challenge,
    WrongPasskey,
    login_options,
    open_challenge,
    spend,
)
from fanfare.passkeys.actions.keeping import DEFAULT_NAME, HANDLE_BYTES, MAX_PASSKEYS, PasskeyTaken, TooManyPasskeys
from fanfare.passkeys.actions.loading import load_ceremonies
from fanfare.passkeys.queries import RelyingParty, own_origin
from fanfare.passkeys.schemas.credentials import NewCredential, UsedCredential, User
from fanfare.staff.actions.ways_back import check_ways_back, lock_full_accounts
from fanfare.staff.schemas.members import StaffSession

SITE_NAME = "Fanfare"
REFUSED = "is not known here, or was used already"


def party() -> RelyingParty | None:
    """Return the host that the passkeys are for; None where browsers allow none: an IP address, or no TLS."""
    origin = own_origin()
    return RelyingParty(origin.rp_id, (origin.origin,)) if origin else None


def _json(options: object) -> str:
    return msgspec.json.encode(options).decode()


def sign_in_options(now: datetime) -> str:
    """Return what the browser needs to sign in with a passkey, as JSON; empty where there can be none."""
    host = party()
    return _json(login_options(Challenge(NO_ACCOUNT, LOGIN, host.rp_id, now + LIFETIME))) if host else ""


async def creation_options(db: Db, session: StaffSession, now: datetime) -> str:
    """Return what the browser needs to make a passkey, as JSON; empty where it cannot, and for who has enough."""
    host, person = party(), session.person
    rows = await db.rows(
        "select credential_id, user_handle, transports, rp_id from staff_passkeys where staff_id = $1", person.staff_id
    )
    if host is None or len(rows) >= MAX_PASSKEYS:
        return ""
    ceremonies = await load_ceremonies()
    handle = rows[0]["user_handle"] if rows else secrets.token_bytes(HANDLE_BYTES)
    challenge = Challenge(
        NO_ACCOUNT, REGISTRATION, host.rp_id, now + LIFETIME, session_id=session.session_id, user_handle=handle
    )
    user = User(handle, person.email, person.staff_name)
    same_host = [row for row in rows if row["rp_id"] == host.rp_id]
    return _json(ceremonies.registration_options(host, SITE_NAME, user, challenge.seal(), same_host))


ADD = """
    insert into staff_passkeys (staff_id, credential_id, user_handle, public_key, sign_count, rp_id, passkey_name,
                                transports, is_synced, created_at)
    select $1, r.credential_id, r.user_handle, r.public_key, r.sign_count, r.rp_id, r.passkey_name, $3, r.is_synced, $4
    from jsonb_populate_record(null::staff_passkeys, $2) r
    on conflict (credential_id) do nothing returning passkey_id
"""


async def add_passkey(db: Db, session: StaffSession, answer: NewCredential, name: str, now: datetime) -> None:
    """Add the passkey that a device made for the person of a session.

    WrongPasskey (422) for one that answers no challenge of this session, PasskeyTaken and TooManyPasskeys (409).
    """
    host = party()
    challenge = open_challenge(answer.challenge, NO_ACCOUNT, REGISTRATION, now)
    if host is None or challenge.session_id != session.session_id or challenge.rp_id != host.rp_id:
        raise WrongPasskey([(FIELD, "answers a challenge of another session; request new options")])
    new = (await load_ceremonies()).verify_new(answer, host)
    staff_id = session.person.staff_id
    async with db.transaction() as tx:
        await tx.execute("select from staff where staff_id = $1 for no key update", staff_id)
        if not await tx.value("select true from staff_sessions where session_id = $1", session.session_id):
            raise WrongPasskey([(FIELD, "belongs to a session that has ended")])
        if await tx.value("select count(*) from staff_passkeys where staff_id = $1", staff_id) >= MAX_PASSKEYS:
            raise TooManyPasskeys
        if not await spend(tx, NO_ACCOUNT, answer.challenge, challenge.expires_at):
            raise WrongPasskey([(FIELD, REFUSED)])
        values = {
            "credential_id": f"\\x{new.credential_id.hex()}",
            "user_handle": f"\\x{challenge.user_handle.hex()}",
            "public_key": f"\\x{new.public_key.hex()}",
            "sign_count": new.sign_count,
            "rp_id": challenge.rp_id,
            "passkey_name": name or DEFAULT_NAME,
            "is_synced": new.is_synced,
        }
        if await tx.value(ADD, staff_id, values, new.transports, now) is None:
            raise PasskeyTaken


async def remove_passkey(db: Db, staff_id: int, passkey_id: int) -> None:
    """Remove a passkey of a person; Unknown (404) for any other. NoWayBack (409)."""
    async with db.transaction() as tx:
        account_ids = await lock_full_accounts(tx, staff_id)
        removed = await tx.value(
            "delete from staff_passkeys where staff_id = $1 and passkey_id = $2 returning passkey_id",
            staff_id,
            passkey_id,
        )
        if removed is None:
            raise Unknown(passkey=passkey_id)
        await check_ways_back(tx, account_ids)


async def person_with_passkey(db: Db, used: UsedCredential, now: datetime) -> int:
    """Return the person whose passkey answered, once; WrongPasskey (422). Nobody can guess one."""
    host = party()
    challenge = open_challenge(used.challenge, NO_ACCOUNT, LOGIN, now)
    row = await db.row(
        "select passkey_id, staff_id, user_handle, public_key, rp_id from staff_passkeys where credential_id = $1",
        used.credential_id,
    )
    if host is None or row is None or not row["rp_id"] == challenge.rp_id == host.rp_id:
        raise WrongPasskey([(FIELD, REFUSED)])
    if used.user_handle and used.user_handle != row["user_handle"]:
        raise WrongPasskey([(FIELD, REFUSED)])
    sign_count = (await load_ceremonies()).verify_used(used, host, row["public_key"])
    staff_id: int = row["staff_id"]
    async with db.transaction() as tx:
        is_first = await spend(tx, NO_ACCOUNT, used.challenge, challenge.expires_at)
        if not is_first or not await tx.value(USE, row["passkey_id"], sign_count, now):
            raise WrongPasskey([(FIELD, REFUSED)])
    return staff_id


USE = """
    update staff_passkeys set sign_count = $2, used_at = greatest(used_at, $3)
    where passkey_id = $1 and (sign_count < $2 or (sign_count = 0 and $2 = 0))
    returning true
"""
