"""The fan who is logged in in this browser: a session of `sessions`, whose session_uid is in a cookie.

There is a cookie for each account, which pages alone read: a site gets a session of its own.
"""

import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.languages import PARAMETER
from fanfare.kernel.pages.page import Visit
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.sessions.actions.lifetimes import lifetimes
from fanfare.sessions.actions.opening import used_session
from fanfare.sessions.queries.sessions import NoSession
from fanfare.sessions.schemas.connect import GUEST

LOGIN = "/crm/oauth"
# How fresh a login must be where a page of ours asks for one.
FRESH = timedelta(minutes=10)
NEXT_PURPOSE, FRESH_PURPOSE, HINT_PURPOSE = "path after the login", "path after a fresh login", "login hint"
# Which login a page asks for: any, a new one, or a new one whose time is certain.
Asks = Literal["any", "again", "fresh"]
# Browsers read a backslash as a slash and skip tabs and line ends, so that both could begin the name of a host.
OWN_PATH = re.compile(r"/(?!/)[!-\[\]-~]*")


class BrowserSession(msgspec.Struct, frozen=True):
    """The session of a browser."""

    session_id: int
    session_uid: uuid.UUID
    fan_id: int
    # when the fan proved who they are; None if an identity provider did not say when that was
    authenticated_at: datetime | None

    def is_fresh(self, now: datetime) -> bool:
        """Return whether the fan has logged in just before."""
        return is_fresh(self.authenticated_at, now)


def is_fresh(authenticated_at: datetime | None, now: datetime) -> bool:
    """Return whether a login is fresh enough for pages that ask for a new one; one of an unknown time is not."""
    return authenticated_at is not None and now - authenticated_at <= FRESH


def _cookie(account_id: int) -> str:
    return f"session-{account_id}"


async def current(db: Db, visit: Visit, account_id: int, now: datetime) -> BrowserSession | None:
    """Return the session of this browser if it is valid, which counts as a use of it; never a guest's."""
    return await _session_of(db, visit.cookies, account_id, now)


async def fan_of(db: Db, cookies: Mapping[str, str], account_id: int, now: datetime) -> int | None:
    """Return the fan who is logged in in the browser with these cookies of ours."""
    session = await _session_of(db, cookies, account_id, now)
    return session.fan_id if session else None


async def _session_of(db: Db, cookies: Mapping[str, str], account_id: int, now: datetime) -> BrowserSession | None:
    try:
        session_uid = uuid.UUID(cookies.get(_cookie(account_id), ""))
    except ValueError:
        return None
    return await session_by_uid(db, account_id, session_uid, now)


async def session_by_uid(db: Db, account_id: int, session_uid: uuid.UUID, now: datetime) -> BrowserSession | None:
    """Return a session that is valid and not a guest's."""
    try:
        session = await used_session(db, account_id, session_uid, now)
    except NoSession:
        return None
    if session.login_method == GUEST:
        return None
    return BrowserSession(session.session_id, session_uid, session.fan_id, session.authenticated_at)


def remember(visit: Visit, account_id: int, session_uid: uuid.UUID) -> None:
    """Keep a session in this browser, instead of the one before."""
    visit.new_cookies[_cookie(account_id)] = Cookie(str(session_uid), lifetimes.total)


def forget(visit: Visit, account_id: int) -> None:
    """Keep no session of this account in this browser; the session itself goes on until it is ended."""
    visit.new_cookies[_cookie(account_id)] = Cookie("")


def login_url(
    account_id: int,
    business_id: int | None,
    next_path: str,
    *,
    asks: Asks = "any",
    login_hint: str = "",
    language: str = "",
) -> str:
    """Return the path of the login page, which leads back to a path of this server.

    `asks`: with `again`, even who is logged in has to log in; with `fresh`, identity providers must say besides when
    theirs was. The caller looks at the session, for a URL can be changed.
    `login_hint`: an email address or phone number that the form begins with; sealed, for logs contain URLs.
    `language`: the code of the page's language, whatever the browser asks for.
    """
    query: dict[str, object] = {"account_id": account_id}
    if business_id is not None:
        query["business_id"] = business_id
    if asks != "any":
        query["login"] = "again"
    if login_hint:
        query["login_hint"] = secret_keys.seal(HINT_PURPOSE, login_hint.encode())
    if language:
        query[PARAMETER] = language
    query["next"] = _sealed(next_path, FRESH_PURPOSE if asks == "fresh" else NEXT_PURPOSE)
    return f"{LOGIN}?{urlencode(query)}"


def code_login_url(account_id: int, business_id: int | None, next_path: str, contact: str) -> str:
    """Return the path of the login by a code that is sent to `contact`, which confirms it, and leads back to a path."""
    url = login_url(account_id, business_id, next_path, asks="again", login_hint=contact)
    return f"{url}&login_type=code"


def _sealed(path: str, purpose: str) -> str:
    """Return a path of this server that nobody else can make; raises ValueError for any other address."""
    if not OWN_PATH.fullmatch(path):
        message = f"{path!r} is not a path of this server"
        raise ValueError(message)
    return secret_keys.seal(purpose, path.encode())


def next_path(text: str) -> str | None:
    """Return the path that `login_url` sealed; None for any other text."""
    return _unsealed(NEXT_PURPOSE, text) or _unsealed(FRESH_PURPOSE, text)


def asks_fresh(text: str) -> bool:
    """Return whether the page that `login_url` sealed needs a fresh login."""
    return _unsealed(FRESH_PURPOSE, text) is not None


def login_hint(text: str) -> str | None:
    """Return the hint that `login_url` sealed; None for any other text."""
    return _unsealed(HINT_PURPOSE, text)


def _unsealed(purpose: str, text: str) -> str | None:
    try:
        return secret_keys.unseal(purpose, text).decode()
    except NotSealed:
        return None
