"""Pages of searches, and the row up to which each search was read."""

import uuid
from datetime import datetime
from typing import Any

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.data.paging import Page
from fanfare.search.actions.pages import R, ReadRows, SearchPage
from fanfare.search.actions.running import RunningSearch, complete_search, start_search
from fanfare.search.queries import searches
from fanfare.search.queries.searches import Search
from fanfare.search.schemas.search import FanSearch, SearchMeta


async def search_page(
    db: Db, account: Account, query: FanSearch, now: datetime, read_rows: ReadRows[R], delivery: Delivery
) -> SearchPage[R]:
    """Return the next page of the search that `query.search_uid` names, or the first page of a new search.

    A response without a body (HEAD) stores no search, since nobody would know its uid. Unknown (404) for an expired or
    other search that does not exist, BadParameters (422) for criteria that cannot be evaluated.
    """
    if query.search_uid is not None:
        return await _next_page(db, account, query, now, read_rows, delivery)
    if delivery.has_body:
        return await start_search(db, account, query, now, read_rows)
    return await RunningSearch(db, account, query, now, read_rows).peek()


async def _next_page(
    db: Db, account: Account, query: FanSearch, now: datetime, read_rows: ReadRows[R], delivery: Delivery
) -> SearchPage[R]:
    """Return the next page of a stored search; its position moves once the response was sent.

    A cursor that names a row does not move the position. Parallel calls with one search_uid get the same page and move
    the position once.
    """
    cursor: Any = query.search_uid
    search = await complete_search(db, account, cursor.search_uid, now)
    recent = query.include_recent_entry or search.query.include_recent_entry
    search = msgspec.structs.replace(search, query=msgspec.structs.replace(search.query, include_recent_entry=recent))
    row = cursor.row if cursor.row is not None else await searches.next_row(db, account.id, search.search_uid)
    page, following = await _rows(db, account.id, search, (row, query.limit), read_rows)
    if cursor.row is None:
        next_row = search.rows if following is None else following
        delivery.then(lambda tx: _move(tx, account.id, search.search_uid, row, next_row))
    uid = None if following is None else f"{search.search_uid}.{following}"
    return Page(SearchMeta(search.search_uid, uid, search.rows, query.limit, has_more=uid is not None), page)


async def _rows(
    db: Db, account_id: int, search: Search, window: tuple[int, int], read_rows: ReadRows[R]
) -> tuple[list[R], int | None]:
    """Return the rows of a window (first row, number of rows), without deleted fans, and the next row with a fan.

    If no fan of a page is left, the next page is returned: only the end of a search is an empty page.
    """
    row, limit = window
    while True:
        fan_ids = await searches.fan_ids(db, account_id, search.search_uid, row, limit + 1)
        rows = await read_rows(db, account_id, fan_ids, search.query)
        rest = fan_ids[limit:]
        following: int | None = None
        if rest and rows and rows[-1].fan_id == rest[0]:
            rows, following = rows[:-1], row + limit
        elif rest:
            following = await searches.next_present(db, account_id, search.search_uid, row + limit + 1)
        if rows or following is None or limit == 0:
            return rows, following
        row = following


async def _move(tx: Db, account_id: int, search_uid: uuid.UUID, row: int, next_row: int) -> None:
    """Move the position of a search from a row to the next, unless another response moved it meanwhile."""
    await tx.execute(
        "update searches set next_row = $4 where account_id = $1 and search_uid = $2 and next_row = $3",
        account_id,
        search_uid,
        row,
        next_row,
    )


async def forget_searches(db: Db, account_id: int, cutoff: datetime) -> None:
    """Delete the searches of an account that started at `cutoff` or before, with their sets."""
    await db.execute(
        """
        with deleted as (
            delete from searches s where s.account_id = $1 and s.created_at <= $2 returning s.search_uid
        )
        delete from search_chunks c
        where c.account_id = $1 and c.search_uid = any (select search_uid from deleted)
        """,
        account_id,
        cutoff,
    )
