"""Delivers again: one delivery, all changes of a range of time, or a test."""

import uuid
from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.changes import Change, feed_of_topics
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.webhooks.actions.following import BATCH, Endpoint, deliver, endpoints
from fanfare.webhooks.queries.webhooks import webhook_id_of
from fanfare.webhooks.schemas.bodies import message_id
from fanfare.webhooks.schemas.deliveries import Replayed, ReplayWindow, TestSent
from fanfare.webhooks.topics import WEBHOOK_TESTED

# Deliveries that one call writes, and that may wait beside them.
MAX_REPLAYED = 10_000
MAX_WAITING = 100_000
# Pages of the log that one call reads, of up to 10,000 rows each: few may match.
MAX_PAGES = 20


class WebhookDisabled(Conflict):
    """The endpoint is disabled; enable it first"""


class TooManyWaiting(Conflict):
    """Too many deliveries of this endpoint wait; replay when they are done"""


class ChangeDeleted(Conflict):
    """The change of this delivery was deleted from the log"""


async def replay(db: Db, account_id: int, target: ReplayWindow, now: datetime) -> Replayed:
    """Deliver again what was asked for; refuses an unknown endpoint or delivery (404), and a disabled one (409)."""
    webhook_id = await webhook_id_of(db, account_id, target.webhook_uid)
    endpoint = await _endpoint(db, account_id, webhook_id)
    await _check_room(db, account_id, webhook_id)
    if target.delivery_id is not None:
        change = await _change_of(db, account_id, webhook_id, target.delivery_id)
        # It is delivered whatever the endpoint takes by now.
        every = msgspec.structs.replace(endpoint, topics=frozenset([change.topic]), business_id=None, filter_uid=None)
        async with db.transaction() as tx:
            return Replayed(await deliver(tx, account_id, [every], [change], now, is_replay=True), None)
    return await _replay_range(db, account_id, endpoint, target, now)


async def _endpoint(db: Db, account_id: int, webhook_id: int) -> Endpoint:
    rows = await endpoints(db, account_id, webhook_id)
    if not rows:
        raise WebhookDisabled
    return msgspec.structs.replace(rows[0], begins_after=0)


async def _check_room(db: Db, account_id: int, webhook_id: int) -> None:
    """Refuse (409) when many deliveries wait, so that replays do not pile up."""
    has_many: bool = await db.value(
        """
        select exists (
            select from webhook_deliveries
            where account_id = $1 and webhook_id = $2 and delivery_state = 'waiting' and try_count = 0
            offset $3)
        """,
        account_id,
        webhook_id,
        MAX_WAITING,
    )
    if has_many:
        raise TooManyWaiting


async def _change_of(db: Db, account_id: int, webhook_id: int, delivery_id: int) -> Change:
    row = await db.row(
        """
        select d.position, c.topic, c.subject_id, c.fan_id, c.occurred_at, c.data
        from webhook_deliveries d left join changes c on c.account_id = $1 and c.position = d.position
        where d.account_id = $1 and d.webhook_id = $2 and d.delivery_id = $3
        """,
        account_id,
        webhook_id,
        delivery_id,
    )
    if row is None:
        raise Unknown(delivery=delivery_id)
    if row["topic"] is None:
        raise ChangeDeleted
    return Change(**row)


# Times are almost in the order of positions: a long transaction has the time of its begin.
SLACK = timedelta(minutes=15)
FIRST = Heavy("select min(position) - 1 from changes where account_id = $1 and occurred_at >= $2")


async def _replay_range(db: Db, account_id: int, endpoint: Endpoint, target: ReplayWindow, now: datetime) -> Replayed:
    begin, end = target.min_timestamp or now, target.max_timestamp or now
    position: int | None = target.after or await db.value(FIRST, account_id, begin)
    count = 0
    for _ in range(MAX_PAGES):
        if position is None or count >= MAX_REPLAYED:
            break
        page = await feed_of_topics(db, account_id, position, BATCH, endpoint.topics)
        changes = [each for each in page.changes if begin <= each.occurred_at < end]
        async with db.transaction() as tx:
            count += await deliver(tx, account_id, [endpoint], changes, now, is_replay=True)
        is_over = bool(page.changes) and page.changes[-1].occurred_at >= end + SLACK
        position = None if page.is_last or is_over else page.position
    return Replayed(count, position)


TEST = f"""
    with {HOLD},
    tested as (
        select webhook_uid from webhooks where account_id = $1 and webhook_id = $2
    )
    {announce(WEBHOOK_TESTED, "tested", at="$3")}
    returning position, topic, subject_id, fan_id, occurred_at, data
"""  # noqa: S608 - fixed parts


async def send_test(db: Db, account_id: int, webhook_uid: uuid.UUID, now: datetime) -> TestSent:
    """Announce a test and deliver it to this endpoint alone; refuses an unknown one (404), and a disabled one (409)."""
    webhook_id = await webhook_id_of(db, account_id, webhook_uid)
    endpoint = await _endpoint(db, account_id, webhook_id)
    await _check_room(db, account_id, webhook_id)
    alone = msgspec.structs.replace(
        endpoint, topics=frozenset([WEBHOOK_TESTED.name]), business_id=None, filter_uid=None
    )
    async with db.transaction() as tx:
        row = await tx.row(TEST, account_id, webhook_id, now)
        if row is None:
            raise Unknown(webhook=webhook_uid)
        change = Change(**row)
        await deliver(tx, account_id, [alone], [change], now)
    return TestSent(message_id(change.position))
