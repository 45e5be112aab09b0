"""The audience index over 1,000,000 fans: built, stored, started from there, counts and statistics through HTTP.

    nice python -m bench.audience                     # an embedded PostgreSQL in .data/bench, made once (4 minutes)
    nice python -m bench.audience --dsn postgresql://…  # a database filled by `python -m bench.data`
    nice python -m bench.audience --scale 0.05 --data-dir FOLDER  # smaller, to try it

The same calls are asked of a server twice: with an index process beside it, and by SQL alone. Each search of
`bench.search` that the index knows is asked ROUNDS times, in turn, while a fan gets a tag before each tenth question.
`in memory` is the index process with all it holds, after it was built. Exits 1 when a target is missed.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench.data import ACCOUNT, NOW
from bench.search import FOLDER, SEARCHES, database
from fanfare.accounts.actions import create_key
from fanfare.accounts.queries import account_by_id
from fanfare.fans.actions.tags import change_tag
from fanfare.fans.schemas.attributes import TagChange
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.search.criteria.uses import plan_of
from fanfare.search.queries.conditions import checked_context
from fanfare.search.queries.stored import to_stored

ROUNDS = 20
SQL_ROUNDS = 5
CALLS = {"count": "/api/v1/manage/filters/count", "statistics": "/api/v1/manage/filters/stats"}
# Seconds, megabytes, and milliseconds at the 95th percentile.
TARGETS = {"built, s": 20.0, "from stored, s": 3.0, "in memory, MB": 400.0, "count, ms": 5.0, "statistics, ms": 15.0}
Taken = dict[str, dict[str, list[float]]]


@contextmanager
def running(*words: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a part of Fanfare; its log can be read."""
    command = [sys.executable, "-P", "-m", *words]
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            child.communicate()


def answer_of(child: subprocess.Popen[str], *words: str) -> str:
    """Return the next line of a log that holds all the words."""
    for line in child.stdout or ():
        if all(word in line for word in words):
            return line
    message = f"{child.args!r} ended before it said {words}"
    raise RuntimeError(message)


def ready(child: subprocess.Popen[str], origin: str) -> dict[str, float]:
    """Wait until the index of the account is ready; return seconds since its start and megabytes now."""
    line = json.loads(answer_of(child, "index ready", f'"account_id": {ACCOUNT},'))
    if line["origin"] != origin:
        raise RuntimeError(line)
    pages = int(Path(f"/proc/{child.pid}/statm").read_text("ascii").split()[1])
    return {"seconds": line["seconds"], "megabytes": pages * os.sysconf("SC_PAGE_SIZE") / 1e6}


async def parameters(db: Db) -> dict[str, dict[str, str]]:
    """Return those searches that the index knows, with days that mean today what they meant when the data was made."""
    account = await account_by_id(db, ACCOUNT)
    passed = (datetime.now(UTC) - NOW).days
    result = {}
    for name, expected in SEARCHES.items():
        if plan_of(expected, await checked_context(db, account, expected, NOW)) is None:
            continue
        values = to_stored(expected)
        for days in ("crm_active_days", "crm_inactive_days"):
            if days in values:
                values[days] = int(str(values[days])) + passed
        texts = {key: ",".join(map(str, each)) if isinstance(each, list) else str(each) for key, each in values.items()}
        result[name] = texts
    return result


async def ask(client: httpx.AsyncClient, searches: dict[str, dict[str, str]], rounds: int) -> Taken:
    """Return the milliseconds of each call for each search; every tenth question follows a write."""
    used: Taken = {call: {name: [] for name in searches} for call in CALLS}
    query = 0
    for turn in range(-1, rounds):
        for name, values in searches.items():
            for call, path in CALLS.items():
                query += 1
                if query % 10 == 0:
                    tag = {"tag_name": "tag 60", "fan_ids": [query], "action": "add" if turn % 2 else "delete"}
                    (await client.post("/api/v1/manage/tags/fans", json=tag)).raise_for_status()
                started = time.perf_counter()
                answer = await client.get(path, params=values)
                milliseconds = (time.perf_counter() - started) * 1000
                answer.raise_for_status()
                if turn >= 0:
                    used[call][name].append(milliseconds)
    return used


def show(bitmaps: Taken, sql: Taken) -> dict[str, float]:
    """Print the table of all searches; return the 95th percentile of each call by the index."""
    print(f"{'milliseconds through HTTP, medians':46} {'count':>8} {'by SQL':>8} {'statist.':>8} {'by SQL':>8}")
    for name in bitmaps["count"]:
        row = [statistics.median(used[call][name]) for call in CALLS for used in (bitmaps, sql)]
        print(f"{name:46} {' '.join(f'{each:8.1f}' for each in row)}")
    result = {}
    for call in CALLS:
        for kind, used in (("index", bitmaps), ("SQL", sql)):
            every = [each for values in used[call].values() for each in values]
            middle, maximum = statistics.median(every), statistics.quantiles(every, n=20)[-1]
            print(f"{call} by {kind}: median {middle:.1f}, 95 % {maximum:.1f}, worst {max(every):.1f}")
            if kind == "index":
                result[f"{call}, ms"] = maximum
    return result


async def questions(dsn: str, url: str, rounds: int) -> Taken:
    """Ask every question with a key of its own."""
    db = await Db.connect(dsn)
    key = await create_key(db, ACCOUNT, ["manage"], datetime.now(UTC), name="bench", rate_limit=1_000_000)
    headers = {"Api-Key": str(key.api_key), "Api-Secret": key.api_secret}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as client:
        used = await ask(client, await parameters(db), rounds)
    await db.close()
    return used


async def prepare(dsn: str) -> None:
    """Bring the database to this version; the ids of what was copied into it are taken."""
    await migrate(dsn)
    db = await Db.connect(dsn)
    await db.value("select setval('positions', greatest((select last_value from positions), 20000000))")
    await db.execute("delete from audience_indexes where account_id = $1", ACCOUNT)
    account = await account_by_id(db, ACCOUNT)
    # The place in the log from which a stored index goes on; one of the two changes something.
    for action in ("add", "delete"):
        await change_tag(db, account.id, TagChange(tag_name="tag 60", fan_ids=[1], action=action), datetime.now(UTC))
    await db.close()


def measure(dsn: str, folder: Path) -> bool:
    """Print all figures and say whether the targets are met."""
    asyncio.run(prepare(dsn))
    environment = {"DATABASE_URL": dsn, "FANFARE_DATA_DIR": str(folder), "FANFARE_PORT": "0"}
    figures: dict[str, float] = {}
    with running("fanfare.cli.index", environment=environment) as index:
        built = ready(index, "tables")
        figures |= {"built, s": built["seconds"], "in memory, MB": built["megabytes"]}
    row = folder / "audience" / f"{ACCOUNT}.audience"
    print(f"stored: {row.stat().st_size / 1e6:.0f} MB")
    with running("fanfare.cli.up", "serve", environment=environment) as server:
        url = answer_of(server, "is running at").split(" at ")[1].split(";")[0].strip()
        started = time.perf_counter()
        with running("fanfare.cli.index", environment=environment) as index:
            ready(index, "file")
            figures["from stored, s"] = time.perf_counter() - started
            bitmaps = asyncio.run(questions(dsn, url, ROUNDS))
        sql = asyncio.run(questions(dsn, url, SQL_ROUNDS))
    figures |= show(bitmaps, sql)
    for name, maximum in TARGETS.items():
        print(f"{name}: {figures[name]:.1f} (target {maximum:g})")
    return all(figures[name] <= maximum for name, maximum in TARGETS.items())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dsn")
    parser.add_argument("--data-dir", type=Path, default=FOLDER)
    parser.add_argument("--scale", type=float, default=1.0, help="of the data, where it is to be made")
    criteria = parser.parse_args()
    with database(criteria.dsn, criteria.data_dir, criteria.scale) as dsn, tempfile.TemporaryDirectory() as folder:
        is_met = measure(dsn, Path(folder))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
