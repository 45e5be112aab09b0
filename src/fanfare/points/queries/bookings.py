"""Reads the board of a category over all time, and its awards with why each was made."""

import uuid

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.errors import Unknown
from fanfare.points.award_keys import UNDONE
from fanfare.points.queries.points import points
from fanfare.points.schemas.bookings import BoardQuery, Booking, BookingQuery
from fanfare.points.schemas.points import Place, Point

BOARD = """
    select p.point_name, places.fan_id, places.total as fan_point_count, places.rank, f.display_name
    from (
        select account_id, fan_id, total, rank() over (order by total desc) as rank from (
            select account_id, fan_id, total from standings
            where account_id = $1 and board = 'point:' || $2::uuid
            order by total desc, fan_id limit $3) as best) as places
    join points p on p.account_id = $1 and p.point_uid = $2
    join fans f on f.account_id = $1 and f.fan_id = places.fan_id
    order by places.rank, places.fan_id
"""
BOOKINGS = f"""
    select a.fan_point_id as position, a.fan_point_uid, a.fan_id, f.display_name,
           floor(extract(epoch from a.created_at))::bigint as creation_timestamp, a.point_count, a.point_source,
           a.page_tab_id, a.award_key, a.props ->> 'reason' as reason, a.props ->> 'undoes' as undoes,
           exists (select from fan_points u
                   where u.account_id = $1 and u.award_key = '{UNDONE}' || a.fan_point_uid) as is_undone
    from (
        select fan_point_id, fan_point_uid, fan_id, created_at, point_count, point_source, page_tab_id, award_key, props
        from fan_points
        where account_id = $1 and point_uid = $2 and ($3::bigint is null or fan_id = $3)
          and fan_point_id > $4 and fan_point_id < $5
        order by fan_point_id desc limit $6) as a
    left join fans f on f.account_id = $1 and f.fan_id = a.fan_id
    order by a.fan_point_id desc
"""  # noqa: S608 - fixed parts


async def one_point(db: Db, account_id: int, point_uid: uuid.UUID) -> Point:
    """Return a category; Unknown (404)."""
    result = next((each for each in await points(db, account_id) if each.point_uid == point_uid), None)
    if result is None:
        raise Unknown(point_category=point_uid)
    return result


async def board(db: Db, account_id: int, query: BoardQuery) -> list[Place]:
    """Return the fans with the most points of a category over all time; Unknown (404) category."""
    await one_point(db, account_id, query.point_uid)
    return [Place(**row) for row in await db.rows(BOARD, account_id, query.point_uid, query.limit)]


async def bookings(db: Db, account_id: int, query: BookingQuery) -> ArrayPage[Booking]:
    """Return the awards of a category, the newest first; Unknown (404) category."""
    await one_point(db, account_id, query.point_uid)
    cursor = start(query.cursor, "desc")
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(BOOKINGS, account_id, query.point_uid, query.fan_id, low, high, query.limit + 1)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(Booking), page.next_page)
