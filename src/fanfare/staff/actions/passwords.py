"""Passwords of people: checking one at the sign-in, setting one, and links to set a new one."""

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Literal

from fanfare.fans.actions.passwords import password_hash
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.limits import NO_ACCOUNT
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.running.public_address import public_address
from fanfare.messages.actions.sending import send
from fanfare.messages.schemas.messages import NewMessage
from fanfare.sessions.actions.budgets import count
from fanfare.sessions.actions.password_checks import check_password
from fanfare.staff.actions.budgets import link_attempts, password_attempts
from fanfare.staff.actions.sessions import end_other_sessions
from fanfare.staff.queries.people import accounts_of, email_key, person_by_email, person_by_id, token_hash
from fanfare.staff.schemas.members import Person

MIN_LENGTH, MAX_LENGTH = 12, 200
LINK_BYTES = 32
PASSWORD_LINK, SIGN_IN_LINK = timedelta(hours=1), timedelta(hours=1)
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


async def person_with_password(db: Db, email: str, password: str, address: str | None, now: datetime) -> Person:
    """Return the person whose password this is; WrongPassword (422), TooManyAttempts (429).

    An unknown address takes as long as a known one.
    """
    key = email_key(email)
    digest = await db.value("select password_hash from staff where email_key = $1", key)
    attempts = password_attempts(key, address)
    if not await check_password(db, NO_ACCOUNT, attempts, digest, password[:MAX_LENGTH], now):
        raise WrongPassword([(PASSWORD, WRONG)])
    person = await person_by_email(db, email)
    if person is None:
        raise WrongPassword([(PASSWORD, WRONG)])
    return person


async def set_password(db: Db, staff_id: int, password: str, *, session_id: int | None = None) -> None:
    """Set the password of a person, which ends all sessions but one."""
    check_length(password)
    digest = await password_hash(NO_ACCOUNT, password)
    async with db.transaction() as tx:
        await tx.execute("update staff set password_hash = $2 where staff_id = $1", staff_id, digest)
        await end_other_sessions(tx, staff_id, session_id)


async def new_link(db: Db, staff_id: int, purpose: Literal["password", "sign_in"], now: datetime) -> str:
    """Return the URL of a new link that works once; earlier ones for the same purpose end."""
    token = secrets.token_urlsafe(LINK_BYTES)
    lifetime = PASSWORD_LINK if purpose == "password" else SIGN_IN_LINK
    async with db.transaction() as tx:
        await tx.execute("delete from staff_links where staff_id = $1 and purpose = $2", staff_id, purpose)
        await tx.execute(
            "insert into staff_links (token_hash, staff_id, purpose, created_at, expires_at)"
            " values ($1, $2, $3, $4, $5)",
            token_hash(token),
            staff_id,
            purpose,
            now,
            now + lifetime,
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
    """Use a link up and return whose it was; LinkUnknown (404). Part of the caller's transaction."""
    staff_id: int | None = await db.value(
        "delete from staff_links where token_hash = $1 and purpose = $2 and expires_at > $3 returning staff_id",
        token_hash(token),
        purpose,
        now,
    )
    if staff_id is None:
        raise LinkUnknown
    return staff_id


async def set_by_link(db: Db, token: str, password: str, now: datetime) -> None:
    """Set the password of the person of a link, which ends all their sessions; LinkUnknown (404)."""
    check_length(password)
    await person_of_link(db, token, "password", now)
    digest = await password_hash(NO_ACCOUNT, password)
    async with db.transaction() as tx:
        staff_id = await use_link(tx, token, "password", now)
        await tx.execute("update staff set password_hash = $2 where staff_id = $1", staff_id, digest)
        await end_other_sessions(tx, staff_id, None)


async def send_password_link(db: Db, email: str, language: str, address: str | None, now: datetime) -> None:
    """Send a link to set a new password, if a person has the address. TooManyAttempts (429).

    It is looked for after the answer: what is visible, and how long it takes, is the same for all addresses.
    """
    await count(db, NO_ACCOUNT, link_attempts(email_key(email), address), now)
    db.leave(_send_password_link(db, email, language, now))


async def _send_password_link(db: Db, email: str, language: str, now: datetime) -> None:
    person = await person_by_email(db, email)
    accounts = await accounts_of(db, person.staff_id) if person else []
    if not person or not accounts:
        return
    async with db.transaction() as tx:
        link = await new_link(tx, person.staff_id, "password", now)
        message = NewMessage(
            channel="email",
            recipient=person.email,
            template="password_reset",
            request_key=f"staff_password:{uuid.uuid4()}",
            values={"minutes": PASSWORD_LINK // timedelta(minutes=1)},
            secrets={"link": link},
            language=language,
            expires_at=now + PASSWORD_LINK,
        )
        await send(tx, accounts[0].account_id, message, now)
