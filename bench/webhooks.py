"""Webhooks: deliveries a second to a fast local receiver, and what a hanging endpoint costs the others.

    nice python -m bench.webhooks

A worker on an embedded PostgreSQL; the receivers are one process beside it, so all share the cores. First CHANGES
changes wait for one endpoint: deliveries a second, beside the yardstick, the same requests sent by httpx alone over as
many connections. Then RATE changes a second are written, each for three endpoints: from the commit to the arrival, the
median and the 99th percentile, in turn without and with an endpoint that never answers, and that has a backlog. Every
change must arrive at each endpoint. Exits 1 below 500 deliveries a second, when the p99 rises by 10 % or more, or when
one is missing.
"""

import argparse
import asyncio
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx
import msgspec

from bench.cpu import cpu_seconds, postgres_pid
from fanfare.accounts.actions import create_account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.running.embedded import Embedded
from fanfare.kernel.running.http_client import http_client
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings
from fanfare.webhooks.actions.webhooks import create_webhook, delete_webhook
from fanfare.webhooks.schemas.webhooks import NewWebhook

CHANGES, RATE, SECONDS, ROUNDS, HEALTHY = 10_000, 20, 8, 5, 3
RATE_TARGET, RISE_TARGET = 500.0, 1.1
CONNECTIONS = 8
POSITION = re.compile(rb'"position":(\d+)')
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
# One transaction, as a call would write it.
WRITE = """
    with hold as materialized (select hold_position($1) as lower_bound)
    insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)
    select $1, nextval('positions'), 'fan.updated', n::text, n, now(), '{"fields": ["first_name"]}'
    from hold cross join generate_series($2::bigint, $3::bigint) as n
    returning position
"""


class Receiver(asyncio.Protocol):
    """Answers 200, or nothing to what hangs; notes when each position came to which path."""

    arrivals: ClassVar[defaultdict[str, dict[int, float]]] = defaultdict(dict)

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - of asyncio
        """Begin to read."""
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, rest = self.buffer.partition(b"\r\n\r\n")
            match = LENGTH.search(head)
            length = int(match[1]) if match else 0
            if len(rest) < length:
                return
            body, self.buffer = rest[:length], rest[length:]
            self.answer(head.split(b" ", 2)[1].decode(), body)

    def answer(self, path: str, body: bytes) -> None:
        """Answer one request."""
        content = b"ok"
        if path == "/arrivals":
            content = msgspec.json.encode(self.arrivals)
            self.arrivals.clear()
        elif path == "/hang":
            return
        elif match := POSITION.search(body):
            self.arrivals[path].setdefault(int(match[1]), time.time())
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content))


async def receive() -> None:
    """Serve on a free port and print it."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Bench:
    """An account, a worker that can be started, and the receivers."""

    def __init__(self, db: Db, account_id: int, url: str, settings: Settings) -> None:
        self.db, self.account_id, self.url, self.settings = db, account_id, url, settings
        self.worker = 0

    async def endpoint(self, path: str) -> Any:  # noqa: ANN401 - what creation returns
        """Register an endpoint at a path."""
        new = NewWebhook(url=f"{self.url}{path}", topics=["fan.updated"])
        return await create_webhook(self.db, self.account_id, new, datetime.now(UTC))

    async def write(self, first: int, count: int) -> list[int]:
        """Write changes of different fans; return their positions."""
        rows = await self.db.rows(WRITE, self.account_id, first, first + count - 1)
        return [row["position"] for row in rows]

    async def arrivals(self, paths: list[str], count: int, seconds: float = 120) -> dict[str, dict[int, float]]:
        """Return what arrived, once so many came to each path."""
        result: dict[str, dict[int, float]] = {path: {} for path in paths}
        end = time.monotonic() + seconds
        async with httpx.AsyncClient(base_url=self.url) as client:
            while any(len(each) < count for each in result.values()) and time.monotonic() < end:
                await asyncio.sleep(0.2)
                for path, rows in (await client.get("/arrivals")).json().items():
                    for position, moment in rows.items():
                        result.setdefault(path, {}).setdefault(int(position), moment)
        return result

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run a worker."""
        environment = {**os.environ, **self.settings.environment()}
        command = [sys.executable, "-P", "-m", "fanfare.cli.worker"]
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.DEVNULL,
                                                       stderr=subprocess.DEVNULL)  # fmt: skip
        self.worker = process.pid
        try:
            yield
        finally:
            process.terminate()
            await process.wait()

    async def throughput(self, folder: Path) -> tuple[float, float]:
        """Print and return deliveries a second to one endpoint, and requests a second by httpx alone."""
        await self.endpoint("/first")
        await self.write(1, CHANGES)
        postgres = postgres_pid(folder)
        begin = cpu_seconds(postgres)
        async with self.working():
            arrivals = (await self.arrivals(["/first"], CHANGES))["/first"]
            used = cpu_seconds(self.worker), cpu_seconds(postgres) - begin
        moments = sorted(arrivals.values())
        rate = len(moments) / (moments[-1] - moments[0])
        baseline = await self.bare(2000)
        print(f"deliveries/s: {rate:.0f} (target {RATE_TARGET:.0f}), missing: {CHANGES - len(moments)}")
        print(f"yardstick, requests of httpx/s: {baseline:.0f}; ratio {rate / baseline:.2f}")
        print("CPU of a delivery: worker {:.0f} µs, PostgreSQL {:.0f} µs".format(*(x / CHANGES * 1e6 for x in used)))
        return rate, CHANGES - len(moments)

    async def bare(self, count: int) -> float:
        """Return how many requests a second httpx alone sends."""
        left = iter(range(count))
        limits = httpx.Limits(max_connections=CONNECTIONS)
        started = time.perf_counter()
        async with httpx.AsyncClient(base_url=self.url, limits=limits) as client:

            async def send() -> None:
                for _ in left:
                    await client.post("/bare", content=b"x" * 300)

            await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
        return count / (time.perf_counter() - started)

    async def latencies(self, first: int) -> tuple[list[float], int]:
        """Write changes at an even rate; return the milliseconds to each healthy endpoint, and how many miss."""
        commits: dict[int, float] = {}
        begin = time.monotonic()
        for number in range(RATE * SECONDS):
            await asyncio.sleep(max(0, begin + number / RATE - time.monotonic()))
            (position,) = await self.write(first + number, 1)
            commits[position] = time.time()
        paths = [f"/healthy{number}" for number in range(HEALTHY)]
        arrivals = await self.arrivals(paths, len(commits), 60)
        pairs = [(arrivals[path].get(position), moment) for path in paths for position, moment in commits.items()]
        return [(arrival - moment) * 1000 for arrival, moment in pairs if arrival], sum(not each[0] for each in pairs)

    async def spread(self) -> tuple[float, int]:
        """Print the latencies without and with a hanging endpoint; return by how much the p99 rises."""
        for number in range(HEALTHY):
            await self.endpoint(f"/healthy{number}")
        results: dict[bool, list[float]] = {False: [], True: []}
        p99s: dict[bool, list[float]] = {False: [], True: []}
        missing, first = 0, CHANGES + 1
        async with self.working():
            await self.latencies(first)
            for _ in range(ROUNDS):
                for is_hanging in (False, True):
                    first += 10 * RATE * SECONDS
                    hook = await self.endpoint("/hang") if is_hanging else None
                    values, lost = await self.latencies(first)
                    results[is_hanging] += values
                    p99s[is_hanging].append(statistics.quantiles(values, n=100)[-1])
                    missing += lost
                    if hook:
                        await delete_webhook(self.db, self.account_id, hook.webhook_uid, datetime.now(UTC))
        for is_hanging, values in results.items():
            name = "beside one that hangs" if is_hanging else "three endpoints"
            p99 = ", ".join(f"{each:.1f}" for each in p99s[is_hanging])
            print(f"{name:22} median {statistics.median(values):.1f} ms, p99 of each round {p99}")
        rise = statistics.median(p99s[True]) / statistics.median(p99s[False])
        print(f"p99 rises to {rise:.2f} of that without (target under {RISE_TARGET}), missing: {missing}")
        return rise, missing


async def measure(dsn: str, folder: Path) -> bool:
    """Print the figures and say whether they suffice."""
    await migrate(dsn)
    settings = Settings(
        database_url=dsn, data_dir=folder, secret_key=("k" * 40,), outgoing_allowed=("127.0.0.0/8",), log_level="error"
    )
    secret_keys.use(settings)
    http_client.use(settings)
    db = await Db.connect(dsn, size=2)
    created = await create_account(db, "Bench", datetime.now(UTC), country_code="CA")
    with subprocess.Popen([sys.executable, "-m", "bench.webhooks", "--receive"], stdout=subprocess.PIPE) as receiver:  # noqa: ASYNC220 - starts at once
        try:
            port = int((receiver.stdout or sys.stdin.buffer).readline())
            bench = Bench(db, created.account_id, f"http://127.0.0.1:{port}", settings)
            rate, missing = await bench.throughput(folder)
            rise, lost = await bench.spread()
        finally:
            receiver.terminate()
    await db.close()
    return rate >= RATE_TARGET and rise < RISE_TARGET and not missing + lost


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--receive", action="store_true", help="run the receivers")
    criteria = parser.parse_args()
    if criteria.receive:
        asyncio.run(receive())
        return
    with tempfile.TemporaryDirectory() as folder, Embedded(Path(folder)) as postgres:
        is_met = asyncio.run(measure(postgres.database_url, Path(folder)))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
