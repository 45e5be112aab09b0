"""Totals of trackers."""

from fanfare.kernel.data.totals import Total
from fanfare.trackers.verdicts.rules import COUNT_COLUMNS

COUNTS = ", ".join(f"('{verdict}', d.{column})" for verdict, column in COUNT_COLUMNS.items())
TOTALS = (
    # Without the day: it is that of the account's time zone when the click came.
    Total(
        "clicks of trackers by verdict",
        f"""
        select concat_ws(' ', tracker_id, c.verdict) as key, sum(c.click_count) as figure
        from tracker_click_days d cross join lateral (values {COUNTS}) as c (verdict, click_count)
        where account_id = $1
        group by tracker_id, c.verdict
        having sum(c.click_count) <> 0
        """,  # noqa: S608 - fixed parts
        """
        select concat_ws(' ', tracker_id, c.verdict) as key, count(*) as figure
        from tracker_clicks c join trackers using (account_id, tracker_id) where account_id = $1
        group by tracker_id, c.verdict
        """,
    ),
    Total(
        "sales of trackers by day and currency",
        """
        select concat_ws(' ', tracker_id, figure_date, currency) as key,
               concat_ws(' ', purchase_count, purchase_amount) as figure
        from tracker_sale_days where account_id = $1 and (purchase_count, purchase_amount) <> (0, 0)
        """,
        """
        select concat_ws(' ', tracker_id, s.figure_date, s.currency) as key,
               concat_ws(' ', sum(s.purchase_count), sum(s.purchase_amount)) as figure
        from tracker_shares s join trackers using (account_id, tracker_id) where account_id = $1
        group by tracker_id, s.figure_date, s.currency
        having (sum(s.purchase_count), sum(s.purchase_amount)) <> (0, 0)
        """,
    ),
)
