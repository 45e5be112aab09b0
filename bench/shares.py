"""What one account's worst legal calls do to another's: the 99th percentile of a small account, calm and beside them.

    nice python -m bench.shares                    # 200,000 fans in the large account; ten minutes
    nice python -m bench.shares --scale 0.05       # smaller, to try it

One server process of ten connections on an embedded PostgreSQL. A client of the small account asks for a fan, writes an
activity, searches and counts, one call after the other; a process of its own sends, as the large account, as many calls
of a kind at once as its line says, again and again. That process stands for other machines, so it takes only what
the server, PostgreSQL and the small account's client leave of this one (niceness 19). The small account is measured
three times in turn: calm; beside the load; and beside the load while a second server process serves it alone, which is
what the machine's cores allow when the two accounts share nothing but PostgreSQL.
Prints each call's milliseconds, and how the large account's calls were answered. Exits 1 when a call of the small
account is refused, or its 99th percentile, median over its calls, exceeds LIMIT times the larger of the two yardsticks.
"""

import argparse
import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from bench.activities import UNLIMITED, Target, served, serving
from bench.data import SMALL_ACCOUNT
from fanfare.accounts.actions import create_key
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.embedded import DirectoryLock, Embedded

POOL = 10
LIMIT = 2.0
# Seconds from a storm's start until it counts, and the niceness of its process.
LEAD_SECONDS = 2.0
LOWEST = 19
Call = tuple[str, str, Any]
Taken = dict[str, list[float]]


class Pair(NamedTuple):
    """The small account at the server process of the large one, and at one of its own."""

    shared: Target
    separate: Target


class Storm(NamedTuple):
    """Calls of a kind, made of a running number, and how many are sent at once."""

    at_once: int
    call: Callable[[int], Call]


def _tickets(number: int) -> list[dict[str, Any]]:
    return [
        {
            "email": f"s{number}.{line}@example.org", "first_name": "Ada", "last_name": "Berg", "num_seats": 2,
            "event_key": "final", "event_name": "Final",
            "event_date": "2027-07-03", "purchase_timestamp": "2026-05-01 17:30:00",
            "ticket_key": f"{number}.{line}", "network": "storm", "paid_amount": "84.50",
        }
        for line in range(100)
    ]  # fmt: skip


STORMS = {
    "deep searches": Storm(
        12,
        lambda n: ("GET", "/api/v1/crm/fans", {"fan_gender": "female", "fan_youngest_age": 1 + n % 9, "limit": 1000}),
    ),
    "statistics": Storm(40, lambda n: ("GET", "/api/v1/manage/filters/stats", {"fan_youngest_age": 1 + n % 9})),
    "counts": Storm(
        40, lambda n: ("GET", "/api/v1/manage/filters/count", {"ticket_seats_min": 1, "crm_active_days": 700 - n % 9})
    ),
    "names": Storm(12, lambda n: ("GET", "/api/v1/crm/fans", {"name": f"a{n % 10}", "limit": 1000})),
    "bulk": Storm(8, lambda n: ("POST", "/api/v1/crm/tickets/bulk", _tickets(n))),
    "exports": Storm(
        12, lambda n: ("GET", "/api/v1/crm/activities", {"min_activity_id": n * 200 % 100_000, "limit": 200})
    ),
}


def storm(target: Target, kind: str, seconds: float) -> Counter[str]:
    """Send the calls of a storm for so long, and return how often they were answered in each way."""
    return asyncio.run(_storm(target, STORMS[kind], time.monotonic() + seconds))


async def _storm(target: Target, body: Storm, end: float) -> Counter[str]:
    numbers, answers = itertools.count(int(time.time()) % 100_000 * 1000), Counter[str]()

    async def send(client: httpx.AsyncClient) -> None:
        while time.monotonic() < end:
            answer = await answered(client, body.call(next(numbers)))
            is_refused = answer.status_code == 200 and b'"status":"error"' in answer.content
            answers[f"{answer.status_code}{' with refused lines' * is_refused}"] += 1
            if answer.status_code == 503:
                await asyncio.sleep(float(answer.headers["retry-after"]))

    async with client_of(target) as client:
        await asyncio.gather(*(send(client) for _ in range(body.at_once)))
    return answers


async def answered(client: httpx.AsyncClient, call: Call) -> httpx.Response:
    """Send a call and return its answer."""
    method, path, values = call
    if method == "GET":
        return await client.get(path, params=dict(values))
    return await client.post(path, json=values)


def client_of(target: Target) -> httpx.AsyncClient:
    """Return a client with the keys of an account."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{target.port}",
        headers={"Api-Key": target.api_key, "Api-Secret": target.api_secret},
        limits=limits,
        timeout=120,
    )


async def ask(target: Target, fan_id: int, seconds: float, used: Taken) -> None:
    """Send the calls of the small account one after the other, and note the milliseconds of each."""
    calls: dict[str, Call] = {
        "fan": ("GET", f"/api/v1/crm/fans/{fan_id}", {}),
        "activity": ("POST", "/api/v1/crm/activities", {"email": "small@example.org", "campaign_title": "Campaign 7"}),
        "search": ("GET", "/api/v1/crm/fans", {"fan_gender": "female", "limit": 50}),
        "count": ("GET", "/api/v1/manage/filters/count", {"fan_gender": "female"}),
    }
    end = time.monotonic() + seconds
    async with client_of(target) as client:
        while time.monotonic() < end:
            for name, call in calls.items():
                started = time.perf_counter()
                answer = await answered(client, call)
                used[name].append((time.perf_counter() - started) * 1000)
                if answer.status_code != 200:
                    sys.exit(f"{name} was answered with {answer.status_code}: {answer.text}")


def percentile(used: list[float], part: float) -> float:
    """Return the value below which that part of the values lies."""
    return sorted(used)[min(int(len(used) * part), len(used) - 1)]


def alongside(kind: str, large: Target, small: Pair, fan_id: int, params: argparse.Namespace) -> float:
    """Print the figures of the small account calm and beside a load; return the median over its calls of the ratios."""
    calm, shared, separate = (defaultdict[str, list[float]](list) for _ in range(3))
    answers: Counter[str] = Counter()
    for _ in range(params.rounds):
        asyncio.run(ask(small.shared, fan_id, params.seconds, calm))
        with ProcessPoolExecutor(1, initializer=os.nice, initargs=(LOWEST,)) as second:
            payload = second.submit(storm, large, kind, LEAD_SECONDS + 2 * params.seconds)
            time.sleep(LEAD_SECONDS)
            asyncio.run(ask(small.shared, fan_id, params.seconds, shared))
            asyncio.run(ask(small.separate, fan_id, params.seconds, separate))
            # Raises when the process has died.
            answers += payload.result()
    ratios = []
    for name in calm:
        middles = [statistics.median(each[name]) for each in (calm, shared, separate)]
        ends = [percentile(each[name], 0.99) for each in (calm, shared, separate)]
        ratios.append(ends[1] / max(ends[0], ends[2]))
        print(
            f"{kind:<15}{name:<10}p50 {_columns(middles)}   p99 {_columns(ends)}"
            f"   to calm {ends[1] / ends[0]:>5.1f}   to separate {ends[1] / ends[2]:>5.1f}"
        )
    print(f"{kind:<15}answers to the large account: {dict(answers)}")
    return statistics.median(ratios)


def _columns(values: list[float]) -> str:
    return " ".join(f"{each:>6.1f}" for each in values)


async def key_of_small(dsn: str, target: Target) -> tuple[Target, int]:
    """Return a key to the small account, and a fan of it."""
    db = await Db.connect(dsn, size=1)
    key = await create_key(db, SMALL_ACCOUNT, SCOPES, datetime.now(UTC), rate_limit=UNLIMITED)
    fan_id: int = await db.value("select max(fan_id) from fans where account_id = $1", SMALL_ACCOUNT)
    await db.close()
    return target._replace(api_key=str(key.api_key), api_secret=key.api_secret), fan_id


def main() -> None:
    """Read the command line, run the storms, and fail when one reaches the small account."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--only", choices=STORMS, nargs="*", default=list(STORMS))
    criteria = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        DirectoryLock(Path(name) / "data", "bench"),
        Embedded(Path(name) / "data") as embedded,
        served(embedded.database_url, Path(name), scale=criteria.scale, pool=POOL) as large,
        serving(embedded.database_url, Path(name), pool=POOL) as port,
    ):
        shared, fan_id = asyncio.run(key_of_small(embedded.database_url, large))
        small = Pair(shared, shared._replace(port=port))
        for each in small:
            asyncio.run(ask(each, fan_id, 2, defaultdict(list)))
        ratios = [alongside(kind, large, small, fan_id, criteria) for kind in criteria.only]
    sys.exit(0 if max(ratios) <= LIMIT else 1)


if __name__ == "__main__":
    main()
