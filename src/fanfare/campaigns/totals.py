"""Totals of activities."""

from fanfare.kernel.data.totals import Total

TOTALS = (
    # Those of an erased fan are kept without a total.
    Total(
        "activities of fans",
        """
        select fan_id::text as key, concat_ws(' ', activity_count, first_active_at, last_active_at) as figure
        from fan_activity where account_id = $1
        """,
        """
        select fan_id::text as key, concat_ws(' ', count(*), min(a.created_at), max(a.created_at)) as figure
        from activities a join fans using (account_id, fan_id) where account_id = $1
        group by fan_id
        """,
    ),
)
