"""A person's own settings: name, password, app, passkeys, recovery codes, sessions; and proof of who they are."""

from datetime import datetime, timedelta

import msgspec

from fanfare.console.schemas.sign_in import (
    AppSetUp,
    Next,
    OnePasskey,
    OneSession,
    PasskeyProof,
    PasskeySetUp,
    PasswordChange,
    PersonChanges,
    Proof,
    ThemeChoice,
    WaitingFile,
    WaitingForm,
)
from fanfare.console.shell.access import personal
from fanfare.console.shell.frame import THEME_COOKIE, THEMES, flash
from fanfare.console.shell.proofs import proof_view, returned_on, sent_on
from fanfare.console.shell.signed_in import HOME, SET_UP, next_path, with_next
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Conflict, TooManyCalls
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.form_copies import FIELD as FORM_COPY
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.passkeys.actions.challenges import FIELD
from fanfare.staff.actions import passkeys, passwords, people, second_factors
from fanfare.staff.actions.passwords import PASSWORD
from fanfare.staff.actions.proofs import prove
from fanfare.staff.actions.sessions import end_other_sessions, end_session, note_proof
from fanfare.staff.queries import people as queries
from fanfare.staff.schemas.members import StaffSession

TEMPLATES = "console/templates/me"
ME, PROOF = "/manage/me", "/manage/prove"
# The secret of a form, until the app has shown a code of it.
SECRET_PURPOSE, SECRET_AGE, THEME_AGE = "staff totp form", timedelta(hours=1), timedelta(days=365)
NOT_ADDED = "This passkey was not accepted. Please try again."
TOO_MANY = "Too many attempts. Wait a while, then try again."
SAVED = "Saved."


@personal.get("/me")
async def me(db: Db, session: StaffSession, now: datetime) -> View:
    """Show what belongs to the person."""
    staff_id = session.person.staff_id
    values = {
        "sessions": await queries.sessions(db, staff_id, now),
        "passkeys": await queries.passkeys(db, staff_id),
        "code_count": await queries.recovery_code_count(db, staff_id),
        "options": await passkeys.creation_options(db, session, now),
    }
    return View(f"{TEMPLATES}/me.html", values)


@personal.post("/me")
async def me_save(db: Db, session: StaffSession, visit: Visit, form: PersonChanges) -> Redirect:
    """Save the name."""
    await people.rename(db, session.person.staff_id, form.name)
    flash(visit, SAVED)
    return Redirect(ME)


@personal.get("/me/set_up")
async def set_up(db: Db, session: StaffSession, now: datetime) -> View | Redirect:
    """Ask for a second factor, which everybody with a password needs."""
    if session.person.has_second_factor:
        return Redirect(HOME)
    return View(f"{TEMPLATES}/set_up.html", {"options": await passkeys.creation_options(db, session, now)})


@personal.get("/me/app", needs_proof=True)
async def app(session: StaffSession, visit: Visit) -> View:
    """Show the secret that an authenticator app takes, as a picture and as text."""
    # After a wrong code it stays that of the form, which the app may have by now.
    secret = _secret_of(session, visit.form.get("secret", "")) or second_factors.new_secret()
    email = session.person.email
    values = {
        "secret_text": secret,
        "sealed": secret_keys.seal(SECRET_PURPOSE, f"{session.session_id}:{secret}".encode()),
        "url": second_factors.app_url(secret, email),
        "picture": await second_factors.app_picture(secret, email),
    }
    return View(f"{TEMPLATES}/app.html", values)


def _secret_of(session: StaffSession, sealed: str) -> str | None:
    """Return the secret that a form of this session has sealed."""
    try:
        text = secret_keys.unseal(SECRET_PURPOSE, sealed, max_age=SECRET_AGE).decode()
    except NotSealed:
        return None
    session_id, _, secret = text.partition(":")
    return secret if session_id == str(session.session_id) else None


@personal.post("/me/app", needs_proof=True)
async def app_save(db: Db, session: StaffSession, form: AppSetUp, now: datetime) -> View | Redirect:
    """Take the app once it shows a right code, and show new recovery codes."""
    secret = _secret_of(session, form.secret)
    if secret is None:
        return Redirect(f"{ME}/app")
    codes = await second_factors.set_totp(db, session.person.staff_id, secret, form.code, now)
    return View(f"{TEMPLATES}/codes.html", {"codes": codes})


@personal.post("/me/app/remove", needs_proof=True)
async def app_remove(db: Db, session: StaffSession, visit: Visit) -> Redirect:
    """Use the app no longer."""
    await second_factors.remove_totp(db, session.person.staff_id)
    flash(visit, "The app is removed.")
    return Redirect(ME)


@personal.post("/me/codes", needs_proof=True)
async def codes(db: Db, session: StaffSession) -> View:
    """Replace the recovery codes and show the new ones, once."""
    new_codes = await second_factors.new_recovery_codes(db, session.person.staff_id)
    return View(f"{TEMPLATES}/codes.html", {"codes": new_codes})


@personal.get("/me/passkeys")
async def passkey_refused(session: StaffSession) -> Redirect:
    """Lead back to where passkeys are added."""
    return Redirect(ME if session.person.has_second_factor else SET_UP)


@personal.post("/me/passkeys", needs_proof=True)
async def passkey_add(db: Db, session: StaffSession, visit: Visit, form: PasskeySetUp, now: datetime) -> Redirect:
    """Add the passkey that the browser made."""
    try:
        await passkeys.add_passkey(db, session, form.credential, form.passkey_name or "", now)
    except (BadParameters, Conflict):
        flash(visit, NOT_ADDED, kind="bad")
        return Redirect(ME if session.person.has_second_factor else SET_UP)
    flash(visit, "The passkey is added.")
    return Redirect(ME)


@personal.post("/me/passkeys/remove", needs_proof=True)
async def passkey_remove(db: Db, session: StaffSession, visit: Visit, form: OnePasskey) -> Redirect:
    """Remove a passkey."""
    await passkeys.remove_passkey(db, session.person.staff_id, form.passkey_id)
    flash(visit, "The passkey is removed.")
    return Redirect(ME)


@personal.get("/me/password", needs_proof=True)
async def password(session: StaffSession) -> View:  # noqa: ARG001 - a page of the person
    """Ask for a new password."""
    return View(f"{TEMPLATES}/password.html")


@personal.post("/me/password", needs_proof=True)
async def password_save(db: Db, session: StaffSession, visit: Visit, form: PasswordChange) -> Redirect:
    """Set the password, which ends all other sessions."""
    await passwords.set_password(db, session.person.staff_id, form.password, session_id=session.session_id)
    flash(visit, "Your password is changed, and your other sessions have ended.")
    return Redirect(ME)


@personal.post("/me/sessions/end")
async def session_end(db: Db, session: StaffSession, visit: Visit, form: OneSession) -> Redirect:
    """End one session."""
    await end_session(db, session.person.staff_id, form.session_id)
    flash(visit, "The session has ended.")
    return Redirect(ME)


@personal.post("/me/sessions/end_others")
async def sessions_end(db: Db, session: StaffSession, visit: Visit) -> Redirect:
    """End all sessions but this one."""
    await end_other_sessions(db, session.person.staff_id, session.session_id)
    flash(visit, "Your other sessions have ended.")
    return Redirect(ME)


@personal.get("/prove")
async def proof(session: StaffSession, visit: Visit, query: Next, now: datetime) -> View:
    """Ask who it is, before something that must not happen by accident."""
    return proof_view(session, next_path(query.next), visit.form.get(FORM_COPY, ""), now)


@personal.post("/prove")
async def proof_send(db: Db, session: StaffSession, visit: Visit, form: Proof, now: datetime) -> View | Redirect:
    """Check password and code, and send the form that waited."""
    path, copy = next_path(form.next), form.form_copy or ""
    try:
        await prove(db, session, form.password or "", form.code or "", visit.address, now)
    except TooManyCalls as refusal:
        # The form waits on, until the person may try again.
        visit.faults = {PASSWORD: TOO_MANY}
        view = proof_view(session, path, copy, now, status=refusal.status)
        return msgspec.structs.replace(view, retry_after=refusal.retry_after)
    return sent_on(session, visit, copy, path)


@personal.get("/prove/form")
async def proof_form(session: StaffSession, visit: Visit, query: WaitingForm) -> View | Redirect:
    """Send the form that waited while the person was at the provider of single sign-on."""
    return returned_on(session, visit, query.copy or "", next_path(query.next))


@personal.get("/prove/file")
async def proof_file(session: StaffSession, query: WaitingFile) -> View:  # noqa: ARG001 - a page of the person
    """Fetch the file that waited for the proof, and lead back."""
    return View(f"{TEMPLATES}/file.html", {"path": next_path(query.next), "back": next_path(query.back)})


@personal.get("/prove/passkey")
async def proof_refused(session: StaffSession, visit: Visit, query: Next, now: datetime) -> View | Redirect:
    """Ask again after a passkey that was refused, with the form that waits; lead others to where proof is asked for."""
    path = next_path(query.next)
    if not visit.faults:
        return Redirect(with_next(PROOF, path))
    return proof_view(session, path, visit.form.get(FORM_COPY, ""), now)


@personal.post("/prove/passkey")
async def proof_passkey(
    db: Db, session: StaffSession, visit: Visit, form: PasskeyProof, now: datetime
) -> View | Redirect:
    """Check a passkey, and send the form that waited."""
    if await passkeys.person_with_passkey(db, form.credential, now) != session.person.staff_id:
        raise BadParameters([(FIELD, NOT_ADDED)])
    await note_proof(db, session.session_id, now)
    return sent_on(session, visit, form.form_copy or "", next_path(form.next))


@personal.post("/theme")
async def theme(session: StaffSession, visit: Visit, form: ThemeChoice) -> Redirect:  # noqa: ARG001 - as above
    """Keep the choice of light or dark in this browser."""
    choice = form.theme or ""
    visit.new_cookies[THEME_COOKIE] = Cookie(choice if choice in THEMES else "", THEME_AGE)
    return Redirect(next_path(form.next))
