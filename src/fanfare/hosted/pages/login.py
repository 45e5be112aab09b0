"""The login page: by password, as the fan who is logged in in this browser, and the terms to accept."""

from datetime import datetime

from fanfare.fans.queries.fans import fan
from fanfare.hosted.actions import logging_in
from fanfare.hosted.browser_sessions import LOGIN, current
from fanfare.hosted.pages.login_frame import (
    CONTINUE,
    LOG_OUT,
    TERMS,
    WORDS,
    in_words,
    login_page,
    login_paths,
    login_view,
    open_destination,
    terms_fault,
)
from fanfare.hosted.queries.preferences import masked
from fanfare.hosted.schemas.login import AGAIN, Destination, LoginForm, LoginQuery, TermsForm
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.page import Redirect, View, Visit, page
from fanfare.sessions.actions.terms import has_accepted

# What the page begins with, by login_type; anything else is the login by password.
BEGINNINGS = {"register": "register", "code": "code", "verify_email": "code", "verify_sms": "code"}
NOT_FINISHED = "Your login could not be finished. Please log in again."


@page.get(LOGIN)
async def login(db: Db, visit: Visit, query: LoginQuery, now: datetime) -> View | Redirect:
    """Show the login, or who is logged in in this browser."""
    db = db.for_account(query.account_id)
    destination = await open_destination(db, visit, query)
    if not visit.faults:
        session = None if query.login == AGAIN else await current(db, visit, query.account_id, now)
        if session is not None:
            person = await fan(db, query.account_id, session.fan_id)
            name = person.first_name or masked(person.email) or (person.phone or "")[-4:]
            return await login_view(db, visit, destination, "continue.html", {"name": name})
        if beginning := BEGINNINGS.get(query.login_type or ""):
            return Redirect(login_paths(visit)[beginning])
    return await login_page(db, visit, destination, now)


@page.post(LOGIN)
async def login_send(db: Db, visit: Visit, form: LoginForm, now: datetime) -> View | Redirect:
    """Log in by password, or send a code to whoever was typed."""
    db = db.for_account(form.account_id)
    destination = await open_destination(db, visit, form)
    if form.is_code:
        with in_words("contact", email="contact", phone="contact"):
            await logging_in.request_code(db, visit, destination, form.contact, now)
        return Redirect(login_paths(visit)["code_entry"])
    with in_words("password", email="contact", phone="contact"):
        fields = logging_in.password_fields(form.contact, form.password or "")
        return await go_on(db, visit, destination, fields, now)


async def go_on(
    db: Db, visit: Visit, destination: Destination, fields: dict[str, str], now: datetime
) -> View | Redirect:
    """Take a step and lead the fan on: back to the site, or to the terms that are not accepted yet."""
    connection = await logging_in.take_step(db, visit, destination, fields, now)
    url = await logging_in.finish(db, visit, destination, connection, now)
    if url is not None:
        return Redirect(url)
    pending = logging_in.sealed_step(visit, destination.account.id, fields)
    return await login_view(db, visit, destination, "terms.html", {"pending": pending})


@page.get(TERMS)
async def terms(visit: Visit, _: LoginQuery) -> Redirect:
    """Begin again: a step that waits for the terms is in the form alone."""
    return Redirect(login_paths(visit)["login"])


@page.post(TERMS)
async def terms_send(db: Db, visit: Visit, form: TermsForm, now: datetime) -> View | Redirect:
    """Go on with the step that waited for the terms, once they are accepted."""
    db = db.for_account(form.account_id)
    destination = await open_destination(db, visit, form)
    if fault := terms_fault(destination, form):
        visit.faults = {"is_accepted": fault}
        return await login_view(db, visit, destination, "terms.html", {"pending": form.pending or ""})
    if form.pending:
        fields = logging_in.step_of(visit, form.account_id, form.pending)
        return await _go_on_again(db, visit, destination, fields | logging_in.accepted(is_accepted=True), now)
    session = await current(db, visit, form.account_id, now)
    if session is None:
        return Redirect(login_paths(visit)["login"])
    await logging_in.accept_terms(db, visit, destination, session, now)
    return Redirect(await logging_in.leave(db, destination, session, now))


async def _go_on_again(
    db: Db, visit: Visit, destination: Destination, fields: dict[str, str], now: datetime
) -> View | Redirect:
    """Take the step that waited for the terms; if it is refused now, show the login and why."""
    try:
        with in_words("contact"):
            return await go_on(db, visit, destination, fields, now)
    except BadParameters as wrong:
        name, message = wrong.errors[0]
        visit.faults = {"contact": message if name in WORDS else NOT_FINISHED}
        # From here on this is the login page, to which its form leads.
        visit.url = login_paths(visit)["login"]
        return await login_page(db, visit, destination, now)


@page.post(CONTINUE)
async def continue_login(db: Db, visit: Visit, query: LoginQuery, now: datetime) -> View | Redirect:
    """Lead the fan on who is logged in in this browser."""
    db = db.for_account(query.account_id)
    destination = await open_destination(db, visit, query)
    session = await current(db, visit, query.account_id, now)
    if session is None:
        return Redirect(login_paths(visit)["login"])
    if not await has_accepted(db, query.account_id, session.fan_id, destination.business):
        return await login_view(db, visit, destination, "terms.html", {"pending": ""})
    return Redirect(await logging_in.leave(db, destination, session, now))


@page.post(LOG_OUT)
async def log_out(db: Db, visit: Visit, query: LoginQuery, now: datetime) -> Redirect:
    """End the session of this browser, and show the login."""
    await logging_in.log_out(db.for_account(query.account_id), visit, query.account_id, now)
    return Redirect(login_paths(visit)["login"])
