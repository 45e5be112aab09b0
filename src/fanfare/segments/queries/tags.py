"""Reads which fans were given which tags, by time."""

from datetime import date, datetime

from fanfare.kernel.db import Db
from fanfare.kernel.keys import Account
from fanfare.kernel.wire import day_bounds
from fanfare.segments.schemas.search import TagGiven, TagWindow

MOST_TAGS = 10_000


async def tags_given(db: Db, account: Account, wanted: TagWindow) -> list[TagGiven]:
    """Return at most 10,000 assignments made inside the window, the oldest first."""
    rows = await db.rows(
        """
        select t.tag_name, t.tag_id, g.fan_id, floor(extract(epoch from g.created_at))::bigint as creation_timestamp,
               f.first_name, f.last_name, f.email
        from (
            select given.tag_id, given.fan_id, given.created_at from fan_tags given
            where given.account_id = $1
              and given.created_at >= coalesce($2::timestamptz, '-infinity')
              and given.created_at < coalesce($3::timestamptz, 'infinity')
            order by given.created_at, given.tag_id, given.fan_id
            limit $4
        ) g
        join tags t on t.account_id = $1 and t.tag_id = g.tag_id
        join fans f on f.account_id = $1 and f.fan_id = g.fan_id
        order by g.created_at, g.tag_id, g.fan_id
        """,
        account.id,
        _moment(wanted.start_date, account.time_zone),
        _moment(wanted.end_date, account.time_zone),
        MOST_TAGS,
    )
    return [TagGiven(**row) for row in rows]


def _moment(given: date | datetime | None, zone: str) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return given
    return day_bounds(given, zone)[0]
