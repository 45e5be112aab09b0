"""Calls of the fan search and of the list of tags."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.data.paging import ArrayPage, Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.search.actions import searches
from fanfare.search.queries import fans, tags
from fanfare.search.schemas.search import FanSearch, FoundFan, SearchMeta, TagGiven, TagWindow


@endpoint.get("/api/v1/crm/fans", scope="crm", key=SECRET)
async def crm_fans_search(
    db: Db, account: Account, query: FanSearch, now: datetime, delivery: Delivery
) -> Page[SearchMeta, FoundFan]:
    """Search fans by who they are and what they did.

    The result is fixed when the search starts, ordered by fan id, and kept for 24 hours. Send `meta.search_uid` back,
    the same value each time, until `data` is empty: the server keeps the position and moves it once an answer was sent,
    so the same call returns the same page after a lost answer. That suits one reader: parallel calls may get the same
    page. Or follow `meta.next_search_uid`, which leaves that position as it is and may be requested again. Fans deleted
    or merged meanwhile are left out. 404 for an unknown or expired search.
    """
    return await searches.search_page(db, account, query, now, fans.rows, delivery)


@endpoint.get("/api/v1/crm/tags", scope="crm", key=SECRET)
async def crm_tags_list(db: Db, account: Account, query: TagWindow) -> ArrayPage[TagGiven]:
    """List which fans got which tags, oldest first, at most 10,000.

    Send the header X-Next-Cursor back as `cursor` for the next rows; a Link leads there while more remain.
    """
    return await tags.tags_given(db, account, query)
