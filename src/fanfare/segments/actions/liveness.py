"""Turns the keeping of a filter's members on and off, and lets it begin anew, within the transaction of a change."""

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
from fanfare.segments.queries.live import today

# Before the first fan: where a build begins.
BEGINNING = -1


async def wait_for_members(db: Db, account_id: int) -> None:
    """Keep others from the members of an account until this transaction ends, once they are free."""
    await db.value("select pg_advisory_xact_lock($1)", lock_key("segment_members", account_id))


async def forgive(db: Db, account_id: int, filter_uids: Iterable[str]) -> None:
    """Forget the faults of filters that are others now, so that they are tried again at once."""
    rows = await db.rows(
        "select filter_id from filters where account_id = $1 and filter_uid = any($2::text[]::uuid[])",
        account_id,
        sorted(filter_uids),
    )
    await faults.clear(db, account_id, filters.JOB, *(str(row["filter_id"]) for row in rows))


async def begin(db: Db, account: Account, filter_uid: uuid.UUID, now: datetime) -> None:
    """Let the members of a filter be kept from now on, within the caller's transaction."""
    # Everything up to here is seen by the build, which comes later.
    position = await settled(db, account.id)
    await db.execute(
        """
        with first as (
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
        BEGINNING,
    )


async def begin_anew(db: Db, account_id: int, filter_uids: Collection[str]) -> None:
    """Let filters whose criteria are others now be built as if they were new, within the caller's transaction."""
    await forgive(db, account_id, filter_uids)
    await db.execute(
        """
        update filter_states s set build_from = $3, built_at = null
        from filters f
        where s.account_id = $1 and f.account_id = $1 and f.filter_id = s.filter_id and f.filter_uid = any($2::uuid[])
        """,
        account_id,
        sorted(filter_uids),
        BEGINNING,
    )


async def rebuild(db: Db, account_id: int, filter_uid: uuid.UUID) -> None:
    """Look at all fans again for an active filter; what is found wrong is announced fan by fan."""
    exists = await db.value(
        """
        update filter_states s set build_from = $3
        from filters f
        where s.account_id = $1 and f.account_id = $1 and f.filter_id = s.filter_id and f.filter_uid = $2
        returning true
        """,
        account_id,
        filter_uid,
        BEGINNING,
    )
    if not exists:
        message = f"No active filter has the uid {filter_uid}"
        raise Unknown(message)
    await forgive(db, account_id, [str(filter_uid)])


async def end(db: Db, account_id: int, filter_uid: uuid.UUID, now: datetime) -> None:
    """Keep the members of a filter no more: those it has left at this moment. Within the caller's transaction."""
    await wait_for_members(db, account_id)
    await forgive(db, account_id, [str(filter_uid)])
    await db.execute(
        """
        with ended as (
            delete from filter_states s using filters f
            where s.account_id = $1 and f.account_id = $1 and f.filter_id = s.filter_id and f.filter_uid = $2
            returning s.filter_id
        ),
        gone as (
            delete from segment_members m
            where m.account_id = $1 and m.filter_id = (select filter_id from ended)
            returning m.filter_id, m.fan_id, m.entered_at
        )
        insert into segment_stays (account_id, filter_id, fan_id, entered_at, left_at)
        select $1, g.filter_id, g.fan_id, g.entered_at, $3 from gone g
        on conflict (account_id, filter_id, fan_id, entered_at) do update set left_at = excluded.left_at
        """,
        account_id,
        filter_uid,
        now,
    )
