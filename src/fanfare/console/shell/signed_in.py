"""The person who is signed in in this browser; a cookie has the token of the session."""

import secrets
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import unquote, urlencode

import msgspec

from fanfare.hosted.browser_sessions import OWN_PATH
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.retention import STAFF_LIFETIME
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.form_copies import ASKING, CopyRefused
from fanfare.kernel.pages.page import Detour, Visit
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.staff.actions.budgets import Origin
from fanfare.staff.actions.sessions import Browser, open_session, used_session
from fanfare.staff.queries.people import email_key
from fanfare.staff.schemas.members import Person, StaffSession

# The session, the person who typed the right password until the code follows, and who signed in here before.
COOKIE, STEP_COOKIE, FAMILIAR_COOKIE = "staff", "staff-step", "staff-browser"
FAMILIAR_PURPOSE, FAMILIAR_AGE = "staff browser", timedelta(days=365)
Method = Literal["password", "passkey", "link"]
HOME, SIGN_IN, PROVE, SET_UP = "/manage", "/manage/sign_in", ASKING, "/manage/me/set_up"


def browser_of(visit: Visit) -> Browser:
    """Return from where somebody signs in."""
    return Browser(visit.address, visit.user_agent)


class Familiar(msgspec.Struct):
    """Who signed in in a browser before, by the key of the address, and a name for the browser."""

    email_key: str
    browser: str


def origin_of(visit: Visit) -> Origin:
    """Return from where somebody tries a password or code: a browser of theirs, or one of a stranger."""
    try:
        text = secret_keys.unseal(FAMILIAR_PURPOSE, visit.cookies.get(FAMILIAR_COOKIE, ""), max_age=FAMILIAR_AGE)
        entry = msgspec.json.decode(text, type=Familiar)
    except (NotSealed, msgspec.MsgspecError):
        return Origin(visit.address)
    return Origin(visit.address, entry.email_key, entry.browser)


def make_familiar(visit: Visit, person: Person) -> None:
    """Note in this browser that the person was let in here: the attempts of strangers lock it no more."""
    key, origin = email_key(person.email), origin_of(visit)
    browser = origin.browser if origin.familiar(key) else secrets.token_urlsafe(12)
    sealed = secret_keys.seal(FAMILIAR_PURPOSE, msgspec.json.encode(Familiar(key, browser)))
    visit.new_cookies[FAMILIAR_COOKIE] = Cookie(sealed, FAMILIAR_AGE)


async def enter(db: Db, visit: Visit, person: Person, method: Method, now: datetime) -> None:
    """Begin a session in this browser. PasswordChanged (409) if the password was changed since `person` was read."""
    mark = person.password_mark if method == "password" else None
    token = await open_session(db, person.staff_id, method, browser_of(visit), now, password_mark=mark)
    visit.new_cookies[COOKIE] = Cookie(token, STAFF_LIFETIME)
    make_familiar(visit, person)
    _forget_step(visit)


def forget(visit: Visit) -> None:
    """Keep no session in this browser."""
    if COOKIE in visit.cookies:
        visit.new_cookies[COOKIE] = Cookie("")
    _forget_step(visit)


def _forget_step(visit: Visit) -> None:
    if STEP_COOKIE in visit.cookies:
        visit.new_cookies[STEP_COOKIE] = Cookie("")


async def current_session(db: Db, visit: Visit, now: datetime) -> StaffSession | None:
    """Return the session of this browser, which counts as a use of it."""
    return await used_session(db, visit.cookies.get(COOKIE, ""), now)


async def require_session(
    db: Db, visit: Visit, now: datetime, *, is_read: bool, is_set_up: bool = False
) -> StaffSession:
    """Return the session of this browser, or raise a Detour: to the sign-in, or to the set-up of a second factor.

    CopyRefused (403) for the form of somebody else that waited in this browser.
    """
    session = await current_session(db, visit, now)
    if session is None:
        raise Detour(with_next(SIGN_IN, visit.url if is_read else HOME))
    if session.needs_second_factor and not is_set_up:
        raise Detour(SET_UP)
    if visit.form_owner_id not in (None, session.person.staff_id):
        raise CopyRefused
    return session


def with_next(path: str, next_path: str) -> str:
    """Return the path of a page that leads on to another page of the Manage Centre."""
    return f"{path}?{urlencode({'next': next_path})}" if next_path != HOME else path


def next_path(text: str | None) -> str:
    """Return where a page leads on to: a path of the Manage Centre, whatever was sent."""
    path = text or HOME
    is_ours = OWN_PATH.fullmatch(path) and (path == HOME or path.startswith((f"{HOME}/", f"{HOME}?")))
    # Browsers resolve dot segments, encoded ones too, which would lead out of the Manage Centre.
    segments = unquote(path.partition("?")[0].partition("#")[0]).split("/")
    return path if is_ours and not {".", ".."} & set(segments) else HOME


def sso_url(account_id: int, path: str, *, again: bool = False) -> str:
    """Return the way to the provider of an account, which leads back; `again` lets it ask for the password."""
    return f"/manage/sso/{account_id}?{urlencode({'next': path, **({'again': 'true'} if again else {})})}"


def prove_url(path: str) -> str:
    """Return the page where a person shows who they are, and which leads back."""
    return with_next(PROVE, path)
