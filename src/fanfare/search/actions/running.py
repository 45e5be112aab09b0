"""A new search, from the call that starts it until its result set is stored.

The first page and the whole set come from one snapshot: a transaction reads the first page, and if more fans remain it
continues in the background, after the response, and stores the rest. It holds an advisory lock, which is released
however it ends. If its process dies, the set stays incomplete, and the next request for a page computes the rest again,
from the last stored fan on.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

import msgspec
import structlog

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Composed, Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.data.paging import Page
from fanfare.kernel.errors import Unavailable
from fanfare.search.criteria.where import Where
from fanfare.search.queries import conditions, fans, searches
from fanfare.search.queries.searches import Search
from fanfare.search.schemas.search import FanSearch, SearchMeta

log = structlog.get_logger()


class FanRow(Protocol):
    """A row of a page, whatever its other fields."""

    fan_id: int


R = TypeVar("R", bound=FanRow)
SearchPage = Page[SearchMeta, R]
# Reads the rows of a page: those of the given fans (account, fan ids) who still exist, by fan id.
ReadRows = Callable[[Db, int, Sequence[int], FanSearch], Awaitable[list[R]]]

PATIENCE_SECONDS = 20.0
PAUSE_SECONDS = 0.02
STORE_SECONDS = 600
CHUNK = 1000

STORE = """
    insert into search_chunks (account_id, search_uid, first_row, end_row, is_last, fan_ids)
    select $1, {uid}, {row} + number * {chunk}, {row} + number * {chunk} + cardinality(fan_ids),
           number = max(number) over (), fan_ids
    from (
        select (place - 1) / {chunk} as number, array_agg(fan_id order by place) as fan_ids
        from (select fan_id, row_number() over (order by fan_id)::integer as place from ({fan_ids}) rest) numbered
        group by 1
    ) chunks
"""


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
            await _store_start(tx.independent(), self.account.id, first.search, first.fan_ids, len(first.page.data))
            self.state = State.WRITING
            if not self._first_page.done():
                self._first_page.set_result(first.page)
            if not first.search.is_complete:
                # This turn is kept while waiting for the long one, so that few transactions wait.
                async with self.db.long_turn():
                    await turn.aclose()
                    await _store_rest(tx, first.condition, first.search)

    async def _read_first_page(self, tx: Db) -> FirstPage[R]:
        newest = await _lock_set(tx, self.account.id, self.search_uid)
        condition = await conditions.condition(tx, self.account, self.query, self.now)
        # A page without rows (limit 0) fixes the set too.
        limit, max_count = self.query.limit, self.query.max_count
        first_rows = min(limit or CHUNK, max_count)
        fan_ids = await fans.ids(tx, condition, first_rows + (first_rows < max_count))
        is_complete, fan_ids = len(fan_ids) <= first_rows, fan_ids[:first_rows]
        rows = await self.read_rows(tx, self.account.id, fan_ids[:limit], self.query)
        last = max(fan_ids, default=0)
        search = Search(self.search_uid, self.query, self.now, newest, len(fan_ids), last, is_complete)
        return FirstPage(search, fan_ids, Page(_first_meta(search, len(rows), limit), rows), condition)

    def _fail(self, error: Exception) -> None:
        self.state = State.UNFINISHED if self.state is State.WRITING else State.DROPPED
        if not self._first_page.done():
            self._first_page.set_exception(error)
        else:
            reason = type(error).__name__
            log.warning(
                "search not stored completely", state=self.state, search_uid=str(self.search_uid), reason=reason
            )


def _first_meta(search: Search, row_count: int, limit: int) -> SearchMeta:
    has_more = not search.is_complete or row_count < search.rows
    following = f"{search.search_uid}.{row_count}" if has_more else None
    count = search.rows if search.is_complete else None
    return SearchMeta(search.search_uid, following, count, limit, has_more=has_more)


async def _lock_set(tx: Db, account_id: int, search_uid: uuid.UUID) -> int:
    """Lock the set of a search for this transaction, which will store it; return the largest fan id of its snapshot.

    The transaction's statements are planned for their own values, and without parallel workers, which take longer to
    start than the first page takes.
    """
    newest: int = await tx.value(
        """
        select coalesce((select max(f.fan_id) from fans f where f.account_id = $1), 0),
               pg_advisory_xact_lock($2),
               set_config('plan_cache_mode', 'force_custom_plan', true),
               set_config('max_parallel_workers_per_gather', '0', true)
        """,
        account_id,
        lock_key("search", account_id, str(search_uid)),
    )
    return newest


async def _store_start(db: Db, account_id: int, search: Search, fan_ids: list[int], next_row: int) -> None:
    """Store a search with its first fans, and commit it before the response, outside the transaction of the set."""
    criteria = msgspec.to_builtins(msgspec.structs.replace(search.query, search_uid=None))
    await db.execute(
        """
        with started as (
            insert into searches (account_id, search_uid, criteria, newest_fan_id, next_row, created_at)
            values ($1, $2, $3, $7, $8, $5)
        )
        insert into search_chunks (account_id, search_uid, first_row, end_row, is_last, fan_ids)
        values ($1, $2, 0, cardinality($4::bigint[]), $6, $4)
        """,
        account_id,
        search.search_uid,
        {name: value for name, value in criteria.items() if value is not None},
        fan_ids,
        search.created_at,
        search.is_complete,
        search.newest_fan_id,
        next_row,
    )


async def _store_rest(tx: Db, condition: Where, search: Search) -> None:
    """Store the fans of a set after the last one that is stored."""
    fan_ids, args = fans.statement(condition, search.query.max_count - search.rows, search.last_fan_id)
    first = len(args) + 1
    await tx.allow(STORE_SECONDS)
    marks = {"uid": f"${first}::uuid", "row": f"${first + 1}::integer", "chunk": f"${first + 2}::integer"}
    await tx.execute(
        Composed(STORE.format(fan_ids=fan_ids, **marks)),
        *args,
        search.search_uid,
        search.rows,
        CHUNK,
    )


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
            await _store_rest(tx, condition, current)
    return True
