"""A search on its way: from the call that starts it until its set is written down.

The first page and the whole set come from one snapshot: a transaction answers the first page, and when more remain it
goes on beside the answer to write the rest down. What says that it is at work is an advisory lock, which its end frees
however it ends; a set left unfinished by a process that died is found anew behind its first page by whoever comes next.
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
from fanfare.search.queries import conditions, found, searches
from fanfare.search.queries.searches import Search
from fanfare.search.schemas.search import FanSearch, SearchMeta

log = structlog.get_logger()


class Shown(Protocol):
    """A row of an answer, of whatever it tells."""

    fan_id: int


R = TypeVar("R", bound=Shown)
Answer = Page[SearchMeta, R]
# What reads the rows of an answer: those of the fans that are still there, in the order of their ids.
Show = Callable[[Db, int, Sequence[int], FanSearch], Awaitable[list[R]]]

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
    """How far a search is. What a process that dies leaves behind is unfinished, or nothing at all."""

    WAITING = "waiting"  # for a turn at heavy reads, and then for its first page
    WRITING = "writing"  # first page stored and answered; the rest of the set follows
    WHOLE = "whole"  # all of its set written down
    UNFINISHED = "unfinished"  # the rest left to whoever asks for the next page
    DROPPED = "dropped"  # nothing stored: the caller is gone, or has the error


class Begun(msgspec.Struct, Generic[R]):
    """A new search with its first fans, the first page, and the condition by which the rest is found."""

    search: Search
    fan_ids: list[int]
    answer: Answer[R]
    condition: Where


class RunningSearch(Generic[R]):
    """A new search: fixes its set, answers its first page, and writes the rest down."""

    def __init__(self, db: Db, account: Account, query: FanSearch, now: datetime, show: Show[R]) -> None:
        """Take what is searched for, when, and how its rows are shown."""
        self.db, self.account, self.query, self.now, self.show = db, account, query, now, show
        self.search_uid = uuid.uuid4()
        self.state = State.WAITING
        self._answer: asyncio.Future[Answer[R]] = asyncio.get_running_loop().create_future()

    async def peek(self) -> Answer[R]:
        """Return the first page and store nothing."""
        async with self.db.heavy_turn(), self.db.transaction("repeatable_read") as own:
            return (await self._begin(own)).answer

    async def start(self) -> Answer[R]:
        """Return the first page as soon as it is there; what remains is written down beside the answer."""
        self.db.leave(self._run())
        try:
            return await asyncio.wait_for(self._answer, PATIENCE_SECONDS)
        except TimeoutError:
            message = "too many searches are running; try again shortly"
            raise Unavailable(message) from None

    async def _run(self) -> None:
        try:
            async with AsyncExitStack() as turn:
                await turn.enter_async_context(self.db.heavy_turn())
                if self._answer.done():
                    self.state = State.DROPPED
                    return
                await self._find(turn)
            self.state = State.WHOLE
        except Exception as error:  # noqa: BLE001 - told to the caller, or found again by the next page
            self._fail(error)

    async def _find(self, turn: AsyncExitStack) -> None:
        async with self.db.transaction("repeatable_read") as own:
            begun = await self._begin(own)
            await _note(self.db, self.account.id, begun.search, begun.fan_ids, len(begun.answer.data))
            self.state = State.WRITING
            if not self._answer.done():
                self._answer.set_result(begun.answer)
            if not begun.search.is_whole:
                # Another turn is waited for with this one, so that few transactions wait.
                async with self.db.long_turn():
                    await turn.aclose()
                    await _write(own, begun.condition, begun.search)

    async def _begin(self, own: Db) -> Begun[R]:
        newest = await _take(own, self.account.id, self.search_uid)
        condition = await conditions.condition(own, self.account, self.query, self.now)
        # A page of nobody fixes the set all the same.
        limit, max_count = self.query.limit, self.query.max_count
        most = min(limit or CHUNK, max_count)
        fan_ids = await found.ids(own, condition, most + (most < max_count))
        is_whole, fan_ids = len(fan_ids) <= most, fan_ids[:most]
        page = await self.show(own, self.account.id, fan_ids[:limit], self.query)
        last = max(fan_ids, default=0)
        search = Search(self.search_uid, self.query, self.now, newest, len(fan_ids), last, is_whole)
        return Begun(search, fan_ids, Page(_first_meta(search, len(page), limit), page), condition)

    def _fail(self, error: Exception) -> None:
        self.state = State.UNFINISHED if self.state is State.WRITING else State.DROPPED
        if not self._answer.done():
            self._answer.set_exception(error)
        else:
            reason = type(error).__name__
            log.warning(
                "search not stored completely", state=self.state, search_uid=str(self.search_uid), reason=reason
            )


def _first_meta(search: Search, read: int, limit: int) -> SearchMeta:
    has_more = not search.is_whole or read < search.rows
    following = f"{search.search_uid}.{read}" if has_more else None
    return SearchMeta(search.search_uid, following, search.rows if search.is_whole else None, limit, has_more=has_more)


async def _take(own: Db, account_id: int, search_uid: uuid.UUID) -> int:
    """Say by a lock that this transaction writes the set down; return the newest fan of its snapshot.

    Each of its statements is planned for its own values, and without parallel workers: they take longer to start than
    a first page takes.
    """
    newest: int = await own.value(
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


async def _note(db: Db, account_id: int, search: Search, fan_ids: list[int], read: int) -> None:
    """Commit the search with its first page, before that is answered and apart from the transaction of the set."""
    kept = msgspec.structs.replace(search.query, search_uid=None)
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
        {name: value for name, value in msgspec.to_builtins(kept).items() if value is not None},
        fan_ids,
        search.created_at,
        search.is_whole,
        search.newest_fan_id,
        read,
    )


async def _write(own: Db, condition: Where, search: Search) -> None:
    """Write down the rest of a set, behind the last fan that is already there."""
    fan_ids, args = found.statement(condition, search.query.max_count - search.rows, search.last_fan_id)
    first = len(args) + 1
    await own.allow(STORE_SECONDS)
    marks = {"uid": f"${first}::uuid", "row": f"${first + 1}::integer", "chunk": f"${first + 2}::integer"}
    await own.execute(
        Composed(STORE.format(fan_ids=fan_ids, **marks)),
        *args,
        search.search_uid,
        search.rows,
        CHUNK,
    )


async def complete_search(db: Db, account: Account, search_uid: uuid.UUID, now: datetime) -> Search:
    """Return a search when its set is written down; wait for that, or see to it when nobody else does."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        search = await searches.search(db, account.id, search_uid, now)
        if search.is_whole:
            return search
        if time.monotonic() > end:
            message = "the search is still being prepared; ask for this page again"
            raise Unavailable(message, retry_after=2)
        if not await _finish(db, account, search):
            await asyncio.sleep(PAUSE_SECONDS)


async def _finish(db: Db, account: Account, search: Search) -> bool:
    """Write a set down if nobody is at it, and say whether it may be whole now.

    It runs at the default isolation: the lock may come free by the end of a transaction that wrote the set, and the
    next statement must see that.
    """
    async with db.long_turn(), db.transaction() as own:
        is_free = await own.value(
            "select pg_try_advisory_xact_lock($1)", lock_key("search", account.id, str(search.search_uid))
        )
        if not is_free:
            return False
        left = await searches.search(own, account.id, search.search_uid, search.created_at)
        if not left.is_whole:
            await _take(own, account.id, search.search_uid)
            condition = await conditions.condition(own, account, left.query, left.created_at, left.newest_fan_id)
            await _write(own, condition, left)
    return True
