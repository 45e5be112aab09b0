"""Reads the figures of one tracker by day."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.trackers.queries.clicks import tracker_url
from fanfare.trackers.queries.trackers import figure_days
from fanfare.trackers.schemas.trackers import TrackerDay, TrackerQuery
from fanfare.trackers.verdicts.rules import COUNT_COLUMNS

MAX_DAYS = 731
COLUMNS = ", ".join(COUNT_COLUMNS.values())
CLICKS = f"""
    select figure_date, {COLUMNS} from tracker_click_days
    where account_id = $1 and tracker_id = $2 and figure_date between $3 and $4
"""  # noqa: S608 - fixed parts
SALES = """
    select figure_date, currency, purchase_count, purchase_amount from tracker_sale_days
    where account_id = $1 and tracker_id = $2 and figure_date between $3 and $4
    order by figure_date, currency
"""


async def tracker_days(db: Db, account: Account, query: TrackerQuery, now: datetime) -> list[TrackerDay]:
    """Return the clicks and sales of each day of a window, also of days without any; Unknown (404) tracker."""
    await tracker_url(db, account.id, query.tracker_id)
    first, last = figure_days(account, query, now)
    if (last - first).days >= MAX_DAYS:
        raise BadParameters([("max_creation_date", f"must be at most {MAX_DAYS} days after the start")])
    days: dict[date, TrackerDay] = {}
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        days[day] = TrackerDay(day, {}, Decimal(0), {})
    for row in await db.rows(CLICKS, account.id, query.tracker_id, first, last):
        counts = {verdict: row[column] for verdict, column in COUNT_COLUMNS.items() if row[column]}
        days[row["figure_date"]].click_counts = counts
    for row in await db.rows(SALES, account.id, query.tracker_id, first, last):
        day_figures = days[row["figure_date"]]
        day_figures.purchase_count += row["purchase_count"]
        day_figures.purchase_amounts[row["currency"]] = row["purchase_amount"]
    return list(days.values())
