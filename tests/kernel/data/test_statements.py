"""What a connection keeps: the statements written in the source, and none that is composed of what somebody asks."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from fanfare import app
from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data import pool
from fanfare.kernel.data.db import Composed, Db
from fanfare.kernel.running.settings import Settings
from fanfare.segments.actions.members import keep_members
from tests.api import Api
from tests.fans.doors import DOORS
from tests.running import PATIENCE
from tests.tickets.sold import bulk, line

SIZE = 3
SEARCH, FILTERS = "/api/v1/crm/fans", "/api/v1/manage/filters"
# Of all texts on one connection.
MAX_LETTERS = 100_000


@pytest.fixture
async def own_db(database_url: str) -> AsyncIterator[Db]:
    db = await Db.connect(database_url, size=SIZE)
    yield db
    await db.close()


@pytest.fixture
async def caller(own_db: Db, settings: Settings, api: Api, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """The API in this process, on a pool whose connections can be looked at."""
    monkeypatch.setattr(app, "Db", lambda: own_db)
    served: Any = app.create(settings)
    transport = httpx.ASGITransport(served)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        yield Api(client, api.account_id, uuid.UUID(api.keys["Api-Key"]), api.keys["Api-Secret"])


async def stored_rows(own_db: Db) -> list[str]:
    """The statements that the connections of a pool keep; of the longest list of a single one, all."""
    async with AsyncExitStack() as stack:
        lent = [await stack.enter_async_context(own_db.connection()) for _ in range(SIZE)]
        lists = [
            [row["statement"] for row in await each.fetch("select statement from pg_prepared_statements")]
            for each in lent
        ]
    assert max(sum(map(len, each)) for each in lists) < MAX_LETTERS
    return [statement for each in lists for statement in each if "pg_prepared_statements" not in statement]


def criteria(number: int) -> dict[str, Any]:
    """Criteria whose condition has another text for each number."""
    tags = ",".join(f"tag {each}" for each in range(number + 1))
    return {"fan_tags": tags, "fan_tag_relations": "all", "fan_gender": "female", "fan_provinces": "BC"}


async def ask_everything(api: Api, own_db: Db, number: int, fan_id: int) -> None:
    """Call everything that composes a statement of criteria."""
    query = criteria(number)
    for limit in (1, 50):
        result = await api.ok(await api.get(SEARCH, **query, limit=limit))
        if uid := result["meta"]["next_search_uid"]:
            await api.ok(await api.get(SEARCH, search_uid=uid))
    await api.ok(await api.get(f"{FILTERS}/count", **query))
    await api.ok(await api.get(f"{FILTERS}/stats", **query))
    name = f"kept {number} {uuid.uuid4().hex}"
    uid = (await api.ok(await api.post(FILTERS, filter_name=name, **query)))["filter_uid"]
    await api.ok(await api.get("/api/v1/crm/filters/stats", filter_name=name))
    await api.ok(await api.get(f"/api/v1/segments/filter/{uid}"))
    await api.ok(await api.get(f"/api/v1/segments/filter/{uid}/fans"))
    await api.ok(await api.get(f"/api/v1/manage/segments/filter/{uid}/fans/{fan_id}"))
    await api.ok(await api.post("/api/v1/manage/snapshots", snapshot_name=name, filter_uid=uid))
    await api.ok(await api.post(f"{SEARCH}/{fan_id}", first_name=name))
    account = await account_by_id(own_db, api.account_id)
    while await keep_members(own_db.for_account(account.id), account, datetime.now(UTC)):
        pass


async def test_no_statement_of_criteria_is_kept(caller: Api, own_db: Db) -> None:
    fan_ids = [
        (await caller.ok(await caller.post(SEARCH, email=f"{number}@kept.example", gender="female")))["fan_id"]
        for number in range(3)
    ]
    for number in range(12):
        for fan_id in fan_ids:
            body = {"tag_name": f"tag {number}", "fan_ids": [fan_id], "action": "add"}
            await caller.ok(await caller.post("/api/v1/manage/tags/fans", **body))
    await bulk(caller, line(email="0@kept.example"), line(email="1@kept.example"))
    await ask_everything(caller, own_db, 0, fan_ids[0])
    old = set(await stored_rows(own_db))
    for number in range(1, 12):
        await ask_everything(caller, own_db, number, fan_ids[0])
    # A statement of the source may be new to one of the connections, never to all.
    assert set(await stored_rows(own_db)) - old == set()
    assert any("into tickets" in each for each in old)


async def runs(own_db: Db, table: str = "fans") -> int:
    """How often the statements that can insert into a table have run on the connections of a pool."""
    count = (
        "select coalesce(sum(generic_plans + custom_plans), 0)::integer from pg_prepared_statements"
        " where statement like '%insert into ' || $1 || ' (%' and statement not like '%pg_prepared_statements%'"
    )
    async with AsyncExitStack() as stack:
        lent = [await stack.enter_async_context(own_db.connection()) for _ in range(SIZE)]
        counts = [await each.fetchval(count, table) for each in lent]
    return sum(counts)


async def test_a_fan_who_brings_nothing_new_is_only_looked_up(caller: Api, own_db: Db) -> None:
    address = f"{uuid.uuid4().hex}@example.com"
    for door in DOORS.values():
        await door(caller, email=address)
    old = await runs(own_db)
    assert old > 0
    for door in DOORS.values():
        await door(caller, email=address)
    assert await runs(own_db) == old
    await DOORS["purchases"](caller, email=address, country="CA")
    assert await runs(own_db) == old + 1


@pytest.mark.parametrize(("title", "count"), [("Draw", 1), ("New draw", 2)], ids=["there", "new"])
async def test_an_activity_is_one_statement_or_two_where_its_campaign_is_new(
    caller: Api, own_db: Db, title: str, count: int
) -> None:
    address = f"{uuid.uuid4().hex}@example.com"
    await caller.ok(await caller.post("/api/v1/crm/activities", email=address, campaign_title="Draw"))
    old = await runs(own_db, "activities")
    await caller.ok(await caller.post("/api/v1/crm/activities", email=address, campaign_title=title))
    assert await runs(own_db, "activities") == old + count


async def test_the_longest_statement_of_the_source_is_kept(own_db: Db) -> None:
    longest = f"select 1 /* {'x' * (pool.MAX_CACHED_LENGTH - 30)} */"
    await own_db.value(longest)
    await own_db.value(longest + " " * 100)
    assert [len(each) for each in await stored_rows(own_db)].count(len(longest)) == 1
    assert max(map(len, await stored_rows(own_db))) <= pool.MAX_CACHED_LENGTH


async def test_a_connection_ends_after_a_composed_statement_that_is_very_long(database_url: str) -> None:
    db = await Db.connect(database_url, size=1)
    pid = "select pg_backend_pid()"
    short = Composed(pid)
    assert len({await db.value(each) for each in (pid, short, pid)}) == 1
    long = Composed(f"{pid} /* {'x' * pool.MAX_CACHED_LENGTH} */")
    assert len({await db.value(each) for each in (pid, long, pid)}) == 2
    async with db.transaction() as tx:
        (ended,) = {await tx.value(each) for each in (pid, long, long, pid)}
    assert await db.value(pid) != ended
    await db.close()


async def test_connections_end_when_they_are_old(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "AGE_SECONDS", 0.0)
    db = await Db.connect(database_url, size=1)
    pid = "select pg_backend_pid()"
    async with db.transaction() as tx:
        assert len({await tx.value(pid) for _ in range(5)}) == 1
    assert len({await db.value(pid) for _ in range(5)}) == 5
    await db.close()


async def test_idle_connections_end_when_they_are_old(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(pool, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    db = await Db.connect(database_url, size=3)
    pid = "select pg_backend_pid()"
    async with db.connection() as one, db.connection() as two:
        first = {await one.fetchval(pid), await two.fetchval(pid)}
    assert {await db.value(pid) for _ in range(3)} < first
    clock[0] += 2 * pool.AGE_SECONDS + 1
    await db.value(pid)
    watcher = await Db.connect(database_url, size=1)
    async with asyncio.timeout(PATIENCE):
        alive = "select count(*) from pg_stat_activity where pid = any($1)"
        while await watcher.value(alive, first):  # noqa: ASYNC110 - it is the database that is watched
            await asyncio.sleep(0.01)
    await watcher.close()
    await db.close()
