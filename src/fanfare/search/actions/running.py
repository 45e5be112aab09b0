"""A new search, from the call that starts it until its result set is stored.

The audience index determines the whole set at once (`indexed`). Without an answer of it the first page and the set come
from one snapshot of the tables: a transaction reads the first page, and if more fans remain it continues in the
background, after the response, and stores the rest. It holds an advisory lock, which is released however it ends. If
its process dies, the set stays incomplete, and the next request for a page computes the rest again, from the last
stored fan on.
"""

import asyncio
import time
import uuid
from contextlib import AsyncExitStack
from datetime import datetime
from enum import StrEnum
from typing import Generic

import msgspec
import structlog

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Composed, Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.data.paging import Page
from fanfare.kernel.errors import Unavailable
from fanfare.kernel.running.long_inputs import run_by_size
from fanfare.search.actions.indexed import indexed_page
from fanfare.search.actions.pages import R, ReadRows, SearchPage, first_meta
from fanfare.search.actions.storing import store_chunks, store_search
from fanfare.search.criteria.where import Where
from fanfare.search.queries import conditions, fans, searches
from fanfare.search.queries.searches import Search
from fanfare.search.schemas.search import FanSearch
from fanfare.search.schemas.sets import Chunk, chunks, set_in_array, set_of

log = structlog.get_logger()

PATIENCE_SECONDS = 20.0
PAUSE_SECONDS = 0.02
STORE_SECONDS = 600
# How many fans are found at once for a page without rows.
FIRST_ROWS = 1000
REST = "select array_send(array_agg(fan_id)) from ({fan_ids}) rest"


class State(StrEnum):
    """The progress of a search."""

    WAITING = "waiting"  # for its turn and its first page
    WRITING = "writing"  # the first page is stored and returned; the rest is being stored
    COMPLETE = "complete"  # the whole set is stored
    UNFINISHED = "unfinished"  # storing the rest failed; the next request for a page does it again
    DROPPED = "dropped"  # nothing is stored: the caller got an error or waits no longer


class FirstPage(msgspec.Struct, Generic[R]):
    """A new search with the fans to store with it, its first page, and the condition that selects the rest."""

    search: Search
    fan_ids: list[int]
    page: SearchPage[R]
    condition: Where


class RunningSearch(Generic[R]):
    """A new search: fixes its set, returns the first page, and stores the rest."""

    def __init__(self, db: Db, account: Account, query: FanSearch, now: datetime, read_rows: ReadRows[R]) -> None:
        self.db, self.account, self.query, self.now, self.read_rows = db, account, query, now, read_rows
        self.search_uid = uuid.uuid4()
        self.state = State.WAITING
        self._first_page: asyncio.Future[SearchPage[R]] = asyncio.get_running_loop().create_future()

    async def peek(self) -> SearchPage[R]:
        """Return the first page and store nothing."""
        async with self.db.heavy_turn(), self.db.transaction("repeatable_read") as tx:
            return (await self._read_first_page(tx)).page

    async def start(self) -> SearchPage[R]:
        """Return the first page; the rest is stored in the background. Unavailable (503) after `PATIENCE_SECONDS`."""
        self.db.leave(self._run())
        try:
            return await asyncio.wait_for(self._first_page, PATIENCE_SECONDS)
        except TimeoutError:
            message = "too many searches are running; try again shortly"
            raise Unavailable(message) from None

    async def _run(self) -> None:
        try:
            async with AsyncExitStack() as turn:
                await turn.enter_async_context(self.db.heavy_turn())
                if self._first_page.done():
                    self.state = State.DROPPED
                    return
                await self._search(turn)
            self.state = State.COMPLETE
        except Exception as error:  # noqa: BLE001 - raised to the caller, or left to the next request for a page
            self._fail(error)

    async def _search(self, turn: AsyncExitStack) -> None:
        async with self.db.transaction("repeatable_read") as tx:
            first = await self._read_first_page(tx)
            # Committed before the response, outside the transaction of the set.
            parts = chunks(set_of(first.fan_ids))
            await store_search(tx.independent(), self.account.id, first.search, parts, len(first.page.data))
            self.state = State.WRITING
            if not self._first_page.done():
                self._first_page.set_result(first.page)
            if not first.search.is_complete:
                # This turn is kept while waiting for the long one, so that few transactions wait.
                async with self.db.long_turn():
                    await turn.aclose()
                    await _store_rest(tx, self.account.id, first.condition, first.search)

    async def _read_first_page(self, tx: Db) -> FirstPage[R]:
        newest = await _lock_set(tx, self.account.id, self.search_uid)
        condition = await conditions.condition(tx, self.account, self.query, self.now)
        # A page without rows (limit 0) fixes the set too.
        limit, max_count = self.query.limit, self.query.max_count
        first_rows = min(limit or FIRST_ROWS, max_count)
        fan_ids = await fans.ids(tx, condition, first_rows + (first_rows < max_count))
        is_complete, fan_ids = len(fan_ids) <= first_rows, fan_ids[:first_rows]
        rows = await self.read_rows(tx, self.account.id, fan_ids[:limit], self.query)
        last = max(fan_ids, default=0)
        search = Search(self.search_uid, self.query, self.now, newest, len(fan_ids), last, is_complete)
        return FirstPage(search, fan_ids, Page(first_meta(search, len(rows), limit), rows), condition)

    def _fail(self, error: Exception) -> None:
        self.state = State.UNFINISHED if self.state is State.WRITING else State.DROPPED
        if not self._first_page.done():
            self._first_page.set_exception(error)
        else:
            reason = type(error).__name__
            log.warning(
                "search not stored completely", state=self.state, search_uid=str(self.search_uid), reason=reason
            )


async def start_search(
    db: Db, account: Account, query: FanSearch, now: datetime, read_rows: ReadRows[R]
) -> SearchPage[R]:
    """Store a new search and return its first page.

    BadParameters (422) for criteria that cannot be evaluated, Unavailable (503) after `PATIENCE_SECONDS`.
    """
    page = await indexed_page(db, account, query, now, read_rows)
    return page or await RunningSearch(db, account, query, now, read_rows).start()


async def _lock_set(tx: Db, account_id: int, search_uid: uuid.UUID) -> int:
    """Lock the set of a search for this transaction, which will store it; return the largest fan id of its snapshot.

    The transaction has no parallel workers, which take longer to start than the first page takes.
    """
    newest: int = await tx.value(
        """
        select coalesce((select max(f.fan_id) from fans f where f.account_id = $1), 0),
               pg_advisory_xact_lock($2),
               set_config('max_parallel_workers_per_gather', '0', true)
        """,
        account_id,
        lock_key("search", account_id, str(search_uid)),
    )
    return newest


async def _store_rest(tx: Db, account_id: int, condition: Where, search: Search) -> None:
    """Store the fans of a set after the last one that is stored."""
    fan_ids, args = fans.statement(condition, search.query.max_count - search.rows, search.last_fan_id)
    await tx.allow(STORE_SECONDS)
    data: bytes | None = await tx.value(Composed(REST.format(fan_ids=fan_ids)), *args)
    # Ids of 12 bytes become bitmaps a hundred times as fast as input is parsed.
    size = len(data or b"") // 100
    parts = await run_by_size(account_id, size, _rest, data, search.rows)
    await store_chunks(tx, account_id, search.search_uid, parts, has_end=True)


def _rest(data: bytes | None, first_row: int) -> list[Chunk]:
    return chunks(set_in_array(data), first_row)


async def complete_search(db: Db, account: Account, search_uid: uuid.UUID, now: datetime) -> Search:
    """Return a search once its set is complete: wait for the transaction that stores it, or store it if there is none.

    Unknown (404) if it does not exist or has expired, Unavailable (503) after `PATIENCE_SECONDS`.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        search = await searches.search(db, account.id, search_uid, now)
        if search.is_complete:
            return search
        if time.monotonic() > end:
            message = "the search is still being prepared; ask for this page again"
            raise Unavailable(message, retry_after=2)
        if not await _finish(db, account, search):
            await asyncio.sleep(PAUSE_SECONDS)


async def _finish(db: Db, account: Account, search: Search) -> bool:
    """Store the rest of a set unless another transaction does; return whether the set may be complete now.

    It runs at the default isolation level: the lock may have been released by a transaction that completed the set, and
    the next statement must see that.
    """
    async with db.long_turn(), db.transaction() as tx:
        is_free = await tx.value(
            "select pg_try_advisory_xact_lock($1)", lock_key("search", account.id, str(search.search_uid))
        )
        if not is_free:
            return False
        current = await searches.search(tx, account.id, search.search_uid, search.created_at)
        if not current.is_complete:
            await _lock_set(tx, account.id, search.search_uid)
            condition = await conditions.condition(
                tx, account, current.query, current.created_at, current.newest_fan_id
            )
            await _store_rest(tx, account.id, condition, current)
    return True
