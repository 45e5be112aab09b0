"""Follows the change log of an account: each change becomes a delivery for each endpoint that takes it.

The position that was followed is stored in the transaction of the deliveries, so none is lost or written twice.
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from fanfare.fans.topics import FAN_DELETED, FAN_MERGED
from fanfare.kernel.data.announcements import HOLD
from fanfare.kernel.data.changes import Change, feed
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.webhooks.schemas.topic_patterns import matching
from fanfare.webhooks.topics import WEBHOOK_TESTED

BATCH = 1000
# From this number of failures in a row on, an endpoint is tried with one delivery at a time, at growing intervals.
FAILING = 5
# A fan who was in a segment leaves it by these, maybe before they are followed: they are sent whatever the segment.
ENDS = frozenset({FAN_DELETED.name, FAN_MERGED.name})


class Endpoint(msgspec.Struct, frozen=True):
    """An enabled endpoint: the names of its topics, its filters, and the position behind which it takes changes."""

    webhook_id: int
    topics: frozenset[str]
    business_id: int | None
    filter_uid: uuid.UUID | None
    begins_after: int

    def is_about_business(self, change: Change) -> bool:
        """Return whether a change names the endpoint's business, if it has one."""
        if self.business_id is None:
            return True
        is_subject = change.topic.startswith("business.") and change.subject_id == str(self.business_id)
        return is_subject or change.data.get("business_id") == self.business_id


# Fans of a segment, by filter_uid.
Members = set[tuple[uuid.UUID, int]]


async def endpoints(db: Db, account_id: int, webhook_id: int | None = None) -> list[Endpoint]:
    """Return the enabled endpoints of an account, or one of them."""
    rows = await db.rows(
        "select webhook_id, topics, business_id, filter_uid, begins_after from webhooks"
        " where account_id = $1 and is_enabled and ($2::bigint is null or webhook_id = $2)",
        account_id,
        webhook_id,
    )
    return [Endpoint(**{**row, "topics": matching(row["topics"]) - {WEBHOOK_TESTED.name}}) for row in rows]


async def follow(db: Db, account_id: int, now: datetime) -> bool:
    """Write the deliveries of the next changes of an account; return whether there were changes."""
    async with db.transaction() as tx:
        position: int | None = await tx.value(
            "select position from webhook_progress where account_id = $1 for update skip locked", account_id
        )
        if position is None:
            return False
        targets = await endpoints(tx, account_id)
        if not targets:
            return False
        # What happened while there was no endpoint is passed over.
        page = await feed(tx, account_id, max(position, min(each.begins_after for each in targets)), BATCH)
        if not page.changes:
            return False
        await deliver(tx, account_id, targets, page.changes, now)
        await tx.execute("update webhook_progress set position = $2 where account_id = $1", account_id, page.position)
    return True


DELIVER = Sql(f"""
    with {HOLD},
    rows as materialized (
        select nextval('positions') as delivery_id, r.* from hold cross join unnest(
            :webhook_ids::bigint[], :positions::bigint[], :topics::text[], :lanes::bigint[]
        ) as r (webhook_id, position, topic, lane)
    ),
    inserted as (
        insert into webhook_deliveries (
            account_id, delivery_id, webhook_id, position, topic, lane, is_replay, due_at, created_at)
        select $1, delivery_id, webhook_id, position, topic, lane, :is_replay, :now, :now from rows
    )
    update webhooks
    set due_at = case when failure_count >= :failing then coalesce(due_at, :now) else least(due_at, :now) end
    where account_id = $1 and webhook_id = any(:webhook_ids::bigint[])
""")  # noqa: S608 - fixed parts


async def deliver(
    db: Db, account_id: int, targets: Sequence[Endpoint], changes: Sequence[Change], now: datetime, *,
    is_replay: bool = False,
) -> int:  # fmt: skip
    """Write the deliveries of some changes; return their number. Call it in a transaction."""
    members = await _members(db, account_id, targets, changes)
    pairs = list(_pairs(targets, changes, members))
    if pairs:
        await db.execute(
            DELIVER,
            account_id,
            webhook_ids=[endpoint.webhook_id for endpoint, _ in pairs],
            positions=[change.position for _, change in pairs],
            topics=[change.topic for _, change in pairs],
            lanes=[lane_of(change) for _, change in pairs],
            is_replay=is_replay,
            failing=FAILING,
            now=now,
        )
    return len(pairs)


def _pairs(
    targets: Iterable[Endpoint], changes: Iterable[Change], members: Members
) -> Iterator[tuple[Endpoint, Change]]:
    """Yield each endpoint with each change that it takes, in order of the changes."""
    by_topic: dict[str, list[Endpoint]] = {}
    for endpoint in targets:
        for topic in endpoint.topics:
            by_topic.setdefault(topic, []).append(endpoint)
    for change in changes:
        for endpoint in by_topic.get(change.topic, ()):
            is_later = change.position > endpoint.begins_after
            if is_later and endpoint.is_about_business(change) and _is_of_segment(endpoint, change, members):
                yield endpoint, change


def _is_of_segment(endpoint: Endpoint, change: Change, members: Members) -> bool:
    """Return whether a change is about a fan of the endpoint's segment, or the segment, or is the end of any fan."""
    if endpoint.filter_uid is None or change.topic in ENDS or change.subject_id == str(endpoint.filter_uid):
        return True
    return change.fan_id is not None and (endpoint.filter_uid, change.fan_id) in members


async def _members(db: Db, account_id: int, targets: Iterable[Endpoint], changes: Iterable[Change]) -> Members:
    filter_uids = {each.filter_uid for each in targets if each.filter_uid is not None}
    fan_ids = {each.fan_id for each in changes if each.fan_id is not None}
    if not filter_uids or not fan_ids:
        return set()
    rows = await db.rows(
        """
        select f.filter_uid, m.fan_id from filters f
        join segment_members m on m.account_id = $1 and m.filter_id = f.filter_id and m.fan_id = any($3::bigint[])
        where f.account_id = $1 and f.filter_uid = any($2::uuid[])
        """,
        account_id,
        list(filter_uids),
        list(fan_ids),
    )
    return {(row["filter_uid"], row["fan_id"]) for row in rows}


def lane_of(change: Change) -> int:
    """Return the lane of a change, in which deliveries keep their order: its fan, else (negative) its subject."""
    if change.fan_id is not None:
        return change.fan_id
    subject = f"{change.topic.partition('.')[0]}:{change.subject_id}"
    return -1 - int.from_bytes(hashlib.sha256(subject.encode()).digest()[:7])


async def accounts_due(db: Db) -> list[int]:
    """Return the accounts with an enabled endpoint and changes that were not followed."""
    # One query for all accounts.
    rows = await db.rows(
        """
        select p.account_id from webhook_progress p
        where p.account_id is not null
          and exists (select from webhooks w where w.account_id = p.account_id and w.is_enabled)
          and (select max(c.position) from changes c where c.account_id = p.account_id) > p.position
        """
    )
    return [row["account_id"] for row in rows]
