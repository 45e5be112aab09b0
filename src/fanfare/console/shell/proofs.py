"""The question who somebody is, before something that must not happen by accident; a form that was sent comes back."""

from datetime import datetime
from urllib.parse import urlencode

from fanfare.console.shell.frame import flash
from fanfare.console.shell.signed_in import PROVE, next_path, prove_url, sso_url, with_next
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.form_copies import (
    MAX_AGE,
    MAX_COOKIE_LENGTH,
    FormCopy,
    copy_form,
    digest_of,
    open_copy,
)
from fanfare.kernel.pages.page import Detour, Redirect, View, Visit
from fanfare.kernel.parameters import Raw
from fanfare.staff.actions import passkeys
from fanfare.staff.schemas.members import StaffSession

COPY_COOKIE = "staff-form"
# Where a form goes on that waited while the browser was at the provider of single sign-on.
RETURN = f"{PROVE}/form"
# Where the browser stays while a file comes that waited for the proof.
FILE = f"{PROVE}/file"
FORBIDDEN = 403
TOO_LONG = "What you filled in is too long to wait for the proof and was not sent; please fill it in again after it."
NOT_SENT = "The form was not sent, because it waited too long or another one took its place. Please fill it in again."


def proof_question(session: StaffSession, visit: Visit, raw: Raw | None, path: str, now: datetime) -> View:
    """Return the page that asks who it is before the form `raw` is sent.

    `path` is the page that has the form, or that is read, without a form. Raises a Detour for a page that is read, and
    for whoever proves it at a provider.
    """
    copy = copy_form(visit, session.person.staff_id, raw, now) if raw is not None else ""
    if session.account_id is not None and len(copy) > MAX_COOKIE_LENGTH:
        copy = ""
    if raw is not None and not copy:
        flash(visit, TOO_LONG, kind="bad")
    if session.account_id is not None:
        if copy:
            visit.new_cookies[COPY_COOKIE] = Cookie(copy, MAX_AGE)
            path = f"{RETURN}?{urlencode({'copy': digest_of(copy), 'next': path})}"
        raise Detour(sso_url(session.account_id, path, again=True))
    if not copy:
        raise Detour(prove_url(path))
    return proof_view(session, path, copy, now, status=FORBIDDEN)


def file_path(path: str, page_path: str) -> str:
    """Return the page that fetches the file of a path, with a link back to the page that has the link to it."""
    return f"{FILE}?{urlencode({'next': path, 'back': page_path})}"


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


def sent_on(session: StaffSession, visit: Visit, text: str, path: str) -> View | Redirect:
    """Return the page that sends the form of a copy; without one the way on, which says if a form was not sent."""
    view = sending_view(session, visit, text)
    if view is None and text:
        flash(visit, NOT_SENT, kind="bad")
    return view or Redirect(path)


def returned_on(session: StaffSession, visit: Visit, digest: str, path: str) -> View | Redirect:
    """Return the page that sends the form that waited in a cookie, named by the digest of its copy, after a proof.

    The copy of another form, for which another return comes, waits on.
    """
    text = visit.cookies.get(COPY_COOKIE, "")
    copy = open_copy(text, visit) if text else None
    is_named = digest_of(text) == digest
    if text and (is_named or copy is None):
        visit.new_cookies[COPY_COOKIE] = Cookie("")
    if is_named and copy is not None and session.proved_at >= copy.copied_at:
        view = sending_view(session, visit, text)
        if view is not None:
            return view
    flash(visit, NOT_SENT, kind="bad")
    return Redirect(path)
