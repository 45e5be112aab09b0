"""Logging out, which a client asks for (OpenID Connect RP-Initiated Logout 1.0)."""

from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec

from fanfare.hosted import browser_sessions
from fanfare.hosted.browser_sessions import BrowserSession
from fanfare.hosted.queries.looks import look_of
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.languages import PARAMETER
from fanfare.kernel.pages.page import Redirect, View, Visit, page
from fanfare.kernel.parameters import Raw
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.kernel.wire import TextForm
from fanfare.openid.queries.clients import PATH, find_client
from fanfare.openid.queries.consents import fan_of_subject
from fanfare.openid.queries.keys import claims_of
from fanfare.openid.schemas.authorization import Provider, is_registered, single, url_of_form, with_parameters
from fanfare.openid.schemas.clients import RegisteredClient
from fanfare.openid.schemas.errors import ClientUnknown, RedirectUnknown, RequestExpired
from fanfare.openid.schemas.tokens import audience_of
from fanfare.sessions.actions.opening import end_session
from fanfare.sessions.queries.sessions import NoSession

TEMPLATES = "openid/templates"
PURPOSE = "openid logout"
NAMES = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")
MAX_STATE = 2000


class Logout(Provider, kw_only=True):
    """A logout that the fan confirms, with the sealed address that follows."""

    location: Annotated[Annotated[str, TextForm(8000)], "Where the fan is led, sealed."]


class Target(NamedTuple):
    """Where a logout leads, and the client that asks for it, with the fan whose ID token it sent."""

    location: str
    client: RegisteredClient | None
    fan_id: int | None


@page.get("/openid/{account_id}/end_session")
async def end(db: Db, visit: Visit, raw: Raw, provider: Provider, now: datetime) -> View | Redirect:
    """Log the fan out, at once if the client sent the fan's ID token."""
    account_id = provider.account_id
    db = db.for_account(account_id)
    target = await _target(db, account_id, raw, now)
    session = await browser_sessions.current(db, visit, account_id, now)
    business_id = target.client.business_id if target.client else None
    look = await look_of(db, account_id, business_id)
    if session is not None and session.fan_id != target.fan_id:
        # Any site could lead a browser here: without the fan's own ID token the fan is asked.
        values = {
            "look": look,
            "client_name": target.client.client_name if target.client else "",
            "action": f"{PATH}/{account_id}/logout",
            "location": secret_keys.seal(PURPOSE, msgspec.msgpack.encode((business_id, target.location))),
        }
        return View(f"{TEMPLATES}/logout.html", values)
    await _log_out(db, visit, account_id, session, now)
    return Redirect(target.location) if target.location else View(f"{TEMPLATES}/logged_out.html", {"look": look})


async def _target(db: Db, account_id: int, raw: Raw, now: datetime) -> Target:
    """Return where a logout leads; raises ClientUnknown (404) or RedirectUnknown (400), and then nothing is ended."""
    hint, client_id = single(raw, "id_token_hint"), single(raw, "client_id")
    claims = await claims_of(db, account_id, hint, now) if hint else None
    # Of a token whose key has ended only the client is believed, which a client_id would name as well.
    audience = str(claims["aud"]) if claims else audience_of(hint or "")
    if audience is not None and client_id not in (None, audience):
        raise ClientUnknown
    client = await find_client(db, account_id, audience or client_id or "")
    if client is None and client_id is not None:
        raise ClientUnknown
    uri, state = single(raw, "post_logout_redirect_uri"), single(raw, "state")
    if uri is not None and (client is None or not is_registered(uri, client.post_logout_redirect_uris)):
        raise RedirectUnknown
    fan_id = None
    if client and claims:
        fan_id = await fan_of_subject(db, account_id, client.client_id, str(claims["sub"]))
    state = state if state and len(state) <= MAX_STATE else None
    return Target(with_parameters(uri, {"state": state}) if uri else "", client, fan_id)


async def _log_out(db: Db, visit: Visit, account_id: int, session: BrowserSession | None, now: datetime) -> None:
    browser_sessions.forget(visit, account_id)
    if session is not None:
        try:
            await end_session(db, account_id, session.session_uid, now)
        except NoSession:
            # Ended meanwhile.
            return


@page.post("/openid/{account_id}/end_session", is_open=True)
async def end_by_form(raw: Raw, provider: Provider) -> Redirect:
    """Take the same, sent as a form of the client, to the same address by GET."""
    return Redirect(url_of_form(f"{PATH}/{provider.account_id}/end_session", raw, (*NAMES, PARAMETER)))


@page.post("/openid/{account_id}/logout")
async def log_out(db: Db, visit: Visit, logout: Logout, now: datetime) -> View:
    """Log the fan out, who has confirmed it."""
    try:
        data = secret_keys.unseal(PURPOSE, logout.location)
    except NotSealed:
        raise RequestExpired from None
    business_id, location = msgspec.msgpack.decode(data, type=tuple[int | None, str])
    db = db.for_account(logout.account_id)
    session = await browser_sessions.current(db, visit, logout.account_id, now)
    await _log_out(db, visit, logout.account_id, session, now)
    look = await look_of(db, logout.account_id, business_id)
    if location:
        return View(f"{TEMPLATES}/leaving.html", {"look": look, "name": "", "target_url": location})
    return View(f"{TEMPLATES}/logged_out.html", {"look": look})
