"""Which fans people see who work for some businesses only: those who have something to do with one of these.

This is the one place that says so. docs/staff.md has the same in words.
"""

from collections.abc import Sequence

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown

# An event is that of a performance on its day, with its key or name: as the lists of events and registrations have it.
PERFORMANCE = """r.performance_date = e.event_date
                         and (r.campaign_event_key = e.event_key
                              or fold_text(r.performance_name) = fold_text(e.event_name))"""
# What each way to have something to do with the business `b` is, as the column with the fan and the rows.
WAYS = (
    ("w.fan_id", "fan_businesses w where w.account_id = $1 and w.business_id = b.business_id"),
    ("t.fan_id", "accepted_terms t where t.account_id = $1 and t.business_id = b.business_id"),
    (
        "a.fan_id",
        """activities a join campaigns c on c.account_id = $1 and c.page_tab_id = a.page_tab_id
                       where a.account_id = $1 and c.business_id = b.business_id""",
    ),
    (
        "p.fan_id",
        """passes p join campaigns c on c.account_id = $1 and c.page_tab_id = p.page_tab_id
                       where p.account_id = $1 and c.business_id = b.business_id""",
    ),
    (
        "p.claim_fan_id",
        """passes p join campaigns c on c.account_id = $1 and c.page_tab_id = p.page_tab_id
                       where p.account_id = $1 and c.business_id = b.business_id""",
    ),
    (
        "s.fan_id",
        """fan_performances s join performances r on r.account_id = $1 and r.performance_uid = s.performance_uid
                       where s.account_id = $1 and r.business_id = b.business_id""",
    ),
    (
        "t.fan_id",
        f"""tickets t join ticket_events e on e.account_id = $1 and e.event_uid = t.event_uid
                       join performances r on r.account_id = $1 and {PERFORMANCE}
                       where t.account_id = $1 and not t.is_deleted and r.business_id = b.business_id""",
    ),
    (
        "e.fan_id",
        f"""registrations e join performances r on r.account_id = $1 and {PERFORMANCE}
                       where e.account_id = $1 and r.business_id = b.business_id""",
    ),
)
# Two conditions on a fan `f` that mean the same; each `{}` is the array of business ids.
# BELONGS looks up each fan, which is quick for few; AMONG reads all fans of the businesses, which is quick in a large
# account.
BELONGS = f"""exists (
        select from businesses b
        where b.account_id = $1 and b.business_id = any({{}}::bigint[])
          and ({" or ".join(f"exists (select from {rows} and {fan} = f.fan_id)" for fan, rows in WAYS)}))"""  # noqa: S608 - fixed parts
AMONG = f"""f.fan_id in (
        {" union ".join(f"select {fan} from {rows}" for fan, rows in WAYS)})""".replace(  # noqa: S608 - fixed parts
    "= b.business_id", "= any({}::bigint[])"
)
SEEN_FANS = f"""
    select f.fan_id from fans f
    where f.account_id = $1 and f.fan_id = any($2::bigint[])
      and ($3::bigint[] is null or {BELONGS.format("$3")})
    order by f.fan_id
"""  # noqa: S608 - fixed parts


async def seen_fans(db: Db, account_id: int, fan_ids: Sequence[int], business_ids: Sequence[int] | None) -> list[int]:
    """Return those of some fans whom people see who work for these businesses; None for all of them."""
    rows = await db.rows(SEEN_FANS, account_id, list(fan_ids), None if business_ids is None else list(business_ids))
    return [row["fan_id"] for row in rows]


async def check_seen(db: Db, account_id: int, fan_id: int, business_ids: Sequence[int] | None) -> None:
    """Raise Unknown (404) unless the fan exists and has something to do with one of these businesses."""
    if not await seen_fans(db, account_id, [fan_id], business_ids):
        raise Unknown(fan=fan_id)
