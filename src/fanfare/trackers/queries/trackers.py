"""Reads trackers with their figures, which are kept by day: none is counted here."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from fanfare.kernel.callers import Account
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.wire import day_of
from fanfare.trackers.queries.hosts import shared_host
from fanfare.trackers.schemas.trackers import DAYS, FigureDays, Tracker, TrackerQuery, TrackersQuery
from fanfare.trackers.verdicts.rules import COUNT_COLUMNS

JOIN = "join trackers t on t.account_id = $1 and t.tracker_id = chosen.tracker_id"
COUNTS = ", ".join(f"'{verdict}', nullif(clicks.{column}, 0)" for verdict, column in COUNT_COLUMNS.items())
SUMS = ", ".join(f"sum({column})::bigint as {column}" for column in COUNT_COLUMNS.values())
SELECT = f"""
    select t.tracker_id as position, t.tracker_id, t.account_id,
           floor(extract(epoch from t.created_at))::bigint as creation_timestamp,
           t.tracker_name, t.tracker_group_name, t.target_url, t.host, t.tracker_key, t.purchase_event_wildcard,
           t.tracker_marketing_group_name, t.network, t.page_tab_id, t.utm_params,
           t.is_click_id_passed,
           t.password_hash is not null as is_password_required,
           floor(extract(epoch from t.expires_at))::bigint as expiration_timestamp,
           to_char(t.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as creation_timestamp_iso,
           jsonb_strip_nulls(jsonb_build_object({COUNTS})) as click_counts,
           coalesce(clicks.human_count, 0) as total_tracker_click_count,
           coalesce(sales.purchase_count, 0) as attributed_purchase_count,
           coalesce(sales.purchase_amount, 0) as attributed_purchase_amount,
           coalesce(sales.other_amounts, jsonb_build_object()) as other_currency_amounts
"""  # noqa: S608 - fixed parts
# By tracker, so that the primary keys lead to the days of the window alone, however many there are.
FIGURES = f"""
    cross join lateral (
        select {SUMS} from tracker_click_days
        where account_id = $1 and tracker_id = t.tracker_id and figure_date between $2 and $3) as clicks
    cross join lateral (
        select sum(s.purchase_count) as purchase_count,
               sum(s.purchase_amount) filter (where s.currency = $4) as purchase_amount,
               jsonb_object_agg(s.currency, s.purchase_amount) filter (where s.currency <> $4) as other_amounts
        from (
            select d.currency, sum(d.purchase_count) as purchase_count, sum(d.purchase_amount) as purchase_amount
            from tracker_sale_days d
            where d.account_id = $1 and d.tracker_id = t.tracker_id and d.figure_date between $2 and $3
            group by d.currency) as s) as sales
"""  # noqa: S608 - fixed parts
LIST = f"""
    with chosen as materialized (
        select tracker_id from trackers
        where account_id = $1 and tracker_id > $5 and tracker_id < $6
          and ($8::text is null or strpos(fold_text(tracker_name), fold_text($8)) > 0
               or strpos(fold_text(tracker_group_name), fold_text($8)) > 0
               or strpos(fold_text(tracker_key), fold_text($8)) > 0 or strpos(fold_text(target_url), fold_text($8)) > 0)
          and ($9::bigint[] is null or page_tab_id in (
              select c.page_tab_id from campaigns c where c.account_id = $1 and c.business_id = any($9)))
        order by tracker_id {{order}} limit $7
    )
    {SELECT} from chosen {JOIN} {FIGURES}
    order by t.tracker_id {{order}}
"""  # noqa: S608 - fixed parts
ONE = f"""
    with chosen as materialized (select $5::bigint as tracker_id)
    {SELECT} from chosen {JOIN} {FIGURES}
"""  # noqa: S608 - fixed parts


async def trackers(
    db: Db, account: Account, query: TrackersQuery, now: datetime, *, business_ids: Sequence[int] | None = None
) -> ArrayPage[Tracker]:
    """Return the trackers of the account, the newest first; with `business_ids` those of their campaigns alone."""
    cursor = start(query.cursor, "desc")
    days = figure_days(account, query, now)
    bounds = cursor.span(await settled(db, account.id))
    args = (*days, account.currency, *bounds, query.limit + 1, query.text, business_ids)
    rows = await db.rows(LIST.format(order=cursor.order), account.id, *args)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(_read(page.rows), page.next_page)


async def tracker(db: Db, account: Account, query: TrackerQuery, now: datetime) -> Tracker:
    """Return one tracker; Unknown (404)."""
    rows = await db.rows(ONE, account.id, *figure_days(account, query, now), account.currency, query.tracker_id)
    if not rows:
        raise Unknown(tracker=query.tracker_id)
    return _read([dict(row) for row in rows])[0]


def figure_days(account: Account, query: FigureDays, now: datetime) -> tuple[date, date]:
    """Return the first and the last day of the figures."""
    end = query.max_creation_date or max(day_of(now, account.time_zone), query.min_creation_date or date.min)
    return query.min_creation_date or end - timedelta(days=DAYS - 1), end


def _read(rows: Sequence[Mapping[str, Any]]) -> list[Tracker]:
    host, base = shared_host(), public_address.base
    return [Tracker.of(row, host, base) for row in rows]
