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
from fanfare.kernel.data.announcements import HOLD, also, announce, names
from fanfare.kernel.data.changes import Change, feed
from fanfare.kernel.data.db import Composed, Db
from fanfare.kernel.data.locks import lock_key
from fanfare.search.criteria.facts import EVERYTHING, fans_by_fact
from fanfare.search.criteria.plans import Plan
from fanfare.search.criteria.uses import plan_of
from fanfare.search.topics import SEGMENT_BUILT, SEGMENT_ENTERED, SEGMENT_LEFT
from fanfare.segments.actions.liveness import BEFORE_FIRST, lock_members
from fanfare.segments.queries import filters
from fanfare.segments.queries.live import (
    ContextFault,
    FilterFault,
    LiveFilter,
    Move,
    filter_fault,
    filter_to_build,
    find_fault,
    find_moves,
    live_filters,
    pending_moves,
    today,
)

log = structlog.get_logger()

# The number of changes that `follow`, and of fans that `build`, process in one transaction.
BATCH = 1000
CHUNK = 20_000
# After this time builds pause, so that changes are followed.
BUILD_SECONDS = 0.15
MAX_FAN_ID = 2**63 - 1
# After a longer gap, changes may have been deleted from the log before they were followed.
MAX_GAP = timedelta(hours=24)
# What this module announces itself: no condition reads it.
OWN_TOPICS = names([SEGMENT_BUILT, SEGMENT_ENTERED, SEGMENT_LEFT])
TABLES = ("segment_members", "segment_stays")

# Applies the CTE `moves` (filter_id, fan_id, is_entry, is_announced): members, ended memberships (of fans who still
# exist), counts, days, and announcements.
APPLY_MOVES = f"""
    entries as (
        insert into segment_members (account_id, filter_id, fan_id, entered_at)
        select $1, filter_id, fan_id, {{now}} from moves where is_entry
        returning filter_id
    ),
    exits as (
        delete from segment_members m using moves
        where m.account_id = $1 and m.filter_id = moves.filter_id and m.fan_id = moves.fan_id and not moves.is_entry
        returning m.filter_id, m.fan_id, m.entered_at
    ),
    stays as (
        insert into segment_stays (account_id, filter_id, fan_id, entered_at, left_at)
        select $1, e.filter_id, e.fan_id, e.entered_at, {{now}} from exits e
        where exists (select from fans f where f.account_id = $1 and f.fan_id = e.fan_id)
        on conflict (account_id, filter_id, fan_id, entered_at) do update set left_at = excluded.left_at
    ),
    counts as (
        update filter_states s set member_count = s.member_count + d.difference
        from (select filter_id, sum(step) as difference
              from (select filter_id, 1 as step from entries union all select filter_id, -1 from exits) steps
              group by filter_id) d
        where s.account_id = $1 and s.filter_id = d.filter_id
    ),
    days as (
        insert into segment_days (account_id, filter_id, counted_on, entered_count, left_count, rebuilt_count)
        select $1, filter_id, {{day}}::date, count(*) filter (where is_announced and is_entry),
               count(*) filter (where is_announced and not is_entry),
               coalesce(sum(case when is_entry then 1 else -1 end) filter (where not is_announced), 0)
        from moves group by filter_id
        on conflict (account_id, filter_id, counted_on) do update
        set entered_count = segment_days.entered_count + excluded.entered_count,
            left_count = segment_days.left_count + excluded.left_count,
            rebuilt_count = segment_days.rebuilt_count + excluded.rebuilt_count
    ),
    announced as (
        select f.filter_uid, moves.fan_id, moves.is_entry
        from moves join filters f on f.account_id = $1 and f.filter_id = moves.filter_id
        where moves.is_announced
    ),
    announcements as (
        {announce(SEGMENT_ENTERED, "announced where is_entry", at="{now}")}
        {also(SEGMENT_LEFT, "announced where not is_entry", at="{now}")}
    )
"""  # noqa: S608 - fixed parts
STORE_MOVES = f"""
    with {HOLD},
    moves as materialized (
        select * from unnest($3::bigint[], $4::bigint[], $5::boolean[], $6::boolean[])
            as m (filter_id, fan_id, is_entry, is_announced)
    ),
    {APPLY_MOVES.format(now="$2", day="$7")}
    select count(*) from moves
"""  # noqa: S608 - fixed parts
# Compares the fans after {first} up to {last} who meet the condition with the members among them.
BUILD_CHUNK = f"""
    with {HOLD},
    inside as materialized (
        select f.fan_id from fans f
        where f.account_id = $1 and f.fan_id > {{first}} and f.fan_id <= {{last}} and {{condition}}
    ),
    members as materialized (
        select m.fan_id from segment_members m
        where m.account_id = $1 and m.filter_id = {{filter}} and m.fan_id > {{first}} and m.fan_id <= {{last}}
    ),
    moves as materialized (
        select {{filter}}::bigint as filter_id, coalesce(i.fan_id, m.fan_id) as fan_id,
               i.fan_id is not null as is_entry, {{is_announced}}::boolean as is_announced
        from inside i full join members m on m.fan_id = i.fan_id
        where i.fan_id is null or m.fan_id is null
    ),
    {APPLY_MOVES}
    select count(*) from moves
"""  # noqa: S608 - fixed parts


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


async def try_lock_members(db: Db, account_id: int) -> bool:
    """Try to lock the members of an account for this transaction; return whether that was possible."""
    is_free: bool = await db.value("select pg_try_advisory_xact_lock($1)", lock_key("segment_members", account_id))
    return is_free


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
    await tx.value("select set_config('plan_cache_mode', 'force_generic_plan', true)")
    live = await live_filters(tx, account, now)
    await _schedule_builds(tx, account.id, live, is_stale=is_stale)
    moves = await _moves(tx, account, live, fans_by_fact(changes))
    await _store_moves(tx, account, moves, {each.filter_id for each in live if each.is_built}, now)


async def _moves(tx: Db, account: Account, live: Iterable[LiveFilter], fans: dict[str, set[int]]) -> list[Move]:
    """Return the moves of the fans whose facts changed (`fans`, by fact): from the index, else by SQL per filter."""
    affected = [(each, set().union(*(fans.get(name, ()) for name in (*each.facts, EVERYTHING)))) for each in live]
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


def _plan(live: LiveFilter) -> Plan | None:
    with filter_fault(live.filter_id):
        return plan_of(live.criteria, live.context)


async def _schedule_builds(tx: Db, account_id: int, live: Iterable[LiveFilter], *, is_stale: bool) -> None:
    """Schedule builds of the filters whose condition changed since their last build, or of all if `is_stale`."""
    for each in live:
        if is_stale or each.digest != each.built_digest:
            await tx.execute(
                """
                update filter_states set condition_digest = $3, build_from = $4
                where account_id = $1 and filter_id = $2
                """,
                account_id,
                each.filter_id,
                each.digest,
                BEFORE_FIRST,
            )


async def _store_moves(tx: Db, account: Account, moves: list[Move], announced_ids: set[int], now: datetime) -> None:
    if not moves:
        return
    await tx.value(
        STORE_MOVES,
        account.id,
        now,
        [each.filter_id for each in moves],
        [each.fan_id for each in moves],
        [each.is_entry for each in moves],
        [each.filter_id in announced_ids for each in moves],
        today(account, now),
    )


async def _store_progress(tx: Db, account_id: int, position: int, day: date, now: datetime) -> None:
    await tx.execute(
        "update segment_progress set position = $2, followed_on = $3, followed_at = $4 where account_id = $1",
        account_id,
        position,
        day,
        now,
    )


async def build(db: Db, account: Account, now: datetime) -> bool:
    """Evaluate the next chunk of fans for a filter that is being built; return whether there is one."""
    async with db.transaction() as tx:
        if not await try_lock_members(tx, account.id):
            return False
        account = await account_by_id(tx, account.id)
        filter_id = await filter_to_build(tx, account.id, now)
        # Only this filter: to compile two hundred for each chunk took more time than the chunk.
        live = [] if filter_id is None else await live_filters(tx, account, now, filter_id=filter_id)
        if not live:
            return False
        await _schedule_builds(tx, account.id, live, is_stale=False)
        with filter_fault(live[0].filter_id):
            await _build_chunk(tx, account, live[0], now)
    return True


async def _build_chunk(tx: Db, account: Account, live: LiveFilter, now: datetime) -> None:
    """Update the members among the next chunk of fans; complete the build with the last chunk."""
    is_begun = live.digest == live.built_digest and live.build_from is not None
    last_fan_id = live.build_from if is_begun else BEFORE_FIRST
    chunk_end: int | None = await tx.value(
        "select fan_id from fans where account_id = $1 and fan_id > $2 order by fan_id offset $3 limit 1",
        account.id,
        last_fan_id,
        CHUNK - 1,
    )
    names = ("now", "first", "last", "filter", "is_announced", "day")
    args, marks = live.condition.with_arguments(
        now, last_fan_id, chunk_end or MAX_FAN_ID, live.filter_id, live.is_built, today(account, now)
    )
    await tx.value("select set_config('plan_cache_mode', 'force_custom_plan', true)")
    # `is true` keeps the planner from grouping the tickets of all fans for each chunk.
    condition = f"({live.condition.sql}) is true" if "group by" in live.condition.sql else live.condition.sql
    sql = Composed(BUILD_CHUNK.format(condition=condition, **dict(zip(names, marks, strict=True))))
    await tx.value(sql, *args)
    if chunk_end is not None:
        await tx.execute(
            "update filter_states set build_from = $3 where account_id = $1 and filter_id = $2",
            account.id,
            live.filter_id,
            chunk_end,
        )
    else:
        await _end_build(tx, account.id, live.filter_id, now)


END_BUILD = f"""
    with {HOLD},
    former as materialized (
        select filter_id, built_at, member_count from filter_states where account_id = $1 and filter_id = $2
    ),
    completed as (
        update filter_states set build_from = null, built_at = coalesce(built_at, $3)
        where account_id = $1 and filter_id = $2
    ),
    first_build as (
        select f.filter_uid, former.member_count
        from former join filters f on f.account_id = $1 and f.filter_id = former.filter_id
        where former.built_at is null
    )
    {announce(SEGMENT_BUILT, "first_build", at="$3")}
"""  # noqa: S608 - fixed parts


async def _end_build(tx: Db, account_id: int, filter_id: int, now: datetime) -> None:
    """Complete a build. The first build of a filter is announced as a whole, instead of each fan."""
    await faults.clear(tx, account_id, filters.JOB, str(filter_id))
    await tx.execute(
        END_BUILD,
        account_id,
        filter_id,
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
