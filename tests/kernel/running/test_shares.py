"""No account has more than its part of what all share: while one fills its part, another's call is served."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from fanfare.kernel.data.db import Composed, Db, Heavy
from fanfare.kernel.running.shares import Busy, Shares
from tests.api import Answer, Api
from tests.running import PATIENCE

ONE, OTHER, THIRD = 101, 102, 103
LOCK = 77
WAITING = """
    select count(*) from pg_locks join pg_stat_activity using (pid)
    where not granted and locktype = any($1) and datname = current_database()
"""
BLOCKED = f"select pg_advisory_lock_shared({LOCK}), pg_advisory_unlock_shared({LOCK})"


async def in_turn(query: int, lent: int) -> None:
    for _ in range(query + lent):
        await asyncio.sleep(0)


async def test_an_account_has_its_part_and_the_others_the_rest() -> None:
    shares = Shares(4, 0.5)
    for _ in range(2):
        await shares.acquire(ONE, PATIENCE)
    with pytest.raises(Busy):
        await shares.acquire(ONE, 0)
    for account_id in (OTHER, None):
        await shares.acquire(account_id, 0)
    with pytest.raises(Busy):
        await shares.acquire(OTHER, 0)


async def test_who_waits_at_its_limit_stands_in_front_of_nobody() -> None:
    shares = Shares(2, 0.5)
    await shares.acquire(ONE, PATIENCE)
    await shares.acquire(OTHER, PATIENCE)
    behind = [asyncio.create_task(shares.acquire(ONE, PATIENCE)) for _ in range(5)]
    await in_turn(5, 0)
    third = asyncio.create_task(shares.acquire(THIRD, PATIENCE))
    await in_turn(1, 0)
    shares.release(OTHER)
    await asyncio.wait_for(third, PATIENCE)
    assert not any(each.done() for each in behind)
    for each in behind:
        each.cancel()
    await asyncio.gather(*behind, return_exceptions=True)


async def test_who_has_fewest_places_is_next_and_equals_take_turns() -> None:
    shares, served = Shares(1, 1.0), []

    async def single(account_id: int) -> None:
        async with shares.slot(account_id, PATIENCE):
            served.append(account_id)

    async with shares.slot(None, PATIENCE):
        tasks = [asyncio.create_task(single(each)) for each in (ONE, ONE, ONE, ONE, OTHER, OTHER, THIRD)]
        await in_turn(7, 0)
    await asyncio.gather(*tasks)
    assert served == [ONE, OTHER, THIRD, ONE, OTHER, ONE, ONE]


async def test_places_of_those_who_gave_up_are_not_lost() -> None:
    shares = Shares(2, 0.5)
    for _ in range(20):
        async with shares.slot(ONE, PATIENCE):
            given_up = [asyncio.create_task(shares.acquire(ONE, PATIENCE)) for _ in range(3)]
            await in_turn(3, 0)
            for each in given_up[:2]:
                each.cancel()
        # The third had its place in the moment in which it is cancelled.
        given_up[2].cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
    assert shares.is_unused


async def test_an_account_that_rests_lets_others_go_first() -> None:
    shares, served = Shares(1), []

    async def single(account_id: int, rest: float) -> None:
        await shares.acquire(account_id, PATIENCE)
        served.append(account_id)
        shares.release(account_id, rest)

    await asyncio.gather(single(ONE, 1.0), single(ONE, 0.0), *(single(each, 0.0) for each in (OTHER, OTHER, THIRD)))
    assert served == [ONE, OTHER, OTHER, THIRD, ONE]


@asynccontextmanager
async def gate(database_url: str) -> AsyncIterator[None]:
    """Keep every BLOCKED statement waiting for as long as the context lasts."""
    keeper = await asyncpg.connect(database_url)
    await keeper.execute(f"select pg_advisory_lock({LOCK})")
    try:
        yield
    finally:
        await keeper.close()


async def waiting(db: Db, count: int, *owner: str) -> None:
    """Wait until that many statements wait for a lock of these kinds."""
    async with asyncio.timeout(PATIENCE):
        while await db.value(WAITING, owner or ("advisory",)) < count:  # noqa: ASYNC110 - it is the database that is watched
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("sql", [BLOCKED, Heavy(BLOCKED), Composed(BLOCKED)])
async def test_connections_and_heavy_turns_of_one_are_not_all(database_url: str, db: Db, sql: str) -> None:
    own_db = await Db.connect(database_url, size=6)
    async with gate(database_url):
        filling = [asyncio.create_task(own_db.for_account(ONE).value(sql)) for _ in range(30)]
        await waiting(db, 1 if isinstance(sql, Heavy) else 3)
        for kind in (str, Heavy, Composed):
            assert await own_db.for_account(OTHER).value(kind("select 1")) == 1
        assert await own_db.value("select 2") == 2
    await asyncio.gather(*filling)
    await own_db.close()


async def test_transactions_of_one_are_not_all(database_url: str, db: Db) -> None:
    own_db = await Db.connect(database_url, size=6)

    async def hold() -> None:
        async with own_db.for_account(ONE).transaction() as tx:
            await tx.value(BLOCKED)

    async with gate(database_url):
        filling = [asyncio.create_task(hold()) for _ in range(30)]
        await waiting(db, 3)
        assert await db.value(WAITING, ["advisory"]) == 3
        async with own_db.for_account(OTHER).transaction() as tx:
            assert await tx.value("select 1") == 1
    await asyncio.gather(*filling)
    await own_db.close()


@asynccontextmanager
async def locked(database_url: str, *statements: str) -> AsyncIterator[None]:
    """Keep locks for as long as the context lasts."""
    keeper = await asyncpg.connect(database_url)
    transaction = keeper.transaction()
    await transaction.start()
    try:
        for statement in statements:
            await keeper.execute(statement)
        yield
    finally:
        await transaction.rollback()
        await keeper.close()


async def all_of(query: "list[asyncio.Task[Answer]]") -> set[int]:
    return {each.status_code for each in await asyncio.gather(*query)}


def started(calls: "list[Awaitable[Answer]]") -> "list[asyncio.Task[Answer]]":
    return [asyncio.ensure_future(each) for each in calls]


@pytest.mark.parametrize("with_key", [False, True])
async def test_writes_that_wait_keep_only_their_own_account(
    api: Api, other_api: Api, db: Db, database_url: str, *, with_key: bool
) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="kept@example.com")))["fan_id"]
    other_id = (await other_api.ok(await other_api.post("/api/v1/crm/fans", email="kept@example.com")))["fan_id"]
    async with locked(database_url, f"select from fans where fan_id = {fan_id} for update"):
        filling = started(
            [
                api.post(
                    f"/api/v1/crm/fans/{fan_id}", {"Idempotency-Key": f"k{number}"} if with_key else {}, first_name="A"
                )
                for number in range(40)
            ]
        )
        await waiting(db, 5, "transactionid", "tuple")
        for number in range(10):
            await other_api.ok(await other_api.post(f"/api/v1/crm/fans/{other_id}", first_name=f"B{number}"))
            await other_api.ok(await other_api.get(f"/api/v1/crm/fans/{other_id}"))
    answers = await asyncio.gather(*filling)
    assert {each.status_code for each in answers} <= {200, 503}
    assert all("retry-after" in each.headers for each in answers if each.status_code == 503)


HEAVY_CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "searches": ("/api/v1/crm/fans", {"idol_names": "Nobody", "limit": 5}),
    "counts": ("/api/v1/manage/filters/count", {"idol_names": "Nobody"}),
    "statistics": ("/api/v1/manage/filters/stats", {"idol_names": "Nobody"}),
}


@pytest.mark.parametrize("kind", HEAVY_CALLS)
async def test_heavy_reads_that_wait_keep_only_their_own_account(
    api: Api, other_api: Api, db: Db, database_url: str, kind: str
) -> None:
    path, blocked = HEAVY_CALLS[kind]
    async with locked(database_url, "lock table idols in access exclusive mode"):
        filling = started([api.get(path, **blocked) for _ in range(40)])
        await waiting(db, 1, "relation")
        for _ in range(5):
            for other_path, params in HEAVY_CALLS.values():
                narrowed = {name: value for name, value in params.items() if name != "idol_names"}
                await other_api.ok(await other_api.get(other_path, **narrowed, fan_gender="female"))
    assert await all_of(filling) <= {200, 503}


WAIT_FOR_THE_REST = f"""
    create function wait_for_the_rest() returns trigger language plpgsql as $$
    begin
        perform pg_advisory_xact_lock_shared({LOCK});
        return new;
    end
    $$;
    create trigger wait_for_the_rest before insert on {{table}} for each row {{when}}
        execute function wait_for_the_rest();
"""
NO_WAIT = """
    drop trigger wait_for_the_rest on {table};
    drop function wait_for_the_rest();
"""


@asynccontextmanager
async def waiting_writes(database_url: str, db: Db, table: str, when: str = "") -> AsyncIterator[None]:
    """Keep what writes rows of a table waiting for as long as the context lasts."""
    await db.execute(WAIT_FOR_THE_REST.format(table=table, when=when))
    async with gate(database_url):
        yield
    await db.execute(NO_WAIT.format(table=table))


async def heavy_calls_answer(api: Api) -> None:
    for _ in range(5):
        for path, _params in HEAVY_CALLS.values():
            await api.ok(await api.get(path, fan_gender="female"))
        await api.ok(await api.post("/api/v1/crm/fans", email="meanwhile@example.com"))


async def test_an_account_reads_on_while_its_searches_are_written_down(api: Api, db: Db, database_url: str) -> None:
    for number in range(3):
        await api.ok(await api.post("/api/v1/crm/fans", email=f"s{number}@example.com", gender="male"))
    async with waiting_writes(database_url, db, "search_chunks", "when (new.first_row > 0)"):
        first = await api.ok(await api.get("/api/v1/crm/fans", fan_gender="male", limit=1))
        await waiting(db, 1)
        await heavy_calls_answer(api)
    uid = first["meta"]["search_uid"]
    rest = await api.ok(await api.get("/api/v1/crm/fans", search_uid=uid))
    assert len(first["data"] + rest["data"]) == 3


async def test_an_account_reads_on_while_its_snapshots_are_frozen(api: Api, db: Db, database_url: str) -> None:
    fan = await api.ok(await api.post("/api/v1/crm/fans", email="frozen@example.com"))
    async with waiting_writes(database_url, db, "snapshot_members"):
        freezing = started([
            api.post("/api/v1/manage/snapshots", snapshot_name=f"S{number}", fan_ids=[fan["fan_id"]])
            for number in range(10)
        ])  # fmt: skip
        await waiting(db, 1)
        await heavy_calls_answer(api)
    assert await all_of(freezing) == {200}


def tickets(batch: str, count: int) -> list[dict[str, Any]]:
    return [
        {
            "email": f"buyer{number}@example.org", "first_name": "Ada", "last_name": "Berg", "num_seats": 1,
            "purchase_timestamp": "2026-05-01 17:30:00", "event_key": "final", "event_name": "Final",
            "event_date": "2027-07-03", "ticket_key": f"{batch}{number}", "network": "box office",
            "paid_amount": "84.50",
        }
        for number in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("with_key", [False, True])
async def test_writes_of_many_rows_that_wait_keep_one_connection_and_no_turn_of_another(
    api: Api, other_api: Api, db: Db, database_url: str, *, with_key: bool
) -> None:
    async def sell(seller: Api, count: int) -> Answer:
        headers = {**seller.keys, **({"Idempotency-Key": str(uuid.uuid4())} if with_key else {})}
        return await seller.client.post("/api/v1/crm/tickets/bulk", headers=headers, json=tickets(str(with_key), count))

    blocked = f"select from ticket_events where account_id = {api.account_id} for update"
    await api.ok(await sell(api, 1))
    async with locked(database_url, blocked):
        filling = started([sell(api, 100) for _ in range(20)])
        await waiting(db, 1, "transactionid", "tuple")
        for _ in range(3):
            sold = await other_api.ok(await sell(other_api, 100))
            assert {each["status"] for each in sold} <= {"success", "duplicate"}
            # What is small waits behind nothing, even in the same account.
            await api.ok(await api.get("/api/v1/crm/activities", limit=1))
        assert await db.value(WAITING, ["transactionid"]) == 1
    assert await all_of(filling) == {200}
