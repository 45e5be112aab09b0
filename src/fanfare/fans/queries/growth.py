"""Statements that count by day: new fans, and changes of consent."""

from fanfare.kernel.data.db import Heavy

NEW_FANS = Heavy("""
    select (created_at at time zone $4)::date as day, 'fans' as name, count(*) as amount
    from fans where account_id = $1 and created_at >= $2 and created_at < $3
    group by 1
""")

# The ledger of consents has what changed alone: a yes that is said again is not in it.
CONSENTS = Heavy("""
    select (given_at at time zone $4)::date as day, case when is_granted then 'yes' else 'no' end as name,
           count(distinct fan_id) as amount
    from consents where account_id = $1 and given_at >= $2 and given_at < $3
    group by 1, 2
""")
