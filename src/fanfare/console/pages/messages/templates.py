"""Templates of messages: written, looked at with a sample fan, sent as a test, set back."""

from datetime import datetime

from fanfare.console.pages.campaigns.lists import visible_businesses
from fanfare.console.schemas.messages import TemplateChoice, TemplateForm, TemplateTest
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.folding import fold
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.parameters import Raw, read
from fanfare.kernel.running.mail_server import mail_server
from fanfare.messages.actions.sending import send_sample
from fanfare.messages.actions.templates import delete_template, save_template
from fanfare.messages.queries.templates import preview
from fanfare.messages.queries.templates import templates as all_templates
from fanfare.messages.queries.texts import own_text
from fanfare.messages.schemas.templates import MessagePreview, NewTemplate, OneTemplate, SampleMessage, TemplatePreview
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/messages"


def _path(member: Member) -> str:
    return f"/manage/{member.account.id}/templates"


@manage.get("/templates", area="messages")
async def templates(db: Db, member: Member) -> View:
    """Show what messages say: the account's own texts, and those that come with Fanfare."""
    rows = await all_templates(db, member.account.id)
    names = dict(await visible_businesses(db, member))
    texts = [each for each in rows if each.template_id is not None and member.sees_business(each.business_id)]
    values = {
        "own": texts,
        "builtin": [each for each in rows if each.template_id is None],
        "business_names": names,
        "businesses": list(names.items()),
    }
    return View(f"{TEMPLATES}/templates.html", values)


@manage.get("/templates/edit", area="messages", right="write")
async def template_edit(db: Db, member: Member, visit: Visit, query: TemplateChoice) -> View:
    """Show a template with how it looks for a sample fan."""
    member.require_business(query.business_id, template=query.template_name)
    place = (query.template_name, query.channel, fold(query.language), query.business_id)
    text = await own_text(db, member.account.id, *place)
    parts = {"subject": text.subject, "text_body": text.text, "html_body": text.html}
    texts = {name: visit.form.get(name, value) for name, value in parts.items()}
    return await _edit(db, member, query, texts)


async def _edit(db: Db, member: Member, query: TemplateChoice, texts: dict[str, str]) -> View:
    """Return the page of a template with these texts and how they look; no look for those that cannot be rendered."""
    rows = [each for each in await all_templates(db, member.account.id) if each.template_name == query.template_name]
    place = (query.channel, fold(query.language), query.business_id)
    matches = [each for each in rows if each.template_id and (each.channel, each.language, each.business_id) == place]
    values = {
        "choice_of": query,
        "own": matches[0] if matches else None,
        "kind": rows[0],
        "texts": texts,
        "sample": await _preview(query, texts),
        "has_mail": mail_server.is_set,
    }
    return View(f"{TEMPLATES}/template.html", values)


async def _preview(query: TemplateChoice, texts: dict[str, str]) -> MessagePreview | None:
    fields: Raw = {name: [text] for name, text in texts.items() if text}
    try:
        draft = read(TemplatePreview, {**fields, "template_name": [query.template_name], "channel": [query.channel]})
    except BadParameters:
        return None
    return await preview(draft)


@manage.post("/templates/edit", area="messages")
async def template_save(db: Db, member: Member, visit: Visit, form: TemplateForm, now: datetime) -> View | Redirect:
    """Save a template, or show how it looks without saving it."""
    member.require_business(form.business_id, template=form.template_name)
    texts = {"subject": form.subject or "", "text_body": form.text_body, "html_body": form.html_body or ""}
    if form.act == "preview":
        return await _edit(db, member, form, texts)
    named = {"template_name": form.template_name, "channel": form.channel, "language": form.language}
    fields: Raw = {name: [value] for name, value in {**texts, **named}.items() if value}
    new = read(NewTemplate, {**fields, **({"business_id": [form.business_id]} if form.business_id else {})})
    await save_template(db, member.account.id, new, now)
    flash(visit, "The template is saved; messages take it from now on.")
    return Redirect(_path(member))


@manage.post("/templates/test", area="messages")
async def template_test(db: Db, member: Member, visit: Visit, form: TemplateTest, now: datetime) -> Redirect:
    """Send the stored template with sample values to an address."""
    member.require_business(form.business_id, template=form.template_name)
    sample = SampleMessage(
        channel=form.channel, recipient=form.recipient, template_name=form.template_name, language=form.language,
        business_id=form.business_id,
    )  # fmt: skip
    message_id = await send_sample(db, member.account, sample, now)
    flash(visit, "The test is on its way.")
    return Redirect(f"/manage/{member.account.id}/messages/{message_id}")


@manage.post("/templates/{template_id}/delete", area="messages")
async def template_delete(db: Db, member: Member, visit: Visit, form: OneTemplate, now: datetime) -> Redirect:
    """Delete a template; messages take the next best."""
    rows = await all_templates(db, member.account.id)
    template = next((each for each in rows if each.template_id == form.template_id), None)
    if template is None:
        raise Unknown(template=form.template_id)
    member.require_business(template.business_id, template=form.template_id)
    await delete_template(db, member.account.id, form.template_id, now)
    flash(visit, "The template is deleted; messages take the next best.")
    return Redirect(_path(member))
