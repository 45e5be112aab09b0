"""Reads who takes part in a draw: the entries of its campaign without those that its conditions leave out."""

import uuid

from fanfare.draws.queries.draws import check_draw
from fanfare.draws.schemas import Entrant, EntrantCounts, EntrantQuery
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.errors import Unknown

# CTEs after `draw` (its row): `judged` has each fan with entries in time, the first of these, and why the fan is left
# out. Erased fans are no longer in `fans`. An address is judged as calls judge it: the campaign's ranges first, then
# the narrowest.
JUDGED = """
    staff_fans as (
        select i.fan_id
        from staff_memberships m
        join staff s using (staff_id)
        join fan_identifiers i on i.account_id = $1 and i.network = 'email' and i.identifier_value = s.email_key
        where m.account_id = $1
    ),
    earlier_winners as (
        select w.fan_id
        from draw cross join draw_winners w
        join draws d on d.account_id = w.account_id and d.draw_id = w.draw_id
        where w.account_id = $1 and w.fan_id is not null and w.winner_kind in ('winner', 'replacement')
          and (draw.winners_excluded = 'account' or d.page_tab_id = draw.page_tab_id)
          and not exists (select from draw_winners s
                          where s.account_id = $1 and s.draw_id = w.draw_id and s.winner_kind = 'strike'
                            and s.target_number = w.winner_number)
        union
        select c.winner_fan_id
        from draw cross join campaigns c
        where c.account_id = $1 and c.winner_fan_id is not null
          and (draw.winners_excluded = 'account' or c.page_tab_id = draw.page_tab_id)
    ),
    ranges as materialized (
        select i.ip_address, i.is_blocked, i.page_tab_id from draw
        join ip_addresses i on i.account_id = $1 and i.page_tab_id in (0, draw.page_tab_id)
        where draw.is_blocked_excluded
    ),
    banned as materialized (
        select e.ip_address
        from (
            select distinct a.ip_address from draw
            join activities a on a.account_id = $1 and a.page_tab_id = draw.page_tab_id
            where a.ip_address is not null and exists (select from ranges where ranges.is_blocked)
        ) e
        where (select r.is_blocked from ranges r where r.ip_address >>= e.ip_address::inet
               order by r.page_tab_id = 0, masklen(r.ip_address) desc limit 1)
    ),
    entries as materialized (
        select a.activity_id, a.fan_id, a.ip_address in (select ip_address from banned) as is_banned
        from draw
        join activities a on a.account_id = $1 and a.page_tab_id = draw.page_tab_id
        join fans f on f.account_id = $1 and f.fan_id = a.fan_id
        where a.created_at >= coalesce(draw.starts_at, '-infinity')
          and a.created_at < coalesce(draw.ends_at, 'infinity')
    ),
    judged as materialized (
        select e.fan_id, min(e.activity_id) filter (where e.is_banned is not true) as first_activity_id,
               count(*) as entry_count,
               case when draw.is_staff_excluded and e.fan_id in (select fan_id from staff_fans) then 'staff'
                    when draw.winners_excluded <> 'none' and e.fan_id in (select fan_id from earlier_winners)
                    then 'winner'
                    when draw.is_blocked_excluded
                         and (bool_and(e.is_banned is true)
                              or e.fan_id in (select fan_id from hidden_fans where account_id = $1))
                    then 'blocked' end as exclusion
        from draw cross join entries e
        group by e.fan_id, draw.is_staff_excluded, draw.winners_excluded, draw.is_blocked_excluded
    ),
    counts as (
        select coalesce(sum(entry_count), 0)::bigint as entry_count,
               count(*) filter (where exclusion is null) as entrant_count,
               count(*) filter (where exclusion = 'staff') as excluded_staff_count,
               count(*) filter (where exclusion = 'winner') as excluded_winner_count,
               count(*) filter (where exclusion = 'blocked') as excluded_blocked_count
        from judged
    )
"""
COUNTS = Heavy(f"""
    with draw as (
        select draw_id, page_tab_id, entry_rule, starts_at, ends_at, is_staff_excluded, winners_excluded,
               is_blocked_excluded
        from draws where account_id = $1 and draw_uid = $2
    ),
    {JUDGED}
    select counts.entry_count, counts.entrant_count, counts.excluded_staff_count, counts.excluded_winner_count,
           counts.excluded_blocked_count
    from draw cross join counts
""")  # noqa: S608 - fixed parts
PAGE = """
    select e.activity_id as position, e.activity_id, e.first_activity_id
    from draws d
    join draw_entrants e on e.account_id = d.account_id and e.draw_id = d.draw_id
    where d.account_id = $1 and d.draw_uid = $2 and e.activity_id > $3
    order by e.activity_id
    limit $4
"""


async def entrant_counts(db: Db, account_id: int, draw_uid: uuid.UUID) -> EntrantCounts:
    """Return who would be on the list of a draw now; Unknown (404)."""
    row = await db.row(COUNTS, account_id, draw_uid)
    if row is None:
        raise Unknown(draw=draw_uid)
    return EntrantCounts(**row)


async def entrants(db: Db, account_id: int, query: EntrantQuery) -> ArrayPage[Entrant]:
    """Return a page of the list of a draw, in its order; empty before the draw. Unknown (404)."""
    cursor = start(query.cursor, "asc")
    rows = await db.rows(PAGE, account_id, query.draw_uid, cursor.position, query.limit + 1)
    if not rows:
        await check_draw(db, account_id, query.draw_uid)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(Entrant), page.next_page)
