"""Builds filters with a new condition, in chunks: what came before a chunk is in it, what comes later is in the log."""

from datetime import datetime

from fanfare.accounts.queries import account_by_id
from fanfare.audience import counting
from fanfare.kernel.callers import Account
from fanfare.kernel.data import faults
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Composed, Db
from fanfare.search.criteria.uses import plan_of
from fanfare.search.criteria.where import Condition, Where, where
from fanfare.search.topics import SEGMENT_BUILT
from fanfare.segments.actions.moves import APPLY_MOVES, PLAN_MODE, schedule_builds, try_lock_members
from fanfare.segments.queries import filters
from fanfare.segments.queries.live import LiveFilter, filter_fault, filter_to_build, live_filters, today

# How many fans one transaction goes through: of all fans, or of members that the audience index tells.
CHUNK = 20_000
INDEXED_CHUNK = 10_000
MAX_FAN_ID = 2**63 - 1
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
        await schedule_builds(tx, account.id, live, is_stale=False)
        with filter_fault(live[0].filter_id):
            await _build_chunk(tx, account, live[0], now)
    return True


async def _build_chunk(tx: Db, account: Account, live: LiveFilter, now: datetime) -> None:
    """Update the members among the next chunk of fans; complete the build with the last chunk."""
    last_fan_id = live.last_fan_id
    condition, chunk_end = await _next_chunk(tx, account, live, last_fan_id)
    names = ("now", "first", "last", "filter", "is_announced", "day")
    args, marks = condition.with_arguments(
        now, last_fan_id, chunk_end or MAX_FAN_ID, live.filter_id, live.is_built, today(account, now)
    )
    # `is true` keeps the planner from grouping the tickets of all fans for each chunk.
    text = f"({condition.sql}) is true" if "group by" in condition.sql else condition.sql
    await tx.value(Composed(BUILD_CHUNK.format(condition=text, **dict(zip(names, marks, strict=True)))), *args)
    if chunk_end is not None:
        await tx.execute(
            "update filter_states set build_from = $3 where account_id = $1 and filter_id = $2",
            account.id,
            live.filter_id,
            chunk_end,
        )
    else:
        await _end_build(tx, account.id, live.filter_id, now)


async def _next_chunk(tx: Db, account: Account, live: LiveFilter, last_fan_id: int) -> tuple[Where, int | None]:
    """Return the condition of the next fans, and the last of them, None for the rest of all fans.

    The audience index tells the next members of most filters; without its answer the tables are asked, chunk by chunk.
    """
    plan = plan_of(live.criteria, live.context)
    fan_ids = None if plan is None else await counting.next_fans(tx, account, plan, last_fan_id, INDEXED_CHUNK)
    if fan_ids is not None:
        # The ids are ten thousand, and the plan is the same for all of them.
        await tx.value(PLAN_MODE, "force_generic_plan")
        condition = where(account.id, [Condition("f.fan_id = any({}::bigint[])", (fan_ids,))])
        return condition, fan_ids[-1] if len(fan_ids) == INDEXED_CHUNK else None
    await tx.value(PLAN_MODE, "force_custom_plan")
    chunk_end: int | None = await tx.value(
        "select fan_id from fans where account_id = $1 and fan_id > $2 order by fan_id offset $3 limit 1",
        account.id,
        last_fan_id,
        CHUNK - 1,
    )
    return live.condition, chunk_end


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
