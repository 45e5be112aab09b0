"""Counts and statistics of segments; a filter stores its latest count."""

import uuid
from datetime import datetime

from fanfare.audience import counting
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.search.criteria import Criteria
from fanfare.search.queries import stored
from fanfare.search.schemas.stats import FilterStats, SegmentStatus
from fanfare.segments.queries import filters, segments
from fanfare.segments.schemas.segments import OneSegment


async def segment_status(
    db: Db, account: Account, target: OneSegment, now: datetime, delivery: Delivery
) -> SegmentStatus:
    """Return the reach of a segment now; store the count of a filter, but not for a HEAD request. Unknown (404)."""
    criteria = await segments.criteria_of(db, account.id, target)
    status = await segments.segment_status(db, account, criteria, now)
    if target.segment_type == "filter" and delivery.has_body:
        await _store_count(db, account.id, uuid.UUID(target.segment_id), criteria, status.fan_count)
    return status


async def filter_stats(db: Db, account: Account, filter_name: str, now: datetime, delivery: Delivery) -> FilterStats:
    """Return the statistics of a filter now and store its count, but not for a HEAD request. Unknown (404)."""
    named_filter = await filters.filter_by_name(db, account.id, filter_name)
    criteria = stored.criteria_in(named_filter.criteria)
    result = await counting.criteria_stats(db, account, criteria, now)
    if delivery.has_body:
        await _store_count(db, account.id, named_filter.filter_uid, criteria, result.fans.fan_count)
    return result


async def _store_count(db: Db, account_id: int, filter_uid: uuid.UUID, criteria: Criteria, fan_count: int) -> None:
    """Store the latest count of a filter, unless its criteria were changed meanwhile."""
    await db.execute(
        """
        update filters set last_search_count = $3
        where account_id = $1 and filter_uid = $2 and criteria = $4 and last_search_count is distinct from $3
        """,
        account_id,
        filter_uid,
        fan_count,
        stored.to_stored(criteria),
    )
