"""Calls of the fan search and of the list of tags."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.data.paging import Listed, Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.search.actions import searches
from fanfare.search.queries import tags
from fanfare.search.schemas.search import FanSearch, FoundFan, SearchMeta, TagGiven, TagWindow


@endpoint.get("/api/v1/crm/fans", scope="crm", key=SECRET)
async def crm_fans_search(
    db: Db, account: Account, wanted: FanSearch, now: datetime, delivery: Delivery
) -> Page[SearchMeta, FoundFan]:
    """Find fans by what they are and did.

    The set is fixed when the search starts, in the order of the fans' ids, and kept for 24 hours. Send
    `meta.search_uid` back, the same value each time, until `data` is empty: the server holds the place, and moves it
    when an answer has gone out, so that after a lost answer the same call gives the same page. That is for one reader:
    calls side by side may get the same page. Or follow `meta.next_search_uid`, which moves nothing and may be asked for
    again. Fans that were deleted or merged meanwhile drop out. An unknown or expired search is a 404.
    """
    return await searches.search_fans(db, account, wanted, now, delivery)


@endpoint.get("/api/v1/crm/tags", scope="crm", key=SECRET)
async def crm_tags_list(db: Db, account: Account, wanted: TagWindow) -> Listed[TagGiven]:
    """List which fans were given which tags, the oldest first, 10,000 at most.

    Send the header X-Next-Cursor back as `cursor` for the rows behind these; a Link leads there while more remain.
    """
    return await tags.tags_given(db, account, wanted)
