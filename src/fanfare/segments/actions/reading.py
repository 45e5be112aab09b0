"""Reads the fans of a segment by pages: a search whose rows have the fields that a message needs."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.data.paging import Page
from fanfare.search.actions.searches import search_page
from fanfare.search.schemas.search import FanSearch
from fanfare.segments.queries import segments
from fanfare.segments.queries.contacts import contacts
from fanfare.segments.schemas.segments import SegmentFan, SegmentMeta, SegmentReading

# More fans than a segment can have.
UNBOUNDED = 2_000_000_000


async def segment_fans(
    db: Db, account: Account, query: SegmentReading, now: datetime, delivery: Delivery
) -> Page[SegmentMeta, SegmentFan]:
    """Return a page of a segment's fans: the next page of the search that is named, or the first of a new one.

    Unknown (404) segment or search.
    """
    criteria = await segments.criteria_of(db, account.id, query)
    search = msgspec.convert(criteria, FanSearch, from_attributes=True)
    search = msgspec.structs.replace(search, search_uid=query.search_uid, limit=query.limit, max_count=UNBOUNDED)
    page = await search_page(db, account, search, now, _rows, delivery)
    following = page.meta.next_search_uid
    uid = page.meta.search_uid if following else None
    return Page(SegmentMeta(uid, following, page.meta.count, query.limit, has_more=page.meta.has_more), page.data)


async def _rows(db: Db, account_id: int, fan_ids: Sequence[int], _: FanSearch) -> list[SegmentFan]:
    return await contacts(db, account_id, fan_ids)
