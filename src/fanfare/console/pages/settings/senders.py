"""Senders: who mail and SMS come from, and the DNS records that this needs."""

from datetime import datetime

from fanfare.accounts.queries import businesses
from fanfare.console.pages.settings.places import path_of, setting
from fanfare.console.schemas.settings import OfBusiness, SenderForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.running.mail_server import mail_server
from fanfare.messages.actions import senders as actions
from fanfare.messages.actions.sending import send_sample
from fanfare.messages.queries.senders import sender as one_sender
from fanfare.messages.queries.senders import senders as all_senders
from fanfare.messages.schemas.senders import NewSender, OneSender
from fanfare.messages.schemas.templates import SampleMessage
from fanfare.staff.schemas.members import Member


@manage.get("/settings/senders", area="settings")
async def senders(db: Db, member: Member) -> View:
    """Show the senders with their DNS records, and a form for each business that has none."""
    current = await all_senders(db, member.account.id)
    names = {each.business_id: each.business_name for each in await businesses(db, member.account.id)}
    owner_ids = {each.business_id for each in current}
    values = {
        "senders": current,
        "business_names": names,
        "free": [each for each in (None, *names) if each not in owner_ids],
        "server": mail_server,
    }
    return setting("senders", member, values)


@manage.post("/settings/senders", area="settings")
async def sender_create(db: Db, member: Member, form: OfBusiness, now: datetime) -> Redirect:
    """Make a sender of the account or of a business, and lead to its form; one that is there stays as it is."""
    present = [each for each in await all_senders(db, member.account.id) if each.business_id == form.business_id]
    new = NewSender(business_id=form.business_id)
    sender_id = present[0].sender_id if present else await actions.save_sender(db, member.account.id, new, now)
    return Redirect(f"{path_of('senders', member)}/{sender_id}")


@manage.get("/settings/senders/{sender_id}", area="settings")
async def sender(db: Db, member: Member, target: OneSender) -> View:
    """Show the form of a sender."""
    current = await one_sender(db, member.account.id, target.sender_id)
    return setting("sender", member, {"sender": current, "server": mail_server})


@manage.post("/settings/senders/{sender_id}", area="settings", needs_proof=True)
async def sender_save(db: Db, member: Member, visit: Visit, form: SenderForm, now: datetime) -> Redirect:
    """Change a sender."""
    current = await one_sender(db, member.account.id, form.sender_id)
    fields = {name: getattr(form, name) for name in ("from_name", "from_address", "reply_to", "sms_sender")}
    await actions.save_sender(db, member.account.id, NewSender(business_id=current.business_id, **fields), now)
    flash(visit, "The sender is saved.")
    return Redirect(path_of("senders", member))


@manage.post("/settings/senders/{sender_id}/check", area="settings", takes_turn=True)
async def sender_check(db: Db, member: Member, visit: Visit, form: OneSender, now: datetime) -> Redirect:
    """Ask the DNS for the records of a sender's domain."""
    check = await actions.check_sender(db, member.account.id, form.sender_id)
    if await actions.note_check(db, member.account.id, form.sender_id, check, now):
        flash(visit, "The domain is confirmed.")
    elif check.has_record is None:
        flash(visit, "No name server said whether the DNS record is there; try again later.", kind="bad")
    else:
        flash(visit, "The DNS record was not found; a new one can take an hour.", kind="bad")
    return Redirect(path_of("senders", member))


@manage.post("/settings/senders/{sender_id}/delete", area="settings", needs_proof=True)
async def sender_delete(db: Db, member: Member, visit: Visit, form: OneSender, now: datetime) -> Redirect:
    """Delete a sender."""
    await actions.delete_sender(db, member.account.id, form.sender_id, now)
    flash(visit, "The sender is deleted.")
    return Redirect(path_of("senders", member))


@manage.post("/settings/senders/sample", area="settings")
async def sender_sample(db: Db, member: Member, visit: Visit, form: OfBusiness, now: datetime) -> Redirect:
    """Send a sample to whoever asks for it."""
    sample = SampleMessage(
        channel="email", recipient=member.person.email, template_name="login_code", business_id=form.business_id
    )
    await send_sample(db, member.account, sample, now)
    flash(visit, "A sample is on its way to %(email)s.", {"email": member.person.email})
    return Redirect(path_of("senders", member))
