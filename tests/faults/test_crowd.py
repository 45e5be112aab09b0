"""Strangers who are slow or endless: others are served as fast as before, and the server's memory stays as it is.

The short form has 300 slow connections and no figure but that everybody is served; FANFARE_FAULTS=full has 5,000 and
prints the figures:

    FANFARE_FAULTS=full pytest -s tests/faults/test_crowd.py
"""

import asyncio
import gc
import os
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import psutil
import pytest

from fanfare.accounts.actions import create_account
from fanfare.kernel.data.db import Db
from tests.kernel.running.test_up import MIB, Up, running_up
from tests.kernel.sockets import HOST, Socket
from tests.running import Program

IS_FULL = os.environ.get("FANFARE_FAULTS") == "full"
CROWD = 5000 if IS_FULL else 300
ROUNDS = 5 if IS_FULL else 1
CALLS = 4000 if IS_FULL else 80
# Those beside an endless request.
FEW_CALLS = 400 if IS_FULL else 40
CALLERS = 4
PAUSE_SECONDS = 0.02
# What is promised of the 99th percentile.
MAX_RATIO = 1.2
ENDLESS_BYTES = 60 * MIB if IS_FULL else 8 * MIB
ATTACKERS = 4
ATTACK_SECONDS = 5 if IS_FULL else 1
# What the server may take meanwhile: one packet of each attacker, and what the allocator keeps.
MAX_GROWTH = 16 * MIB
HEAD = b"POST /api/v1/crm/fans HTTP/1.1\r\n" + HOST
TRAILED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
# 9 s when the server accepted one connection a turn.
MAX_SECONDS = 4
ENDLESS = {
    "an address": (b"GET /", b"a" * 65536),
    "a header": (HEAD + b"a: ", b"a" * 65536),
    "small headers": (HEAD, b"a: b\r\n" * 10_000),
    "small trailers": (TRAILED, b"a: b\r\n" * 10_000),
    "a trailer": (TRAILED + b"a: ", b"a" * 65536),
    "an extension": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 65536),
    "chunks of a byte": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 10_000),
    "a body": (HEAD + b"Content-Length: 99999999\r\n\r\n", b"a" * 65536),
    "empty lines": (b"", b"\r\n" * 30_000),
    "requests": (b"", (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n") * 2000),
}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("crowd") / "data") as running:
        yield running


@pytest.fixture(scope="module")
async def call(up: Up) -> bytes:
    """A call as its callers send it."""
    db = await Db.connect(up.facts["database_url"], size=1)
    account = await create_account(db, "Crowd", datetime.now(UTC))
    await db.execute("update api_keys set rate_limit = 1000000000 where account_id = $1", account.account_id)
    await db.close()
    return f"GET /api/v1/businesses HTTP/1.1\r\nHost: x\r\nApi-Key: {account.api_key}\r\n\r\n".encode()


@contextmanager
def crowd(url: str) -> Iterator[None]:
    """Slow callers, as many as said above, once all are connected."""
    command = [sys.executable, "-m", "tests.faults.crowd", str(urlsplit(url).port), str(CROWD)]
    with Program(command) as process:
        assert process.line() == "ready\n"
        yield


async def caller(url: str, call: bytes, calls: int) -> list[float]:
    """Call again and again; return the milliseconds of each."""
    client = await Socket.to(url)
    took = []
    for _ in range(calls):
        started = time.perf_counter()
        await client.send(call)
        response = await client.answer()
        took.append((time.perf_counter() - started) * 1000)
        assert response is not None
        assert response.status == 200
        await asyncio.sleep(PAUSE_SECONDS)
    client.close()
    return took


async def called(url: str, call: bytes, calls: int) -> list[float]:
    """Let some call at once; return the median and the 99th percentile."""
    took = await asyncio.gather(*(caller(url, call, calls // CALLERS) for _ in range(CALLERS)))
    cuts = statistics.quantiles([each for some in took for each in some], n=100)
    return [cuts[49], cuts[98]]


def answer_of(figures: list[float]) -> str:
    return f"{figures[0]:.2f} ms (99th percentile {figures[1]:.2f})"


def say(words: str) -> None:
    if IS_FULL:
        print(words)  # noqa: T201 - the figures


@contextmanager
def undisturbed(up: Up) -> Iterator[None]:
    """Give the processors to the server, its database and the measuring first, where the system lets."""
    threads = [thread.id for process in (*up.family(), psutil.Process()) for thread in process.threads()]
    try:
        _schedule(threads, os.SCHED_FIFO, 1)
    except PermissionError:
        say("what else this machine does falls on the figures")
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        _schedule(threads, os.SCHED_OTHER, 0)


def _schedule(threads: list[int], policy: int, priority: int) -> None:
    for thread in threads:
        with suppress(ProcessLookupError):
            os.sched_setscheduler(thread, policy, os.sched_param(priority))


async def test_a_crowd_of_slow_callers_leaves_others_as_fast(up: Up, call: bytes) -> None:
    url = up.facts["url"]
    await called(url, call, CALLS)
    calm, crowded = [], []
    with undisturbed(up) if IS_FULL else nullcontext():
        for _ in range(ROUNDS):
            calm.append(await called(url, call, CALLS))
            with crowd(url):
                crowded.append(await called(url, call, CALLS))
            say(f"alone {answer_of(calm[-1])}, among {CROWD} slow callers {answer_of(crowded[-1])}")
    ratio = statistics.median(busy[1] / free[1] for free, busy in zip(calm, crowded, strict=True))
    say(f"99th percentile among them / alone: {ratio:.2f}, at most {MAX_RATIO}")
    assert not IS_FULL or ratio <= MAX_RATIO


async def attack(url: str, begin: bytes, extra: bytes) -> None:
    """Send without an end, and read nothing."""
    client = await Socket.to(url)
    await client.send(begin)
    payload = 0
    try:
        async with asyncio.timeout(ATTACK_SECONDS):
            while payload < ENDLESS_BYTES and not client.writer.is_closing():
                await client.send(extra)
                payload += len(extra)
    except TimeoutError:
        pass
    finally:
        client.writer.transport.abort()


@pytest.mark.parametrize("kind", ENDLESS)
async def test_what_has_no_end_takes_no_memory_and_holds_nobody_up(up: Up, call: bytes, kind: str) -> None:
    url, server = up.facts["url"], up.child("fanfare.cli.server")
    await called(url, call, FEW_CALLS)
    old = maximum = server.memory_info().rss
    attacks = [asyncio.create_task(attack(url, *ENDLESS[kind])) for _ in range(ATTACKERS)]
    calls = asyncio.create_task(called(url, call, FEW_CALLS))
    while not all(each.done() for each in attacks):
        await asyncio.sleep(0.01)
        maximum = max(maximum, server.memory_info().rss)
    say(f"{kind}: {(maximum - old) / MIB:.1f} MiB more, others {answer_of(await calls)}")
    await asyncio.gather(calls, *attacks)
    assert maximum - old < MAX_GROWTH


async def test_new_callers_get_in_among_many_who_ask_without_end(up: Up) -> None:
    url = up.facts["url"]
    ask = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    address = urlsplit(url)
    flood = []
    for _ in range(CROWD // 10):
        # Without a turn for others, so that they come faster than they are accepted.
        flood.append(socket.create_connection((str(address.hostname), int(address.port or 0))))
        flood[-1].setblocking(False)  # noqa: FBT003 - socket's signature
        with suppress(BlockingIOError):
            flood[-1].send(ask * 3000)
    started = time.perf_counter()
    client = await Socket.to(url)
    await client.send(ask)
    assert await client.answer() is not None
    seconds = time.perf_counter() - started
    say(f"{seconds:.2f} s until a new caller is answered among {len(flood)} who ask without end")
    for each in flood:
        each.close()
    assert not IS_FULL or seconds < MAX_SECONDS
