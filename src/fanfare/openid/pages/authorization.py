"""Logging in at a client: the request, the page where the fan agrees, and the way back.

After a form, a browser follows redirects only to sites that the page with the form has allowed; it cannot know those of
the client and of the pages behind it. So what follows a form is a page that leads on by itself.
"""

from datetime import datetime

import msgspec

from fanfare.fans.queries.fans import fan
from fanfare.hosted import browser_sessions
from fanfare.hosted.browser_sessions import Asks, BrowserSession
from fanfare.hosted.queries.looks import look_of
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import error_description
from fanfare.kernel.pages.languages import PARAMETER, Language, select_language
from fanfare.kernel.pages.page import Redirect, View, Visit, page
from fanfare.kernel.parameters import Raw
from fanfare.openid.actions import authorization, requests
from fanfare.openid.queries.clients import PATH, issuer
from fanfare.openid.schemas.authorization import (
    LONGEST,
    NAMES,
    AuthorizationRefusal,
    AuthorizationRequest,
    Decision,
    Provider,
    SealedRequest,
    read_request,
    single,
    url_of_form,
    with_parameters,
)
from fanfare.openid.schemas.clients import RegisteredClient

TEMPLATES = "openid/templates"


@page.get("/openid/{account_id}/authorize")
async def authorize(db: Db, visit: Visit, raw: Raw, provider: Provider, now: datetime) -> Redirect:
    """Answer a client that sends a fan here to log in."""
    account_id = provider.account_id
    db = db.for_account(account_id)
    client, redirect_uri = await requests.client_of(db, account_id, raw)
    try:
        request = await requests.with_hinted_fan(db, read_request(raw, client, redirect_uri, now), raw, now)
        return Redirect(await _next_location(db, visit, request, client, now))
    except AuthorizationRefusal as error:
        state = single(raw, "state") or ""
        return Redirect(
            _error_location(account_id, redirect_uri, state if len(state.encode()) <= LONGEST["state"] else "", error)
        )


@page.post("/openid/{account_id}/authorize", is_open=True)
async def authorize_by_form(raw: Raw, provider: Provider) -> Redirect:
    """Take the same, sent as a form of the client, to the same address by GET."""
    return Redirect(url_of_form(f"{PATH}/{provider.account_id}/authorize", raw, (*NAMES, PARAMETER)))


async def _next_location(
    db: Db, visit: Visit, request: AuthorizationRequest, client: RegisteredClient, now: datetime
) -> str:
    """Return where the browser goes: to the login, to the page where the fan agrees, or back with a code."""
    session = await browser_sessions.current(db, visit, request.account_id, now)
    if session is None or _is_old(session, request) or _is_other_fan(session, request):
        if "none" in request.prompts:
            raise AuthorizationRefusal(code="login_required")
        return _login_url(visit, request, client, asks_again=session is not None)
    code = None if "consent" in request.prompts else await authorization.issue_code(db, request, session, now)
    if code is not None:
        return _code_location(request, code)
    if "none" in request.prompts:
        raise AuthorizationRefusal(code="consent_required")
    return requests.continue_path(request)


def _is_old(session: BrowserSession, request: AuthorizationRequest) -> bool:
    moment = session.authenticated_at
    return request.login_after > 0 and (moment is None or moment.timestamp() < request.login_after)


def _is_other_fan(session: BrowserSession, request: AuthorizationRequest) -> bool:
    return request.hinted_fan_id not in (0, session.fan_id)


def _login_url(visit: Visit, request: AuthorizationRequest, client: RegisteredClient, *, asks_again: bool) -> str:
    """Return where the fan logs in, begun as the client asks for, and goes on with the request."""
    asks: Asks = "fresh" if request.login_after > 0 else "again" if asks_again else "any"
    return browser_sessions.login_url(
        request.account_id,
        client.business_id,
        requests.continue_path(request),
        asks=asks,
        login_hint=request.login_hint,
        language=_language(visit, request).code if request.language else "",
    )


def _language(visit: Visit, request: AuthorizationRequest) -> Language:
    """Return the language that the fan chose, or the first that the client asks for and we have, or the browser's."""
    if PARAMETER in visit.chosen_language:
        return visit.language
    return select_language("", ",".join([*request.language.split(), visit.language.code]))


def _code_location(request: AuthorizationRequest, code: str) -> str:
    parameters = {"code": code, "state": request.state, "iss": issuer(request.account_id)}
    return with_parameters(request.redirect_uri, parameters)


def _error_location(account_id: int, redirect_uri: str, state: str, error: AuthorizationRefusal) -> str:
    parameters = {
        "error": error.code,
        "error_description": error_description(error.description) or None,
        "state": state or None,
        "iss": issuer(account_id),
    }
    return with_parameters(redirect_uri, parameters)


@page.get("/openid/{account_id}/continue")
async def proceed(db: Db, visit: Visit, target: SealedRequest, now: datetime) -> View | Redirect:
    """Go on with a request: ask the fan who has logged in to agree, or lead back if they have agreed before."""
    db = db.for_account(target.account_id)
    request = requests.unsealed(target.account_id, target.request)
    client = await requests.current_client(db, request)
    session = await browser_sessions.current(db, visit, request.account_id, now)
    if session is None or _is_old(session, request):
        return Redirect(await _next_location(db, visit, request, client, now))
    if _is_other_fan(session, request):
        error = AuthorizationRefusal(code="login_required", description="another fan has logged in")
        location = _error_location(request.account_id, request.redirect_uri, request.state or "", error)
        return await _leave(db, client, location)
    if "consent" not in request.prompts:
        code = await authorization.issue_code(db, request, session, now)
        if code is not None:
            return await _leave(db, client, _code_location(request, code))
    return await _ask(db, visit, request, client, session)


@page.post("/openid/{account_id}/consent")
async def decide(db: Db, visit: Visit, decision: Decision, now: datetime) -> View | Redirect:
    """Write what the fan agrees to, and lead back with a code, or without one."""
    db = db.for_account(decision.account_id)
    request = requests.unsealed(decision.account_id, decision.request)
    client = await requests.current_client(db, request)
    if decision.decision != "allow":
        error = AuthorizationRefusal(code="access_denied", description="the fan did not agree")
        location = _error_location(request.account_id, request.redirect_uri, request.state or "", error)
        return await _leave(db, client, location)
    session = await browser_sessions.current(db, visit, request.account_id, now)
    if session is None or session.fan_id != request.fan_id:
        # Another fan has logged in since in this browser, or nobody is.
        return Redirect(requests.continue_path(request))
    await authorization.agree(db, request, session.fan_id, now)
    code = await authorization.issue_code(db, request, session, now)
    if code is None:
        return Redirect(requests.continue_path(request))
    return await _leave(db, client, _code_location(request, code))


async def _ask(
    db: Db, visit: Visit, request: AuthorizationRequest, client: RegisteredClient, session: BrowserSession
) -> View:
    visit.language = _language(visit, request)
    person = await fan(db, request.account_id, session.fan_id)
    return View(
        f"{TEMPLATES}/consent.html",
        {
            "look": await look_of(db, request.account_id, client.business_id),
            "client_name": client.client_name,
            "scopes": request.scopes,
            "fan_name": person.email or person.phone or person.name or "",
            "action": f"{PATH}/{request.account_id}/consent",
            "request": requests.sealed(msgspec.structs.replace(request, fan_id=session.fan_id)),
            "login_url": _login_url(visit, request, client, asks_again=True),
        },
    )


async def _leave(db: Db, client: RegisteredClient, location: str) -> View:
    look = await look_of(db, client.account_id, client.business_id)
    return View(f"{TEMPLATES}/leaving.html", {"look": look, "name": client.client_name, "target_url": location})
