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
# For a fan `f`. `{}` is an array of business ids, which is read once.
BELONGS = f"""exists (
        select from businesses b
        where b.account_id = $1 and b.business_id = any({{}}::bigint[])
          and (exists (select from fan_businesses w
                       where w.account_id = $1 and w.fan_id = f.fan_id and w.business_id = b.business_id)
            or exists (select from accepted_terms t
                       where t.account_id = $1 and t.fan_id = f.fan_id and t.business_id = b.business_id)
            or exists (select from activities a
                       join campaigns c on c.account_id = $1 and c.page_tab_id = a.page_tab_id
                       where a.account_id = $1 and a.fan_id = f.fan_id and c.business_id = b.business_id)
            or exists (select from passes p
                       join campaigns c on c.account_id = $1 and c.page_tab_id = p.page_tab_id
                       where p.account_id = $1 and (p.fan_id = f.fan_id or p.claim_fan_id = f.fan_id)
                         and c.business_id = b.business_id)
            or exists (select from fan_performances s
                       join performances r on r.account_id = $1 and r.performance_uid = s.performance_uid
                       where s.account_id = $1 and s.fan_id = f.fan_id and r.business_id = b.business_id)
            or exists (select from tickets t
                       join ticket_events e on e.account_id = $1 and e.event_uid = t.event_uid
                       join performances r on r.account_id = $1 and {PERFORMANCE}
                       where t.account_id = $1 and t.fan_id = f.fan_id and not t.is_deleted
                         and r.business_id = b.business_id)
            or exists (select from registrations e
                       join performances r on r.account_id = $1 and {PERFORMANCE}
                       where e.account_id = $1 and e.fan_id = f.fan_id and r.business_id = b.business_id)))"""  # noqa: S608 - fixed parts
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
