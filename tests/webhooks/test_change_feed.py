"""The change feed: every change once and in order; filters, waits and streams; a refusal where the log was trimmed."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn

from fanfare.cli.server import uvicorn_config
from fanfare.kernel.data.changes import newest_position, trim_changes
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.webhooks.queries import changes, watches
from tests.api import Api, new_api
from tests.running import PATIENCE
from tests.waits import until

PATH = "/api/v1/manage/changes"
TAGS = "/api/v1/manage/tags"
EVENTS = {"Accept": "text/event-stream"}


async def tag(api: Api, name: str) -> None:
    await api.ok(await api.post(TAGS, tag_name=name))


async def position(api: Api) -> str:
    answer = await api.get(PATH, after="latest")
    assert answer.json() == []
    return answer.headers["X-Next-Cursor"]


async def test_every_change_comes_once_and_in_order(api: Api) -> None:
    for number in range(7):
        await tag(api, f"paged {number}")
    rows: list[Any] = []
    cursor = "0"
    while True:
        answer = await api.get(PATH, after=cursor, limit=3)
        rows += await api.ok(answer)
        cursor = answer.headers["X-Next-Cursor"]
        if "Link" not in answer.headers:
            break
    assert [row["position"] for row in rows] == sorted({row["position"] for row in rows})
    assert [row["topic"] for row in rows] == ["tag.created"] * 7
    assert (await api.get(PATH, after=cursor)).json() == []
    assert (await api.get(PATH)).json() == rows
    row = rows[0]
    assert (row["fan_id"], row["merged_into"], row["data"], row["subject_id"].isdecimal()) == (None, None, {}, True)
    assert datetime.fromisoformat(row["timestamp_iso"]).timestamp() // 1 == row["timestamp"]


async def test_merges_and_deletions_leave_their_tombstones(api: Api) -> None:
    begin = await position(api)
    fan_ids = [(await api.ok(await api.post("/api/v1/crm/fans", email=f"{name}@x.example")))["fan_id"] for name in "ab"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_ids[0]}/merge", merged_fan_id=fan_ids[1]))
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_ids[0]}/erase"))
    rows = await api.ok(await api.get(PATH, after=begin, topics="fan.merged,*.deleted"))
    assert [(row["topic"], row["fan_id"]) for row in rows] == [("fan.merged", fan_ids[1]), ("fan.deleted", fan_ids[0])]


async def test_a_merge_says_who_stays(api: Api) -> None:
    begin = await position(api)
    fan_ids = [(await api.ok(await api.post("/api/v1/crm/fans", email=f"{name}@x.example")))["fan_id"] for name in "cd"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_ids[0]}/merge", merged_fan_id=fan_ids[1]))
    (row,) = await api.ok(await api.get(PATH, after=begin, topics="fan.merged"))
    assert (row["fan_id"], row["merged_into"]) == (fan_ids[1], fan_ids[0])


async def test_topics_are_filtered_and_the_rest_is_passed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page looks at a bounded number of rows; one without a match still leads on."""
    monkeypatch.setattr("fanfare.kernel.data.changes.MAX_SPAN", 2)
    begin = await position(api)
    for number in range(5):
        await tag(api, f"filtered {number}")
    await api.ok(await api.post("/api/v1/crm/fans", email="filtered@x.example"))
    rows: list[Any] = []
    cursor, pages = begin, 0
    while True:
        answer = await api.get(PATH, after=cursor, topics="fan.*")
        rows += await api.ok(answer)
        assert int(answer.headers["X-Next-Cursor"]) >= int(cursor)
        cursor, pages = answer.headers["X-Next-Cursor"], pages + 1
        if "Link" not in answer.headers:
            break
    assert [row["topic"] for row in rows] == ["fan.created"]
    assert pages > 2
    assert cursor == (await api.get(PATH, after="latest")).headers["X-Next-Cursor"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"after": "soon"}, "after"),
        ({"after": "-1"}, "after"),
        ({"after": str(10**17)}, "after"),
        ({"topics": "fan.mergd"}, "topics"),
        ({"topics": "fan.merged,fn.*"}, "topics"),
        ({"topics": "fan"}, "topics"),
        ({"topics": "%.%"}, "topics"),
        ({"topics": "*.*.*"}, "topics"),
        ({"wait": 31}, "wait"),
        ({"wait": "long"}, "wait"),
        ({"limit": 0}, "limit"),
    ],
)
async def test_a_wrong_field_is_named(api: Api, query: dict[str, Any], field: str) -> None:
    answer = await api.get(PATH, **query)
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, [field])


async def test_another_accounts_changes_are_not_there(api: Api, other_api: Api) -> None:
    begin = await position(api)
    await tag(other_api, "theirs")
    assert (await api.get(PATH, after=begin)).json() == []


async def test_lines_are_the_rows(api: Api) -> None:
    begin = await position(api)
    for number in range(3):
        await tag(api, f"line {number}")
    headers = {**api.keys, "Accept": "application/x-ndjson;q=1, */*"}
    answer = await api.client.get(PATH, params={"after": begin}, headers=headers)
    assert answer.headers["content-type"] == "application/x-ndjson"
    listed = await api.get(PATH, after=begin)
    assert [json.loads(line) for line in answer.text.splitlines()] == listed.json()
    assert answer.headers["X-Next-Cursor"] == listed.headers["X-Next-Cursor"]
    refused = await api.client.get(PATH, params={"after": "soon"}, headers=headers)
    assert refused.headers["content-type"] == "application/problem+json"


async def test_many_wait_and_one_looks(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    async def counted(handle: Db, account_id: int) -> int:
        looks.append(account_id)
        return await newest_position(handle, account_id)

    monkeypatch.setattr(watches, "newest_position", counted)
    begin = await position(api)
    waiting = [asyncio.create_task(api.get(PATH, after=begin, wait=30)) for _ in range(20)]

    async def is_looking() -> bool:
        return len(looks) > 3

    await until(is_looking)
    assert not any(each.done() for each in waiting)
    # Those who wait have no connection: the server has fewer connections than clients, and serves others.
    await tag(api, "at last")
    answers = await asyncio.gather(*waiting)
    assert {tuple(row["topic"] for row in answer.json()) for answer in answers} == {("tag.created",)}


async def test_a_wait_ends_without_a_change_and_passes_what_does_not_match(api: Api) -> None:
    begin = await position(api)
    waiting = asyncio.create_task(api.get(PATH, after=begin, wait=1, topics="fan.*"))
    await tag(api, "does not match")
    answer = await waiting
    assert answer.json() == []
    assert int(answer.headers["X-Next-Cursor"]) >= int(begin)


async def test_those_who_wait_are_limited(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "MAX_ACCOUNT_CLIENTS", 0)
    begin = await position(api)
    for headers in ({}, EVENTS):
        answer = await api.client.get(PATH, params={"after": begin, "wait": 5}, headers={**api.keys, **headers})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (await api.get(PATH, after=begin)).status_code == 200


@asynccontextmanager
async def stream(api: Api, **query: str) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
    """Give the events of a stream; `last` is its Last-Event-ID."""
    headers = {**api.keys, **EVENTS}
    if last := query.pop("last", ""):
        headers["Last-Event-ID"] = last
    async with api.client.stream("GET", PATH, params=query, headers=headers) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
        yield events(answer)


async def events(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    event: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        else:
            if "data" in event:
                yield event
            event = {}


async def test_a_stream_has_each_change_once_and_goes_on_where_it_ended(api: Api) -> None:
    begin = await position(api)
    await tag(api, "before the stream")
    ids: list[int] = []
    async with stream(api, after=begin) as rows:
        ids.append(int((await anext(rows))["id"]))
        await tag(api, "during the stream")
        ids.append(int((await anext(rows))["id"]))
    await tag(api, "between two streams")
    # A browser repeats its URL.
    async with stream(api, after=begin, last=str(ids[-1])) as rows:
        event = await anext(rows)
        ids.append(int(event["id"]))
        assert json.loads(event["data"])["topic"] == "tag.created"
    listed = (await api.get(PATH, after=begin)).json()
    assert ids == [row["position"] for row in listed]


async def test_a_wrong_last_event_is_refused(api: Api) -> None:
    answer = await api.client.get(PATH, headers={**api.keys, **EVENTS, "Last-Event-ID": "x"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Last-Event-ID")


async def test_a_head_begins_no_stream(api: Api) -> None:
    answer = await api.client.head(PATH, headers={**api.keys, **EVENTS})
    assert (answer.status_code, answer.content) == (200, b"")


@contextmanager
def stoppable(settings: Settings) -> Iterator[tuple[uvicorn.Server, str]]:
    server = uvicorn.Server(uvicorn_config(settings))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server, f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


async def test_a_server_that_stops_ends_waits_and_streams_cleanly(
    settings: Settings, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "HEARTBEAT_SECONDS", PATIENCE)
    with stoppable(settings) as (server, url):
        async with new_api(url, db, "Stopping") as api:
            begin = await position(api)
            async with stream(api, after=begin) as rows:
                await tag(api, "streamed")
                await anext(rows)
                waiting = asyncio.create_task(api.get(PATH, after=await position(api), wait=30))
                await tag(api, "waiting")
                await anext(rows)
                server.should_exit = True
                # The last part comes: httpx raises for a response that was cut off.
                assert [row async for row in rows] == []
            assert (await waiting).status_code == 200


async def test_a_client_that_left_is_no_longer_counted(base_url: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "MAX_ACCOUNT_CLIENTS", 1)
    async with new_api(base_url, db, "Leaving") as api:
        begin = await position(api)
        await tag(api, "one")
        async with stream(api, after=begin) as rows:
            await anext(rows)
            assert (await api.client.get(PATH, headers={**api.keys, **EVENTS})).status_code == 503

        async def is_free() -> bool:
            async with api.client.stream("GET", PATH, headers={**api.keys, **EVENTS}) as answer:
                return answer.status_code == 200

        await until(is_free)


async def test_a_reader_who_missed_deleted_changes_is_refused(base_url: str, db: Db) -> None:
    async with new_api(base_url, db, "Trimmed") as api:
        for number in range(3):
            await tag(api, f"old {number}")
        rows = (await api.get(PATH)).json()
        await trim_changes(db, api.account_id, datetime.now(UTC) + timedelta(days=1))
        await tag(api, "new")
        answer = await api.get(PATH, after=rows[0]["position"])
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (409, "changes_trimmed")
        assert problem["first_position"] == rows[-1]["position"] + 1
        for after in ({}, {"after": rows[-1]["position"]}):
            (row,) = (await api.get(PATH, **after)).json()
            assert row["position"] >= problem["first_position"]


async def test_a_log_that_is_empty_again_can_be_followed(base_url: str, db: Db) -> None:
    async with new_api(base_url, db, "Empty") as api:
        await tag(api, "old")
        await trim_changes(db, api.account_id, datetime.now(UTC) + timedelta(days=1))
        answer = await api.get(PATH)
        assert answer.json() == []
        await tag(api, "new")
        assert len((await api.get(PATH, after=answer.headers["X-Next-Cursor"])).json()) == 1
