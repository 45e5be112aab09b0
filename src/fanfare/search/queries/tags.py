"""Reads which fans got which tags, and when."""

from datetime import date, datetime

from fanfare.kernel.callers import Account
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.wire import day_bounds
from fanfare.search.schemas.search import TagGiven, TagWindow


async def tags_given(db: Db, account: Account, query: TagWindow) -> ArrayPage[TagGiven]:
    """Return the next assignments of tags in a window of time, in the order of storing; each page is sorted by time."""
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account.id))
    rows = await db.rows(
        """
        select g.position, t.tag_name, t.tag_id, g.fan_id,
               floor(extract(epoch from g.created_at))::bigint as creation_timestamp,
               f.first_name, f.last_name, f.email
        from fan_tags g
        join tags t on t.account_id = $1 and t.tag_id = g.tag_id
        join fans f on f.account_id = $1 and f.fan_id = g.fan_id
        where g.account_id = $1 and g.position > $4 and g.position < $5
          and g.created_at >= coalesce($2::timestamptz, '-infinity')
          and g.created_at < coalesce($3::timestamptz, 'infinity')
        order by g.position
        limit $6
        """,
        account.id,
        _start_moment(query.start_date, account.time_zone),
        _start_moment(query.end_date, account.time_zone),
        low,
        high,
        query.limit + 1,
    )
    page = part(rows, query.limit, cursor, "position")
    data = page.read(TagGiven)
    # A client that pages by the time of the last row, without a cursor, must never go back in time.
    data.sort(key=lambda row: row.creation_timestamp)
    return ArrayPage(data, page.next_page)


def _start_moment(value: date | datetime | None, zone: str) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return day_bounds(value, zone)[0]
