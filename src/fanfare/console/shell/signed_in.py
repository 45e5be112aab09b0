"""The person who is signed in in this browser; a cookie has the token of the session."""

from datetime import datetime
from urllib.parse import urlencode

from fanfare.hosted.browser_sessions import OWN_PATH
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.page import Detour, Visit
from fanfare.staff.actions.sessions import Browser, used_session
from fanfare.staff.queries.people import LIFETIME
from fanfare.staff.schemas.members import StaffSession

COOKIE = "staff"
HOME, SIGN_IN, PROVE, SET_UP = "/manage", "/manage/sign_in", "/manage/prove", "/manage/me/set_up"


def browser_of(visit: Visit) -> Browser:
    """Return from where somebody signs in."""
    return Browser(visit.address, visit.user_agent)


def remember(visit: Visit, token: str) -> None:
    """Keep a session in this browser."""
    visit.new_cookies[COOKIE] = Cookie(token, LIFETIME)


def forget(visit: Visit) -> None:
    """Keep no session in this browser."""
    visit.new_cookies[COOKIE] = Cookie("")


async def current_session(db: Db, visit: Visit, now: datetime) -> StaffSession | None:
    """Return the session of this browser, which counts as a use of it."""
    return await used_session(db, visit.cookies.get(COOKIE, ""), now)


async def require_session(
    db: Db, visit: Visit, now: datetime, *, is_read: bool, is_set_up: bool = False
) -> StaffSession:
    """Return the session of this browser, or raise a Detour: to the sign-in, or to the set-up of a second factor."""
    session = await current_session(db, visit, now)
    if session is None:
        raise Detour(with_next(SIGN_IN, visit.url if is_read else HOME))
    if session.needs_second_factor and not is_set_up:
        raise Detour(SET_UP)
    return session


def with_next(path: str, next_path: str) -> str:
    """Return the path of a page that leads on to another page of the Manage Centre."""
    return f"{path}?{urlencode({'next': next_path})}" if next_path != HOME else path


def next_path(text: str | None) -> str:
    """Return where a page leads on to: a path of the Manage Centre, whatever was sent."""
    path = text or HOME
    is_ours = OWN_PATH.fullmatch(path) and (path == HOME or path.startswith((f"{HOME}/", f"{HOME}?")))
    return path if is_ours else HOME


def prove_url(path: str) -> str:
    """Return the page where a person shows who they are, and which leads back."""
    return with_next(PROVE, path)
