"""Reads idols, their events, and the idols of fans."""

import uuid
from collections.abc import Sequence

from fanfare.fans.queries.fans import check_fan
from fanfare.idols.schemas import EventSearch, FanIdol, FanIdolQuery, Followers, Idol, IdolEvent, IdolSearch
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.errors import Unknown
from fanfare.kernel.folding import like_pattern

IDOLS = """
    select i.account_id, i.idol_uid, i.idol_name, i.idol_type, i.description, i.spotify_uid, i.spotify_follower_count,
           i.artist_id, i.discovery_id, i.media_uid, i.image_url, i.link_url,
           array(select l.label_name from idol_labels l
                 where l.account_id = i.account_id and l.idol_uid = i.idol_uid order by l.label_name) as idol_labels
    from idols i
    where i.account_id = $1
"""

EVENTS = """
    select e.event_uid, e.event_uid as idol_event_uid, e.account_id, e.idol_uid, e.performance_uid, e.event_name,
           to_char(e.starts_at, 'YYYY-MM-DD HH24:MI:SS') as start_timestamp,
           to_char(e.ends_at, 'YYYY-MM-DD HH24:MI:SS') as end_timestamp,
           to_char(e.starts_at, 'YYYY-MM-DD') as start_date,
           to_char(e.starts_at, 'HH24:MI') as start_time,
           to_char(e.ends_at, 'HH24:MI') as end_time,
           e.venue_name, coalesce(e.display_venue_name, e.venue_name) as display_venue_name, e.city, e.province,
           e.country_code, e.event_url, e.ticket_url, e.label_name, i.idol_name, i.image_url as idol_image_url,
           e.media_uid, e.image_url, e.is_available
    from idol_events e
    join idols i on i.account_id = e.account_id and i.idol_uid = e.idol_uid
    where e.account_id = $1
"""


def pattern(expression: str) -> str:
    """Return the LIKE pattern of a folded text that contains an expression; * matches anything."""
    return like_pattern(expression).replace("*", "%")


async def idols(db: Db, account_id: int, query: IdolSearch) -> list[Idol]:
    """Return the idols whose name matches the expression and that have the label, by name."""
    rows = await db.rows(
        IDOLS
        + """
          and ($2::text is null or fold_text(i.idol_name) like $2)
          and ($3::text is null or exists (
              select from idol_labels l
              where l.account_id = i.account_id and l.idol_uid = i.idol_uid
                and fold_text(l.label_name) = fold_text($3)))
        order by fold_text(i.idol_name), i.idol_uid
        """,
        account_id,
        pattern(query.idol_name) if query.idol_name else None,
        query.label_name,
    )
    return read_rows(Idol, rows)


async def idol(db: Db, account_id: int, idol_uid: uuid.UUID) -> Idol:
    """Return one idol; Unknown (404) if it does not exist."""
    row = await db.row(f"{IDOLS} and i.idol_uid = $2", account_id, idol_uid)
    if row is None:
        raise Unknown(idol=idol_uid)
    return Idol(**row)


async def follower_counts(db: Db, account_id: int, idol_uids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return how many fans follow each of these idols; those without followers are left out."""
    rows = await db.rows(
        Heavy("""
        select idol_uid, count(*) as fan_count from fan_idols
        where account_id = $1 and idol_uid = any($2::uuid[]) group by idol_uid
        """),
        account_id,
        idol_uids,
    )
    return {row["idol_uid"]: row["fan_count"] for row in rows}


async def followers(db: Db, account_id: int, idol_uid: uuid.UUID) -> Followers:
    """Return how many fans follow an idol; Unknown (404)."""
    await idol(db, account_id, idol_uid)
    return Followers(idol_uid, (await follower_counts(db, account_id, [idol_uid])).get(idol_uid, 0))


async def idol_events(db: Db, account_id: int, query: EventSearch) -> list[IdolEvent]:
    """Return the events that match, ordered by start; days are local to the venue."""
    rows = await db.rows(
        EVENTS
        + """
          and ($2::uuid is null or e.idol_uid = $2)
          and ($3::text is null or fold_text($3) in (fold_text(e.venue_name), fold_text(e.display_venue_name)))
          and ($4::text is null or fold_text(e.event_name) like $4 or fold_text(i.idol_name) like $4
               or fold_text(e.venue_name) like $4)
          and ($5::text is null or fold_text(e.label_name) = fold_text($5))
          and ($6::date is null or e.starts_at >= $6) and ($7::date is null or e.starts_at < $7 + 1)
          and ($8::uuid is null or e.performance_uid = $8)
        order by e.starts_at, e.event_uid
        """,
        account_id,
        query.idol_uid,
        query.venue_name,
        pattern(query.q) if query.q else None,
        query.label_name,
        query.start_date,
        query.end_date,
        query.performance_uid,
    )
    return read_rows(IdolEvent, rows)


async def fan_idols(db: Db, account_id: int, query: FanIdolQuery) -> list[FanIdol]:
    """Return the idols that a fan follows, by name; Unknown (404) fan."""
    await check_fan(db, account_id, query.fan_id)
    rows = await db.rows(
        """
        select f.account_id, f.idol_uid, i.idol_name, i.idol_type, i.description, f.is_explicit,
               floor(extract(epoch from f.created_at))::bigint as creation_timestamp,
               floor(extract(epoch from f.updated_at))::bigint as last_update_timestamp,
               array(select l.label_name from idol_labels l
                     where l.account_id = i.account_id and l.idol_uid = i.idol_uid
                     order by l.label_name) as idol_labels
        from fan_idols f
        join idols i on i.account_id = f.account_id and i.idol_uid = f.idol_uid
        where f.account_id = $1 and f.fan_id = $2
          and ($3::uuid is null or f.idol_uid = $3)
          and ($4::text is null or exists (
              select from idol_labels l
              where l.account_id = i.account_id and l.idol_uid = i.idol_uid
                and fold_text(l.label_name) = fold_text($4)))
        order by fold_text(i.idol_name), f.idol_uid
        """,
        account_id,
        query.fan_id,
        query.idol_uid,
        query.label_name,
    )
    return read_rows(FanIdol, rows)
