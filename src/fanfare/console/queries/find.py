"""Finds what a person may open by letters of its name: fans, campaigns, events, segments and other things."""

import msgspec

from fanfare.console.schemas.find import FoundEntry
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.folding import like_pattern
from fanfare.profiles.queries.finding import find_fans
from fanfare.staff.schemas.members import Member

# How many of a kind are offered, and from how many letters on.
LIMIT, MIN_LETTERS = 5, 2
FAN_PATH = "/fans/{fan_id}"


class Kind(msgspec.Struct, frozen=True):
    """A kind of things: the area of its page, the page, and a statement with `key`, `name` and `business_id`.

    The statement has the account, a pattern, the businesses (null for all) and a limit.
    """

    name: str
    icon: str
    area: str
    path: str
    sql: str


KINDS = (
    Kind(
        "campaign",
        "horn",
        "campaigns",
        "/campaigns/{page_tab_id}",
        """
        select page_tab_id::text as key, title as name from campaigns
        where account_id = $1 and fold_text(title) like $2 and ($3::bigint[] is null or business_id = any($3))
        order by page_tab_id desc limit $4
        """,
    ),
    Kind(
        "event",
        "ticket",
        "tickets",
        "/tickets/{event_uid}",
        """
        select event_uid::text as key, event_name || ', ' || event_date as name from ticket_events
        where account_id = $1 and fold_text(event_name) like $2 and $3::bigint[] is null
        order by event_date desc limit $4
        """,
    ),
    Kind(
        "segment",
        "segments",
        "segments",
        "/segments/{segment_type}/{segment_id}",
        """
        select kind || '/' || uid as key, segment_name as name from (
            select 'filter' as kind, filter_uid::text as uid, filter_name as segment_name from filters
            where account_id = $1 and fold_text(filter_name) like $2
            union all
            select 'snapshot', snapshot_uid::text, snapshot_name from snapshots
            where account_id = $1 and fold_text(snapshot_name) like $2
            union all
            select 'tag', tag_id::text, tag_name from tags where account_id = $1 and fold_text(tag_name) like $2
        ) as segments
        where $3::bigint[] is not distinct from $3
        order by segment_name limit $4
        """,
    ),
    Kind(
        "stream",
        "talk",
        "streams",
        "/streams/{stream_id}",
        """
        select stream_id::text as key, stream_name as name from streams
        where account_id = $1 and fold_text(stream_name) like $2 and $3::bigint[] is null
        order by stream_name limit $4
        """,
    ),
    Kind(
        "link",
        "link",
        "links",
        "/links/{tracker_id}",
        """
        select tracker_id::text as key, tracker_name as name from trackers
        where account_id = $1 and fold_text(tracker_name) like $2 and $3::bigint[] is null
        order by tracker_id desc limit $4
        """,
    ),
    Kind(
        "report",
        "chart",
        "reports",
        "/reports/{report_uid}",
        """
        select report_uid::text as key, report_name as name from reports
        where account_id = $1 and fold_text(report_name) like $2
          and ($3::bigint[] is null or business_id = any($3))
        order by report_id desc limit $4
        """,
    ),
)


async def things(db: Db, member: Member, text: str, paths: set[str]) -> list[FoundEntry]:
    """Return the things whose name has these letters, of the kinds that have a page (`paths`) and may be read."""
    if len(text.strip()) < MIN_LETTERS:
        return []
    pattern, businesses = like_pattern(text.strip()), member.business_ids
    ids = None if businesses is None else list(businesses)
    result = await _fans(db, member, text.strip()) if FAN_PATH in paths and member.may("fans") else []
    for kind in KINDS:
        if kind.path in paths and member.may(kind.area):
            rows = await db.rows(kind.sql, member.account.id, pattern, ids, LIMIT)
            result += [_entry(member, kind, row) for row in rows]
    return result


async def _fans(db: Db, member: Member, text: str) -> list[FoundEntry]:
    """Return fans of the person's businesses by id, name or contact.

    Without the right to personal data by id alone: what is found by a name would tell whose it is.
    """
    mask = member.mask("fans")
    if mask.is_on and not text.isdigit():
        return []
    fans = await find_fans(db, member.account, text, member.business_ids, is_by_id_alone=mask.is_on)
    rows = [mask.record(each) for each in fans]
    return [
        FoundEntry(
            ", ".join(part for part in (each.name, each.email or each.phone) if part) or str(each.fan_id),
            f"/manage/{member.account.id}/fans/{each.fan_id}",
            "fan",
            "fans",
        )
        for each in rows[:LIMIT]
    ]


def _entry(member: Member, kind: Kind, row: Record) -> FoundEntry:
    root = kind.path.partition("{")[0]
    return FoundEntry(row["name"], f"/manage/{member.account.id}{root}{row['key']}", kind.name, kind.icon)
