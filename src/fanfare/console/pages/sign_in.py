"""The sign-in: by a password and a code, by a passkey, or by a link that works once."""

from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from fanfare.console.schemas.sign_in import CodeEntry, LinkQuery, Next, PasskeySignIn, SignIn
from fanfare.console.shell.signed_in import (
    HOME,
    SIGN_IN,
    STEP_COOKIE,
    current_session,
    enter,
    forget,
    next_path,
    origin_of,
    with_next,
)
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.page import Detour, Redirect, View, Visit, page
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.passkeys.actions.challenges import FIELD
from fanfare.staff.actions.passkeys import person_with_passkey, sign_in_options
from fanfare.staff.actions.passwords import person_of_link, person_with_password, use_link
from fanfare.staff.actions.second_factors import check_code
from fanfare.staff.actions.sessions import end_session
from fanfare.staff.actions.sso import sign_out_url
from fanfare.staff.queries.people import person_by_id
from fanfare.staff.schemas.members import Person

TEMPLATES = "console/templates/sign_in"
CODE, PASSKEY, LINK = f"{SIGN_IN}/code", f"{SIGN_IN}/passkey", "/manage/link"
# The person who typed the right password, until the code follows.
STEP_PURPOSE, STEP_AGE = "staff sign-in", timedelta(minutes=10)
NOT_ACCEPTED = "This passkey was not accepted. Please use another way to sign in."


class Step(msgspec.Struct):
    """Whose password was right, which one, in which browser."""

    staff_id: int
    visitor_id: str
    password_mark: str


@page.get(SIGN_IN)
async def sign_in(db: Db, visit: Visit, query: Next, now: datetime) -> View | Redirect:
    """Ask for address and password, or for a passkey."""
    if not visit.faults and await current_session(db, visit, now):
        return Redirect(next_path(query.next))
    return _sign_in_view(query, now)


def _sign_in_view(query: Next, now: datetime) -> View:
    values = {
        "options": sign_in_options(now),
        "passkey_path": with_next(PASSKEY, next_path(query.next)),
        "sign_in_path": with_next(SIGN_IN, next_path(query.next)),
    }
    return View(f"{TEMPLATES}/sign_in.html", values)


@page.post(SIGN_IN)
async def sign_in_send(db: Db, visit: Visit, form: SignIn, now: datetime) -> Redirect:
    """Check the password; a code follows for those who have an app."""
    person = await person_with_password(db, form.email, form.password, origin_of(visit), now)
    if person.has_second_factor:
        step = Step(person.staff_id, visit.visitor_id, person.password_mark)
        sealed = secret_keys.seal(STEP_PURPOSE, msgspec.json.encode(step))
        visit.new_cookies[STEP_COOKIE] = Cookie(sealed, STEP_AGE)
        return Redirect(with_next(CODE, next_path(form.next)))
    await enter(db, visit, person, "password", now)
    return Redirect(next_path(form.next))


async def _stepping(db: Db, visit: Visit) -> Person:
    """Return whose password was right in this browser, or raise a Detour to the first step."""
    try:
        text = secret_keys.unseal(STEP_PURPOSE, visit.cookies.get(STEP_COOKIE, ""), max_age=STEP_AGE)
        step = msgspec.json.decode(text, type=Step)
    except (NotSealed, msgspec.MsgspecError):
        raise Detour(SIGN_IN) from None
    if step.visitor_id != visit.visitor_id:
        raise Detour(SIGN_IN)
    person = await person_by_id(db, step.staff_id)
    if step.password_mark != person.password_mark:
        raise Detour(SIGN_IN)
    return person


@page.get(CODE)
async def code(db: Db, visit: Visit, query: Next, now: datetime) -> View:
    """Ask for the code of the app, a recovery code, or a passkey."""
    person = await _stepping(db, visit)
    values = {
        "has_totp": person.has_totp,
        "options": sign_in_options(now) if person.passkey_count else "",
        "passkey_path": with_next(PASSKEY, next_path(query.next)),
    }
    return View(f"{TEMPLATES}/code.html", values)


@page.post(CODE)
async def code_send(db: Db, visit: Visit, form: CodeEntry, now: datetime) -> Redirect:
    """Check the code and sign in."""
    person = await _stepping(db, visit)
    await check_code(db, person, form.code, origin_of(visit), now)
    await enter(db, visit, person, "password", now)
    return Redirect(next_path(form.next))


@page.get(PASSKEY)
async def passkey(visit: Visit, query: Next, now: datetime) -> View | Redirect:
    """Show the sign-in again, with what was wrong with a passkey."""
    if not visit.faults:
        return Redirect(with_next(SIGN_IN, next_path(query.next)))
    visit.url = with_next(SIGN_IN, next_path(query.next))
    return _sign_in_view(query, now)


@page.post(PASSKEY)
async def passkey_send(db: Db, visit: Visit, form: PasskeySignIn, now: datetime) -> Redirect:
    """Sign in by a passkey."""
    try:
        staff_id = await person_with_passkey(db, form.credential, now)
    except BadParameters:
        raise BadParameters([(FIELD, NOT_ACCEPTED)]) from None
    await enter(db, visit, await person_by_id(db, staff_id), "passkey", now)
    return Redirect(next_path(form.next))


@page.get(LINK)
async def link(db: Db, query: LinkQuery, now: datetime) -> View:
    """Show who signs in by a link: programs that look at links must not use it up."""
    return View(f"{TEMPLATES}/link.html", {"person": await person_of_link(db, query.token, "sign_in", now)})


@page.post(LINK)
async def link_use(db: Db, visit: Visit, form: LinkQuery, now: datetime) -> Redirect:
    """Sign in by a link."""
    async with db.transaction() as tx:
        staff_id = await use_link(tx, form.token, "sign_in", now)
        await enter(tx, visit, await person_by_id(tx, staff_id), "link", now)
    return Redirect(HOME)


@page.post("/manage/sign_out")
async def sign_out(db: Db, visit: Visit, now: datetime) -> View | Redirect:
    """End the session of this browser; one by single sign-on at the provider too.

    By a page, for a redirect after a form would need the provider in the content policy of every page with the button.
    """
    session, target = await current_session(db, visit, now), None
    forget(visit)
    # Ended meanwhile, by a second press.
    with suppress(Unknown):
        if session:
            sealed = await end_session(db, session.person.staff_id, session.session_id)
            if session.account_id is not None:
                target = await sign_out_url(db, session.account_id, sealed, SIGN_IN, now)
    return View(f"{TEMPLATES}/signed_out.html", {"target_url": target}) if target else Redirect(SIGN_IN)
