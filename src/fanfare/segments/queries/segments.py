"""Reads segments: their list, their criteria, and how many of their fans can be reached."""

import uuid
from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.audience import counting
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.errors import MAX_KEY_LENGTH, Unknown
from fanfare.kernel.folding import fold
from fanfare.kernel.wire import MAX_ID
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.segments import segment_parameters
from fanfare.search.queries import stored
from fanfare.search.queries.conditions import checked_context, compose, existing_segments
from fanfare.search.queries.estimates import estimate, with_quick_limit
from fanfare.search.queries.stats import REACHABLE
from fanfare.search.schemas.stats import SegmentStatus
from fanfare.segments.queries import filters
from fanfare.segments.schemas.segments import OneSegment, Segment

STATUS = f"select {REACHABLE} from fans f where f.account_id = $1 and {{condition}}"  # noqa: S608 - constants


async def segments(db: Db, account_id: int) -> list[Segment]:
    """Return all segments with their numbers of fans: tags, snapshots, then filters, each kind by name."""
    rows = await db.rows(
        Heavy("""
        select s.segment_type, s.segment_id, s.segment_name, s.segment_count
        from (
            select 1 as kind, 'tag' as segment_type, t.tag_id::text as segment_id, t.tag_name as segment_name,
                   coalesce(g.fan_count, 0) as segment_count
            from tags t
            left join (select tag_id, count(*) as fan_count from fan_tags where account_id = $1 group by tag_id) g
              on g.tag_id = t.tag_id
            where t.account_id = $1
            union all
            select 2, 'snapshot', s.snapshot_uid::text, s.snapshot_name, coalesce(m.fan_count, 0)
            from snapshots s
            left join (select snapshot_uid, count(*) as fan_count from snapshot_members where account_id = $1
                       group by snapshot_uid) m on m.snapshot_uid = s.snapshot_uid
            where s.account_id = $1
            union all
            select 3, 'filter', f.filter_uid::text, f.filter_name,
                   case when s.build_from is null and s.built_at is not null then s.member_count
                        else f.last_search_count end
            from filters f
            left join filter_states s on s.account_id = f.account_id and s.filter_id = f.filter_id
            where f.account_id = $1
        ) s
        order by s.kind, fold_text(s.segment_name), s.segment_id
        """),
        account_id,
    )
    return [Segment(**row) for row in rows]


async def _exists(db: Db, account_id: int, kind: str, key: str) -> bool:
    try:
        segment = f"{kind}:{min(int(key), MAX_ID) if kind == 'tag' else uuid.UUID(key)}"
    except ValueError:
        return False
    return segment in await existing_segments(db, account_id, [segment])


async def require_segment(db: Db, account_id: int, target: OneSegment) -> tuple[str, str]:
    """Return the kind and the key of a segment that exists; Unknown (404)."""
    kind, key = target.segment_type, fold(target.segment_id)
    if not (key.isascii() and await _exists(db, account_id, kind, key)):
        message = f"No {kind} has the id {target.segment_id[:MAX_KEY_LENGTH]!r}"
        raise Unknown(message)
    return kind, key


NAMES = {
    "tag": "select tag_name as segment_name from tags where account_id = $1 and tag_id = $2::text::bigint",
    "snapshot": "select snapshot_name from snapshots where account_id = $1 and snapshot_uid = $2::text::uuid",
    "filter": "select filter_name from filters where account_id = $1 and filter_uid = $2::text::uuid",
}


async def segment_name(db: Db, account_id: int, target: OneSegment) -> str:
    """Return the name of a segment; Unknown (404)."""
    kind, key = await require_segment(db, account_id, target)
    name: str = await db.value(NAMES[kind], account_id, key)
    return name


async def criteria_of(db: Db, account_id: int, target: OneSegment) -> Criteria:
    """Return the criteria that select the fans of a segment; Unknown (404); UnreadableCriteria (422)."""
    kind, key = await require_segment(db, account_id, target)
    if kind == "filter":
        return stored.criteria_in((await filters.filter_by_uid(db, account_id, uuid.UUID(key))).criteria)
    return Criteria(**segment_parameters(kind, key))


async def about_status(
    db: Db, account: Account, criteria: Criteria, now: datetime, business_ids: Sequence[int]
) -> SegmentStatus | None:
    """Return about how many fans of some businesses meet criteria now.

    None where they can be counted as quickly, and where the sample has too few of them.
    """
    context = await checked_context(db, account, criteria, now, business_ids)
    guess = await estimate(db, account.id, criteria, context)
    return guess.status if guess and guess.is_sound else None


async def segment_status(
    db: Db, account: Account, criteria: Criteria, now: datetime, business_ids: Sequence[int] | None = None
) -> SegmentStatus:
    """Return the numbers of fans who meet criteria now, and of those who can be reached.

    With `business_ids` only fans of these businesses count.
    """
    if business_ids is None and (status := await counting.reach(db, account, criteria, now)) is not None:
        return status
    context = await checked_context(db, account, criteria, now, business_ids)
    query = await compose(account.id, criteria, await with_quick_limit(db, account.id, criteria, context))
    row = await db.row(query.statement(STATUS), *query.args)
    return msgspec.convert(dict(row or {}), SegmentStatus)
