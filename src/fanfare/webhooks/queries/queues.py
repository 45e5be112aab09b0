"""Reads what waits to be sent, and claims endpoints: one worker at a time sends to an endpoint."""

from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.data.changes import Change
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql

# A worker that died is followed by another after this.
LEASE = timedelta(seconds=60)


class Claim(msgspec.Struct, frozen=True):
    """An endpoint that this worker sends to until its lease ends."""

    account_id: int
    webhook_id: int


class Target(msgspec.Struct, frozen=True):
    """An endpoint as it is sent to: its sealed secrets, the newest first, and its failures."""

    url: str
    payload_format: str
    is_enabled: bool
    first_failure_at: datetime | None
    failure_count: int
    sealed_secrets: list[str]


class Waiting(msgspec.Struct, frozen=True):
    """A delivery that is due, and its change, None if it was deleted from the log."""

    delivery_id: int
    position: int
    lane: int
    try_count: int
    change: Change | None


# Failing endpoints are claimed apart, so that they never occupy the places of others.
CLAIM = """
    with chosen as materialized (
        select webhook_id from webhooks
        where account_id = $1 and is_enabled and due_at <= $2 and lease_ends_at <= $2 and (failure_count >= $5) = $6
        order by due_at limit $4
    )
    update webhooks as w set lease_ends_at = $3 from chosen
    where w.account_id = $1 and w.webhook_id = chosen.webhook_id and w.lease_ends_at <= $2
    returning w.account_id, w.webhook_id
"""


async def claim(db: Db, account_id: int, limit: int, now: datetime, failing: int, *, is_failing: bool) -> list[Claim]:
    """Claim at most `limit` endpoints of an account that are due: those that failed `failing` times, or others."""
    rows = await db.rows(CLAIM, account_id, now, now + LEASE, limit, failing, is_failing)
    return [Claim(**row) for row in rows]


async def accounts_due(db: Db, now: datetime) -> list[int]:
    """Return the accounts with an endpoint that is due."""
    # One query for all accounts.
    rows = await db.rows(
        """
        select distinct account_id from webhooks
        where account_id is not null and is_enabled and due_at <= $1 and lease_ends_at <= $1
        """,
        now,
    )
    return [row["account_id"] for row in rows]


async def target_of(db: Db, account_id: int, webhook_id: int, now: datetime) -> Target | None:
    """Return an endpoint with its valid secrets; None if it was deleted."""
    row = await db.row(
        """
        select w.url, w.payload_format, w.is_enabled, w.first_failure_at, w.failure_count,
               array(select s.sealed_secret from webhook_secrets s
                     where s.account_id = $1 and s.webhook_id = $2 and (s.ends_at is null or s.ends_at > $3)
                     order by s.secret_id desc) as sealed_secrets
        from webhooks w where w.account_id = $1 and w.webhook_id = $2
        """,
        account_id,
        webhook_id,
        now,
    )
    return Target(**row) if row else None


# Whether no delivery of the lane of `d` waits for another try; each is looked for in an index, however many wait.
IS_FREE = """not exists (
              select from webhook_deliveries w
              where w.account_id = $1 and w.webhook_id = d.webhook_id and w.lane = d.lane
                and w.delivery_state = 'waiting' and w.try_count > 0)"""
# First those that are due again, then new ones of lanes in which none waits for another try.
DUE = Sql(f"""
    with again as (
        select delivery_id, position, lane, try_count from webhook_deliveries
        where account_id = $1 and webhook_id = :webhook_id and delivery_state = 'waiting' and try_count > 0
          and due_at <= :now
        order by due_at, delivery_id limit :limit
    ),
    first as (
        select delivery_id, position, lane, try_count from webhook_deliveries d
        where d.account_id = $1 and d.webhook_id = :webhook_id and d.delivery_state = 'waiting' and d.try_count = 0
          and {IS_FREE}
        order by delivery_id limit :limit
    ),
    due as (select 0 as turn, * from again union all select 1, * from first)
    select d.delivery_id, d.position, d.lane, d.try_count, c.topic, c.subject_id, c.fan_id, c.occurred_at, c.data
    from due d left join changes c on c.account_id = $1 and c.position = d.position
    order by d.turn, d.delivery_id limit :limit
""")  # noqa: S608 - fixed parts


async def due(db: Db, account_id: int, webhook_id: int, limit: int, now: datetime) -> list[Waiting]:
    """Return at most `limit` deliveries that are due; of each lane they are the first ones, in order."""
    rows = await db.rows(DUE, account_id, webhook_id=webhook_id, limit=limit, now=now)
    return [
        Waiting(
            row["delivery_id"],
            row["position"],
            row["lane"],
            row["try_count"],
            None
            if row["topic"] is None
            else Change(
                row["position"], row["topic"], row["subject_id"], row["fan_id"], row["occurred_at"], row["data"]
            ),
        )
        for row in rows
    ]
