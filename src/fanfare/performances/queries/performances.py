"""Reads performances and the schedules of fans."""

import uuid

from fanfare.fans.queries.fans import check_fan
from fanfare.idols.queries import EVENTS
from fanfare.idols.schemas import IdolEvent
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.performances.schemas.performances import Performance, Schedule, ScheduleQuery

PERFORMANCES = """
    select p.performance_uid, p.account_id, p.performance_name, p.performance_date, p.fb_ad_account_id, p.metro_area,
           floor(extract(epoch from p.created_at))::bigint as creation_timestamp, p.onsale_date, p.venue_name,
           coalesce(p.display_venue_name, p.venue_name) as display_venue_name, p.promoter, p.artist_name,
           p.additional_artist_names, p.campaign_event_key, p.province, p.country_code, p.city, p.performance_url,
           p.status, p.announce_date, p.buying_group, p.notes, p.performance_group_name, p.venue_uid, p.business_id,
           p.fb_event_id, p.label_name, p.outlet, p.vendor, p.referral_page_tab_id,
           exists (select from idols i
                   where i.account_id = p.account_id
                     and fold_text(i.idol_name) = fold_text(p.artist_name)) as is_valid_idol
    from performances p
    where p.account_id = $1
"""


async def performances(db: Db, account_id: int) -> list[Performance]:
    """Return all performances of an account by day."""
    rows = await db.rows(f"{PERFORMANCES} order by p.performance_date, p.performance_uid", account_id)
    return [Performance(**row) for row in rows]


async def performance(db: Db, account_id: int, performance_uid: uuid.UUID) -> Performance:
    """Return one performance; Unknown (404) if it does not exist."""
    row = await db.row(f"{PERFORMANCES} and p.performance_uid = $2", account_id, performance_uid)
    if row is None:
        raise Unknown(performance=performance_uid)
    return Performance(**row)


async def schedule(db: Db, account_id: int, query: ScheduleQuery) -> Schedule:
    """Return a fan's schedule; Unknown (404) if the fan does not exist."""
    await check_fan(db, account_id, query.fan_id)
    events = await db.rows(
        EVENTS
        + """
          and exists (select from fan_events s
                      where s.account_id = e.account_id and s.event_uid = e.event_uid and s.fan_id = $2)
          and ($3::uuid is null or e.idol_uid = $3) and ($4::text is null or fold_text(e.label_name) = fold_text($4))
        order by e.starts_at, e.event_uid
        """,
        account_id,
        query.fan_id,
        query.idol_uid,
        query.idol_label_name,
    )
    shows = await db.rows(
        PERFORMANCES
        + """
          and exists (select from fan_performances s
                      where s.account_id = p.account_id and s.performance_uid = p.performance_uid and s.fan_id = $2)
        order by p.performance_date, p.performance_uid
        """,
        account_id,
        query.fan_id,
    )
    return Schedule([IdolEvent(**row) for row in events], [Performance(**row) for row in shows])
