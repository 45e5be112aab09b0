"""First pages of searches, and pages of activities: calls a second through HTTP, and what each costs.

    nice python -m bench.rates                      # 100,000 fans in .data/bench-0.1, made once; needs wrk
    nice python -m bench.rates --scale 0.01 --scale 1   # a table for each size, to see what grows
    nice python -m bench.rates --without-index      # no index process

One server process, 16 connections. Beside each rate stand the milliseconds of CPU a call takes in the server, in
PostgreSQL and in the index process, which other load on the machine hardly changes. The yardstick of the activities is
the same statement by bare asyncpg, whose rows nobody looks at: its milliseconds are those of this process.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import asyncpg

from bench.activities import CONNECTIONS, UNLIMITED, Target, figure, program, serving
from bench.audience import prepare, ready, running
from bench.cpu import cpu_seconds, postgres_pid, server_pid
from bench.data import ACCOUNT
from bench.search import FOLDER, database
from fanfare.accounts.actions import create_key
from fanfare.accounts.queries import account_by_id
from fanfare.campaigns.queries import activities
from fanfare.campaigns.schemas.activities import ActivityWindow
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.data.db import Db

PAGE = 200
# Calls as Lua that wrk runs for each; `n` is a number of the call's own.
SEARCH = """
local provinces = {"CA", "NY", "TX", "FL", "IL", "WA", "BC", "ON"}
local head = {["Api-Key"]="%s", ["Api-Secret"]="%s"}
request = function()
    local province, age = provinces[math.random(1, 8)], math.random(18, 40)
    return wrk.format("GET", "/api/v1/crm/fans?limit=200&fan_is_subscribed=true&fan_provinces=" .. province
        .. "&fan_youngest_age=" .. age, head)
end
"""
ACTIVITIES = """
local head = {["Api-Key"]="%s", ["Api-Secret"]="%s"}
request = function()
    return wrk.format("GET", "/api/v1/crm/activities?limit=200&min_activity_id=" .. math.random(1, {newest}), head)
end
"""
TARGETS = {"search": 600.0, "activities": 1200.0}


class Rate(NamedTuple):
    """Calls a second, and milliseconds of CPU a call in the server, in PostgreSQL and in the index process."""

    calls: float
    cpu: Sequence[float]

    def line(self, name: str) -> str:
        """Return the row of the table."""
        return f"{name:34}{self.calls:10,.0f}" + "".join(f"{each:10.2f}" for each in self.cpu)


def rate(target: Target, lua: str, pids: Sequence[int], seconds: int) -> Rate:
    """Return the rate of a call by wrk."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(lua % (target.api_key, target.api_secret))
        script.flush()
        begin = [cpu_seconds(pid) for pid in pids]
        command = [program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script.name]
        result = subprocess.run(
            [*command, f"http://127.0.0.1:{target.port}"], capture_output=True, text=True, check=True
        ).stdout
        used = [cpu_seconds(pid) - each for pid, each in zip(pids, begin, strict=True)]
    if "Non-2xx" in result:
        sys.exit(f"not every call succeeded\n{result}")
    count = figure(r"(\d+) requests in", result)
    return Rate(figure(r"Requests/sec:\s+([\d.]+)", result), [each * 1000 / count for each in used])


async def credentials(dsn: str) -> tuple[str, str]:
    """Return a key without limits and its secret."""
    await prepare(dsn)
    db = await Db.connect(dsn, size=1)
    key = await create_key(db, ACCOUNT, SCOPES, datetime.now(UTC), rate_limit=UNLIMITED)
    await db.close()
    return str(key.api_key), key.api_secret


async def bare(dsn: str, seconds: int) -> tuple[float, float]:
    """Return the rate of the statement of a page of activities by bare asyncpg, one after the other, and its CPU."""
    db = await Db.connect(dsn, size=1)
    account = await account_by_id(db, ACCOUNT)
    newest = await db.value("select max(activity_id) from activities where account_id = $1", ACCOUNT)
    connection = await asyncpg.connect(dsn)
    begin, end, count = time.process_time(), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        window = ActivityWindow(min_activity_id=count * 7919 % newest, limit=PAGE)
        sql, args = activities.page_statement(account, window, newest, PAGE, ascends=True)
        await connection.fetch(sql, *args)
        count += 1
    used = time.process_time() - begin
    await connection.close()
    await db.close()
    return count / seconds, used * 1000 / count


async def forget(dsn: str) -> int:
    """Delete the searches that are stored, and return the newest activity."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("delete from search_chunks")
    await connection.execute("delete from searches")
    newest: int = await connection.fetchval("select max(activity_id) from activities where account_id = $1", ACCOUNT)
    await connection.close()
    return newest


@contextmanager
def index_beside(dsn: str, folder: str, *, is_wanted: bool) -> Iterator[list[int]]:
    """Run an index process where one is asked for; its id."""
    if not is_wanted:
        yield []
        return
    asyncio.run(prepare(dsn))
    with running("fanfare.cli.index", environment={"DATABASE_URL": dsn, "FANFARE_DATA_DIR": folder}) as index:
        ready(index, "tables")
        yield [index.pid]


def measure(dsn: str, data_dir: Path, rounds: int, seconds: int, *, has_index: bool) -> dict[str, Rate]:
    """Print and return the best rate of each call on one database."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        keys = asyncio.run(credentials(dsn))
        newest = asyncio.run(forget(dsn))
        others = stack.enter_context(index_beside(dsn, folder, is_wanted=has_index))
        port = stack.enter_context(serving(dsn, Path(folder)))
        pids = [server_pid(), postgres_pid(data_dir), *others]
        target = Target(dsn, port, *keys)
        calls = {"search": SEARCH, "activities": ACTIVITIES.replace("{newest}", str(newest))}
        result: dict[str, Rate] = {}
        for name, lua in calls.items():
            rate(target, lua, pids, 2)
            runs = [rate(target, lua, pids, seconds) for _ in range(rounds)]
            result[name] = max(runs, key=lambda each: each.calls)
            print(result[name].line(name), flush=True)
        calls_a_second, cpu = asyncio.run(bare(dsn, seconds))
        print(f"{'yardstick: the statement, asyncpg':34}{calls_a_second:10,.0f}{cpu:10.2f}")
        asyncio.run(forget(dsn))
    return result


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=float, action="append", help="of the data; 1 is a million fans")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--without-index", action="store_true")
    parser.add_argument("--data-dir", type=Path, default=FOLDER)
    choice = parser.parse_args()
    is_met = True
    for scale in choice.scale or [0.1]:
        folder = choice.data_dir if scale == 1 else choice.data_dir.with_name(f"{choice.data_dir.name}-{scale:g}")
        with database(None, folder, scale) as dsn:
            print(f"{f'{1_000_000 * scale:,.0f} fans':34}{'calls/s':>10}{'server ms':>10}{'PG ms':>10}{'index ms':>10}")
            rates = measure(dsn, folder, choice.rounds, choice.seconds, has_index=not choice.without_index)
            is_met = is_met and (scale != 0.1 or all(rates[name].calls >= TARGETS[name] for name in TARGETS))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
