"""Moves clicks and sales to the days of another time zone; part of the transaction that changes the account's."""

from datetime import date

import msgspec

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Heavy
from fanfare.trackers.actions.click_days import count_clicks
from fanfare.trackers.actions.day_locks import lock_all_clicks, lock_all_sales

# Of clicks up to a position, or of later ones: how many of each day are of another one.
MOVED_CLICKS = """
    select c.tracker_id, (c.clicked_at at time zone $2)::date as old_date,
           (c.clicked_at at time zone $3)::date as new_date, c.verdict, count(*) as click_count
    from tracker_clicks c
    where c.account_id = $1 and c.click_id {condition}
      and (c.clicked_at at time zone $2)::date <> (c.clicked_at at time zone $3)::date
    group by 1, 2, 3, 4
"""
FIND_CLICKS = f"""
    select coalesce(array_agg(tracker_id), '{{}}') as tracker_ids, coalesce(array_agg(old_date), '{{}}') as old_dates,
           coalesce(array_agg(new_date), '{{}}') as new_dates, coalesce(array_agg(verdict), '{{}}') as verdicts,
           coalesce(array_agg(click_count), '{{}}') as click_counts
    from ({MOVED_CLICKS.format(condition="<= $4")}) m
"""  # noqa: S608 - fixed parts
# Only differences are added: clicks that are being stored meanwhile keep the day that their statement saw.
MOVE_CLICKS = f"""
    with moved as materialized (
        select m.tracker_id, m.old_date, m.new_date, m.verdict, m.click_count
        from (select * from unnest($5::bigint[], $6::date[], $7::date[], $8::text[], $9::bigint[])
                  as f (tracker_id, old_date, new_date, verdict, click_count)
              union all
              {MOVED_CLICKS.format(condition="> $4")}) m
        join trackers t on t.account_id = $1 and t.tracker_id = m.tracker_id
    ),
    steps as materialized (
        select tracker_id, old_date as figure_date, verdict, -click_count as step from moved
        union all
        select tracker_id, new_date, verdict, click_count from moved
    ),
    counted as (
        {count_clicks("steps", "verdict", "step")}
    )
    select coalesce(sum(click_count), 0)::bigint from moved
"""  # noqa: S608 - fixed parts
MOVE_SALES = """
    with moved as materialized (
        select s.event_id, s.click_id, s.tracker_id, s.currency, s.purchase_count, s.purchase_amount,
               s.figure_date as old_date, (e.created_at at time zone $2)::date as new_date
        from tracker_shares s join tracker_events e on e.account_id = s.account_id and e.event_id = s.event_id
        where s.account_id = $1 and s.figure_date <> (e.created_at at time zone $2)::date
    ),
    updated as (
        update tracker_shares s set figure_date = m.new_date
        from moved m where s.account_id = $1 and s.event_id = m.event_id and s.click_id = m.click_id
    ),
    steps as materialized (
        select tracker_id, old_date as figure_date, currency, -purchase_count as count_step,
               -purchase_amount as amount_step
        from moved
        union all
        select tracker_id, new_date, currency, purchase_count, purchase_amount from moved
    ),
    counted as (
        insert into tracker_sale_days as d (account_id, tracker_id, figure_date, currency, purchase_count,
                                            purchase_amount)
        select $1, s.tracker_id, s.figure_date, s.currency, sum(s.count_step), sum(s.amount_step)
        from steps s join trackers t on t.account_id = $1 and t.tracker_id = s.tracker_id
        group by s.tracker_id, s.figure_date, s.currency
        order by s.tracker_id, s.figure_date, s.currency
        on conflict (account_id, tracker_id, figure_date, currency) do update
        set purchase_count = d.purchase_count + excluded.purchase_count,
            purchase_amount = d.purchase_amount + excluded.purchase_amount
    )
    select count(distinct event_id) from moved
"""
COUNT_CLICKS = Heavy("""
    select count(*) from tracker_clicks c join trackers t on t.account_id = c.account_id and t.tracker_id = c.tracker_id
    where c.account_id = $1 and (c.clicked_at at time zone $2)::date <> (c.clicked_at at time zone $3)::date
""")
COUNT_SALES = Heavy("""
    select count(distinct s.event_id)
    from tracker_shares s join tracker_events e on e.account_id = s.account_id and e.event_id = s.event_id
    where s.account_id = $1 and s.figure_date <> (e.created_at at time zone $2)::date
""")


class MovedClicks(msgspec.Struct, frozen=True):
    """Clicks up to a position that are of another day in a zone: trackers, both days, verdicts and counts, in step."""

    position: int
    columns: tuple[list[int], list[date], list[date], list[str], list[int]]


async def find_clicks(db: Db, account_id: int, old_zone: str, zone: str) -> MovedClicks:
    """Return what `move_clicks` is to move, reading all clicks; until the transaction ends, none is judged again."""
    await lock_all_clicks(db, account_id)
    position = await settled(db, account_id)
    row = await db.row(FIND_CLICKS, account_id, old_zone, zone, position)
    assert row is not None  # noqa: S101 - arrays
    columns = row["tracker_ids"], row["old_dates"], row["new_dates"], row["verdicts"], row["click_counts"]
    return MovedClicks(position, columns)


async def move_clicks(db: Db, account_id: int, old_zone: str, zone: str, steps: MovedClicks) -> int:
    """Move clicks to the days of a zone, those that were found and later ones; return how many were moved."""
    count: int = await db.value(MOVE_CLICKS, account_id, old_zone, zone, steps.position, *steps.columns)
    return count


async def move_sales(db: Db, account_id: int, zone: str) -> int:
    """Move sales to the days of a zone; return how many. Attribution waits until the transaction ends."""
    await lock_all_sales(db, account_id)
    count: int = await db.value(MOVE_SALES, account_id, zone)
    return count


async def count_moves(db: Db, account_id: int, old_zone: str, zone: str) -> tuple[int, int]:
    """Return how many clicks and sales are of another day in a zone."""
    click_count: int = await db.value(COUNT_CLICKS, account_id, old_zone, zone)
    sale_count: int = await db.value(COUNT_SALES, account_id, zone)
    return click_count, sale_count
