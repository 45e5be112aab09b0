"""Webhooks: endpoints, their secrets, what was sent and answered, and sending it again."""

import uuid
from datetime import datetime
from urllib.parse import urlencode

from fanfare.accounts.queries import businesses
from fanfare.console.pages.choices import filter_choices
from fanfare.console.schemas.transfers import DeliveriesPage
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash, flash_count
from fanfare.kernel.data.announcements import Topic
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member
from fanfare.staff.schemas.topic_areas import may_send, require_topics
from fanfare.webhooks.actions import replays
from fanfare.webhooks.actions import webhooks as actions
from fanfare.webhooks.queries.deliveries import deliveries, delivery_topic
from fanfare.webhooks.queries.webhooks import webhooks as all_webhooks
from fanfare.webhooks.schemas.deliveries import DeliveryQuery, ReplayWindow
from fanfare.webhooks.schemas.topic_patterns import TOPICS, matching
from fanfare.webhooks.schemas.webhooks import NewWebhook, OneWebhook, SecretRotation, Webhook, WebhookChanges

TEMPLATES = "console/templates/webhooks"


def _path(member: Member, target: OneWebhook | ReplayWindow | WebhookChanges | SecretRotation) -> str:
    return f"/manage/{member.account.id}/webhooks/{target.webhook_uid}"


async def _endpoint(db: Db, member: Member, webhook_uid: uuid.UUID) -> Webhook:
    """Return an endpoint; Unknown (404)."""
    for each in await all_webhooks(db, member.account.id):
        if each.webhook_uid == webhook_uid:
            return each
    raise Unknown(webhook=webhook_uid)


def _topics(member: Member) -> list[Topic]:
    """Return the topics whose changes the person may have sent elsewhere."""
    return [each for each in TOPICS.get() if may_send(member, [each.name])]


async def business_choices(db: Db, account_id: int) -> list[tuple[int, str]]:
    """Return the businesses of an account, for a field to choose one."""
    return [(each.business_id, each.business_name) for each in await businesses(db, account_id)]


async def _fields(db: Db, member: Member) -> dict[str, object]:
    """Return what the fields of an endpoint offer."""
    return {
        "topics": _topics(member),
        "business_choices": await business_choices(db, member.account.id),
        "filter_choices": await filter_choices(db, member),
    }


@manage.get("/webhooks", area="settings")
async def webhooks(db: Db, member: Member) -> View:
    """Show the endpoints of the account."""
    return View(f"{TEMPLATES}/webhooks.html", {"webhooks": await all_webhooks(db, member.account.id)})


@manage.get("/webhooks/new", area="settings", right="write", needs_proof=True)
async def webhook_new(db: Db, member: Member) -> View:
    """Ask where changes are sent, and which."""
    return View(f"{TEMPLATES}/new.html", {"webhook": None, **await _fields(db, member)})


@manage.post("/webhooks/new", area="settings", needs_proof=True)
async def webhook_create(db: Db, member: Member, form: NewWebhook, now: datetime) -> View:
    """Register an endpoint and show its secret, once."""
    require_topics(member, matching(form.topics))
    created = await actions.create_webhook(db, member.account.id, form, now)
    return View(f"{TEMPLATES}/secret.html", {"secret_text": created.secret, "webhook_uid": created.webhook_uid})


@manage.get("/webhooks/{webhook_uid}", area="settings")
async def webhook(db: Db, member: Member, query: DeliveriesPage) -> View:
    """Show an endpoint and its deliveries."""
    account_id = member.account.id
    endpoint = await _endpoint(db, member, query.webhook_uid)
    delivery_query = DeliveryQuery(webhook_uid=query.webhook_uid, state=query.state, cursor=query.cursor)
    page = await deliveries(db, account_id, delivery_query)
    values = {
        "webhook": endpoint,
        "deliveries": page.data,
        "cursor": page.meta.next_cursor if page.meta.has_more else None,
        "state": query.state or "",
        "is_first": query.cursor is None,
        "rest": query if query.after is not None else None,
        **await _fields(db, member),
    }
    return View(f"{TEMPLATES}/webhook.html", values)


@manage.post("/webhooks/{webhook_uid}", area="settings", needs_proof=True)
async def webhook_update(db: Db, member: Member, visit: Visit, form: WebhookChanges, now: datetime) -> Redirect:
    """Change an endpoint; disable or enable it."""
    endpoint = await _endpoint(db, member, form.webhook_uid)
    # What waits of the topics before goes to the address after.
    require_topics(member, matching([*endpoint.topics, *(form.topics or ())]))
    await actions.change_webhook(db, member.account.id, form, now)
    flash(visit, "The endpoint is changed.")
    return Redirect(_path(member, form))


@manage.post("/webhooks/{webhook_uid}/secrets", area="settings", needs_proof=True)
async def webhook_rotate_secret(db: Db, member: Member, form: SecretRotation, now: datetime) -> View:
    """Make a new secret and show it, once."""
    created = await actions.rotate_secret(db, member.account.id, form, now)
    return View(f"{TEMPLATES}/secret.html", {"secret_text": created.secret, "webhook_uid": form.webhook_uid})


@manage.post("/webhooks/{webhook_uid}/test", area="settings", needs_proof=True)
async def webhook_test(db: Db, member: Member, visit: Visit, form: OneWebhook, now: datetime) -> Redirect:
    """Send a test to the endpoint."""
    await replays.send_test(db, member.account.id, form.webhook_uid, now)
    flash(visit, "A test is on its way; its delivery stands below.")
    return Redirect(_path(member, form))


AGAIN = ("%(count)s delivery is sent again.", "%(count)s deliveries are sent again.")
AGAIN_WITH_MORE = (
    "%(count)s delivery is sent again; the range has more, so go on.",
    "%(count)s deliveries are sent again; the range has more, so go on.",
)


@manage.post("/webhooks/{webhook_uid}/replay", area="settings", needs_proof=True)
async def webhook_replay(db: Db, member: Member, visit: Visit, form: ReplayWindow, now: datetime) -> Redirect:
    """Deliver one delivery again, or all changes of a range."""
    endpoint = await _endpoint(db, member, form.webhook_uid)
    names = matching(endpoint.topics)
    if form.delivery_id is not None:
        names = frozenset([await delivery_topic(db, member.account.id, form.webhook_uid, form.delivery_id)])
    require_topics(member, names)
    replayed = await replays.replay(db, member.account.id, form, now)
    if replayed.after is None:
        flash_count(visit, AGAIN, replayed.count)
        return Redirect(_path(member, form))
    flash_count(visit, AGAIN_WITH_MORE, replayed.count, kind="warn")
    begin, end = (int((moment or now).timestamp()) for moment in (form.min_timestamp, form.max_timestamp))
    rest = {"after": replayed.after, "min_timestamp": begin, "max_timestamp": end}
    return Redirect(f"{_path(member, form)}?{urlencode(rest)}")


@manage.post("/webhooks/{webhook_uid}/delete", area="settings", needs_proof=True)
async def webhook_delete(db: Db, member: Member, visit: Visit, form: OneWebhook, now: datetime) -> Redirect:
    """Delete an endpoint with its deliveries."""
    await actions.delete_webhook(db, member.account.id, form.webhook_uid, now)
    flash(visit, "The endpoint is deleted.")
    return Redirect(f"/manage/{member.account.id}/webhooks")
