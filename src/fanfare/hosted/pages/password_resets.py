"""The forgotten password: a link is sent, and the page that it leads to sets a new one."""

from datetime import datetime

from fanfare.hosted.actions import password_resets as actions
from fanfare.hosted.pages.login_frame import (
    FORGOTTEN,
    LINK_SENT,
    TEMPLATES,
    in_words,
    login_paths,
    login_view,
    open_destination,
    password_in_words,
)
from fanfare.hosted.queries.looks import look_of
from fanfare.hosted.schemas.login import CodeRequest, LoginQuery
from fanfare.hosted.schemas.password_resets import ResetForm, ResetQuery
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit, page


@page.get(FORGOTTEN)
async def forgotten(db: Db, visit: Visit, query: LoginQuery) -> View:
    """Ask where a link is to be sent."""
    db = db.for_account(query.account_id)
    return await login_view(db, visit, await open_destination(db, visit, query), "forgotten.html")


@page.post(FORGOTTEN)
async def forgotten_send(db: Db, visit: Visit, form: CodeRequest, now: datetime) -> Redirect:
    """Send a link if a fan has the address or number; the page that follows does not say so."""
    db = db.for_account(form.account_id)
    destination = await open_destination(db, visit, form)
    paths = login_paths(visit)
    with in_words("contact", email="contact", phone="contact"):
        await actions.send_link(db, visit, destination, form.contact, paths["login"], now)
    return Redirect(paths["link_sent"])


@page.get(LINK_SENT)
async def link_sent(db: Db, visit: Visit, query: LoginQuery) -> View:
    """Say where the link is, if there is one."""
    db = db.for_account(query.account_id)
    return await login_view(db, visit, await open_destination(db, visit, query), "link_sent.html")


@page.get(actions.RESET)
async def reset(db: Db, visit: Visit, query: ResetQuery, now: datetime) -> View:
    """Ask for the new password."""
    db = db.for_account(query.account_id)
    await actions.check_reset(db, query.account_id, query.reset_uid, now)
    password_in_words(visit)
    return View(f"{TEMPLATES}/reset.html", {"look": await look_of(db, query.account_id, query.business_id)})


@page.post(actions.RESET)
async def reset_send(db: Db, visit: Visit, form: ResetForm, now: datetime) -> View:
    """Set the new password."""
    db = db.for_account(form.account_id)
    done = await actions.set_password(db, visit, form.account_id, form.reset_uid, form.password, now)
    look = await look_of(db, form.account_id, form.business_id)
    return View(f"{TEMPLATES}/reset_done.html", {"look": look, "next_path": done.next_path})
