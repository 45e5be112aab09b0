"""Activates, deactivates and rebuilds filters, in the transaction of the caller."""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime

from fanfare.kernel.callers import Account
from fanfare.kernel.data import faults
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.errors import Unknown
from fanfare.segments.queries import filters
from fanfare.segments.queries.live import BEFORE_FIRST, today


async def lock_members(db: Db, account_id: int) -> None:
    """Wait for the lock on the members of an account, and hold it until this transaction ends."""
    await db.value("select pg_advisory_xact_lock($1)", lock_key("segment_members", account_id))


async def clear_faults(db: Db, account_id: int, filter_uids: Iterable[str]) -> None:
    """Delete the recorded faults of changed filters, so that they are retried at once."""
    rows = await db.rows(
        "select filter_id from filters where account_id = $1 and filter_uid = any($2::text[]::uuid[])",
        account_id,
        sorted(filter_uids),
    )
    await faults.clear(db, account_id, filters.JOB, *(str(row["filter_id"]) for row in rows))


async def begin(db: Db, account: Account, filter_uid: uuid.UUID, now: datetime) -> None:
    """Activate a filter: its members are built, then kept up to date."""
    # The build starts later, so it sees all changes up to this position.
    position = await settled(db, account.id)
    await db.execute(
        """
        with progress as (
            insert into segment_progress (account_id, position, followed_on, followed_at) values ($1, $3, $4, $5)
            on conflict (account_id) do nothing
        )
        insert into filter_states (account_id, filter_id, condition_digest, build_from)
        select f.account_id, f.filter_id, '', $6 from filters f where f.account_id = $1 and f.filter_uid = $2
        on conflict (account_id, filter_id) do nothing
        """,
        account.id,
        filter_uid,
        position,
        today(account, now),
        now,
        BEFORE_FIRST,
    )


async def restart(db: Db, account_id: int, filter_uids: Collection[str]) -> None:
    """Build filters whose criteria changed as if they were new: without an announcement for each fan."""
    await clear_faults(db, account_id, filter_uids)
    await db.execute(
        """
        update filter_states s set build_from = $3, built_at = null
        from filters f
        where s.account_id = $1 and f.account_id = $1 and f.filter_id = s.filter_id and f.filter_uid = any($2::uuid[])
        """,
        account_id,
        sorted(filter_uids),
        BEFORE_FIRST,
    )


async def rebuild(db: Db, account_id: int, filter_uid: uuid.UUID) -> None:
    """Evaluate an active filter for all fans again; corrections are announced. Unknown (404) if it is not active."""
    exists = await db.value(
        """
        update filter_states s set build_from = $3
        from filters f
        where s.account_id = $1 and f.account_id = $1 and f.filter_id = s.filter_id and f.filter_uid = $2
        returning true
        """,
        account_id,
        filter_uid,
        BEFORE_FIRST,
    )
    if not exists:
        message = f"No active filter has the uid {filter_uid}"
        raise Unknown(message)
    await clear_faults(db, account_id, [str(filter_uid)])


async def end(db: Db, account: Account, filter_uid: uuid.UUID, now: datetime) -> None:
    """Deactivate a filter: all members leave it now, without announcements."""
    await lock_members(db, account.id)
    await clear_faults(db, account.id, [str(filter_uid)])
    await db.execute(
        """
        with ended as (
            delete from filter_states s using filters f
            where s.account_id = $1 and f.account_id = $1 and f.filter_id = s.filter_id and f.filter_uid = $2
            returning s.filter_id
        ),
        left_members as (
            delete from segment_members m
            where m.account_id = $1 and m.filter_id = (select filter_id from ended)
            returning m.filter_id, m.fan_id, m.entered_at
        ),
        days as (
            insert into segment_days (account_id, filter_id, counted_on, rebuilt_count)
            select $1, m.filter_id, $4, -count(*) from left_members m group by m.filter_id
            on conflict (account_id, filter_id, counted_on) do update
            set rebuilt_count = segment_days.rebuilt_count + excluded.rebuilt_count
        )
        insert into segment_stays (account_id, filter_id, fan_id, entered_at, left_at)
        select $1, m.filter_id, m.fan_id, m.entered_at, $3 from left_members m
        on conflict (account_id, filter_id, fan_id, entered_at) do update set left_at = excluded.left_at
        """,
        account.id,
        filter_uid,
        now,
        today(account, now),
    )
