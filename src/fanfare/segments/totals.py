"""Totals of segments."""

from fanfare.kernel.data.totals import Total

TOTALS = (
    Total(
        "members of filters",
        "select filter_id::text as key, member_count as figure from filter_states where account_id = $1",
        """
        select filter_id::text as key, count(*) as figure from segment_members where account_id = $1
        group by filter_id
        """,
    ),
    Total(
        "days of filters",
        """
        select filter_id::text as key, sum(entered_count - left_count + rebuilt_count) as figure from segment_days
        where account_id = $1 group by filter_id having sum(entered_count - left_count + rebuilt_count) <> 0
        """,
        """
        select filter_id::text as key, count(*) as figure from segment_members where account_id = $1
        group by filter_id
        """,
    ),
)
