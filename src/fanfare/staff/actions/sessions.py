"""Begins sessions of people and ends them."""

import secrets
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.retention import STAFF_IDLE, STAFF_LIFETIME
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.staff.queries.people import PASSWORD_MARK, session_by_token, token_hash
from fanfare.staff.schemas.members import StaffSession

TOKEN_BYTES = 32
LONGEST_AGENT = 300
# A session that is used is noted so often at most.
STEP = timedelta(minutes=5)


class PasswordChanged(Conflict):
    """The password was changed meanwhile; sign in again"""


class Browser(msgspec.Struct, frozen=True):
    """From where somebody signs in; by single sign-on, to which account alone.

    `is_proof`: whether they have just shown who they are; a provider may let them in without a question.
    """

    address: str | None
    user_agent: str | None
    account_id: int | None = None
    is_proof: bool = True
    sealed_id_token: str | None = None


# The lock makes a change of the password wait, which then ends this session, too.
OPEN = Sql(f"""
    insert into staff_sessions (staff_id, token_hash, sign_in_method, address, user_agent, created_at, used_at,
                                proved_at, account_id, sealed_id_token)
    select p.staff_id, :token_hash, :method, :address, :user_agent, :now::timestamptz, :now,
           case when :is_proof::boolean then :now else 'epoch' end, :account_id, :sealed_id_token
    from staff p where p.staff_id = $1 and (:password_mark::text is null or {PASSWORD_MARK} = :password_mark)
    for share of p
    returning session_id
""")  # noqa: S608 - fixed parts


async def open_session(
    db: Db,
    staff_id: int,
    method: Literal["password", "passkey", "link", "sso"],
    browser: Browser,
    now: datetime,
    *,
    password_mark: str | None = None,
) -> str:
    """Begin a session and return its token, which the store does not have.

    PasswordChanged (409) if the password is no longer that of `password_mark`.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session_id = await db.value(
        OPEN, staff_id, token_hash=token_hash(token), method=method, address=browser.address,
        user_agent=(browser.user_agent or "")[:LONGEST_AGENT] or None, now=now, is_proof=browser.is_proof,
        account_id=browser.account_id, sealed_id_token=browser.sealed_id_token, password_mark=password_mark,
    )  # fmt: skip
    if session_id is None:
        raise PasswordChanged
    return token


async def used_session(db: Db, token: str, now: datetime) -> StaffSession | None:
    """Return the session with a token, which counts as a use of it; None if it has ended."""
    entry = await session_by_token(db, token, now) if token else None
    if entry is None:
        return None
    session, used_at = entry
    if now - used_at >= STEP:
        await db.execute(
            "update staff_sessions set used_at = greatest(used_at, $2) where session_id = $1", session.session_id, now
        )
    return session


async def note_proof(db: Db, session_id: int, now: datetime) -> None:
    """Note that the person of a session has just shown who they are."""
    await db.execute(
        "update staff_sessions set proved_at = greatest(proved_at, $2) where session_id = $1", session_id, now
    )


END = "delete from staff_sessions where staff_id = $1 and session_id = $2 returning session_id, sealed_id_token"


async def end_session(db: Db, staff_id: int, session_id: int) -> str | None:
    """End a session of a person, and return its ID token as it was sealed, if any; Unknown (404) for any other."""
    ended = await db.row(END, staff_id, session_id)
    if ended is None:
        raise Unknown(session=session_id)
    sealed: str | None = ended["sealed_id_token"]
    return sealed


async def end_other_sessions(db: Db, staff_id: int, session_id: int | None) -> None:
    """End all sessions of a person but one, if that is named."""
    await db.execute(
        "delete from staff_sessions where staff_id = $1 and session_id is distinct from $2", staff_id, session_id
    )


async def forget_sessions(db: Db, now: datetime) -> None:
    """Delete sessions and links that have ended."""
    await db.execute(
        "delete from staff_sessions where created_at <= $1 or used_at <= $2", now - STAFF_LIFETIME, now - STAFF_IDLE
    )
    await db.execute("delete from staff_links where expires_at <= $1", now)
