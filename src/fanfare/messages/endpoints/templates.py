"""Over HTTP: the texts of messages."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.messages.actions import sending
from fanfare.messages.actions import templates as actions
from fanfare.messages.queries import templates as queries
from fanfare.messages.schemas.templates import (
    MessagePreview,
    MessageQueued,
    MessageTemplate,
    NewTemplate,
    OneTemplate,
    SampleMessage,
    TemplatePreview,
    TemplateSaved,
)


@endpoint.get("/api/v1/manage/message_templates", scope="manage", key=SECRET)
async def manage_message_templates_list(db: Db, account: Account) -> list[MessageTemplate]:
    """List the templates of mail and SMS: the account's and its businesses', then those that come with Fanfare."""
    return await queries.templates(db, account.id)


@endpoint.post("/api/v1/manage/message_templates", scope="manage", key=SECRET)
async def manage_message_templates_save(db: Db, account: Account, new: NewTemplate, now: datetime) -> TemplateSaved:
    """Create a template or update the one of the same name, channel, language and business.

    A message takes the template of its business in its language, else the account's, else the one that comes with
    Fanfare; without one in fr-CA it takes fr, then en.
    """
    return TemplateSaved(await actions.save_template(db, account.id, new, now))


@endpoint.post("/api/v1/manage/message_templates/preview", scope="manage", key=SECRET, is_routine=True)
async def manage_message_templates_preview(draft: TemplatePreview) -> MessagePreview:
    """Return a template rendered with sample values; nothing is stored."""
    return await queries.preview(draft)


@endpoint.post("/api/v1/manage/message_templates/send", scope="manage", key=SECRET, is_routine=True)
async def manage_message_templates_send(
    db: Db, account: Account, sample: SampleMessage, now: datetime
) -> MessageQueued:
    """Send a template with sample values to an address, to try out the mail server or the SMS gateway."""
    return MessageQueued(await sending.send_sample(db, account, sample, now))


@endpoint.delete("/api/v1/manage/message_templates/{template_id}", scope="manage", key=SECRET)
async def manage_message_templates_delete(db: Db, account: Account, target: OneTemplate, now: datetime) -> bool:
    """Delete a template; messages take the next best."""
    await actions.delete_template(db, account.id, target.template_id, now)
    return True
