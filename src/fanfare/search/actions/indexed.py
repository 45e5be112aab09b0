"""New searches whose set the audience index determines: one question to it, and one statement that stores the set."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.handover import Handover
from fanfare.search.actions.pages import R, ReadRows, SearchPage, first_meta
from fanfare.search.actions.storing import store_search
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Context
from fanfare.search.queries import conditions
from fanfare.search.queries.searches import Search
from fanfare.search.schemas.search import FanSearch
from fanfare.search.schemas.sets import FanSet

# Returns the set of the fans who meet criteria, as of a moment after the call (criteria, their context, how many of its
# first ids, how many fans at most), or None when the index does not answer.
FindSet = Callable[[Db, Account, Criteria, Context, tuple[int, int]], Awaitable[FanSet | None]]
FIND_SET: Handover[FindSet] = Handover("the sets of the audience index")


async def indexed_page(
    db: Db, account: Account, query: FanSearch, now: datetime, read_rows: ReadRows[R]
) -> SearchPage[R] | None:
    """Return the first page of a new search, which is stored with its whole set; None without an index or answer.

    BadParameters (422) if the criteria cannot be evaluated. Fans who were deleted in the meantime are left out.
    """
    context = await conditions.checked_context(db, account, query, now)
    fan_set = await FIND_SET.get()(db, account, query, context, (query.limit, query.max_count))
    if fan_set is None:
        return None
    rows = await read_rows(db, account.id, fan_set.fan_ids, query)
    if fan_set.fan_ids and not rows:
        # Only the last page of a search is an empty one.
        return None
    last = fan_set.chunks[-1].last_fan_id
    search = Search(uuid.uuid4(), query, now, last, fan_set.count, last, is_complete=True)
    await store_search(db, account.id, search, fan_set.chunks, len(fan_set.fan_ids))
    return Page(first_meta(search, len(fan_set.fan_ids), query.limit), rows)
