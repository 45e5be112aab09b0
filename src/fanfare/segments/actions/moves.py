"""Moves of fans into filters and out of them, in the transaction that has locked the members."""

from collections.abc import Iterable
from datetime import datetime

from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.search.topics import SEGMENT_ENTERED, SEGMENT_LEFT
from fanfare.segments.queries.live import BEFORE_FIRST, LiveFilter, Move, today

PLAN_MODE = "select set_config('plan_cache_mode', $1, true)"
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


async def try_lock_members(db: Db, account_id: int) -> bool:
    """Try to lock the members of an account for this transaction; return whether that was possible."""
    is_free: bool = await db.value("select pg_try_advisory_xact_lock($1)", lock_key("segment_members", account_id))
    return is_free


async def schedule_builds(tx: Db, account_id: int, live: Iterable[LiveFilter], *, is_stale: bool) -> None:
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


async def store_moves(tx: Db, account: Account, moves: list[Move], announced_ids: set[int], now: datetime) -> None:
    """Store moves; those of the filters among `announced_ids` are announced fan by fan."""
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
