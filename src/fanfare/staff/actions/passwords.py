"""Passwords of people: checking one at the sign-in, setting one, and links to set a new one."""

import secrets
from datetime import datetime, timedelta
from typing import Literal

from fanfare.fans.actions.passwords import password_hash
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.limits import NO_ACCOUNT
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.running.public_address import public_address
from fanfare.sessions.actions.password_checks import check_password
from fanfare.staff.actions.budgets import Origin, password_attempts
from fanfare.staff.actions.proved_addresses import prove_address
from fanfare.staff.actions.sessions import end_other_sessions
from fanfare.staff.queries.people import PASSWORD_MARK, email_key, person_by_email, person_by_id, token_hash
from fanfare.staff.schemas.members import Person

MIN_LENGTH, MAX_LENGTH = 12, 200
LINK_BYTES = 32
LINK_LIFETIME = timedelta(hours=1)
RESET_PATH, LINK_PATH = "/manage/password/new", "/manage/link"
PASSWORD = "password"  # noqa: S105 - a name
TOO_SHORT = "Use at least 12 characters, such as four words."
WRONG = "Email address and password do not match."


class WrongPassword(BadParameters):
    """Email address and password do not match"""


class LinkUnknown(Unknown):
    """The link is no longer valid"""

    def __init__(self) -> None:
        super().__init__(detail="A link works once, for a limited time. Request a new one.")


def check_length(password: str) -> None:
    """Raise BadParameters for a password that is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise BadParameters([(PASSWORD, TOO_SHORT)])


DIGEST = f"select p.password_hash, {PASSWORD_MARK} as password_mark from staff p where p.email_key = $1"  # noqa: S608 - fixed parts


async def person_with_password(db: Db, email: str, password: str, origin: Origin, now: datetime) -> Person:
    """Return the person whose password this is; WrongPassword (422), TooManyAttempts (429).

    An unknown address takes as long as a known one.
    """
    key = email_key(email)
    row = await db.row(DIGEST, key)
    digest = row["password_hash"] if row else None
    if not await check_password(db, NO_ACCOUNT, password_attempts(key, origin), digest, password, now):
        raise WrongPassword([(PASSWORD, WRONG)])
    person = await person_by_email(db, email)
    # The password may have been changed while it was checked.
    if row is None or person is None or person.password_mark != row["password_mark"]:
        raise WrongPassword([(PASSWORD, WRONG)])
    return person


async def set_password(db: Db, staff_id: int, password: str, *, session_id: int | None = None) -> None:
    """Set the password of a person, which ends all sessions but one."""
    check_length(password)
    digest = await password_hash(NO_ACCOUNT, password)
    async with db.transaction() as tx:
        await _store(tx, staff_id, digest, session_id)


async def _store(db: Db, staff_id: int, digest: str, session_id: int | None) -> None:
    """Write a password down; what let the person in before ends, but for one session."""
    await db.execute("update staff set password_hash = $2 where staff_id = $1", staff_id, digest)
    await db.execute("delete from staff_links where staff_id = $1", staff_id)
    await end_other_sessions(db, staff_id, session_id)


async def new_link(db: Db, staff_id: int, purpose: Literal["password", "sign_in"], now: datetime) -> str:
    """Return the URL of a new link that works once. Earlier ones stay: a request must not end what another sent."""
    token = secrets.token_urlsafe(LINK_BYTES)
    await db.execute(
        "insert into staff_links (token_hash, staff_id, purpose, created_at, expires_at) values ($1, $2, $3, $4, $5)",
        token_hash(token),
        staff_id,
        purpose,
        now,
        now + LINK_LIFETIME,
    )
    path = RESET_PATH if purpose == "password" else LINK_PATH
    return f"{public_address.base}{path}?token={token}"


async def person_of_link(db: Db, token: str, purpose: str, now: datetime) -> Person:
    """Return whose link this is; LinkUnknown (404) for one that has ended or was used."""
    staff_id = await db.value(
        "select staff_id from staff_links where token_hash = $1 and purpose = $2 and expires_at > $3",
        token_hash(token),
        purpose,
        now,
    )
    if staff_id is None:
        raise LinkUnknown
    return await person_by_id(db, staff_id)


async def use_link(db: Db, token: str, purpose: str, now: datetime) -> int:
    """Use a link up, which proves the address, and return whose it was; LinkUnknown (404). In a transaction."""
    staff_id: int | None = await db.value(
        "delete from staff_links where token_hash = $1 and purpose = $2 and expires_at > $3 returning staff_id",
        token_hash(token),
        purpose,
        now,
    )
    if staff_id is None:
        raise LinkUnknown
    await prove_address(db, staff_id, now)
    return staff_id


async def set_by_link(db: Db, token: str, password: str, now: datetime) -> Person:
    """Set the password of the person of a link and return them; all their sessions end. LinkUnknown (404)."""
    check_length(password)
    await person_of_link(db, token, "password", now)
    digest = await password_hash(NO_ACCOUNT, password)
    async with db.transaction() as tx:
        staff_id = await use_link(tx, token, "password", now)
        await _store(tx, staff_id, digest, None)
        return await person_by_id(tx, staff_id)
