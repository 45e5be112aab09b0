"""Passkeys in sessions: added, renamed and removed by the fan who is logged in, and the login by one."""

from datetime import datetime

import msgspec

from fanfare.fans.queries.fans import NAME
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import Forbidden
from fanfare.passkeys.actions import keeping
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
from fanfare.passkeys.actions.loading import load_ceremonies
from fanfare.passkeys.queries import by_credential, credentials, passkeys, relying_party
from fanfare.passkeys.schemas.credentials import UsedCredential, User
from fanfare.passkeys.schemas.passkeys import Passkey
from fanfare.sessions.actions.budgets import FAILURES, PASSKEYS, Attempt, count, give_back
from fanfare.sessions.actions.opening import end_sessions_of_passkey, open_session, used_session
from fanfare.sessions.actions.steps import OWNER, Step, finished, identity
from fanfare.sessions.actions.terms import accept, has_accepted, terms_required
from fanfare.sessions.queries.sessions import PresentSession, locked_session
from fanfare.sessions.schemas.connect import GUEST, PASSKEY, Connection
from fanfare.sessions.schemas.passkeys import (
    NewPasskey,
    PasskeyOptions,
    PasskeyOptionsRequest,
    RenamedPasskey,
    SessionPasskey,
)
from fanfare.sessions.schemas.sessions import OneSession

USED = "answers a challenge that was answered already; request new options"


class GuestSession(Forbidden):
    """The session is a guest's; log in first"""


async def _member(db: Db, account: Account, target: OneSession, now: datetime) -> PresentSession:
    """Return a valid session of a fan who logged in; refuses (404) any other and (403) a guest's."""
    present = await used_session(db, account.id, target.session_uid, now)
    if present.login_method == GUEST:
        raise GuestSession
    return present


async def registration(db: Db, account: Account, request: PasskeyOptionsRequest, now: datetime) -> PasskeyOptions:
    """Return what a browser needs to make a passkey for the fan of a session.

    Refuses a host that is not registered (422), or missing (409), and (409) a fan who has as many as one may have.
    """
    ceremonies = await load_ceremonies()
    present = await _member(db, account, request, now)
    party = await relying_party(db, account.id, request.rp_id)
    rows = await credentials(db, account.id, present.fan_id)
    if len(rows) >= keeping.MAX_PASSKEYS:
        raise keeping.TooManyPasskeys
    user = await _user(db, account.id, present.fan_id, keeping.user_handle(rows))
    challenge = Challenge(
        account.id,
        REGISTRATION,
        party.rp_id,
        now + LIFETIME,
        session_id=present.session_id,
        user_handle=user.handle,
    )
    same_host = [row for row in rows if row["rp_id"] == party.rp_id]
    return PasskeyOptions(ceremonies.registration_options(party, account.name, user, challenge.seal(), same_host))


async def _user(db: Db, account_id: int, fan_id: int, handle: bytes) -> User:
    row = await db.row(
        f"select coalesce(f.email, f.phone) as contact, {NAME.format('f')} as name"  # noqa: S608 - fixed parts
        " from fans f where f.account_id = $1 and f.fan_id = $2",
        account_id,
        fan_id,
    )
    contact, name = (row["contact"], row["name"]) if row else (None, None)
    label = contact or name or str(fan_id)
    return User(handle, label, name or label)


async def add_passkey(db: Db, account: Account, new: NewPasskey, now: datetime) -> Passkey:
    """Add the passkey that a device made for the fan of a session.

    Refuses (422) one that answers no challenge of this session, once and in time, or is not for its host; and (409) one
    too many, and one that is registered already.
    """
    ceremonies = await load_ceremonies()
    present = await _member(db, account, new, now)
    answer = new.credential
    challenge = open_challenge(answer.challenge, account.id, REGISTRATION, now)
    if challenge.session_id != present.session_id:
        raise WrongPasskey([(FIELD, "answers a challenge of another session; request new options")])
    try:
        passkey = ceremonies.verify_new(answer, await relying_party(db, account.id, challenge.rp_id))
    except WrongPasskey:
        await spend(db.independent(), account.id, answer.challenge, challenge.expires_at)
        raise

    async def write(outer: Db) -> Passkey:
        async with outer.transaction() as tx:
            if not await spend(tx, account.id, answer.challenge, challenge.expires_at):
                raise WrongPasskey([(FIELD, USED)])
            fan_id = (await locked_session(tx, account.id, new.session_uid, now)).fan_id
            name = new.passkey_name or keeping.DEFAULT_NAME
            place = {"user_handle": challenge.user_handle, "rp_id": challenge.rp_id}
            passkey_id = await keeping.add(tx, account.id, fan_id, passkey, now, **place, passkey_name=name)
            return next(each for each in await passkeys(tx, account.id, fan_id) if each.passkey_id == passkey_id)

    return await db.retry_conflicts(write)


async def session_passkeys(db: Db, account: Account, target: OneSession, now: datetime) -> list[Passkey]:
    """Return the passkeys of the fan of a session; refuses (404) a session that has ended and (403) a guest's."""
    present = await _member(db, account, target, now)
    return await passkeys(db, account.id, present.fan_id)


async def rename_passkey(db: Db, account: Account, change: RenamedPasskey, now: datetime) -> None:
    """Rename a passkey of the fan of a session; refuses (404) any other passkey."""
    present = await _member(db, account, change, now)
    await keeping.rename(db, account.id, present.fan_id, change.passkey_id, change.passkey_name, now)


async def remove_own(db: Db, account: Account, target: SessionPasskey, now: datetime) -> None:
    """Remove a passkey of the fan of a session, and end the other sessions that it opened; refuses (404) any other."""
    present = await _member(db, account, target, now)
    await _remove(db, account.id, target.passkey_id, now, present)


async def remove_any(db: Db, account_id: int, passkey_id: int, now: datetime) -> None:
    """Remove a passkey by its id, and end the sessions that it opened; refuses (404) an unknown one."""
    await _remove(db, account_id, passkey_id, now, None)


async def _remove(db: Db, account_id: int, passkey_id: int, now: datetime, present: PresentSession | None) -> None:
    async with db.transaction() as tx:
        await keeping.remove(tx, account_id, passkey_id, now, present.fan_id if present else None)
        await end_sessions_of_passkey(tx, account_id, passkey_id, now, present.session_id if present else None)


async def begin_login(db: Db, step: Step) -> Connection:
    """Return what a browser needs to log in with a passkey: the same for every email address and number, fan or not."""
    request = step.request
    party = await relying_party(db, step.account.id, request.rp_id)
    key = identity(step.account, request) if request.email or request.phone else None
    challenge = Challenge(step.account.id, LOGIN, party.rp_id, step.now + LIFETIME, identity=key)
    return Connection(passkey_options=login_options(challenge))


async def log_in(db: Db, step: Step) -> Connection:
    """Begin the session of whoever has the device with a passkey.

    Refuses (422) one that is unknown, answers no challenge of ours, once and in time, or is not signed by its key for
    its host, and one whose counter went back; and (429) what was tried too often.
    """
    account_id = step.account.id
    used = step.request.credential
    if used is None:
        raise WrongPasskey([(FIELD, "is required")])
    row = await by_credential(db, account_id, used.credential_id)
    attempts = [Attempt(PASSKEYS, f"passkey {row['passkey_id']}")] if row else []
    receipts = await count(db, account_id, [*attempts, *step.attempts(FAILURES)], step.now)
    challenge = open_challenge(used.challenge, account_id, LOGIN, step.now)
    try:
        sign_count = await _verify(db, account_id, (used, challenge), row)
        passkey_id = row["passkey_id"] if row else 0
        connection = await _enter(db, step, (used, challenge), passkey_id, sign_count)
    except WrongPasskey:
        await spend(db.independent(), account_id, used.challenge, challenge.expires_at)
        raise
    await give_back(db, account_id, receipts)
    return connection


async def _verify(db: Db, account_id: int, answer: tuple[UsedCredential, Challenge], row: Record | None) -> int:
    """Return the counter of the device that answered; `row` is its passkey, if there is one."""
    ceremonies = await load_ceremonies()
    used, challenge = answer
    place = (row["rp_id"], row["user_handle"]) if row else None
    if row is None or place != (challenge.rp_id, used.user_handle):
        raise WrongPasskey([(FIELD, "is not known here")])
    party = await relying_party(db, account_id, challenge.rp_id)
    sign_count: int = ceremonies.verify_used(used, party, row["public_key"])
    return sign_count


# The fan is locked before the passkey, as by those who merge fans. One who just became another is found at the second
# reading.
OWNER_OF_PASSKEY = """
    select f.fan_id from passkeys p join fans f on f.account_id = $1 and f.fan_id = p.fan_id
    where p.account_id = $1 and p.passkey_id = $2
    for no key update of f
"""


async def _enter(
    db: Db, step: Step, answer: tuple[UsedCredential, Challenge], passkey_id: int, sign_count: int
) -> Connection:
    account_id, business, (used, challenge) = step.account.id, step.business, answer

    async def write(outer: Db) -> Connection:
        async with outer.transaction() as tx:
            locked = [account_id, passkey_id]
            fan_id = await tx.value(OWNER_OF_PASSKEY, *locked) or await tx.value(OWNER_OF_PASSKEY, *locked)
            await _check_identity(tx, account_id, challenge, fan_id)
            if not await has_accepted(tx, account_id, fan_id, business):
                if not step.request.is_accepted and business:
                    return terms_required(business)
                await accept(tx, account_id, fan_id, business, step.address, step.now)
            if not await spend(tx, account_id, used.challenge, challenge.expires_at):
                raise WrongPasskey([(FIELD, USED)])
            if not await keeping.note_use(tx, account_id, passkey_id, sign_count, step.now):
                raise WrongPasskey([(FIELD, "was copied: its counter went back; remove it and add a new one")])
            visit = msgspec.structs.replace(step.visit(), passkey_id=passkey_id)
            return finished(await open_session(tx, account_id, fan_id, visit, step.now, method=PASSKEY))

    return await db.retry_conflicts(write)


async def _check_identity(db: Db, account_id: int, challenge: Challenge, fan_id: int | None) -> None:
    """Refuse a passkey that is gone, or of another fan than the email address or number that the login began with."""
    is_right = fan_id is not None
    if challenge.identity:
        owner = await db.row(OWNER, account_id, *challenge.identity)
        is_right = owner is not None and owner["fan_id"] == fan_id
    if not is_right:
        raise WrongPasskey([(FIELD, "is not known here, or is not of this fan")])
