"""Jobs: queued with the caller's transaction, done once, tried again, and handed on when their worker dies."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import ModuleType

import msgspec
import pytest
from pgqueuer.core.qm import QueueManager

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import Job, always, enqueue, install, job, jobs_of, schedule
from fanfare.kernel.data.worker import Worker, forget_done
from fanfare.kernel.running.settings import Settings
from tests.conftest import NewDatabase
from tests.running import PATIENCE

HAS_TRACEBACK = (
    "select count(*) from information_schema.columns where table_schema = 'jobs' and column_name = 'traceback'"
)


SLOW, FAILING = 1, 2


class Greeting(msgspec.Struct):
    words: str
    times: int


@job()
async def greet(db: Db, greeting: Greeting, now: datetime) -> None:
    assert now.tzinfo is not None
    await db.execute("insert into done select $1 from generate_series(1, $2)", greeting.words, greeting.times)


@job(max_attempts=2)
async def fail(db: Db) -> None:
    await db.execute("insert into done values ('tried')")
    message = "the email address is ada@example.com"
    raise ValueError(message)


@schedule("* * * * * *")
async def tick(db: Db) -> None:
    await db.execute("insert into done values ('tick')")


@always
async def go_on(db: Db) -> bool:
    steps: int = await db.value("insert into done values ('step') returning (select count(*) from done)")
    if steps == 2:
        message = "not this time"
        raise ValueError(message)
    return steps < 5


async def accounts(db: Db) -> list[int]:
    return [row["account_id"] for row in await db.rows("select account_id from due order by account_id")]


async def step(db: Db, account_id: int) -> bool:
    """Note a step of an account; that of the first never ends, that of the second fails."""
    assert db.account_id == account_id
    await db.execute("insert into done values ('step of ' || $1)", str(account_id))
    if account_id == SLOW:
        await asyncio.Event().wait()
    if account_id == FAILING:
        message = "not this account"
        raise ValueError(message)
    return True


@always(each=accounts)
async def go_on_each(db: Db, account_id: int) -> bool:
    return await step(db, account_id)


@schedule("* * * * * *", each=accounts)
async def sweep(db: Db, account_id: int) -> None:
    await step(db, account_id)


@job(concurrency=1)
async def note(db: Db, words: str) -> None:
    await db.execute("insert into done values ($1 || coalesce($2, ''))", words, str(db.account_id))


def declared() -> list[Job]:
    return jobs_of([sys.modules[__name__]])


@pytest.fixture
async def settings(new_database: NewDatabase) -> Settings:
    return Settings(database_url=await new_database(), heartbeat_seconds=1)


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Db]:
    handle = await Db.connect(settings.database_url)
    await handle.execute("create table done (words text)")
    yield handle
    await handle.close()


@asynccontextmanager
async def working(settings: Settings, jobs: list[Job]) -> AsyncIterator[Worker]:
    worker = Worker(settings, jobs)
    running = asyncio.create_task(worker.run())
    yield worker
    worker.stop()
    await asyncio.wait_for(running, PATIENCE)


async def until(is_so: Callable[[], Awaitable[bool]], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not await is_so():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.05)


async def count(db: Db, words: str) -> int:
    result: int = await db.value("select count(*) from done where words = $1", words)
    return result


def only(*names: str) -> list[Job]:
    return [each for each in declared() if each.name.rpartition(".")[2] in names]


async def test_a_job_is_done_with_its_payload(settings: Settings, db: Db) -> None:
    await enqueue(db, greet, Greeting("hello", 2))

    async def is_done() -> bool:
        return int(await db.value("select count(*) from jobs.pgqueuer")) == 0

    async with working(settings, only("greet")):
        await until(is_done)
    assert await count(db, "hello") == 2


async def test_endless_work_goes_on_until_the_worker_stops(settings: Settings, db: Db) -> None:
    async def went_on() -> bool:
        return await count(db, "step") > 8

    async with working(settings, only("go_on")):
        await until(went_on)
    done = await count(db, "step")
    await asyncio.sleep(0.3)
    assert await count(db, "step") == done


@pytest.mark.parametrize("name", ["go_on_each", "sweep"])
async def test_an_account_that_takes_long_or_fails_holds_up_no_other(settings: Settings, db: Db, name: str) -> None:
    await db.execute("create table due (account_id bigint)")
    await db.execute("insert into due select generate_series(1, 12)")

    async def went_on() -> bool:
        counts = {account_id: await count(db, f"step of {account_id}") for account_id in range(1, 13)}
        rest = [number for account_id, number in counts.items() if account_id not in (SLOW, FAILING)]
        # Their turns come in any order.
        return min(counts.values()) >= 1 and min(rest) >= (3 if name == "go_on_each" else 1)

    worker = Worker(settings, only(name))
    running = asyncio.create_task(worker.run())
    await until(went_on)
    assert await count(db, f"step of {SLOW}") == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_job_goes_behind_those_that_its_own_account_has_waiting(settings: Settings, db: Db) -> None:
    for number in range(20):
        await enqueue(db.for_account(1), note, f"{number} of ")
    await enqueue(db.for_account(2), note, "only of ")
    await enqueue(db, note, "system ")

    async def is_done() -> bool:
        return int(await db.value("select count(*) from jobs.pgqueuer")) == 0

    async with working(settings, only("note")):
        await until(is_done)
    done = [row["words"] for row in await db.rows("select words from done")]
    assert sorted(done[:3]) == ["0 of 1", "only of 2", "system None"]
    assert done[3:] == [f"{number} of 1" for number in range(1, 20)]


async def test_a_job_belongs_to_its_transaction(db: Db) -> None:
    async def give_up() -> None:
        async with db.transaction() as tx:
            await enqueue(tx, greet, Greeting("never", 1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await give_up()
    assert await db.value("select count(*) from jobs.pgqueuer") == 0
    async with db.transaction() as tx:
        await enqueue(tx, "some.name", None)
    assert await db.value("select entrypoint from jobs.pgqueuer") == "some.name"


async def test_a_key_queues_once_and_a_delay_waits(db: Db) -> None:
    first = await enqueue(db, greet, Greeting("a", 1), key="a", delay=3600)
    assert first is not None
    assert await enqueue(db, greet, Greeting("a", 1), key="a") is None
    assert await enqueue(db, fail, key="a") is not None
    assert await db.value(
        "select execute_after > now() + interval '59 minutes' from jobs.pgqueuer where id = $1", first
    )


async def test_a_failing_job_is_tried_again_then_kept_without_its_message(settings: Settings, db: Db) -> None:
    await enqueue(db, fail)

    async def is_failed() -> bool:
        return str(await db.value("select status::text from jobs.pgqueuer")) == "failed"

    async with working(settings, only("fail")):
        await until(is_failed)
    assert await count(db, "tried") == 2
    result = await db.rows("select traceback::text as text from jobs.pgqueuer_log where traceback is not null")
    assert len(result) == 2
    assert all("ValueError" in row["text"] and "example.com" not in row["text"] for row in result)


async def test_a_schedule_runs_by_the_clock(settings: Settings, db: Db) -> None:
    async def has_ticked() -> bool:
        return await count(db, "tick") >= 2

    async with working(settings, only("tick")):
        await until(has_ticked)


async def test_the_queue_of_another_version_is_brought_to_this_one(db: Db) -> None:
    await db.execute("alter table jobs.pgqueuer_log drop column traceback")
    async with db.connection() as connection:
        await install(connection)
    assert await db.value(HAS_TRACEBACK) == 0
    await db.execute("comment on schema jobs is 'pgqueuer 0.1'")
    async with db.connection() as connection:
        await install(connection)
    assert await db.value(HAS_TRACEBACK) == 1


async def test_old_results_are_forgotten(db: Db) -> None:
    for age in (6, 8):
        await db.execute(
            "insert into jobs.pgqueuer_log (created, job_id, status, priority, entrypoint)"
            " values (now() - $1::interval, 1, 'successful', 0, 'x')",
            timedelta(days=age),
        )
    await forget_done(db)
    assert await db.value("select count(*) from jobs.pgqueuer_log") == 1


def test_only_the_module_that_declares_a_job_has_it() -> None:
    second = ModuleType("other")
    second.greet = greet  # type: ignore[attr-defined]
    assert jobs_of([second]) == []
    assert {each.name.rpartition(".")[2] for each in declared()} == {
        "greet", "fail", "tick", "go_on", "go_on_each", "sweep", "note",
    }  # fmt: skip


PROCESS = """
import asyncio, os, sys
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import job, jobs_of
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.data.worker import work

@job()
async def slow(db: Db) -> None:
    await db.execute("insert into done values ('begun by ' || $1::text)", sys.argv[2])
    await asyncio.sleep(60 if sys.argv[2] == "first" else 0)
    await db.execute("insert into done values ('ended')")

asyncio.run(work(Settings(database_url=sys.argv[1], heartbeat_seconds=2), jobs_of([sys.modules["__main__"]])))
"""


async def test_a_worker_that_hears_too_late_of_its_own_notice_goes_on(
    settings: Settings, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a machine so busy that ten seconds do not suffice.
    monkeypatch.setattr(QueueManager._run_periodic_health_check, "__defaults__", (timedelta(0),))  # noqa: SLF001 - no option of its own
    worker, paused = Worker(settings, only("greet")), asyncio.Event()
    pause = worker._pause  # noqa: SLF001 - where it has met an outage

    async def noted_pause() -> None:
        paused.set()
        await pause()

    monkeypatch.setattr(worker, "_pause", noted_pause)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(PATIENCE):
        await paused.wait()
    monkeypatch.undo()
    await enqueue(db, greet, Greeting("heard", 1))
    await until(lambda: _is(db, "heard"))
    worker.stop()
    await asyncio.wait_for(running, PATIENCE)


def worker_process(settings: Settings, name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROCESS, settings.database_url, name])


async def test_the_job_of_a_killed_worker_comes_back(settings: Settings, db: Db) -> None:
    await enqueue(db, "__main__.slow")
    first = worker_process(settings, "first")
    await until(lambda: _is(db, "begun by first"))
    second = worker_process(settings, "second")
    # More than the two seconds after which a job without a sign of life goes to another.
    await until(lambda: db.value("select heartbeat - created > interval '4 seconds' from jobs.pgqueuer"))
    # A living worker keeps its job, however long it takes.
    assert await count(db, "begun by second") == 0
    first.kill()
    first.wait()
    await until(lambda: _is(db, "ended"))
    second.terminate()
    assert second.wait(PATIENCE) == 0
    assert await count(db, "ended") == 1


async def _is(db: Db, words: str) -> bool:
    return await count(db, words) == 1


async def test_a_worker_hears_its_first_question(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = QueueManager.listener_healthy
    events: list[object] = []

    async def noted(queue: QueueManager, **_: timedelta) -> object:
        events.append(await ask(queue, timedelta(seconds=PATIENCE)))
        return events[-1]

    monkeypatch.setattr(QueueManager, "listener_healthy", noted)
    async with working(settings, []):
        async with asyncio.timeout(PATIENCE):
            while not events:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.01)
