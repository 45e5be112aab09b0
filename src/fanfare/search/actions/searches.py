"""Searches by pages, and the place up to which each was read."""

import uuid
from datetime import datetime
from typing import Any

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.data.paging import Page
from fanfare.search.actions.running import Answer, R, RunningSearch, Show, whole
from fanfare.search.queries import found, searches
from fanfare.search.queries.searches import Search
from fanfare.search.schemas.search import FanSearch, FoundFan, SearchMeta


async def search_fans(
    db: Db, account: Account, wanted: FanSearch, now: datetime, delivery: Delivery
) -> Answer[FoundFan]:
    """Return a page of fans: the next one of the search that is named, or the first of a new one."""
    return await a_page(db, account, wanted, now, found.fans, delivery)


async def a_page(
    db: Db, account: Account, wanted: FanSearch, now: datetime, show: Show[R], delivery: Delivery
) -> Answer[R]:
    """Return the next page of the search that is named, or the first of a new one, in the rows that are wanted.

    A new one is only started for an answer whose rows go out: nobody would know of it.
    """
    if wanted.search_uid is not None:
        return await next_page(db, account, wanted, now, show, delivery)
    running = RunningSearch(db, account, wanted, now, show)
    return await (running.start() if delivery.has_body else running.peek())


async def next_page(
    db: Db, account: Account, wanted: FanSearch, now: datetime, show: Show[R], delivery: Delivery
) -> Answer[R]:
    """Return the next page of a started search; its place moves when the answer has gone out.

    A cursor that names a row moves nothing. Parallel calls with one search_uid get the same page, and move it once.
    """
    cursor: Any = wanted.search_uid
    search = await whole(db, account, cursor.search_uid, now)
    recent = wanted.include_recent_entry or search.wanted.include_recent_entry
    search = msgspec.structs.replace(search, wanted=msgspec.structs.replace(search.wanted, include_recent_entry=recent))
    place = cursor.row if cursor.row is not None else await searches.place(db, account.id, search.search_uid)
    page, following = await _rows(db, account.id, search, (place, wanted.limit), show)
    if cursor.row is None:
        moved = search.rows if following is None else following
        delivery.then(lambda own: _move(own, account.id, search.search_uid, place, moved))
    uid = None if following is None else f"{search.search_uid}.{following}"
    return Page(SearchMeta(search.search_uid, uid, search.rows, wanted.limit, has_more=uid is not None), page)


async def _rows(
    db: Db, account_id: int, search: Search, part: tuple[int, int], show: Show[R]
) -> tuple[list[R], int | None]:
    """Return the rows of `limit` places from a row on, of fans who are still there, and the next row that has one.

    Where nobody is left of a page the next one is returned: only the end of a search is an empty page.
    """
    row, limit = part
    while True:
        fan_ids = await searches.fan_ids(db, account_id, search.search_uid, row, limit + 1)
        rows = await show(db, account_id, fan_ids, search.wanted)
        beyond = fan_ids[limit:]
        following: int | None = None
        if beyond and rows and rows[-1].fan_id == beyond[0]:
            rows, following = rows[:-1], row + limit
        elif beyond:
            following = await searches.next_present(db, account_id, search.search_uid, row + limit + 1)
        if rows or following is None or limit == 0:
            return rows, following
        row = following


async def _move(own: Db, account_id: int, search_uid: uuid.UUID, place: int, moved: int) -> None:
    """Move the place of a search, unless another answer moved it meanwhile."""
    await own.execute(
        "update searches set next_row = $4 where account_id = $1 and search_uid = $2 and next_row = $3",
        account_id,
        search_uid,
        place,
        moved,
    )


async def forget_searches(db: Db, account_id: int, before: datetime) -> None:
    """Delete the searches of an account that were started before a moment, with their sets."""
    await db.execute(
        """
        with gone as (
            delete from searches s where s.account_id = $1 and s.created_at <= $2 returning s.search_uid
        )
        delete from search_chunks c
        where c.account_id = $1 and c.search_uid = any (select search_uid from gone)
        """,
        account_id,
        before,
    )
