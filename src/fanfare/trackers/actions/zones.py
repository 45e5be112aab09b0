"""Moves clicks and sales to the days of another time zone; part of the transaction that changes the account's."""

from fanfare.kernel.data.db import Db, Heavy
from fanfare.trackers.actions.click_days import count_clicks

DAYS = "(c.clicked_at at time zone $2)::date as old_date, (c.clicked_at at time zone $3)::date as new_date"
# Only differences are added: clicks that are being stored meanwhile keep the day that their statement saw.
MOVE_CLICKS = f"""
    with moved as materialized (
        select c.tracker_id, c.verdict, {DAYS}
        from tracker_clicks c join trackers t on t.account_id = c.account_id and t.tracker_id = c.tracker_id
        where c.account_id = $1 and (c.clicked_at at time zone $2)::date <> (c.clicked_at at time zone $3)::date
    ),
    steps as materialized (
        select tracker_id, old_date as figure_date, verdict, -count(*) as step from moved group by 1, 2, 3
        union all
        select tracker_id, new_date, verdict, count(*) from moved group by 1, 2, 3
    ),
    counted as (
        {count_clicks("steps", "verdict", "step")}
    )
    select count(*) from moved
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


async def move_days(db: Db, account_id: int, old_zone: str, zone: str) -> tuple[int, int]:
    """Move the figures of clicks and sales to the days of a zone; return how many clicks and sales were moved."""
    sale_count: int = await db.value(MOVE_SALES, account_id, zone)
    # Last: clicks of the same day wait for this transaction.
    click_count: int = await db.value(MOVE_CLICKS, account_id, old_zone, zone)
    return click_count, sale_count


async def count_moves(db: Db, account_id: int, old_zone: str, zone: str) -> tuple[int, int]:
    """Return how many clicks and sales are of another day in a zone."""
    click_count: int = await db.value(COUNT_CLICKS, account_id, old_zone, zone)
    sale_count: int = await db.value(COUNT_SALES, account_id, zone)
    return click_count, sale_count
