"""The position of a search moves when the last byte was sent on an open connection; else the page is sent again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from structlog.testing import capture_logs

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.running import PATIENCE
from tests.search.crowd import many_fans

SEARCH = "/api/v1/crm/fans"


@pytest.fixture(scope="module")
async def crowd(api: Api, db: Db) -> list[int]:
    return await many_fans(db, api.account_id, 60, "BC")


async def started(api: Api) -> str:
    """Start a search, read its first ten rows, and return its uid."""
    uid: str = (await api.ok(await api.get(SEARCH, fan_provinces="BC", limit=10)))["meta"]["search_uid"]
    return uid


async def page(api: Api, **query: Any) -> list[int]:
    return [row["fan_id"] for row in (await api.ok(await api.get(SEARCH, **query)))["data"]]


@asynccontextmanager
async def no_move(url: str) -> AsyncIterator[None]:
    """Lock the positions of searches: reads continue, moves wait."""
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        await connection.execute("lock table searches in share mode")
        yield
    await connection.close()


async def all_but_the_end(url: str, api: Api, uid: str) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    """Request a page and read the response as far as it comes; return the connection."""
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "fanfare", **api.keys}.items())
    writer.write(f"GET {SEARCH}?search_uid={uid}&limit=10 HTTP/1.1\r\n{head}\r\n".encode())
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(answer.partition("content-length:")[2].split()[0])
    await reader.readexactly(length - 1)
    return writer, reader


async def test_a_response_that_is_cut_off_does_not_move_the_position(
    api: Api, crowd: list[int], base_url: str, database_url: str
) -> None:
    uid = await started(api)
    async with no_move(database_url):
        writer, _ = await all_but_the_end(base_url, api, uid)
        writer.close()
        await writer.wait_closed()
        # The server has seen the end of that connection when it answers on another.
        assert (await api.client.get("/healthz")).status_code == 200
    assert await page(api, search_uid=uid, limit=10) == crowd[10:20]
    assert await page(api, search_uid=uid, limit=10) == crowd[20:30]


async def test_a_half_closed_connection_gets_the_response_without_a_move(
    api: Api, crowd: list[int], base_url: str, database_url: str
) -> None:
    uid = await started(api)
    async with no_move(database_url):
        writer, reader = await all_but_the_end(base_url, api, uid)
        writer.write_eof()
        assert (await api.client.get("/healthz")).status_code == 200
    assert await reader.read() == b"}"
    writer.close()
    assert await page(api, search_uid=uid, limit=10) == crowd[10:20]


async def test_no_response_ends_before_the_position_can_move(
    api: Api, crowd: list[int], base_url: str, database_url: str
) -> None:
    uid = await started(api)
    async with no_move(database_url):
        writer, reader = await all_but_the_end(base_url, api, uid)
        end = asyncio.ensure_future(reader.readexactly(1))
        assert (await api.client.get("/healthz")).status_code == 200
        assert not end.done()
    assert await end == b"}"
    # The next call comes at once on another connection, and finds the place moved.
    assert await page(api, search_uid=uid, limit=10) == crowd[20:30]
    writer.close()


NO_COMMIT = """
    create function refuse_at_commit() returns trigger language plpgsql as $$ begin raise 'not now'; end $$;
    create constraint trigger refuse_at_commit after update on searches deferrable initially deferred
        for each row execute function refuse_at_commit();
"""


async def test_a_failed_commit_repeats_the_page(api: Api, db: Db, crowd: list[int]) -> None:
    uid = await started(api)
    await db.execute(NO_COMMIT)
    with capture_logs() as result:
        assert await page(api, search_uid=uid, limit=10) == crowd[10:20]
        await db.execute("drop trigger refuse_at_commit on searches")
        async with asyncio.timeout(PATIENCE):
            while not result:  # noqa: ASYNC110 - the server logs after the last byte, at a time of its own
                await asyncio.sleep(0.01)
    assert [each["event"] for each in result] == ["response sent, but its effects were not stored"]
    assert await page(api, search_uid=uid, limit=10) == crowd[10:20]
    assert await page(api, search_uid=uid, limit=10) == crowd[20:30]


async def test_head_moves_no_position_and_starts_no_search(api: Api, db: Db, crowd: list[int]) -> None:
    uid = await started(api)
    count = "select count(*) from searches where account_id = $1"
    old = await db.value(count, api.account_id)
    questions: list[dict[str, str]] = [{"search_uid": uid, "limit": "10"}, {"fan_provinces": "BC"}]
    for criteria in questions:
        for _ in range(3):
            answer = await api.client.head(SEARCH, params=criteria, headers=api.keys)
            assert (answer.status_code, answer.content) == (200, b"")
    assert await db.value(count, api.account_id) == old
    assert await page(api, search_uid=uid, limit=10) == crowd[10:20]
    assert (await api.client.head(SEARCH, params={"search_uid": uid[::-1]}, headers=api.keys)).status_code == 422


async def test_the_page_size_may_change_and_cursor_is_an_alias(api: Api, crowd: list[int]) -> None:
    uid = await started(api)
    sizes = [7, 1, 20, 3, 100]
    read = [await page(api, cursor=uid, limit=size) for size in sizes]
    assert [fan_id for each in read for fan_id in each] == crowd[10:]
    assert [len(each) for each in read] == [7, 1, 20, 3, 19]
    assert await page(api, cursor=uid) == []


async def test_deleted_fans_do_not_promise_a_page(api: Api, db: Db) -> None:
    there = await many_fans(db, api.account_id, 20, "YT")
    answer = await api.ok(await api.get(SEARCH, fan_provinces="YT", limit=5))
    await db.execute("delete from fans where account_id = $1 and fan_id = any($2)", api.account_id, there[10:])
    answer = await api.ok(await api.get(SEARCH, search_uid=answer["meta"]["search_uid"], limit=5))
    assert [row["fan_id"] for row in answer["data"]] == there[5:10]
    assert (answer["meta"]["has_more"], answer["meta"]["next_search_uid"]) == (False, None)
