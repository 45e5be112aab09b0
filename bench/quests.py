"""What quests add to scans: the same scans in an account without quests and in accounts with some.

    nice python -m bench.quests                     # an embedded PostgreSQL in .data/bench-quests
    nice python -m bench.quests --rounds 400

In turns, each scan of another fan who is registered: in an account without quests (the yardstick); with 20 quests of
scans of which none is fulfilled; with one of them that each scan fulfils, without and with points that the fan wins;
and again by the fans who have completed it. One scan in a call, and 100; over one connection to PostgreSQL, then one
scan in a call of a server, as a gate sends it. Prints the median milliseconds of a scan, the CPU microseconds of the
server (of this process, where there is none) and of PostgreSQL, and the ratios to the yardstick, of the clock and of
CPU. Exits 1 if, through a server, progress adds more than 20 % of CPU to a scan.
"""

import argparse
import asyncio
import itertools
import statistics
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import httpx

import fanfare.app  # noqa: F401 - hands over what completes quests
from bench.activities import UNLIMITED, serving
from bench.cpu import cpu_seconds, postgres_pid, server_pid
from fanfare.accounts.actions import create_account
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from fanfare.performances.actions.performances import create_performance
from fanfare.performances.actions.quests import create_quest
from fanfare.performances.schemas.performances import NewPerformance
from fanfare.performances.schemas.quests import NewQuest
from fanfare.registrations.actions.scans import record_scans
from fanfare.registrations.schemas.scans import ScanItem

FOLDER = Path(".data/bench-quests")
TARGET = 1.2
OTHER_QUESTS = 20
BATCHES = (1, 100)
HTTP, BLOCK = "http", 25
GROUP, SITE = "Pier", "Harbour"
PATH = "/api/v1/manage/registrations/scans"
AGAIN = ("no quests, again", "completed before")
PROGRESS = ("20 quests, none fulfilled", "completed before")
# A registered fan for each number.
FILL = """
    with new_fans as (
        insert into fans (account_id, first_name, created_at, updated_at, position)
        select $1, 'F', now(), now(), nextval('positions') from generate_series(1, $2) returning fan_id
    )
    insert into registrations (account_id, network, registration_key, registration_id, fan_id, registered_at,
                               created_at, updated_at, event_name, event_date)
    select $1, 'festival', row_number() over ()::text, nextval('positions'), fan_id, now(), now(), now(), 'Tideline',
           current_date
    from new_fans
"""


class Course:
    """An account with registered fans and some quests; its scans are of one fan after the other."""

    def __init__(self, db: Db, account: Account, headers: dict[str, str], *, begin: int = 1) -> None:
        """Take the account and its keys, and the number of the first fan."""
        self.db, self.account, self.headers = db, account, headers
        self.numbers: Iterator[int] = itertools.count(begin)
        self.durations: dict[int | str, list[float]] = defaultdict(list)
        # of this process or the server, and of PostgreSQL
        self.cpu: dict[int | str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def lines(self, size: int, now: datetime) -> list[ScanItem]:
        """Return scans of the next fans."""
        return [
            ScanItem(
                scan_group_name=GROUP,
                site_name=SITE,
                network="festival",
                scan_timestamp=now.replace(microsecond=0),
                source_key=uuid.uuid4().hex,
                registration_key=str(next(self.numbers)),
            )
            for _ in range(size)
        ]

    async def scan(self, size: int) -> None:
        """Store scans of the next fans and note the milliseconds of each."""
        now = datetime.now(UTC)
        lines = self.lines(size, now)
        started = time.perf_counter()
        saved = await record_scans(self.db, self.account, lines, now)
        self.durations[size].append((time.perf_counter() - started) * 1000 / size)
        require(len(saved.data) == size)

    async def send(self, client: httpx.AsyncClient) -> None:
        """Send a scan of the next fan to the server."""
        (line,) = self.lines(1, datetime.now(UTC))
        names = ("scan_group_name", "site_name", "network", "source_key", "registration_key")
        values = {
            **{name: getattr(line, name) for name in names},
            "scan_timestamp": int(line.scan_timestamp.timestamp()),
        }
        started = time.perf_counter()
        answer = await client.post(PATH, json={"scans": [values]}, headers=self.headers)
        self.durations[HTTP].append((time.perf_counter() - started) * 1000)
        require(answer.status_code == 200 and len(answer.json()["data"]) == 1)


def require(is_stored: bool) -> None:  # noqa: FBT001 - a condition
    """Raise if a scan was not stored."""
    if not is_stored:
        message = "a scan was not stored"
        raise RuntimeError(message)


async def course(db: Db, name: str, fans: int, *, points: int | None = None, is_fulfilled: bool = False) -> Course:
    """Create an account, its fans and its quests."""
    now = datetime.now(UTC)
    created = await create_account(db, name, now, country_code="CA")
    account = Account(created.account_id, name, "America/Vancouver", "CA", "CAD")
    headers = {"Api-Key": str(created.api_key), "Api-Secret": created.api_secret}
    await db.execute("update api_keys set rate_limit = $2 where account_id = $1", account.id, UNLIMITED)
    await db.execute(FILL, account.id, fans)
    if name != "no quests":
        show = NewPerformance(performance_name="Tideline", performance_date=date.today())  # noqa: DTZ011 - any day
        uid = await create_performance(db, account.id, show, now)
        others = [f"Elsewhere {number}" for number in range(OTHER_QUESTS)]
        for group in [*others, *([GROUP] if is_fulfilled else [])]:
            quest = NewQuest(
                performance_uid=uid,
                quest_title=group,
                quest_type="scan",
                scan_group_names=[group],
                fan_points_reward=points,
            )
            await create_quest(db, account, quest, now)
    return Course(db, account, headers)


async def measure(dsn: str, folder: Path, rounds: int) -> bool:
    """Print the table and say whether the target is met."""
    await migrate(dsn)
    db = await Db.connect(dsn, size=1, share=1)
    fans = rounds * sum(BATCHES) * 2 + rounds * 2
    courses = await prepare(db, folder, fans)
    await in_turns(list(courses.values()), rounds, folder)
    await through_a_server(dsn, folder, list(courses.values()), rounds)
    first, last = courses["no quests"], courses["fulfilled, points won"]
    again = {
        "no quests, again": Course(db, first.account, first.headers),
        "completed before": Course(db, last.account, last.headers),
    }
    await in_turns(list(again.values()), rounds, folder)
    await through_a_server(dsn, folder, list(again.values()), rounds)
    await db.close()
    print(f"{'milliseconds of a scan':28}{'':>9}{'ms':>9}{'CPU µs':>9}{'PG µs':>9}{'ratio':>9}{'CPU ratio':>10}")
    ratios = [line(size, name, courses | again) for size in (*BATCHES, HTTP) for name in (*courses, *again)]
    is_met = [is_enough for is_enough in ratios if is_enough is not None]
    return all(is_met)


async def prepare(db: Db, folder: Path, fans: int) -> dict[str, Course]:
    """Return the accounts, after some scans in each: plans of the first are of empty tables."""
    courses = {
        "no quests": await course(db, "no quests", fans),
        "20 quests, none fulfilled": await course(db, "none", fans),
        "fulfilled": await course(db, "fulfilled", fans, is_fulfilled=True),
        "fulfilled, points won": await course(db, "points", fans, is_fulfilled=True, points=10),
    }
    await db.execute("vacuum (analyze)")
    await in_turns(list(courses.values()), 5, folder)
    await db.execute("analyze scans, quest_progresses, changes, standings, fan_points")
    for each in courses.values():
        each.durations.clear()
        each.cpu.clear()
    return courses


async def in_turns(courses: list[Course], rounds: int, folder: Path) -> None:
    """Scan in each of the accounts, again and again."""
    postgres = postgres_pid(folder)
    for size in BATCHES:
        block = BLOCK if size == 1 else 1
        for _ in range(max(rounds // block, 1)):
            for each in courses:
                begin = time.process_time(), cpu_seconds(postgres)
                for _ in range(block):
                    await each.scan(size)
                add_cpu(each, size, begin, (time.process_time(), cpu_seconds(postgres)))


async def through_a_server(dsn: str, folder: Path, courses: list[Course], rounds: int) -> None:
    """Send scans to a server for each of the accounts, again and again."""
    with serving(dsn, folder) as port:
        server, postgres = server_pid(), postgres_pid(folder)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            for number in range(max(rounds // BLOCK, 1) + 1):
                for each in courses:
                    if number == 1:
                        # The first block warms up.
                        each.durations[HTTP].clear()
                        each.cpu.pop(HTTP)
                    begin = cpu_seconds(server), cpu_seconds(postgres)
                    for _ in range(BLOCK):
                        await each.send(client)
                    add_cpu(each, HTTP, begin, (cpu_seconds(server), cpu_seconds(postgres)))


def add_cpu(each: Course, size: int | str, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Add the CPU seconds between two moments."""
    each.cpu[size] = [total + after - before for total, before, after in zip(each.cpu[size], begin, end, strict=True)]


def line(size: int | str, name: str, courses: dict[str, Course]) -> bool | None:
    """Print a line; return whether a target is met, None for one without."""
    each, yardstick = courses[name], courses["no quests, again" if name in AGAIN else "no quests"]
    medians = [statistics.median(one.durations[size]) for one in (each, yardstick)]
    scans = [len(one.durations[size]) * (size if isinstance(size, int) else 1) for one in (each, yardstick)]
    own, database = (value / scans[0] * 1e6 for value in each.cpu[size])
    ratio, cpu_ratio = medians[0] / medians[1], (own + database) / (sum(yardstick.cpu[size]) / scans[1] * 1e6)
    title = "server" if size == HTTP else f"{size} a call"
    print(f"{name:28}{title:>9}{medians[0]:9.3f}{own:9.0f}{database:9.0f}{ratio:9.2f}{cpu_ratio:10.2f}")
    return cpu_ratio <= TARGET if size == HTTP and name in PROGRESS else None


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=FOLDER)
    parser.add_argument("--rounds", type=int, default=200)
    criteria = parser.parse_args()
    criteria.data_dir.mkdir(parents=True, exist_ok=True)
    with DirectoryLock(criteria.data_dir, "bench"), Embedded(criteria.data_dir) as postgres:
        is_met = asyncio.run(measure(postgres.database_url, criteria.data_dir, criteria.rounds))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
