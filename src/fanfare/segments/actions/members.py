"""Keeps the members of active filters right: follows the change log, and builds filters whose condition became another.

One worker at a time keeps an account, by an advisory lock that its transaction holds. What it finds, what it announces
and its place in the log are written together, so a worker that dies loses and doubles nothing. Looking at fans takes no
lock on them and holds no position: only the write at the end does. docs/decisions/0018-live-segments.md
"""

import time
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import structlog

from fanfare.audience import counting
from fanfare.kernel.callers import Account
from fanfare.kernel.data import faults
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.changes import feed
from fanfare.kernel.data.db import Composed, Db
from fanfare.kernel.data.locks import lock_key
from fanfare.search.criteria.facts import EVERYTHING, touched
from fanfare.search.criteria.plans import Plan
from fanfare.search.criteria.uses import plan
from fanfare.search.topics import SEGMENT_BUILT, SEGMENT_ENTERED, SEGMENT_LEFT
from fanfare.segments.actions.liveness import BEGINNING, wait_for_members
from fanfare.segments.queries import filters
from fanfare.segments.queries.live import (
    FilterFault,
    LiveFilter,
    Move,
    SettingFault,
    blame,
    different,
    find_fault,
    find_moves,
    live_filters,
    today,
)

log = structlog.get_logger()

# Changes followed, and fans looked at by a build, in one transaction.
BATCH = 1000
CHUNK = 20_000
# After so long a build lets the following have its turn.
BUILD_SECONDS = 0.15
LAST_FAN = 2**63 - 1
# After so long without following, changes may have been trimmed off the log unread.
LONGEST_GAP = timedelta(hours=24)
TABLES = ("segment_members", "segment_stays")

# From the CTE `moved` (filter_id, fan_id, is_entry, is_told): the members, the memberships that ended (of a fan who is
# still there), the counts, and what is announced.
MOVE = f"""
    come as (
        insert into segment_members (account_id, filter_id, fan_id, entered_at)
        select $1, filter_id, fan_id, {{now}} from moved where is_entry
        returning filter_id
    ),
    gone as (
        delete from segment_members m using moved
        where m.account_id = $1 and m.filter_id = moved.filter_id and m.fan_id = moved.fan_id and not moved.is_entry
        returning m.filter_id, m.fan_id, m.entered_at
    ),
    stayed as (
        insert into segment_stays (account_id, filter_id, fan_id, entered_at, left_at)
        select $1, g.filter_id, g.fan_id, g.entered_at, {{now}} from gone g
        where exists (select from fans f where f.account_id = $1 and f.fan_id = g.fan_id)
        on conflict (account_id, filter_id, fan_id, entered_at) do update set left_at = excluded.left_at
    ),
    counted as (
        update filter_states s set member_count = s.member_count + d.more
        from (select filter_id, sum(one) as more
              from (select filter_id, 1 as one from come union all select filter_id, -1 from gone) each
              group by filter_id) d
        where s.account_id = $1 and s.filter_id = d.filter_id
    ),
    news as (
        select f.filter_uid, moved.fan_id, moved.is_entry
        from moved join filters f on f.account_id = $1 and f.filter_id = moved.filter_id
        where moved.is_told
    ),
    told as (
        {announce(SEGMENT_ENTERED, "news where is_entry", at="{now}")}
        {also(SEGMENT_LEFT, "news where not is_entry", at="{now}")}
    )
"""  # noqa: S608 - fixed parts
MOVE_FOUND = f"""
    with {HOLD},
    moved as materialized (
        select * from unnest($3::bigint[], $4::bigint[], $5::boolean[], $6::boolean[])
            as g (filter_id, fan_id, is_entry, is_told)
    ),
    {MOVE.format(now="$2")}
    select count(*) from moved
"""  # noqa: S608 - fixed parts
# The fans from behind {after} up to {upto}, in the table and among the members.
MOVE_CHUNK = f"""
    with {HOLD},
    inside as materialized (
        select f.fan_id from fans f
        where f.account_id = $1 and f.fan_id > {{after}} and f.fan_id <= {{upto}} and {{condition}}
    ),
    kept as materialized (
        select m.fan_id from segment_members m
        where m.account_id = $1 and m.filter_id = {{filter}} and m.fan_id > {{after}} and m.fan_id <= {{upto}}
    ),
    moved as materialized (
        select {{filter}}::bigint as filter_id, coalesce(i.fan_id, k.fan_id) as fan_id,
               i.fan_id is not null as is_entry, {{told}}::boolean as is_told
        from inside i full join kept k on k.fan_id = i.fan_id
        where i.fan_id is null or k.fan_id is null
    ),
    {MOVE}
    select count(*) from moved
"""  # noqa: S608 - fixed parts


async def keep_members(db: Db, account: Account, now: datetime) -> bool:
    """Follow the next changes of an account and go on with builds; tell whether there was anything to do.

    A filter that cannot be asked is set aside, so that the others go on without it.
    """
    try:
        return await _keep_members(db, account, now)
    except FilterFault as fault:
        await _set_aside(db, account.id, fault, now)
        return True


async def _keep_members(db: Db, account: Account, now: datetime) -> bool:
    try:
        has_work = await follow(db, account, now)
        start = time.monotonic()
        while await build(db, account, now):
            has_work = True
            if time.monotonic() - start > BUILD_SECONDS:
                break
    except SettingFault as fault:
        await find_fault(db, account, now)
        # It is that of none alone, so the account has it.
        raise fault.__cause__ or fault from None
    return has_work


async def _set_aside(db: Db, account_id: int, fault: FilterFault, now: datetime) -> None:
    """Note a filter's fault; when it is tried again it is built from the beginning, since it followed nothing since."""
    cause = fault.__cause__ or fault
    log.warning("filter skipped", account_id=account_id, filter_id=fault.filter_id, exc_info=cause)
    async with db.transaction() as tx:
        await wait_for_members(tx, account_id)
        # Not when it was deleted or turned off meanwhile.
        is_kept = await tx.value(
            """
            update filter_states set build_from = $3
            where account_id = $1 and filter_id = $2 returning true
            """,
            account_id,
            fault.filter_id,
            BEGINNING,
        )
        if is_kept:
            place = account_id, filters.JOB, str(fault.filter_id)
            await faults.note(tx, place, faults.description_of(cause), now)


async def hold_members(db: Db, account_id: int) -> bool:
    """Keep others from the members of an account until this transaction ends; tell whether they are free."""
    is_free: bool = await db.value("select pg_try_advisory_xact_lock($1)", lock_key("segment_members", account_id))
    return is_free


async def follow(db: Db, account: Account, now: datetime) -> bool:
    """Look again at the fans of the next changes; tell whether there were any."""
    async with db.transaction() as tx:
        if not await hold_members(tx, account.id):
            return False
        progress = await tx.row(
            "select position, followed_on, followed_at from segment_progress where account_id = $1", account.id
        )
        if progress is None:
            return False
        page = await feed(tx, account.id, progress["position"], BATCH)
        day = today(account, now)
        if not page.changes and progress["followed_on"] == day:
            return False
        await tx.value("select set_config('plan_cache_mode', 'force_generic_plan', true)")
        live = await live_filters(tx, account, now)
        await _begin_builds(tx, account.id, live, is_lost=now - progress["followed_at"] > LONGEST_GAP)
        moves = await _moves(tx, account, live, touched(page.changes))
        await _write(tx, account.id, moves, {each.filter_id for each in live if each.is_built}, now)
        await _note(tx, account.id, page.position, day, now)
    return True


async def _moves(tx: Db, account: Account, live: Iterable[LiveFilter], fans: dict[str, set[int]]) -> list[Move]:
    """Return who entered and left: those filters that the audience index knows are asked of it at once."""
    affected = [(each, set().union(*(fans.get(name, ()) for name in (*each.reads, EVERYTHING)))) for each in live]
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
    moves = await different(tx, account.id, all_moves) if all_moves else []
    filter_ids = {each.filter_id for each, _, _ in indexed}
    for each, fan_ids, _ in with_plans:
        if each.filter_id not in filter_ids:
            moves += await find_moves(tx, each, fan_ids)
    return moves


def _plan(live: LiveFilter) -> Plan | None:
    with blame(live.filter_id):
        return plan(live.criteria, live.context)


async def _begin_builds(tx: Db, account_id: int, live: Iterable[LiveFilter], *, is_lost: bool) -> None:
    """Let those filters be built whose members stand for another condition: changed, of another day, of other names."""
    for each in live:
        if is_lost or each.digest != each.stands_for:
            await tx.execute(
                """
                update filter_states set condition_digest = $3, build_from = $4
                where account_id = $1 and filter_id = $2
                """,
                account_id,
                each.filter_id,
                each.digest,
                BEGINNING,
            )


async def _write(tx: Db, account_id: int, moves: list[Move], announced_ids: set[int], now: datetime) -> None:
    if not moves:
        return
    await tx.value(
        MOVE_FOUND,
        account_id,
        now,
        [each.filter_id for each in moves],
        [each.fan_id for each in moves],
        [each.is_entry for each in moves],
        [each.filter_id in announced_ids for each in moves],
    )


async def _note(tx: Db, account_id: int, position: int, day: date, now: datetime) -> None:
    await tx.execute(
        "update segment_progress set position = $2, followed_on = $3, followed_at = $4 where account_id = $1",
        account_id,
        position,
        day,
        now,
    )


async def build(db: Db, account: Account, now: datetime) -> bool:
    """Look at the next fans of a filter that is being built; tell whether there is one."""
    async with db.transaction() as tx:
        if not await hold_members(tx, account.id):
            return False
        building = await tx.value(
            "select filter_id from filter_states where account_id = $1 and build_from is not null limit 1", account.id
        )
        if building is None:
            return False
        live = await live_filters(tx, account, now)
        await _begin_builds(tx, account.id, live, is_lost=False)
        # First what nobody can read yet, then the shorter way to the end.
        target = min(
            (each for each in live if each.build_from is not None or each.digest != each.stands_for),
            key=lambda each: (each.is_built, -(each.build_from or 0), each.filter_id),
            default=None,
        )
        if target is None:
            return False
        with blame(target.filter_id):
            await _build_on(tx, account.id, target, now)
    return True


async def _build_on(tx: Db, account_id: int, live: LiveFilter, now: datetime) -> None:
    """Bring the members among the next fans to what the condition says; end the build with the last of them."""
    is_begun = live.digest == live.stands_for and live.build_from is not None
    last_fan_id = live.build_from if is_begun else BEGINNING
    upto: int | None = await tx.value(
        "select fan_id from fans where account_id = $1 and fan_id > $2 order by fan_id offset $3 limit 1",
        account_id,
        last_fan_id,
        CHUNK - 1,
    )
    names = ("now", "after", "upto", "filter", "told")
    args, marks = live.condition.with_arguments(now, last_fan_id, upto or LAST_FAN, live.filter_id, live.is_built)
    await tx.value("select set_config('plan_cache_mode', 'force_custom_plan', true)")
    # What is grouped would be grouped for everybody once in each chunk.
    condition = f"({live.condition.sql}) is true" if "group by" in live.condition.sql else live.condition.sql
    sql = Composed(MOVE_CHUNK.format(condition=condition, **dict(zip(names, marks, strict=True))))
    await tx.value(sql, *args)
    if upto is not None:
        await tx.execute(
            "update filter_states set build_from = $3 where account_id = $1 and filter_id = $2",
            account_id,
            live.filter_id,
            upto,
        )
    else:
        await _end_build(tx, account_id, live.filter_id, now)


END_BUILD = f"""
    with {HOLD},
    old as materialized (
        select filter_id, built_at, member_count from filter_states where account_id = $1 and filter_id = $2
    ),
    ended as (
        update filter_states set build_from = null, built_at = coalesce(built_at, $3)
        where account_id = $1 and filter_id = $2
    ),
    first as (
        select f.filter_uid, old.member_count
        from old join filters f on f.account_id = $1 and f.filter_id = old.filter_id
        where old.built_at is null
    )
    {announce(SEGMENT_BUILT, "first", at="$3")}
"""  # noqa: S608 - fixed parts


async def _end_build(tx: Db, account_id: int, filter_id: int, now: datetime) -> None:
    """Note that all fans were looked at; the first time is announced, in place of the fans one by one."""
    await faults.clear(tx, account_id, filters.JOB, str(filter_id))
    await tx.execute(
        END_BUILD,
        account_id,
        filter_id,
        now,
    )


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Give the memberships of one fan that ended to another; the present ones follow from the change log."""
    await db.execute(
        """
        with gone as (
            delete from segment_stays where account_id = $1 and fan_id = $2 returning filter_id, entered_at, left_at
        )
        insert into segment_stays (account_id, filter_id, fan_id, entered_at, left_at)
        select $1, filter_id, $3, entered_at, left_at from gone
        on conflict (account_id, filter_id, fan_id, entered_at) do nothing
        """,
        account_id,
        old_fan_id,
        fan_id,
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete the memberships of a fan that ended; the present ones follow from the change log, which tells of it."""
    await db.execute("delete from segment_stays where account_id = $1 and fan_id = $2", account_id, fan_id)
