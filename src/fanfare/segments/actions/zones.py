"""Moves who entered and left filters to the days of another time zone, when that of the account changes."""

from fanfare.kernel.data.db import Db, Heavy
from fanfare.segments.actions.liveness import lock_members

# Of a filter, what came after the build of its present criteria: of what was before, nobody knows any more whether a
# fan moved or a build moved them.
MOVES = """
    select v.filter_id, v.old_day, v.new_day, v.entered, v.gone from (
        select m.filter_id, (m.entered_at at time zone $2)::date as old_day,
               (m.entered_at at time zone $3)::date as new_day, 1 as entered, 0 as gone
        from segment_members m join filter_states s on s.account_id = m.account_id and s.filter_id = m.filter_id
        where m.account_id = $1 and m.entered_at > s.built_at
        union all
        select t.filter_id, (t.entered_at at time zone $2)::date, (t.entered_at at time zone $3)::date, 1, 0
        from segment_stays t join filter_states s on s.account_id = t.account_id and s.filter_id = t.filter_id
        where t.account_id = $1 and t.entered_at > s.built_at
        union all
        select t.filter_id, (t.left_at at time zone $2)::date, (t.left_at at time zone $3)::date, 0, 1
        from segment_stays t join filter_states s on s.account_id = t.account_id and s.filter_id = t.filter_id
        where t.account_id = $1 and t.left_at > s.built_at) v
    where v.old_day <> v.new_day
"""
MOVE = f"""
    with moves as materialized ({MOVES}),
    counted as (
        insert into segment_days as d (account_id, filter_id, counted_on, entered_count, left_count)
        select $1, x.filter_id, x.day, sum(x.entered), sum(x.gone)
        from (select filter_id, old_day as day, -entered as entered, -gone as gone from moves
              union all select filter_id, new_day, entered, gone from moves) x
        group by x.filter_id, x.day order by x.filter_id, x.day
        on conflict (account_id, filter_id, counted_on) do update
        set entered_count = d.entered_count + excluded.entered_count, left_count = d.left_count + excluded.left_count
    ),
    followed as (
        update segment_progress set followed_on = followed_on - 2 where account_id = $1
    )
    select count(*) from moves
"""  # noqa: S608 - fixed parts
COUNT = Heavy(f"select count(*) from ({MOVES}) moves")  # noqa: S608 - fixed parts


async def move_days(db: Db, account_id: int, old_zone: str, zone: str) -> int:
    """Move enters and leaves to the days of a zone, and let members be found again; return how many were moved."""
    await lock_members(db, account_id)
    count: int = await db.value(MOVE, account_id, old_zone, zone)
    return count


async def count_moves(db: Db, account_id: int, old_zone: str, zone: str) -> int:
    """Return how many enters and leaves are of another day in a zone."""
    count: int = await db.value(COUNT, account_id, old_zone, zone)
    return count
