"""Consents of one fan: the ledger with its proofs, and what a fan said elsewhere."""

from datetime import datetime
from typing import Any

from fanfare.accounts.queries import businesses
from fanfare.console.pages.fan.changes import fan_url
from fanfare.console.queries.fan import visible_consents
from fanfare.console.queries.fans_shown import current_fan_id, shown_fan
from fanfare.console.schemas.fan import ConsentForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.fans.actions.fans import change_fan
from fanfare.fans.schemas.fans import FanChanges, OneFan
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/fan"


@manage.get("/fans/{fan_id}/consents", area="fans")
async def fan_consents(db: Db, member: Member, visit: Visit, query: OneFan) -> View:
    """Show everything that a fan said about messages, with its proof."""
    subject = await shown_fan(db, member, visit, query.fan_id)
    visible = [each for each in await businesses(db, member.account.id) if member.sees_business(each.business_id)]
    ledger = await visible_consents(db, member, query.fan_id)
    values = {
        "fan": subject,
        "consents": member.mask("fans").record(ledger[::-1], "wording"),
        "businesses": {each.business_id: each.business_name for each in visible},
    }
    return View(f"{TEMPLATES}/consents.html", values)


@manage.post("/fans/{fan_id}/consents", area="fans")
async def fan_consent_add(db: Db, member: Member, visit: Visit, form: ConsentForm, now: datetime) -> Redirect:
    """Record what a fan said, with its source; the latest word counts."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    changes = FanChanges(
        fan_id=fan_id, consent_source=form.consent_source, consent_wording=form.consent_wording,
        consent_timestamp=form.consent_timestamp, **_words(member, form),
    )  # fmt: skip
    await change_fan(db, member.account, changes, now, source="manage centre")
    flash(visit, "The consent is recorded.")
    return Redirect(fan_url(member, fan_id, "reach"))


def _words(member: Member, form: ConsentForm) -> dict[str, Any]:
    """Return the yes or no as the changes of a fan have it; BadParameters (422) for a channel that is none."""
    if form.channel == "email":
        return {"is_subscribed": form.is_granted}
    if form.channel == "phone":
        return {"is_phone_subscribed": form.is_granted}
    if form.channel == "everything" and not form.is_granted:
        return {"is_optout": True}
    kind, _, key = form.channel.partition(":")
    if kind == "business" and key.isascii() and key.isdigit() and member.sees_business(int(key)):
        return {"businesses": {key: form.is_granted}}
    raise BadParameters([("channel", "must be a channel or a business of the list")])
