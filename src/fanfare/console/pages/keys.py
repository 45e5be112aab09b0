"""API keys: made, rotated, revoked; the secret is shown once."""

from datetime import datetime

from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.calls.catalogue import catalogue
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.actions import keys as actions
from fanfare.staff.queries.keys import managed_keys
from fanfare.staff.schemas.keys import DEFAULT_RATE, KeyRotation, NewApiKey, OneApiKey
from fanfare.staff.schemas.members import Member
from fanfare.staff.schemas.roles import scopes_of

TEMPLATES = "console/templates/keys"


@manage.get("/keys", area="keys")
async def keys(db: Db, member: Member) -> View:
    """Show the keys of the account."""
    return View(f"{TEMPLATES}/keys.html", {"keys": await managed_keys(db, member.account.id)})


@manage.get("/keys/new", area="keys", right="write", needs_proof=True)
async def key_new(member: Member) -> View:
    """Ask what a key is for and what it may call."""
    scopes = [scope for scope in SCOPES if scope in scopes_of(member.rights)]
    return View(f"{TEMPLATES}/new.html", {"scopes": scopes, "meanings": catalogue.scopes, "default_rate": DEFAULT_RATE})


@manage.post("/keys/new", area="keys", needs_proof=True)
async def key_create(db: Db, member: Member, form: NewApiKey, now: datetime) -> View:
    """Make a key and show its secret, once."""
    key = await actions.create_key(db, member.account.id, form, scopes_of(member.rights), now)
    return View(f"{TEMPLATES}/secret.html", {"key": key})


@manage.post("/keys/{managed_key}/rotate", area="keys", needs_proof=True)
async def key_rotate(db: Db, member: Member, form: KeyRotation, now: datetime) -> View:
    """Give a key a new secret and show it, once."""
    key = await actions.rotate_key(db, member.account.id, form, scopes_of(member.rights), now)
    return View(f"{TEMPLATES}/secret.html", {"key": key})


@manage.post("/keys/{managed_key}/revoke", area="keys", needs_proof=True)
async def key_revoke(db: Db, member: Member, visit: Visit, form: OneApiKey, now: datetime) -> Redirect:
    """Revoke a key."""
    await actions.revoke_key(db, member.account.id, form, now)
    flash(visit, "The key is revoked.")
    return Redirect(f"/manage/{member.account.id}/keys")
