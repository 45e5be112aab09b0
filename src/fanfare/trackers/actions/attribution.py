"""Credits clicks with sales, and keeps the figures of trackers in the same transaction.

A click within five days before a sale is credited if it was of the same browser or fan, or is named by the page, counts
as a person's, and the tracker's pattern matches the name of the event. Everything is computed from stored rows, so it
can be done again at any time with the same result.
"""

from collections.abc import Sequence
from functools import partial

from fanfare.kernel.data.db import Db
from fanfare.trackers.actions.day_locks import lock_sales

WINDOW_DAYS = 5
# Clicks of one browser or fan that are looked at.
MAX_CLICKS = 500
# Trackers with a pattern that a sale without a click is compared with, the newest.
MAX_WILDCARDS = 1000
# A pattern with * and ? as one of LIKE.
PATTERN = r"""
    replace(replace(replace(replace(replace({column}, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'), '?', '_')
"""


def is_in_time(sold_at: str) -> str:
    """Return the condition that a click `c` counts and may be credited with a sale at a time."""
    start = f"{sold_at} - interval '{WINDOW_DAYS} days'"
    return f"c.verdict = 'human' and c.clicked_at <= {sold_at} and c.clicked_at > {start}"


def matches(name: str) -> str:
    """Return the condition that a tracker `t` is credited with sales of a name."""
    pattern = PATTERN.format(column="t.purchase_event_wildcard")
    return f"(t.purchase_event_wildcard is null or {name} like {pattern})"


REMOVE = """
    with removed as (
        delete from tracker_shares where account_id = $1 and event_id = any($2::bigint[])
        returning tracker_id, figure_date, currency, purchase_count, purchase_amount
    ),
    sums as (
        select r.tracker_id, r.figure_date, r.currency, sum(r.purchase_count) as purchase_count,
               sum(r.purchase_amount) as purchase_amount
        from removed r
        join trackers t on t.account_id = $1 and t.tracker_id = r.tracker_id
        group by r.tracker_id, r.figure_date, r.currency
        order by r.tracker_id, r.figure_date, r.currency
    )
    update tracker_sale_days d
    set purchase_count = d.purchase_count - s.purchase_count, purchase_amount = d.purchase_amount - s.purchase_amount
    from sums s
    where d.account_id = $1 and d.tracker_id = s.tracker_id and d.figure_date = s.figure_date
      and d.currency = s.currency
"""
# Lines of an order that are looked at: one key may stand for thousands of complimentary tickets.
MAX_LINES = 1000
# An order counts with the first of its lines that was not taken back, unless more came back than was sold.
ORDERS = f"""
    lines as materialized (
        select named.event_source, named.network, named.order_key, o.event_id, o.is_returned, o.quantity
        from (
            select distinct event_source, network, order_key from tracker_events
            where account_id = $1 and event_id = any($2::bigint[]) and order_key is not null) as named
        cross join lateral (
            select event_id, is_returned, quantity from tracker_events
            where account_id = $1 and order_key = named.order_key and event_source = named.event_source
              and network = named.network
            order by event_id limit {MAX_LINES}) as o
    ),
    orders as materialized (
        select event_source, network, order_key, min(event_id) filter (where not is_returned) as first_id,
               sum(quantity) filter (where not is_returned) as quantity
        from lines
        group by event_source, network, order_key
    )
"""  # noqa: S608 - fixed parts
# Those lines of the same orders that an order was counted with, or is to be counted with now.
COUNTED_LINES = f"""
    with {ORDERS}
    select e.event_id
    from orders o
    join lines l on l.order_key = o.order_key and l.event_source = o.event_source and l.network = o.network
    join tracker_events e on e.account_id = $1 and e.event_id = l.event_id
    where e.event_id = o.first_id or exists (
        select from tracker_shares s where s.account_id = $1 and s.event_id = e.event_id and s.purchase_count <> 0)
    order by e.event_id
    for update of e
"""  # noqa: S608 - fixed parts
ATTRIBUTE = f"""
    with rule as materialized (
        select coalesce((select attribution from tracker_settings where account_id = $1), 'last_click') as name
    ),
    {ORDERS},
    sales as materialized (
        select e.event_id, e.created_at, e.purchase_amount, e.currency, e.purchase_event_name, e.click_id,
               e.visitor_uid, e.fan_id, (e.created_at at time zone a.time_zone)::date as figure_date,
               e.order_key is not null and exists (
                   select from tracker_events o
                   where o.account_id = $1 and o.order_key = e.order_key
                     and o.event_source = any (array_remove(array['pixel', 'purchase', 'ticket'], e.event_source))
                     and o.event_id < e.event_id and o.is_clicked) as is_duplicate,
               case when e.order_key is null then (not e.is_returned and e.quantity > 0)::int
                    else coalesce(o.first_id = e.event_id and o.quantity > 0, false)::int end as order_count
        from tracker_events e
        join accounts a on a.account_id = $1
        left join orders o on o.event_source = e.event_source and o.network = e.network and o.order_key = e.order_key
        where e.account_id = $1 and e.event_id = any($2::bigint[])
    ),
    candidates as materialized (
        select distinct s.event_id, c.click_id, c.tracker_id, c.clicked_at
        from sales s
        cross join lateral (
            select c.click_id, c.tracker_id, c.clicked_at from tracker_clicks c
            where c.account_id = $1 and c.click_id = s.click_id and {is_in_time("s.created_at")}
            union all
            (select c.click_id, c.tracker_id, c.clicked_at from tracker_clicks c
             where c.account_id = $1 and c.visitor_uid = s.visitor_uid and {is_in_time("s.created_at")}
             order by c.click_id desc limit {MAX_CLICKS})
            union all
            (select c.click_id, c.tracker_id, c.clicked_at from tracker_clicks c
             where c.account_id = $1 and c.fan_id = s.fan_id and {is_in_time("s.created_at")}
             order by c.click_id desc limit {MAX_CLICKS})) as c
        join trackers t on t.account_id = $1 and t.tracker_id = c.tracker_id
        where not s.is_duplicate and {matches("s.purchase_event_name")}
    ),
    ranked as materialized (
        select event_id, click_id, tracker_id, count(*) over (partition by event_id) as click_count,
               row_number() over (partition by event_id order by clicked_at desc, click_id desc) as from_last,
               row_number() over (partition by event_id order by clicked_at, click_id) as from_first
        from candidates
    ),
    credits as materialized (
        select s.event_id, r.click_id, r.tracker_id, s.figure_date, s.currency, r.from_last,
               case when rule.name = 'linear' then r.click_count else 1 end as parts, s.order_count, s.purchase_amount
        from ranked r join sales s on s.event_id = r.event_id cross join rule
        where rule.name = 'linear' or (rule.name = 'last_click' and r.from_last = 1)
           or (rule.name = 'first_click' and r.from_first = 1)
    ),
    -- Of what cannot be divided, the last click gets the rest.
    shares as materialized (
        select event_id, click_id, tracker_id, figure_date, currency, from_last,
               case when parts > 1 and from_last = 1
                    then order_count - round(order_count::numeric / parts, 4) * (parts - 1)
                    else round(order_count::numeric / parts, 4) end as purchase_count,
               case when parts > 1 and from_last = 1
                    then purchase_amount - round(purchase_amount / parts, 4) * (parts - 1)
                    else round(purchase_amount / parts, 4) end as purchase_amount
        from credits
    ),
    saved as (
        insert into tracker_shares (account_id, event_id, click_id, tracker_id, figure_date, currency, purchase_count,
                                    purchase_amount)
        select $1, event_id, click_id, tracker_id, figure_date, currency, purchase_count, purchase_amount from shares
    ),
    counted as (
        insert into tracker_sale_days as d (account_id, tracker_id, figure_date, currency, purchase_count,
                                            purchase_amount)
        select $1, tracker_id, figure_date, currency, sum(purchase_count), sum(purchase_amount) from shares
        group by tracker_id, figure_date, currency
        order by tracker_id, figure_date, currency
        on conflict (account_id, tracker_id, figure_date, currency) do update
        set purchase_count = d.purchase_count + excluded.purchase_count,
            purchase_amount = d.purchase_amount + excluded.purchase_amount
    ),
    owners as materialized (
        select s.event_id,
               (select h.tracker_id from shares h where h.event_id = s.event_id
                order by h.from_last limit 1) as tracker_id,
               (select w.tracker_id
                from (select t.tracker_id, t.purchase_event_wildcard from trackers t
                      where t.account_id = $1 and t.purchase_event_wildcard is not null
                      order by t.tracker_id desc limit {MAX_WILDCARDS}) as w
                where s.purchase_event_name like {PATTERN.format(column="w.purchase_event_wildcard")}
                order by length(w.purchase_event_wildcard) desc, w.tracker_id desc limit 1) as named_tracker_id
        from sales s
    )
    update tracker_events e
    set tracker_id = coalesce(o.tracker_id, o.named_tracker_id), is_clicked = o.tracker_id is not null
    from owners o
    where e.account_id = $1 and e.event_id = o.event_id
"""  # noqa: S608 - fixed parts
CHUNK = 500


async def attribute(db: Db, account_id: int, event_ids: Sequence[int]) -> None:
    """Credit clicks with sales that were credited to none yet; part of the caller's transaction."""
    await lock_sales(db, account_id)
    await db.execute(ATTRIBUTE, account_id, list(event_ids))


async def attribute_again(db: Db, account_id: int, event_ids: Sequence[int]) -> None:
    """Take the credit for sales back, and give it by what is stored now; part of the caller's transaction.

    A change of one line of an order can change with which line the order counts.
    """
    await lock_sales(db, account_id)
    lines = await db.rows(COUNTED_LINES, account_id, list(event_ids))
    all_ids = sorted({*event_ids, *(row["event_id"] for row in lines)})
    await db.execute(REMOVE, account_id, all_ids)
    await attribute(db, account_id, all_ids)


async def attribute_all(db: Db, account_id: int) -> None:
    """Attribute all sales of an account by its present rule, part by part."""
    last_id: int | None = 0
    while last_id is not None:
        last_id = await db.retry_conflicts(partial(_attribute_part, account_id=account_id, after_id=last_id))


async def _attribute_part(db: Db, account_id: int, after_id: int) -> int | None:
    """Attribute the next sales; return the last one, None if there are none."""
    async with db.transaction() as tx:
        rows = await tx.rows(
            """
            select event_id from tracker_events where account_id = $1 and event_id > $2
            order by event_id limit $3 for update
            """,
            account_id,
            after_id,
            CHUNK,
        )
        if rows:
            await attribute_again(tx, account_id, [row["event_id"] for row in rows])
    return rows[-1]["event_id"] if rows else None
