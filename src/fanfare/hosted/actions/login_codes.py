"""Codes that a site exchanges for a session after its fan has logged in on our page.

A code has 256 random bits, of which only a hash is stored, and works once, within a minute, for the account and the URL
that it was made for. A used code that comes again was copied, so the session that it opened ends.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from fanfare.hosted.schemas.login_codes import AccessToken
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.sessions.actions.opening import Visit, end_session_by_id, open_session
from fanfare.sessions.queries.sessions import session_hash
from fanfare.sessions.schemas.connect import GUEST, Session

CODE_BYTES = 32
LIFETIME = timedelta(seconds=60)
# How long a used code is remembered.
MEMORY = timedelta(days=1)


class WrongLoginCode(BadParameters):
    """The code of the login page cannot be exchanged"""


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


async def new_code(db: Db, account_id: int, session_id: int, redirect_url: str, now: datetime) -> str:
    """Return a code for the fan of a browser's session, to be exchanged by the site at a redirect URL."""
    code = secrets.token_urlsafe(CODE_BYTES)
    await db.execute(
        """
        insert into login_codes (account_id, code_hash, session_id, redirect_url, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6)
        """,
        account_id,
        _hash(code),
        session_id,
        redirect_url,
        now,
        now + LIFETIME,
    )
    return code


USE = """
    update login_codes set used_at = $3
    where account_id = $1 and code_hash = $2 and redirect_url = $4 and used_at is null and expires_at > $3
    returning session_id
"""
# Locked, so that whoever sets another password waits, and then ends the session opened here.
LOCK = "select from fans where account_id = $1 and fan_id = $2 for no key update"
BROWSER = """
    select fan_id, login_method, business_id, ip_address, authenticated_at from sessions
    where account_id = $1 and session_id = $2 and expires_at > $3 and login_method <> $4
"""


async def exchange(db: Db, account: Account, request: AccessToken, now: datetime) -> Session:
    """Return a new session of the fan who logged in.

    Refuses (422) another account than the caller's, another URL, and a code that is unknown, expired or used; if it is
    used, the session that it opened ends.
    """
    if request.account_id != account.id:
        raise WrongLoginCode([("account_id", "is not the account of this secret")])
    code_hash = _hash(request.code)

    async def write(outer: Db) -> Session | None:
        async with outer.transaction() as tx:
            return await _open(tx, account.id, code_hash, request.redirect_url, now)

    session = await db.retry_conflicts(write)
    if session is None:
        raise WrongLoginCode([await _fault(db, account.id, code_hash, request.redirect_url, now)])
    return session


async def _open(db: Db, account_id: int, code_hash: bytes, redirect_url: str, now: datetime) -> Session | None:
    session_id = await db.value(USE, account_id, code_hash, now, redirect_url)
    row = await db.row(BROWSER, account_id, session_id, now, GUEST) if session_id else None
    if row is None:
        return None
    await db.row(LOCK, account_id, row["fan_id"])
    browser = await db.row(BROWSER, account_id, session_id, now, GUEST)
    if browser is None or browser["fan_id"] != row["fan_id"]:
        return None
    visit = Visit(browser["business_id"], None, browser["ip_address"], None, None, None, browser["authenticated_at"])
    session = await open_session(db, account_id, browser["fan_id"], visit, now, method=browser["login_method"])
    await db.execute(
        "update login_codes set opened_session_id = (select session_id from sessions"
        " where account_id = $1 and session_hash = $3) where account_id = $1 and code_hash = $2",
        account_id,
        code_hash,
        session_hash(session.session_uid),
    )
    return session


async def _fault(db: Db, account_id: int, code_hash: bytes, redirect_url: str, now: datetime) -> tuple[str, str]:
    """Return what is wrong with a code; ends the session of one that is used."""
    outside = db.independent()
    row: Record | None = await outside.row(
        "select redirect_url, used_at, opened_session_id from login_codes where account_id = $1 and code_hash = $2",
        account_id,
        code_hash,
    )
    if row and row["redirect_url"] != redirect_url:
        return "redirect_url", "is not the URL with which the login page was opened"
    if row and row["opened_session_id"]:
        await _end(outside, account_id, row["opened_session_id"], now)
        return "code", "is used already; the session that it opened was ended"
    return "code", "is unknown, expired or used, or its fan has logged out; open the login page again"


async def _end(db: Db, account_id: int, session_id: int, now: datetime) -> None:
    try:
        await end_session_by_id(db, account_id, session_id, now)
    except Unknown:
        # It has ended already.
        return


async def forget_codes(db: Db, account_id: int, now: datetime) -> None:
    """Delete codes that expired a day ago."""
    await db.execute("delete from login_codes where account_id = $1 and expires_at <= $2", account_id, now - MEMORY)
