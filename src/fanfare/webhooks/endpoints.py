"""Over HTTP: what happens in an account, and the endpoints to which it is sent."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import EVENTS, LINES, Delivery
from fanfare.kernel.data.paging import ArrayPage, Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.webhooks.actions import replays
from fanfare.webhooks.actions import webhooks as actions
from fanfare.webhooks.queries import changes, deliveries, webhooks
from fanfare.webhooks.schemas.changes import ChangeQuery, LoggedChange
from fanfare.webhooks.schemas.deliveries import (
    DeliveryMeta,
    DeliveryQuery,
    Replayed,
    ReplayWindow,
    TestSent,
    WebhookDelivery,
)
from fanfare.webhooks.schemas.webhooks import (
    NewWebhook,
    NewWebhookSecret,
    OneWebhook,
    SecretRotation,
    Webhook,
    WebhookChanges,
    WebhookCreated,
    WebhookSaved,
)


@endpoint.get(
    "/api/v1/manage/changes", scope="manage", key=SECRET, other_media_types=(LINES, EVENTS), has_conflict=True
)
async def manage_changes_list(
    db: Db, account: Account, query: ChangeQuery, delivery: Delivery
) -> ArrayPage[LoggedChange]:
    """List what happened in the account: every change once, in order; with `wait` as soon as something happens.

    Continue with the X-Next-Cursor as `after`. `Accept: application/x-ndjson` returns a change a line, and
    `text/event-stream` server-sent events, which a client continues with its Last-Event-ID. 409 when changes after the
    position were deleted because of their age: `first_position` is the first one still there.
    """
    return await changes.changes(db, account.id, query, delivery)


@endpoint.get("/api/v1/manage/webhooks", scope="manage", key=SECRET)
async def manage_webhooks_list(db: Db, account: Account) -> list[Webhook]:
    """List the endpoints to which changes are sent, without their secrets."""
    return await webhooks.webhooks(db, account.id)


@endpoint.post("/api/v1/manage/webhooks", scope="manage", key=SECRET, has_secret_answer=True)
async def manage_webhooks_create(db: Db, account: Account, new: NewWebhook, now: datetime) -> WebhookCreated:
    """Register an endpoint to which changes from now on are sent; its secret is returned this once.

    Each change is a POST, signed as in Standard Webhooks, until the endpoint answers 2xx: see docs/webhooks.md.
    """
    return await actions.create_webhook(db, account.id, new, now)


@endpoint.post("/api/v1/manage/webhooks/{webhook_uid}", scope="manage", key=SECRET)
async def manage_webhooks_update(db: Db, account: Account, new_values: WebhookChanges, now: datetime) -> WebhookSaved:
    """Update the fields sent of an endpoint; disable it, or enable it again.

    What happens while it is disabled is not sent, and can be replayed.
    """
    return WebhookSaved(await actions.change_webhook(db, account.id, new_values, now))


@endpoint.delete("/api/v1/manage/webhooks/{webhook_uid}", scope="manage", key=SECRET)
async def manage_webhooks_delete(db: Db, account: Account, target: OneWebhook, now: datetime) -> bool:
    """Delete an endpoint and its deliveries; what waits is not sent."""
    await actions.delete_webhook(db, account.id, target.webhook_uid, now)
    return True


@endpoint.post("/api/v1/manage/webhooks/{webhook_uid}/secrets", scope="manage", key=SECRET, has_secret_answer=True)
async def manage_webhooks_rotate_secret(
    db: Db, account: Account, rotation: SecretRotation, now: datetime
) -> NewWebhookSecret:
    """Create a new secret of an endpoint; the older ones sign too until overlap_hours have passed."""
    return await actions.rotate_secret(db, account.id, rotation, now)


@endpoint.post("/api/v1/manage/webhooks/{webhook_uid}/test", scope="manage", key=SECRET)
async def manage_webhooks_test(db: Db, account: Account, target: OneWebhook, now: datetime) -> TestSent:
    """Send a test to an endpoint; the list of deliveries shows what became of it. 409 if it is disabled."""
    return await replays.send_test(db, account.id, target.webhook_uid, now)


@endpoint.get("/api/v1/manage/webhooks/{webhook_uid}/deliveries", scope="manage", key=SECRET)
async def manage_webhooks_deliveries_list(
    db: Db, account: Account, query: DeliveryQuery
) -> Page[DeliveryMeta, WebhookDelivery]:
    """List the deliveries of an endpoint, the newest first, with what was sent and answered; kept for 30 days."""
    return await deliveries.deliveries(db, account.id, query)


@endpoint.post("/api/v1/manage/webhooks/{webhook_uid}/replay", scope="manage", key=SECRET)
async def manage_webhooks_replay(db: Db, account: Account, target: ReplayWindow, now: datetime) -> Replayed:
    """Deliver one delivery again, or all matching changes of a range of time, under the same `webhook-id`.

    A call takes some 10,000 changes; go on with the `after` that it returns. 409 if the endpoint is disabled.
    """
    return await replays.replay(db, account.id, target, now)
