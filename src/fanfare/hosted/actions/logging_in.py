"""Logs fans in on our own page, by the same steps as `sessions/connect`, and leads them on."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from fanfare.fans.actions.identifiers import refuse_blocked
from fanfare.hosted import browser_sessions
from fanfare.hosted.actions.login_codes import new_code
from fanfare.hosted.browser_sessions import BrowserSession, is_fresh
from fanfare.hosted.queries.destinations import site_url
from fanfare.hosted.schemas.login import Destination, Pending, RegisterForm, SentCode, step_request
from fanfare.identities.gateways.tokens import WrongToken
from fanfare.identities.schemas.identities import Identity
from fanfare.kernel.callers import Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.forms import FormRefused
from fanfare.kernel.pages.page import Visit
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.sessions.actions.codes import MINUTES
from fanfare.sessions.actions.connecting import business_step, take
from fanfare.sessions.actions.identities import verify_identity
from fanfare.sessions.actions.opening import end_session
from fanfare.sessions.actions.terms import accept
from fanfare.sessions.queries.sessions import NoSession
from fanfare.sessions.schemas.connect import (
    IDENTITY_NETWORKS,
    PASSWORD,
    REGISTER,
    SUBMIT,
    VERIFY_EMAIL,
    VERIFY_SMS,
    Connection,
)

SOURCE = "login page"
NO_CONSENTS: Mapping[str, object] = {}
PENDING_PURPOSE, CODE_PURPOSE = "login step", "login code"
CODE_AGE = timedelta(minutes=MINUTES)


def contact_fields(contact: str) -> dict[str, str]:
    """Return what a fan typed as an email address or a phone number."""
    return {"email": contact} if "@" in contact else {"phone": contact}


async def take_step(
    db: Db,
    visit: Visit,
    destination: Destination,
    fields: dict[str, str],
    now: datetime,
    consents: Mapping[str, object] = NO_CONSENTS,
) -> Connection:
    """Take a step of `sessions/connect`, which `network` chooses, for the fan in front of the page. Refuses as that.

    A new fan has `consents`.
    """
    account_id = destination.account.id
    # As for every other call without the secret.
    caller = Caller(visit.address, has_secret=False)
    await refuse_blocked(db, account_id, None, caller)
    present = await browser_sessions.current(db, visit, account_id, now)
    values: dict[str, object] = {**fields, "language": visit.language.code}
    if present is not None:
        values["session_uid"] = str(present.session_uid)
    # The terms that are accepted are those whose wording was compared.
    step = await business_step(db, destination.account, destination.business, caller, step_request(values), now)
    step = msgspec.structs.replace(step, consents=consents)
    if step.request.network in IDENTITY_NETWORKS:
        # A token comes from the provider alone, never from a form.
        identity = await verify_identity(db, step, is_own_token=True)
        _check_age(destination, identity, now)
        step = msgspec.structs.replace(step, identity=identity)
    return await take(db, step)


def _check_age(destination: Destination, identity: Identity, now: datetime) -> None:
    """Refuse (422) a login at a provider that is old, or of an unknown time, where a fresh one is asked for."""
    if destination.asks_fresh and not is_fresh(identity.authenticated_at, now):
        raise WrongToken([("id_token", "says of no login in the last ten minutes (auth_time)")])


async def finish(db: Db, visit: Visit, destination: Destination, connection: Connection, now: datetime) -> str | None:
    """Keep the session of a finished step in the browser and return where it leads; None if a step is left to take."""
    if not isinstance(connection.session_uid, msgspec.UnsetType):
        account_id = destination.account.id
        browser_sessions.remember(visit, account_id, connection.session_uid)
        _forget_code(visit, account_id)
        session = await browser_sessions.session_by_uid(db, account_id, connection.session_uid, now)
        return await leave(db, destination, session, now) if session else None
    return None


async def leave(db: Db, destination: Destination, session: BrowserSession, now: datetime) -> str:
    """Return where a fan who is logged in goes: back to the site with a new code, or to a path of ours."""
    if destination.path is not None:
        return destination.path
    code = await new_code(db, destination.account.id, session.session_id, destination.redirect_url or "", now)
    return site_url(destination, code)


async def log_out(db: Db, visit: Visit, account_id: int, now: datetime) -> None:
    """End the session of this browser, if there is one."""
    session = await browser_sessions.current(db, visit, account_id, now)
    browser_sessions.forget(visit, account_id)
    if session is not None:
        try:
            await end_session(db, account_id, session.session_uid, now)
        except NoSession:
            return


async def accept_terms(db: Db, visit: Visit, destination: Destination, session: BrowserSession, now: datetime) -> None:
    """Note that the fan of a browser's session accepts the present terms."""
    async with db.transaction() as tx:
        await accept(tx, destination.account.id, session.fan_id, destination.business, visit.address, now)


async def register(
    db: Db, visit: Visit, destination: Destination, form: RegisterForm, wording: str, now: datetime
) -> Connection:
    """Make a new fan with the consents of the form, whose wording is empty without any.

    Refuses as `sessions/connect` does.
    """
    names = ("first_name", "last_name", "email", "phone", "password")
    fields = {"network": REGISTER, **{name: value for name in names if (value := getattr(form, name))}}
    fields |= accepted(is_accepted=form.is_accepted)
    consents: dict[str, object] = {}
    if wording:
        consents = {"consent_source": SOURCE, "consent_wording": wording}
        boxes = ("is_subscribed", "is_phone_subscribed")
        consents |= {name: True for name in boxes if getattr(form, name)}
        if destination.business_id is not None:
            consents["businesses"] = {str(destination.business_id): True}
    return await take_step(db, visit, destination, fields, now, consents)


def accepted(*, is_accepted: bool) -> dict[str, str]:
    """Return the field that says that the terms are accepted, if they are."""
    return {"is_accepted": "true"} if is_accepted else {}


async def request_code(db: Db, visit: Visit, destination: Destination, contact: str, now: datetime) -> None:
    """Send a code to an address or number, and keep in the browser what belongs to it."""
    fields = contact_fields(contact)
    network = VERIFY_EMAIL if "email" in fields else VERIFY_SMS
    connection = await take_step(db, visit, destination, {"network": network, **fields}, now)
    text = secret_keys.seal(CODE_PURPOSE, SentCode(str(connection.request_uid), contact).encoded())
    visit.new_cookies[_code_cookie(destination.account.id)] = Cookie(text, CODE_AGE)


def sent_code(visit: Visit, account_id: int) -> SentCode | None:
    """Return the code that was requested in this browser in the last ten minutes."""
    try:
        text = secret_keys.unseal(CODE_PURPOSE, visit.cookies.get(_code_cookie(account_id), ""), max_age=CODE_AGE)
        return SentCode.decoded(text)
    except NotSealed:
        return None


def _code_cookie(account_id: int) -> str:
    return f"code-{account_id}"


def _forget_code(visit: Visit, account_id: int) -> None:
    if _code_cookie(account_id) in visit.cookies:
        visit.new_cookies[_code_cookie(account_id)] = Cookie("")


def password_fields(contact: str, password: str) -> dict[str, str]:
    """Return the fields of the login by password."""
    return {"network": PASSWORD, **contact_fields(contact), "password": password}


def code_fields(request: SentCode, code: str) -> dict[str, str]:
    """Return the fields of the login by a code."""
    return {"network": SUBMIT, "request_uid": request.request_uid, "verification_code": code}


def sealed_step(visit: Visit, account_id: int, fields: dict[str, str]) -> str:
    """Return a step as a hidden field, to be repeated by this visitor once the terms are accepted.

    It may contain a password, so it is encrypted, and lasts as long as a code.
    """
    return secret_keys.seal(PENDING_PURPOSE, Pending(visit.visitor_id, account_id, fields).encoded())


def step_of(visit: Visit, account_id: int, text: str) -> dict[str, str]:
    """Return the fields of a sealed step; refuses (403) one of another visitor, or too old."""
    try:
        data = secret_keys.unseal(PENDING_PURPOSE, text, max_age=CODE_AGE)
    except NotSealed:
        raise FormRefused from None
    pending = Pending.decoded(data)
    if (pending.visitor_id, pending.account_id) != (visit.visitor_id, account_id):
        raise FormRefused
    return pending.fields
