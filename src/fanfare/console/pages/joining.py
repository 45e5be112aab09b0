"""Invitations that are accepted, and passwords that were forgotten."""

from datetime import datetime

from fanfare.console.schemas.sign_in import Acceptance, ForgottenPassword, LinkQuery, NewPassword
from fanfare.console.shell.frame import flash
from fanfare.console.shell.signed_in import SIGN_IN, current_session, enter, make_familiar, origin_of, with_next
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.page import Redirect, View, Visit, page
from fanfare.kernel.running.mail_server import mail_server
from fanfare.staff.actions.invitations import PATH, accept_as, accept_as_new, open_invitation
from fanfare.staff.actions.password_mails import request_password_link
from fanfare.staff.actions.passwords import (
    PASSWORD,
    RESET_PATH,
    TOO_SHORT,
    person_of_link,
    set_by_link,
)
from fanfare.staff.queries.people import person_by_id

TEMPLATES = "console/templates/sign_in"
FORGOTTEN = "/manage/password"
NAME_MISSING = "Enter your name."


@page.get(PATH)
async def invitation(db: Db, visit: Visit, query: LinkQuery, now: datetime) -> View:
    """Show an invitation: to whom it is, and to which account."""
    invitation = await open_invitation(db, query.token, now)
    session = await current_session(db, visit, now)
    is_own = bool(session and invitation.person and invitation.person.staff_id == session.person.staff_id)
    values = {"invitation": invitation, "is_own": is_own, "sign_in_path": with_next(SIGN_IN, visit.url)}
    return View(f"{TEMPLATES}/invitation.html", values)


@page.post(PATH)
async def invitation_accept(db: Db, visit: Visit, form: Acceptance, now: datetime) -> Redirect:
    """Accept an invitation: as the person who is signed in, or as somebody new."""
    session = await current_session(db, visit, now)
    invitation = await open_invitation(db, form.token, now)
    if session and not invitation.is_for_somebody_new:
        account_id = await accept_as(db, form.token, session.person, now)
        flash(visit, "You belong to this account now.")
        return Redirect(f"/manage/{account_id}")
    if faults := [
        *([] if form.name else [("name", NAME_MISSING)]),
        *([] if form.password else [(PASSWORD, TOO_SHORT)]),
    ]:
        raise BadParameters(faults)
    staff_id, account_id = await accept_as_new(db, form.token, form.name or "", form.password or "", now)
    await enter(db, visit, await person_by_id(db, staff_id), "password", now)
    return Redirect(f"/manage/{account_id}")


@page.get(FORGOTTEN)
async def forgotten() -> View:
    """Ask for the address of somebody who has forgotten the password."""
    return View(f"{TEMPLATES}/forgotten.html", {"has_mail": mail_server.is_set, "is_sent": False})


@page.post(FORGOTTEN)
async def forgotten_send(db: Db, visit: Visit, form: ForgottenPassword, now: datetime) -> View:
    """Send a link, if a person has the address, and say no more than that."""
    await request_password_link(db, form.email, visit.language.code, origin_of(visit), now)
    return View(f"{TEMPLATES}/forgotten.html", {"has_mail": mail_server.is_set, "is_sent": True})


@page.get(RESET_PATH)
async def new_password(db: Db, query: LinkQuery, now: datetime) -> View:
    """Ask for the new password of the person of a link."""
    return View(f"{TEMPLATES}/new_password.html", {"person": await person_of_link(db, query.token, "password", now)})


@page.post(RESET_PATH)
async def new_password_save(db: Db, visit: Visit, form: NewPassword, now: datetime) -> Redirect:
    """Set the new password; the sign-in follows, with the second factor as ever."""
    make_familiar(visit, await set_by_link(db, form.token, form.password, now))
    return Redirect(SIGN_IN)
