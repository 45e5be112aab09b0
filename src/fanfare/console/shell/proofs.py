"""The question who somebody is, before something that must not happen by accident; a form that was sent comes back."""

from datetime import datetime

from fanfare.console.shell.signed_in import PROVE, next_path, prove_url, sso_url, with_next
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.form_copies import MAX_COOKIE_LENGTH, FormCopy, copy_form, open_copy
from fanfare.kernel.pages.page import Detour, View, Visit
from fanfare.kernel.parameters import Raw
from fanfare.staff.actions import passkeys
from fanfare.staff.schemas.members import StaffSession

COPY_COOKIE = "staff-form"
# Where a form goes on that waited while the browser was at the provider of single sign-on.
RETURN = f"{PROVE}/form"
FORBIDDEN = 403


def proof_question(session: StaffSession, visit: Visit, raw: Raw | None, path: str, now: datetime) -> View:
    """Return the page that asks who it is before the form `raw` is sent.

    `path` is the page that has the form, or that is read, without a form. Raises a Detour for a page that is read, and
    for whoever proves it at a provider.
    """
    copy = copy_form(visit, session.person.staff_id, raw) if raw is not None else ""
    if session.account_id is not None:
        if copy and len(copy) <= MAX_COOKIE_LENGTH:
            visit.new_cookies[COPY_COOKIE], path = Cookie(copy), RETURN
        raise Detour(sso_url(session.account_id, path, again=True))
    if not copy:
        raise Detour(prove_url(path))
    return proof_view(session, path, copy, now, status=FORBIDDEN)


def proof_view(session: StaffSession, path: str, copy: str, now: datetime, *, status: int = 200) -> View:
    """Return the page that asks for password and code or a passkey, and leads on to a path, or sends a form."""
    values = {
        "options": passkeys.sign_in_options(now) if session.person.passkey_count else "",
        "proof_path": prove_url(path),
        "passkey_path": with_next(f"{PROVE}/passkey", next_path(path)),
        "form_copy": copy,
    }
    return View("console/templates/me/prove.html", values, status)


def sending_view(session: StaffSession, visit: Visit, text: str) -> View | None:
    """Return the page that sends the form of a copy; None for a copy that is too old, or of somebody else."""
    copy: FormCopy | None = open_copy(text, visit) if text else None
    if copy is None or copy.owner_id != session.person.staff_id:
        return None
    return View("console/templates/me/send.html", {"path": copy.url, "form_copy": text})


def take_copy(visit: Visit) -> str:
    """Return the copy that waited in a cookie, and delete it there."""
    text = visit.cookies.get(COPY_COOKIE, "")
    if text:
        visit.new_cookies[COPY_COOKIE] = Cookie("")
    return text
