"""The rates of the main calls, each beside its yardsticks: the call's very statement in pgbench, and a bare insert.

    python -m bench.activities             # needs wrk and pgbench; takes five minutes

One server process, 16 connections, an embedded PostgreSQL that waits for the disk. Yardsticks and call take turns, so
that what else the machine does falls on all. Beside each rate stands the CPU time of a call in the server and in
PostgreSQL, and how many cores other programs took: where those are many, judge by the CPU. The last figure is the pull
of all activities by one client.
"""

import argparse
import asyncio
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from bench import data
from bench.cpu import Cost, Meter, median, postgres_pid, server_pid
from fanfare.accounts.actions import create_key
from fanfare.campaigns.actions.activities import WITHOUT_QUESTS
from fanfare.fans.queries.fans import ONE
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.embedded import DirectoryLock, Embedded

CONNECTIONS = 16
SCALE = 0.1
FANS = int(1_000_000 * SCALE)
UNLIMITED = 1_000_000_000
PAGE = 200


class Contest(NamedTuple):
    """A call, as wrk's Lua asks for it, the statement that it runs, and the share of the yardstick to reach, if any.

    `bare` is a second yardstick, the least that any program must write for this call, with the share to reach.
    """

    name: str
    lua: str
    statement: str
    # what stands in the statement for $1, $2 and so on, in pgbench's words
    arguments: Sequence[object]
    target: float | None
    bare: tuple[str, float] | None = None


class Target(NamedTuple):
    """Where the server and its database are, and a key to both."""

    dsn: str
    port: int
    api_key: str
    api_secret: str


class Run(NamedTuple):
    """Calls or transactions a second, and what each cost."""

    rate: float
    cost: Cost


MAIL = "'fan' || :fan || '@example.org'"
BARE = """
    with inserted as (
        insert into activities (account_id, activity_id, fan_id, page_tab_id, props, created_at)
        values ($1, nextval('positions'), :fan, 7, '{"answer": "yes"}', now())
        returning activity_id, fan_id, page_tab_id
    )
    insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)
    select $1, activity_id, 'activity.created', activity_id, fan_id, now(),
           jsonb_build_object('page_tab_id', page_tab_id)
    from inserted
"""
CONTESTS = [
    Contest(
        "activity with its fan, by POST",
        """wrk.format("POST", "/api/v1/crm/activities", head, '{"email":"fan' .. fan .. '@example.org",'
            .. '"first_name":"Ada","last_name":"Berg","campaign_title":"Campaign 7","field_answer":"yes"}')""",
        WITHOUT_QUESTS.sql.text,
        WITHOUT_QUESTS.sql.arguments(
            str(data.ACCOUNT),
            {
                **dict.fromkeys(WITHOUT_QUESTS.sql.names, "null"),
                "person_network": "'email'", "person_identifier": MAIL, "person_mail": MAIL,
                "person_first_name": "'Ada'", "person_last_name": "'Berg'",
                "now": "now()", "title": "'Campaign 7'", "props": """'{"answer": "yes"}'""",
            },
        ),
        None,
        (BARE, 0.25),
    ),
    Contest(
        "fan by id, by GET",
        'wrk.format("GET", "/api/v1/crm/fans/" .. fan, head)',
        ONE,
        (str(data.ACCOUNT), ":fan"),
        0.30,
    ),
]  # fmt: skip


def pgbench_script(statement: str, arguments: Sequence[object]) -> str:
    """Return the statement with its arguments in place: those that change from call to call are drawn by pgbench."""
    sql = " ".join(statement.split())
    filled = re.sub(r"\$(\d+)", lambda result: str(arguments[int(result[1]) - 1]), sql)
    return f"\\set fan random(1, {FANS})\n{filled};\n"


def lua_script(contest: Contest, target: Target) -> str:
    """Return the call as wrk's script."""
    return f"""
local head = {{["Api-Key"]="{target.api_key}", ["Api-Secret"]="{target.api_secret}"}}
head["Content-Type"] = "application/json"
request = function() local fan = math.random(1, {FANS}); return {contest.lua} end
"""


def pgbench(program: str, target: Target, script: Path, seconds: int) -> float:
    """Return the transactions a second of pgbench."""
    url = urlsplit(target.dsn)
    place = {name: values[0] for name, values in parse_qs(url.query).items()}
    command = [
        program,
        "-n",
        "-M",
        "prepared",
        "-c",
        str(CONNECTIONS),
        "-j",
        "1",
        "-T",
        str(seconds),
        "-f",
        str(script),
    ]
    command += ["-h", place["host"], "-p", place["port"], "-U", str(url.username), url.path.removeprefix("/")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return figure(r"tps = ([\d.]+)", result.stdout + result.stderr)


def wrk(program: str, target: Target, script: Path, seconds: int) -> float:
    """Return the requests a second of wrk; an answer that is no success is a fault."""
    command = [
        program,
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "-s",
        str(script),
        f"http://127.0.0.1:{target.port}",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in result:
        sys.exit(f"not every call succeeded\n{result}")
    return figure(r"Requests/sec:\s+([\d.]+)", result)


def figure(pattern: str, text: str) -> float:
    """Return a number out of what a program printed."""
    match = re.search(pattern, text)
    if match is None:
        sys.exit(f"no figure in: {text}")
    return float(match[1])


def compete(contest: Contest, target: Target, folder: Path, rounds: int, seconds: int) -> bool:
    """Print the medians of call and yardsticks and their ratios; say whether those suffice."""
    lua = folder / "call.lua"
    lua.write_text(lua_script(contest, target))
    yardsticks = {"its statement": (contest.statement, contest.arguments, contest.target)}
    if contest.bare:
        yardsticks["bare insert"] = (contest.bare[0], contest.arguments[:1], contest.bare[1])
    programs = program("pgbench"), program("wrk")
    wrk(programs[1], target, lua, 2)
    postgres = postgres_pid(folder)
    runs: dict[str, list[Run]] = {name: [] for name in (*yardsticks, "")}
    for _ in range(rounds):
        for name, (statement, arguments, _share) in yardsticks.items():
            sql = folder / "yardstick.sql"
            sql.write_text(pgbench_script(statement, arguments))
            runs[name].append(_run(lambda: pgbench(programs[0], target, sql, seconds), Meter(postgres), seconds))  # noqa: B023 - called at once
        meter = Meter(postgres, server_pid())
        runs[""].append(_run(lambda: wrk(programs[1], target, lua, seconds), meter, seconds))
    called, *others = (median_run(runs[name]) for name in ("", *yardsticks))
    print(f"{contest.name:<34}{called.rate:>9,.0f}/s  {called.cost}")
    shares = {name: share for name, (_, _, share) in yardsticks.items()}
    suffices = [_beside(called, other, name, shares[name]) for name, other in zip(yardsticks, others, strict=True)]
    return all(suffices)


def _run(rate: Callable[[], float], meter: Meter, seconds: int) -> Run:
    result = rate()
    return Run(result, meter.cost(result * seconds))


def median_run(runs: Sequence[Run]) -> Run:
    """Return the medians of several runs."""
    return Run(statistics.median(each.rate for each in runs), median([each.cost for each in runs]))


def _beside(called: Run, yardstick: Run, name: str, share: float | None) -> bool:
    """Print a yardstick and what share of it a call reaches; say whether that suffices."""
    ratio = called.rate / yardstick.rate
    by_cpu = yardstick.cost.postgres / (called.cost.server + called.cost.postgres)
    wanted = f", wanted {share}" if share else ""
    print(f"  pgbench, {name:<23}{yardstick.rate:>9,.0f}/s  {yardstick.cost}")
    print(f"{'':34}ratio {ratio:.2f}{wanted}; of the CPU time {by_cpu:.2f}")
    return share is None or ratio >= share


def pull(target: Target, most_pages: int) -> float:
    """Return the rows a second of one client that pulls activities page by page and reads the JSON."""
    client = http.client.HTTPConnection("127.0.0.1", target.port)
    keys = {"Api-Key": target.api_key, "Api-Secret": target.api_secret}
    rows, last = 0, 0
    started = time.perf_counter()
    for _ in range(most_pages):
        client.request("GET", f"/api/v1/crm/activities?min_activity_id={last}&limit={PAGE}", headers=keys)
        page = json.loads(client.getresponse().read())
        if not page["data"]:
            break
        rows += len(page["data"])
        last = page["meta"]["max_activity_id"]
    return rows / (time.perf_counter() - started)


def program(name: str) -> str:
    """Return the path of a program that the figures need; the embedded PostgreSQL brings pgbench with it."""
    bundled = [str(path.parent) for path in Path(sys.prefix).glob(f"lib/python*/site-packages/*/pginstall/bin/{name}")]
    result = shutil.which(name, path=os.pathsep.join([*bundled, os.environ.get("PATH", "")]))
    if result is None:
        sys.exit(f"{name} is needed for these figures and was not found")
    return result


@contextmanager
def served(
    dsn: str, folder: Path, *, scale: float = SCALE, workers: int = 1, pool: int = CONNECTIONS
) -> Iterator[Target]:
    """Run server processes, one if not told, on a database that holds a share of the data set."""
    api_key, api_secret = asyncio.run(filled(dsn, scale))
    with serving(dsn, folder, workers=workers, pool=pool) as port:
        yield Target(dsn, port, api_key, api_secret)


@contextmanager
def serving(dsn: str, folder: Path, *, workers: int = 1, pool: int = CONNECTIONS) -> Iterator[int]:
    """Run server processes on a database for as long as the context lasts, and return their port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {**os.environ, "DATABASE_URL": dsn, "FANFARE_POOL_SIZE": str(pool)}
    command = [sys.executable, "-m", "fanfare.cli", "serve", "--workers", str(workers), "--port", str(port)]
    log_path = folder / f"server-{port}.log"
    with log_path.open("w") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server:
        try:
            wait_until_ready(port)
            yield port
        except SystemExit:
            sys.stderr.write(log_path.read_text()[-3000:])
            raise
        finally:
            server.terminate()


async def filled(dsn: str, scale: float) -> tuple[str, str]:
    """Fill the database and return a key and its secret."""
    await data.make(dsn, scale)
    db = await Db.connect(dsn, size=1)
    # Addresses that can be made of a number: the contests ask by them.
    await db.execute(
        "insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)"
        " select account_id, 'email', 'fan' || fan_id || '@example.org', fan_id, created_at from fans"
        " where account_id = $1",
        data.ACCOUNT,
    )
    # Beyond everything that the made rows hold.
    await db.execute("select setval('positions', 100000000), setval('fans_fan_id_seq', 100000000)")
    await db.execute("vacuum (analyze)")
    key = await create_key(db, data.ACCOUNT, SCOPES, datetime.now(UTC), rate_limit=UNLIMITED)
    await db.close()
    return str(key.api_key), key.api_secret


def wait_until_ready(port: int) -> None:
    """Wait until the server answers that it can serve."""
    for _ in range(300):
        client = http.client.HTTPConnection("127.0.0.1", port)
        try:
            client.request("GET", "/readyz")
            if client.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            client.close()
        time.sleep(0.1)
    sys.exit("the server did not get ready")


def main() -> None:
    """Read the command line, run the contests, and fail when one falls short."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    criteria = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        DirectoryLock(Path(name) / "data", "bench"),
        Embedded(Path(name) / "data") as embedded,
    ):
        folder = Path(name)
        with served(embedded.database_url, folder) as target:
            suffices = [compete(each, target, folder, criteria.rounds, criteria.seconds) for each in CONTESTS]
            pull(target, 50)
            rate = statistics.median(pull(target, 500) for _ in range(criteria.rounds))
            print(f"{'pull of all activities':<34}{rate:>9,.0f} rows/s  wanted 20,000")
    sys.exit(0 if all(suffices) and rate >= 20_000 else 1)


if __name__ == "__main__":
    main()
