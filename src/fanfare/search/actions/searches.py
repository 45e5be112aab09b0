"""Searches by pages, and the place up to which each was read."""

import uuid
from datetime import datetime
from typing import Any

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.data.paging import Page
from fanfare.search.actions.running import Answer, R, RunningSearch, Show, complete_search
from fanfare.search.queries import searches
from fanfare.search.queries.searches import Search
from fanfare.search.schemas.search import FanSearch, SearchMeta


async def search_page(
    db: Db, account: Account, query: FanSearch, now: datetime, show: Show[R], delivery: Delivery
) -> Answer[R]:
    """Return the next page of the search that is named, or the first of a new one, in the rows that are wanted.

    A new one is only started for an answer whose rows go out: nobody would know of it.
    """
    if query.search_uid is not None:
        return await next_page(db, account, query, now, show, delivery)
    running = RunningSearch(db, account, query, now, show)
    return await (running.start() if delivery.has_body else running.peek())


async def next_page(
    db: Db, account: Account, query: FanSearch, now: datetime, show: Show[R], delivery: Delivery
) -> Answer[R]:
    """Return the next page of a started search; its place moves when the answer has gone out.

    A cursor that names a row moves nothing. Parallel calls with one search_uid get the same page, and move it once.
    """
    cursor: Any = query.search_uid
    search = await complete_search(db, account, cursor.search_uid, now)
    recent = query.include_recent_entry or search.query.include_recent_entry
    search = msgspec.structs.replace(search, query=msgspec.structs.replace(search.query, include_recent_entry=recent))
    place = cursor.row if cursor.row is not None else await searches.place(db, account.id, search.search_uid)
    page, following = await _rows(db, account.id, search, (place, query.limit), show)
    if cursor.row is None:
        next_row = search.rows if following is None else following
        delivery.then(lambda tx: _move(tx, account.id, search.search_uid, place, next_row))
    uid = None if following is None else f"{search.search_uid}.{following}"
    return Page(SearchMeta(search.search_uid, uid, search.rows, query.limit, has_more=uid is not None), page)


async def _rows(
    db: Db, account_id: int, search: Search, part: tuple[int, int], show: Show[R]
) -> tuple[list[R], int | None]:
    """Return the rows of `limit` places from a row on, of fans who are still there, and the next row that has one.

    Where nobody is left of a page the next one is returned: only the end of a search is an empty page.
    """
    row, limit = part
    while True:
        fan_ids = await searches.fan_ids(db, account_id, search.search_uid, row, limit + 1)
        rows = await show(db, account_id, fan_ids, search.query)
        rest = fan_ids[limit:]
        following: int | None = None
        if rest and rows and rows[-1].fan_id == rest[0]:
            rows, following = rows[:-1], row + limit
        elif rest:
            following = await searches.next_present(db, account_id, search.search_uid, row + limit + 1)
        if rows or following is None or limit == 0:
            return rows, following
        row = following


async def _move(tx: Db, account_id: int, search_uid: uuid.UUID, place: int, next_row: int) -> None:
    """Move the place of a search, unless another answer moved it meanwhile."""
    await tx.execute(
        "update searches set next_row = $4 where account_id = $1 and search_uid = $2 and next_row = $3",
        account_id,
        search_uid,
        place,
        next_row,
    )


async def forget_searches(db: Db, account_id: int, cutoff: datetime) -> None:
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
        cutoff,
    )
