"""The login by a code that is sent by mail or SMS."""

from datetime import datetime

from fanfare.hosted.actions import logging_in
from fanfare.hosted.pages.login import go_on
from fanfare.hosted.pages.login_frame import CODE, CODE_ENTRY, in_words, login_paths, login_view, open_destination
from fanfare.hosted.schemas.login import CodeForm, CodeRequest, LoginQuery
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit, page


@page.get(CODE)
async def code(db: Db, visit: Visit, query: LoginQuery) -> View:
    """Ask where a code is to be sent."""
    db = db.for_account(query.account_id)
    destination = await open_destination(db, visit, query)
    request = logging_in.sent_code(visit, query.account_id)
    return await login_view(db, visit, destination, "code.html", {"contact": request.contact if request else ""})


@page.post(CODE)
async def code_send(db: Db, visit: Visit, form: CodeRequest, now: datetime) -> Redirect:
    """Send a code."""
    db = db.for_account(form.account_id)
    destination = await open_destination(db, visit, form)
    with in_words("contact", email="contact", phone="contact"):
        await logging_in.request_code(db, visit, destination, form.contact, now)
    return Redirect(login_paths(visit)["code_entry"])


@page.get(CODE_ENTRY)
async def code_entry(db: Db, visit: Visit, query: LoginQuery) -> View | Redirect:
    """Ask for the code that was sent."""
    db = db.for_account(query.account_id)
    destination = await open_destination(db, visit, query)
    request = logging_in.sent_code(visit, query.account_id)
    if request is None:
        return Redirect(login_paths(visit)["code"])
    return await login_view(db, visit, destination, "code_entry.html", {"contact": request.contact})


@page.post(CODE_ENTRY)
async def code_entry_send(db: Db, visit: Visit, form: CodeForm, now: datetime) -> View | Redirect:
    """Log in with the code."""
    db = db.for_account(form.account_id)
    destination = await open_destination(db, visit, form)
    request = logging_in.sent_code(visit, form.account_id)
    if request is None:
        return Redirect(login_paths(visit)["code"])
    with in_words("verification_code", request_uid="verification_code"):
        fields = logging_in.code_fields(request, form.verification_code)
        return await go_on(db, visit, destination, fields, now)
