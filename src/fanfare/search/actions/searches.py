"""Starts searches, writes their sets down, and moves the place up to which they were read.

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
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import structlog

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Composed, Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.data.paging import Page
from fanfare.kernel.errors import Unavailable
from fanfare.search.criteria.where import Where
from fanfare.search.queries import conditions, found, searches
from fanfare.search.queries.searches import Search
from fanfare.search.schemas.search import FanSearch, FoundFan, SearchMeta

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
        from (select fan_id, row_number() over (order by fan_id)::integer as place from ({wanted}) whole) numbered
        group by 1
    ) chunks
"""


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
    if delivery.has_body:
        return await start_search(db, account, wanted, now, show)
    async with db.heavy_turn(), db.transaction("repeatable_read") as own:
        return (await _first(own, account, wanted, now, show)).answer


async def start_search(db: Db, account: Account, wanted: FanSearch, now: datetime, show: Show[R]) -> Answer[R]:
    """Fix the set of a new search and return its first page."""
    first: asyncio.Future[Answer[R]] = asyncio.get_running_loop().create_future()
    db.leave(_run(db, account, wanted, now, (first, show)))
    try:
        return await asyncio.wait_for(first, PATIENCE_SECONDS)
    except TimeoutError:
        message = "too many searches are running; try again shortly"
        raise Unavailable(message) from None


async def _run(
    db: Db, account: Account, wanted: FanSearch, now: datetime, asked: tuple[asyncio.Future[Answer[R]], Show[R]]
) -> None:
    first, show = asked
    uid = None
    try:
        async with AsyncExitStack() as turn:
            await turn.enter_async_context(db.heavy_turn())
            if first.done():
                return
            async with db.transaction("repeatable_read") as own:
                begun = await _first(own, account, wanted, now, show)
                uid = begun.search.search_uid
                await _note(db, account.id, begun.search, begun.fan_ids, len(begun.answer.data))
                if not first.done():
                    first.set_result(begun.answer)
                if not begun.search.is_whole:
                    # Another turn is waited for with this one, so that few transactions wait.
                    async with db.long_turn():
                        await turn.aclose()
                        await _store(own, begun.condition, begun.search)
    except Exception as error:  # noqa: BLE001 - told to the caller, or found again by the next page
        if not first.done():
            first.set_exception(error)
        else:
            log.warning("search left unfinished", search_uid=str(uid), reason=type(error).__name__)


class Begun(msgspec.Struct, Generic[R]):
    """A new search with its first fans, the first page, and the condition by which the rest is found."""

    search: Search
    fan_ids: list[int]
    answer: Answer[R]
    condition: Where


async def _first(own: Db, account: Account, wanted: FanSearch, now: datetime, show: Show[R]) -> Begun[R]:
    search_uid = uuid.uuid4()
    newest = await _take(own, account.id, search_uid)
    condition = await conditions.condition(own, account, wanted, now)
    # A page of nobody fixes the set all the same.
    most = min(wanted.limit or CHUNK, wanted.max_count)
    fan_ids = await found.ids(own, condition, most + (most < wanted.max_count))
    is_whole, fan_ids = len(fan_ids) <= most, fan_ids[:most]
    page = await show(own, account.id, fan_ids[: wanted.limit], wanted)
    search = Search(search_uid, wanted, now, newest, len(fan_ids), max(fan_ids, default=0), is_whole)
    return Begun(search, fan_ids, Page(_first_meta(search, len(page), wanted.limit), page), condition)


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
    kept = msgspec.structs.replace(search.wanted, search_uid=None)
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


async def _store(own: Db, condition: Where, search: Search) -> None:
    """Write down the rest of a set, behind the last fan that is already there."""
    wanted, args = found.statement(condition, search.wanted.max_count - search.rows, search.last_fan_id)
    first = len(args) + 1
    await own.allow(STORE_SECONDS)
    marks = {"uid": f"${first}::uuid", "row": f"${first + 1}::integer", "chunk": f"${first + 2}::integer"}
    await own.execute(
        Composed(STORE.format(wanted=wanted, **marks)),
        *args,
        search.search_uid,
        search.rows,
        CHUNK,
    )


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


async def whole(db: Db, account: Account, search_uid: uuid.UUID, now: datetime) -> Search:
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
            condition = await conditions.condition(own, account, left.wanted, left.created_at, left.newest_fan_id)
            await _store(own, condition, left)
    return True


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
