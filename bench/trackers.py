"""The redirect with a durable click beside a call that does nothing, and the list of trackers over millions of clicks.

    python -m bench.trackers               # needs wrk; takes two minutes
    python -m bench.trackers --clicks 0    # the redirect alone
    python -m bench.trackers --rounds 0    # the list alone

One server process, 64 connections, an embedded PostgreSQL that waits for the disk. Both calls take turns. Then
5,000,000 clicks are stored, and the 500 newest trackers are listed with the figures of 31 days.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx

from bench.activities import UNLIMITED, figure, program, serving
from fanfare.accounts.actions import create_account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.running.embedded import DirectoryLock, Embedded

CONNECTIONS = 64
TRACKERS, DAYS = 500, 31
LISTS = 30
RATIO, SPREAD, LIST_MS = 0.5, 3.0, 30.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
# Each visitor has an address of its own, as behind a trusted proxy, and one of some browsers.
LUA = """
local agents = {}
for version = 100, 199 do
  agents[#agents + 1] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:" .. version .. ".0) Gecko/20100101 Firefox/" ..
    version .. ".0"
end
math.randomseed(os.time())
request = function()
  local address = math.random(1, 223) .. "." .. math.random(0, 255) .. "." .. math.random(0, 255) .. ".7"
  return wrk.format("GET", "%s", {["X-Forwarded-For"] = address, ["User-Agent"] = agents[math.random(#agents)]})
end
"""


def wrk(port: int, script: Path, seconds: int) -> tuple[float, float, float]:
    """Return the requests a second, and the median and 99th percentile of their milliseconds."""
    command = [
        program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script),
        f"http://127.0.0.1:{port}",
    ]  # fmt: skip
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text:
        sys.exit(f"not every call succeeded\n{text}")
    return figure(r"Requests/sec:\s+([\d.]+)", text), _milliseconds("50%", text), _milliseconds("99%", text)


def _milliseconds(name: str, text: str) -> float:
    line = next(line.split() for line in text.splitlines() if line.split()[:1] == [name])
    number = line[1].rstrip("mus")
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[line[1].removeprefix(number)]


def cpu_seconds() -> dict[str, float]:
    """Return the CPU seconds of our servers so far: those of the processes that this one has started."""
    ticks, parents, names = {}, {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
            fields = rest.split()
            pid = int(path.parent.name)
            ticks[pid], parents[pid], names[pid] = int(fields[11]) + int(fields[12]), int(fields[1]), name
    result = {"server": 0.0, "postgres": 0.0}
    for pid, used in ticks.items():
        above = pid
        while above not in (0, os.getpid()):
            above = parents.get(above, 0)
        if above and pid != os.getpid():
            result["postgres" if names[pid].startswith("postgres") else "server"] += used / CLOCK_TICKS
    return result


async def prepare(dsn: str) -> tuple[int, dict[str, str]]:
    """Make an account with a tracker for the redirect, and return its id and keys."""
    await migrate(dsn)
    db = await Db.connect(dsn, size=1, statement_seconds=600)
    created = await create_account(db, "Bench", datetime.now(UTC), country_code="CA")
    await db.execute("update api_keys set rate_limit = $2 where account_id = $1", created.account_id, UNLIMITED)
    await db.execute(ADD_TRACKERS, created.account_id, TRACKERS)
    await db.close()
    return created.account_id, {"Api-Key": str(created.api_key), "Api-Secret": created.api_secret}


ADD_TRACKERS = """
    insert into trackers (account_id, tracker_id, host, tracker_key, tracker_name, tracker_group_name, network,
                          target_url, created_at, updated_at)
    select $1, number, '', 'bench' || number, 'Tracker ' || number, 'Bench', 'custom', 'https://shop.example.com/',
           now(), now()
    from generate_series(1, $2::int) as number
"""
ADD_CLICKS = """
    insert into tracker_clicks (account_id, click_id, tracker_id, clicked_at, visitor_uid, verdict, reason, is_repeated,
                                rules_version, method, ip_address, user_agent)
    select $1, nextval('positions'), 1 + number % $2, now() - (number / $2 % 60) * interval '1 day', gen_random_uuid(),
           case when random() < 0.2 then 'bot' else 'human' end, '', false, '1', 'GET', '192.0.2.7', 'Mozilla/5.0'
    from generate_series(1, $3::int) as number
"""
COUNT_CLICKS = """
    insert into tracker_click_days as d (account_id, tracker_id, figure_date, human_count, bot_count)
    select account_id, tracker_id, (clicked_at at time zone 'UTC')::date,
           count(*) filter (where verdict = 'human'), count(*) filter (where verdict = 'bot')
    from tracker_clicks where account_id = $1 group by 1, 2, 3
    on conflict (account_id, tracker_id, figure_date) do update
    set human_count = excluded.human_count, bot_count = excluded.bot_count
"""


class Run(NamedTuple):
    """What wrk measured, and the microseconds of CPU time that a call took of each of our servers."""

    rate: float
    median: float
    p99: float
    server: float
    postgres: float


def run(port: int, script: Path, seconds: int) -> Run:
    """Run wrk and return its figures."""
    before = cpu_seconds()
    rate, median, p99 = wrk(port, script, seconds)
    after = cpu_seconds()
    calls = rate * seconds / 1_000_000
    return Run(rate, median, p99, *((after[name] - before[name]) / calls for name in after))


def middle(runs: Sequence[Run]) -> Run:
    """Return the medians of several runs."""
    return Run(*(statistics.median(values) for values in zip(*runs, strict=True)))


def redirects(port: int, folder: Path, rounds: int, seconds: int) -> bool:
    """Print the rates of both calls, their CPU time, and the spread of the redirect; say whether they suffice."""
    paths = {"nothing": "/healthz", "redirect": "/trk/bench1?utm_source=mail"}
    runs: dict[str, list[Run]] = {name: [] for name in paths}
    for name, path in paths.items():
        (folder / f"{name}.lua").write_text(LUA.replace("%s", path))
        wrk(port, folder / f"{name}.lua", 2)
    for _ in range(rounds):
        for name in paths:
            runs[name].append(run(port, folder / f"{name}.lua", seconds))
    nothing, redirect = middle(runs["nothing"]), middle(runs["redirect"])
    for name, each in (("a call that does nothing", nothing), ("redirect", redirect)):
        print(f"{name:<26}{each.rate:>8,.0f}/s  median {each.median:.1f} ms  p99 {each.p99:.1f} ms  "
              f"CPU of a call: server {each.server:.0f} µs, PostgreSQL {each.postgres:.0f} µs")  # fmt: skip
    ratio, spread = redirect.rate / nothing.rate, redirect.p99 / redirect.median
    print(f"ratio {ratio:.2f}, at least {RATIO}; p99 {spread:.1f} times the median, less than {SPREAD}")
    return ratio >= RATIO and spread < SPREAD


async def listing(dsn: str, port: int, account_id: int, keys: dict[str, str], clicks: int) -> bool:
    """Store clicks and print how long the list takes; say whether it suffices."""
    db = await Db.connect(dsn, size=1, statement_seconds=1200)
    await db.execute(ADD_CLICKS, account_id, TRACKERS, clicks)
    await db.execute(COUNT_CLICKS, account_id)
    await db.execute("vacuum (analyze) tracker_clicks, tracker_click_days, trackers")
    await db.close()
    times: list[float] = []
    rows: list[dict[str, int]] = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=keys, timeout=60) as client:
        await client.get("/api/v1/trackers")
        before = cpu_seconds()
        for _ in range(LISTS):
            begin = time.perf_counter()
            rows = (await client.get("/api/v1/trackers")).json()
            times.append((time.perf_counter() - begin) * 1000)
        after = cpu_seconds()
    cpu = {name: (after[name] - before[name]) * 1000 / LISTS for name in after}
    total = sum(row["total_tracker_click_count"] for row in rows)
    print(f"{len(rows)} trackers, {total:,} clicks of 31 days out of {clicks:,} and more: "
          f"median {statistics.median(times):.1f} ms, at most {LIST_MS:.0f}; "
          f"CPU of a call: server {cpu['server']:.1f} ms, PostgreSQL {cpu['postgres']:.1f} ms")  # fmt: skip
    return statistics.median(times) <= LIST_MS


def main() -> None:
    """Read the command line, run both, and fail when one falls short."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--clicks", type=int, default=5_000_000)
    params = parser.parse_args()
    os.environ["FANFARE_TRUSTED_PROXIES"] = "127.0.0.1"
    with (
        tempfile.TemporaryDirectory() as name,
        DirectoryLock(Path(name) / "data", "bench"),
        Embedded(Path(name) / "data") as embedded,
    ):
        account_id, keys = asyncio.run(prepare(embedded.database_url))
        with serving(embedded.database_url, Path(name)) as port:
            is_fast = not params.rounds or redirects(port, Path(name), params.rounds, params.seconds)
            if params.clicks:
                listed = listing(embedded.database_url, port, account_id, keys, params.clicks)
                is_fast = asyncio.run(listed) and is_fast
    sys.exit(0 if is_fast else 1)


if __name__ == "__main__":
    main()
