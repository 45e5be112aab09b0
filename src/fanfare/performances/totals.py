"""Totals of rewards."""

from fanfare.kernel.data.totals import Total

TOTALS = (
    Total(
        "claims of rewards",
        "select reward_uid::text as key, claim_count as figure from rewards where account_id = $1",
        """
        select reward_uid::text as key, count(*) as figure
        from reward_claims where account_id = $1 and undone_at is null
        group by reward_uid
        """,
    ),
)
