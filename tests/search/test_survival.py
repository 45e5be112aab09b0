"""R5: a running search survives kill -9 of the servers, while fans are added, merged and deleted.

No fan present throughout is missed or doubled, and none that was added later appears. Two workers share one socket;
after most pages one of them is killed, some while it writes the set down, and another takes its place.
"""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.handovers import READY, SOCKET
from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.running import PATIENCE
from tests.search.crowd import SEARCH, drop_fans, many_fans
from tests.search.test_lost_answers import all_but_the_end, no_move
from tests.seeds import run_seed

SEED = run_seed(5)
ROUNDS = int(os.environ.get("FANFARE_ROUNDS", "1"))
FANS = 20_000
LIMIT = 900


class Workers:
    """Two server processes on one socket."""

    def __init__(self, settings: Settings) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.socket.set_inheritable(True)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.environment = {**os.environ, **settings.environment(), SOCKET: str(self.socket.fileno())}
        self.running = [self.start(), self.start()]

    def start(self) -> subprocess.Popen[bytes]:
        ready, result = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "fanfare.cli.server"],
            env={**self.environment, READY: str(result)},
            pass_fds=(self.socket.fileno(), result),
        )
        os.close(result)
        assert os.read(ready, 1) == b"1"
        os.close(ready)
        return process

    def kill(self, chance: random.Random) -> None:
        """Kill one of the two processes and start another."""
        self._replace(chance.randrange(2))

    def kill_oldest(self) -> None:
        """Kill the older process and start another."""
        self._replace(0)

    def _replace(self, place: int) -> None:
        victim = self.running.pop(place)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        self.running.append(self.start())

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(PATIENCE)
        self.socket.close()


@pytest.fixture(scope="module")
def workers(settings: Settings) -> Iterator[Workers]:
    running = Workers(settings)
    yield running
    running.stop()


async def ask(url: str, api: Api, **query: str | int) -> tuple[dict[str, Any], list[int]]:
    """Retry a request until there is a response, like a client whose connection breaks."""
    for _ in range(200):
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
            try:
                answer = await client.get(SEARCH, params=query, headers=api.keys)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
        if answer.status_code == 503:
            await asyncio.sleep(0.05)
            continue
        assert answer.status_code == 200, answer.text
        return answer.json()["meta"], [row["fan_id"] for row in answer.json()["data"]]
    message = "nobody answers"
    raise AssertionError(message)


class Trouble:
    """The disturbances between pages: killed processes, and fans that are added, deleted and merged."""

    def __init__(self, db: Db, api: Api, workers: Workers) -> None:
        self.db, self.api, self.workers = db, api, workers
        self.chance = random.Random(SEED)
        self.doomed: list[int] = []
        self.is_on = asyncio.Event()

    async def after_first_page(self) -> None:
        """Kill both workers, so that the one that stores the set is among them."""
        self.is_on.set()
        for _ in range(2):
            await asyncio.to_thread(self.workers.kill, self.chance)

    async def after_a_page(self) -> None:
        if self.chance.random() < 0.2:
            await asyncio.to_thread(self.workers.kill, self.chance)

    async def go_on(self) -> None:
        await self.is_on.wait()
        while self.is_on.is_set():
            await many_fans(self.db, self.api.account_id, 20, "MB")
            await drop_fans(self.db, self.api.account_id, self.doomed[:40])
            del self.doomed[:40]
            await asyncio.sleep(0.02)


async def read_by_cursor(api: Api, trouble: Trouble) -> list[int]:
    """Follow `next_search_uid`, and request it again when a response was lost."""
    meta, result = await ask(trouble.workers.url, api, fan_provinces="MB", limit=LIMIT)
    await trouble.after_first_page()
    while cursor := meta["next_search_uid"]:
        meta, extra = await ask(trouble.workers.url, api, search_uid=cursor, limit=LIMIT)
        await trouble.after_a_page()
        result += extra
    return result


async def read_by_place(api: Api, trouble: Trouble) -> list[int]:
    """Send the same `search_uid` until a page is empty; processes are killed between responses."""
    meta, result = await ask(trouble.workers.url, api, fan_provinces="MB", limit=LIMIT)
    await trouble.after_first_page()
    extra = result
    while extra:
        again, extra = await ask(trouble.workers.url, api, search_uid=meta["search_uid"], limit=LIMIT)
        assert again["search_uid"] == meta["search_uid"]
        await trouble.after_a_page()
        # A server that was killed right behind an answer may give the same page again, and never skips one.
        result = result + [fan_id for fan_id in extra if fan_id > result[-1]]
    return result


@pytest.mark.parametrize("read", [read_by_place, read_by_cursor])
async def test_a_search_survives_kills_and_writes(
    api: Api, db: Db, workers: Workers, read: Callable[[Api, Trouble], Awaitable[list[int]]]
) -> None:
    for _ in range(ROUNDS):
        everyone = await many_fans(db, api.account_id, FANS, "MB")
        trouble = Trouble(db, api, workers)
        trouble.doomed = trouble.chance.sample(everyone, 4000)
        remaining = set(everyone) - set(trouble.doomed)
        noise = asyncio.create_task(trouble.go_on())
        result = await read(api, trouble)
        trouble.is_on.clear()
        await noise
        assert len(result) == len(set(result)), "doubled"
        assert remaining - set(result) == set(), "missed"
        assert set(result) - set(everyone) == set(), "added later"
        await db.execute("delete from fans where account_id = $1", api.account_id)


async def test_a_page_is_repeated_after_its_server_was_killed_during_the_response(
    api: Api, db: Db, workers: Workers, database_url: str
) -> None:
    crowd = await many_fans(db, api.account_id, 40, "YT")
    meta, first = await ask(workers.url, api, fan_provinces="YT", limit=10)
    uid: str = meta["search_uid"]
    async with no_move(database_url):
        writer, _ = await all_but_the_end(workers.url, api, uid)
        for _ in range(2):
            await asyncio.to_thread(workers.kill_oldest)
        writer.close()
    pages = [(await ask(workers.url, api, search_uid=uid, limit=10))[1] for _ in range(4)]
    assert [first, *pages] == [crowd[:10], crowd[10:20], crowd[20:30], crowd[30:], []]
