"""Keeps the members of active filters up to date: follows the change log, and builds filters with a new condition.

One worker at a time works on an account; its transaction holds an advisory lock. Moves, announcements and the position
in the log are written together, so nothing is lost or repeated if a worker dies. Fans are evaluated without locking
them and without holding a position; only the write at the end does. docs/decisions/0018-live-segments.md
"""

import time
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import structlog

from fanfare.accounts.queries import account_by_id
from fanfare.audience import counting
from fanfare.kernel.callers import Account
from fanfare.kernel.data import faults
from fanfare.kernel.data.announcements import names
from fanfare.kernel.data.changes import Change, feed
from fanfare.kernel.data.db import Db
from fanfare.search.criteria.facts import EVERYTHING, fans_by_fact
from fanfare.search.criteria.plans import Plan
from fanfare.search.criteria.uses import plan_of
from fanfare.search.topics import SEGMENT_BUILT, SEGMENT_ENTERED, SEGMENT_LEFT
from fanfare.segments.actions.building import build
from fanfare.segments.actions.liveness import lock_members
from fanfare.segments.actions.moves import PLAN_MODE, schedule_builds, store_moves, try_lock_members
from fanfare.segments.queries import filters
from fanfare.segments.queries.live import (
    BEFORE_FIRST,
    ContextFault,
    FilterFault,
    LiveFilter,
    Move,
    filter_fault,
    find_fault,
    find_moves,
    live_filters,
    pending_moves,
    today,
)

log = structlog.get_logger()

# The number of changes that `follow` processes in one transaction.
BATCH = 1000
# After this time builds pause, so that changes are followed.
BUILD_SECONDS = 0.15
# After a longer gap, changes may have been deleted from the log before they were followed.
MAX_GAP = timedelta(hours=24)
# What this module announces itself: no condition reads it.
OWN_TOPICS = names([SEGMENT_BUILT, SEGMENT_ENTERED, SEGMENT_LEFT])
TABLES = ("segment_members", "segment_stays")


async def keep_members(db: Db, account: Account, now: datetime) -> bool:
    """Follow the next changes of an account and continue builds; return whether there was work to do.

    A filter that cannot be evaluated is suspended until its retry, so that the others continue.
    """
    try:
        return await _keep_members(db, account, now)
    except FilterFault as fault:
        await _suspend(db, account.id, fault, now)
        return True


async def _keep_members(db: Db, account: Account, now: datetime) -> bool:
    try:
        has_work = await follow(db, account, now)
        start = time.monotonic()
        while await build(db, account, now):
            has_work = True
            if time.monotonic() - start > BUILD_SECONDS:
                break
    except ContextFault as fault:
        await find_fault(db, account, now)
        # No filter alone causes the fault, so it is recorded for the account.
        raise fault.__cause__ or fault from None
    return has_work


async def _suspend(db: Db, account_id: int, fault: FilterFault, now: datetime) -> None:
    """Record a filter's fault. It is rebuilt at its retry, since it does not follow changes until then."""
    cause = fault.__cause__ or fault
    log.warning("filter skipped", account_id=account_id, filter_id=fault.filter_id, exc_info=cause)
    async with db.transaction() as tx:
        await lock_members(tx, account_id)
        # Not if the filter was deleted or deactivated meanwhile.
        is_active = await tx.value(
            """
            update filter_states set build_from = $3
            where account_id = $1 and filter_id = $2 returning true
            """,
            account_id,
            fault.filter_id,
            BEFORE_FIRST,
        )
        if is_active:
            key = account_id, filters.JOB, str(fault.filter_id)
            await faults.note(tx, key, faults.description_of(cause), now)


async def follow(db: Db, account: Account, now: datetime) -> bool:
    """Evaluate the fans of the next changes again; return whether there was anything to follow."""
    async with db.transaction() as tx:
        if not await try_lock_members(tx, account.id):
            return False
        # Inside the lock, or its time zone could be the one of before a change.
        account = await account_by_id(tx, account.id)
        progress = await tx.row(
            "select position, followed_on, followed_at from segment_progress where account_id = $1", account.id
        )
        if progress is None:
            return False
        page = await feed(tx, account.id, progress["position"], BATCH)
        day = today(account, now)
        is_same_day = progress["followed_on"] == day
        if not page.changes and is_same_day:
            return False
        is_stale = now - progress["followed_at"] > MAX_GAP
        if is_stale or not is_same_day or any(each.topic not in OWN_TOPICS for each in page.changes):
            await _evaluate(tx, account, page.changes, now, is_stale=is_stale)
        await _store_progress(tx, account.id, page.position, day, now)
    return True


async def _evaluate(tx: Db, account: Account, changes: Iterable[Change], now: datetime, *, is_stale: bool) -> None:
    """Store the moves that changes cause, and schedule the builds of filters with another condition."""
    await tx.value(PLAN_MODE, "force_generic_plan")
    live = await live_filters(tx, account, now)
    await schedule_builds(tx, account.id, live, is_stale=is_stale)
    moves = await _moves(tx, account, live, fans_by_fact(changes))
    await store_moves(tx, account, moves, {each.filter_id for each in live if each.is_built}, now)


async def _moves(tx: Db, account: Account, live: Iterable[LiveFilter], fans: dict[str, set[int]]) -> list[Move]:
    """Return the moves of the fans whose facts changed (`fans`, by fact): from the index, else by SQL per filter."""
    affected = [(each, _to_evaluate(each, fans)) for each in live]
    with_plans = [(each, fan_ids, _plan(each)) for each, fan_ids in affected if fan_ids]
    indexed = [(each, fan_ids, each_plan) for each, fan_ids, each_plan in with_plans if each_plan is not None]
    all_fans = sorted(set().union(*(fan_ids for _, fan_ids, _ in indexed)))
    matches = await counting.matches(tx, account, [each_plan for _, _, each_plan in indexed], all_fans)
    if matches is None:
        indexed, matches = [], []
    all_moves: list[Move] = []
    for (each, fan_ids, _), members in zip(indexed, matches, strict=True):
        entries = fan_ids.intersection(members)
        all_moves += [Move(each.filter_id, fan_id, fan_id in entries) for fan_id in sorted(fan_ids)]
    moves = await pending_moves(tx, account.id, all_moves) if all_moves else []
    filter_ids = {each.filter_id for each, _, _ in indexed}
    for each, fan_ids, _ in with_plans:
        if each.filter_id not in filter_ids:
            moves += await find_moves(tx, each, fan_ids)
    return moves


def _to_evaluate(live: LiveFilter, fans: dict[str, set[int]]) -> set[int]:
    """Return the fans whose change may move them; a first build will come to those whom it has not come to."""
    fan_ids = set().union(*(fans.get(name, ()) for name in (*live.facts, EVERYTHING)))
    if live.is_built or live.build_from is None:
        return fan_ids
    last_fan_id = live.last_fan_id
    return {each for each in fan_ids if each <= last_fan_id}


def _plan(live: LiveFilter) -> Plan | None:
    with filter_fault(live.filter_id):
        return plan_of(live.criteria, live.context)


async def _store_progress(tx: Db, account_id: int, position: int, day: date, now: datetime) -> None:
    await tx.execute(
        "update segment_progress set position = $2, followed_on = $3, followed_at = $4 where account_id = $1",
        account_id,
        position,
        day,
        now,
    )


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the ended memberships of one fan to another; current ones are updated through the change log."""
    await db.execute(
        """
        with deleted as (
            delete from segment_stays where account_id = $1 and fan_id = $2 returning filter_id, entered_at, left_at
        )
        insert into segment_stays (account_id, filter_id, fan_id, entered_at, left_at)
        select $1, filter_id, $3, entered_at, left_at from deleted
        on conflict (account_id, filter_id, fan_id, entered_at) do nothing
        """,
        account_id,
        old_fan_id,
        fan_id,
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete the ended memberships of a fan; current ones are updated through the change log."""
    await db.execute("delete from segment_stays where account_id = $1 and fan_id = $2", account_id, fan_id)
