"""What became of deliveries: delivered, tried again later, or given up; and what that means for their endpoint."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.webhooks.actions.following import FAILING
from fanfare.webhooks.queries.queues import IS_FREE, LEASE, Claim, Waiting
from fanfare.webhooks.topics import WEBHOOK_DISABLED

# Seconds until the next try, give or take a part; after the last the delivery is given up.
PAUSES = (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
SPREAD = 0.2
DISABLED_AFTER = timedelta(days=5)
GONE = 410
# Between two tries of an endpoint that fails, in seconds: a share of the time for which it has failed.
FIRST_PROBE, LAST_PROBE, PROBE_SHARE = 5.0, 300.0, 0.1


class Outcome(msgspec.Struct, frozen=True):
    """What became of a try: the status and the beginning of the answer, or why there was none."""

    waiting: Waiting
    status: int | None
    body: str | None
    failure: str | None
    milliseconds: int

    @property
    def is_delivered(self) -> bool:
        """Whether the endpoint accepted it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - success

    @property
    def is_final(self) -> bool:
        """Whether it is not tried again."""
        is_last = self.waiting.try_count >= len(PAUSES)
        return self.is_delivered or is_last or self.waiting.change is None or self.status == GONE

    @property
    def state(self) -> str:
        """The state of the delivery from now on."""
        return "delivered" if self.is_delivered else "failed" if self.is_final else "waiting"

    def due_at(self, now: datetime) -> datetime:
        """Return when it is tried again."""
        pause = 0 if self.is_final else PAUSES[self.waiting.try_count]
        return now + timedelta(seconds=pause * random.uniform(1 - SPREAD, 1 + SPREAD))  # noqa: S311 - spreads load


class Health(msgspec.Struct, frozen=True):
    """How an endpoint does: the first failure since its last success, and the number of failures since then."""

    first_failure_at: datetime | None
    failure_count: int

    @property
    def is_failing(self) -> bool:
        """Whether it is only tried from time to time."""
        return self.failure_count >= FAILING

    def next(self, outcomes: Sequence[Outcome], now: datetime) -> "Health":
        """Return the health after a batch, whose order says nothing: its deliveries were tried side by side."""
        if not outcomes or any(each.is_delivered for each in outcomes):
            return Health(None, 0) if outcomes else self
        return Health(self.first_failure_at or now, self.failure_count + len(outcomes))

    def disable_reason(self, outcomes: Sequence[Outcome], now: datetime) -> str | None:
        """Return why the endpoint is disabled after these outcomes, if it is."""
        if any(each.status == GONE for each in outcomes):
            return "gone"
        is_over = self.first_failure_at is not None and now - self.first_failure_at >= DISABLED_AFTER
        # What failed days ago may be given up: one failure since then, of something new, is none for days.
        return "failing" if is_over and any(each.waiting.try_count > 0 for each in outcomes) else None

    def probe_at(self, now: datetime) -> datetime:
        """Return when an endpoint that fails is tried next, whatever waits."""
        duration = (now - self.first_failure_at).total_seconds() if self.first_failure_at else 0.0
        return now + timedelta(seconds=min(max(duration * PROBE_SHARE, FIRST_PROBE), LAST_PROBE))


# A deleted endpoint has no deliveries any more.
RECORD = Sql(f"""
    with {HOLD},
    tries as materialized (
        select * from unnest(
            :delivery_ids::bigint[], :states::text[], :due_times::timestamptz[], :statuses::integer[],
            :bodies::text[], :failures::text[], :durations::integer[]
        ) as t (delivery_id, state, due_at, status, body, failure, milliseconds)
    ),
    updated as (
        update webhook_deliveries d
        set delivery_state = t.state, try_count = d.try_count + 1, due_at = t.due_at, tried_at = :now,
            response_status = t.status, response_body = t.body, failure = t.failure, duration_ms = t.milliseconds
        from tries t where d.account_id = $1 and d.delivery_id = t.delivery_id and d.webhook_id = :webhook_id
    ),
    old as (
        select webhook_id, is_enabled from webhooks
        where account_id = $1 and webhook_id = :webhook_id for update
    ),
    changed as (
        update webhooks w
        set first_failure_at = :first_failure_at, failure_count = :failure_count, lease_ends_at = :lease_ends_at,
            is_enabled = old.is_enabled and :disable_reason::text is null,
            disable_reason = case when old.is_enabled then :disable_reason else w.disable_reason end
        from old where w.account_id = $1 and w.webhook_id = old.webhook_id
        returning w.webhook_uid, w.is_enabled, old.is_enabled as was_enabled
    ),
    disabled as (select webhook_uid from changed where was_enabled and not is_enabled),
    logged as (
        {announce(WEBHOOK_DISABLED, "disabled", at=":now", is_gone=":disable_reason = 'gone'")}
    )
    select is_enabled from changed
""")  # noqa: S608 - fixed parts
# A fan may be erased during a try: what was answered about it is not stored.
CLEAR = """
    update webhook_deliveries d set response_body = null
    where d.account_id = $1 and d.delivery_id = any($2::bigint[]) and d.lane > 0
      and not exists (select from fans f where f.account_id = $1 and f.fan_id = d.lane)
      and not exists (
          select from fan_merges m join fans f on f.account_id = $1 and f.fan_id = m.fan_id
          where m.account_id = $1 and m.absorbed_id = d.lane and m.undone_at is null)
"""
RECOVER = """
    update webhook_deliveries set due_at = $3
    where account_id = $1 and webhook_id = $2 and delivery_state = 'waiting' and try_count > 0
"""


async def record(db: Db, claim: Claim, health: Health, outcomes: Sequence[Outcome], now: datetime) -> Health | None:
    """Store outcomes and extend the lease; return the endpoint's health, None when it is deleted or disabled."""
    health_now = health.next(outcomes, now)
    delivery_ids = [each.waiting.delivery_id for each in outcomes]
    async with db.transaction() as tx:
        is_enabled = await tx.value(
            RECORD,
            claim.account_id,
            webhook_id=claim.webhook_id,
            delivery_ids=delivery_ids,
            states=[each.state for each in outcomes],
            due_times=[each.due_at(now) for each in outcomes],
            statuses=[each.status for each in outcomes],
            bodies=[each.body for each in outcomes],
            failures=[each.failure for each in outcomes],
            durations=[each.milliseconds for each in outcomes],
            first_failure_at=health_now.first_failure_at,
            failure_count=health_now.failure_count,
            lease_ends_at=now + LEASE,
            disable_reason=health_now.disable_reason(outcomes, now),
            now=now,
        )
        # The rows are locked: an erasure is over, and seen by this statement, or clears them afterwards.
        await tx.execute(CLEAR, claim.account_id, delivery_ids)
    if health.is_failing and not health_now.is_failing:
        await db.execute(RECOVER, claim.account_id, claim.webhook_id, now)
    return health_now if is_enabled else None


RELEASE = f"""
    with next as (
        select min(due_at) as due_at from (
            (select due_at from webhook_deliveries
             where account_id = $1 and webhook_id = $2 and delivery_state = 'waiting' and try_count > 0
             order by due_at limit 1)
            union all
            (select $3::timestamptz from webhook_deliveries d
             where d.account_id = $1 and d.webhook_id = $2 and d.delivery_state = 'waiting' and d.try_count = 0
               and {IS_FREE}
             limit 1)
        ) as waiting
    )
    update webhooks
    set lease_ends_at = '-infinity',
        due_at = case when next.due_at is not null then greatest(next.due_at, $3) end
    from next where account_id = $1 and webhook_id = $2
"""  # noqa: S608 - fixed parts


async def release(db: Db, claim: Claim, health: Health, now: datetime) -> None:
    """End the lease, and set when the endpoint is due next; never if nothing waits."""
    async with db.transaction() as tx:
        # Whoever writes deliveries updates this row too: they are seen by the next statement, or come after this.
        await tx.execute(
            "select from webhooks where account_id = $1 and webhook_id = $2 for update",
            claim.account_id,
            claim.webhook_id,
        )
        await tx.execute(
            RELEASE, claim.account_id, claim.webhook_id, health.probe_at(now) if health.is_failing else now
        )
