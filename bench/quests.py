"""What quests add to scans: the same scans in an account without quests and in accounts with some.

    nice python -m bench.quests                     # an embedded PostgreSQL in .data/bench-quests
    nice python -m bench.quests --rounds 400

In turns, each scan of another fan who is registered: in an account without quests (the yardstick); with 20 quests of
scans of which none is fulfilled; with one of them that each scan fulfils, without and with points that the fan wins;
and again by the fans who have completed it. One scan in a call, and 100. Prints the median
milliseconds of a scan and the ratio to the yardstick. Exits 1 if a fulfilled quest adds more than 20 % to a scan.
"""

import argparse
import asyncio
import itertools
import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import fanfare.app  # noqa: F401 - hands over what completes quests
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
GROUP, SITE = "Pier", "Harbour"
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

    def __init__(self, db: Db, account: Account) -> None:
        """Take the account."""
        self.db, self.account = db, account
        self.numbers: Iterator[int] = itertools.count(1)
        self.durations: dict[int, list[float]] = {size: [] for size in BATCHES}

    async def scan(self, size: int) -> None:
        """Store scans of the next fans and note the milliseconds of each."""
        now = datetime.now(UTC)
        lines = [
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
        started = time.perf_counter()
        saved = await record_scans(self.db, self.account, lines, now)
        self.durations[size].append((time.perf_counter() - started) * 1000 / size)
        if len(saved.data) != size:
            message = "a scan was not stored"
            raise RuntimeError(message)


async def course(db: Db, name: str, fans: int, *, points: int | None = None, is_fulfilled: bool = False) -> Course:
    """Create an account, its fans and its quests."""
    now = datetime.now(UTC)
    created = await create_account(db, name, now, country_code="CA")
    account = Account(created.account_id, name, "America/Vancouver", "CA", "CAD")
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
    return Course(db, account)


async def measure(dsn: str, rounds: int) -> bool:
    """Print the table and say whether the target is met."""
    await migrate(dsn)
    db = await Db.connect(dsn, size=4)
    fans = rounds * sum(BATCHES) * 2
    courses = {
        "no quests": await course(db, "no quests", fans),
        "20 quests, none fulfilled": await course(db, "none", fans),
        "fulfilled": await course(db, "fulfilled", fans, is_fulfilled=True),
        "fulfilled, points won": await course(db, "points", fans, is_fulfilled=True, points=10),
    }
    await db.execute("vacuum (analyze)")
    await in_turns(list(courses.values()), rounds)
    baseline, again = Course(db, courses["no quests"].account), Course(db, courses["fulfilled, points won"].account)
    await in_turns([baseline, again], rounds)
    print(f"{'milliseconds of a scan':34} {'one a call':>12} {'100 a call':>12} {'ratios':>14}")
    ratios = {name: ratio(name, each, courses["no quests"]) for name, each in courses.items()}
    ratio("no quests, again", baseline, baseline)
    ratio("completed before", again, baseline)
    completions = "select count(*) from quest_progresses where completed_at is not null"
    print(f"quests completed: {await db.value(completions)} of {2 * rounds * sum(BATCHES)}")
    await db.close()
    return max(ratios["fulfilled"]) <= TARGET


async def in_turns(courses: list[Course], rounds: int) -> None:
    """Scan in each of the accounts, again and again."""
    for size in BATCHES:
        for _ in range(rounds):
            for each in courses:
                await each.scan(size)


def ratio(name: str, each: Course, yardstick: Course) -> list[float]:
    """Print the medians and return how many times those of the yardstick they are."""
    medians = [statistics.median(each.durations[size]) for size in BATCHES]
    baselines = [statistics.median(yardstick.durations[size]) for size in BATCHES]
    result = [median / baseline for median, baseline in zip(medians, baselines, strict=True)]
    print(f"{name:34} {medians[0]:12.3f} {medians[1]:12.4f} {result[0]:7.2f} {result[1]:6.2f}")
    return result


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=FOLDER)
    parser.add_argument("--rounds", type=int, default=200)
    criteria = parser.parse_args()
    criteria.data_dir.mkdir(parents=True, exist_ok=True)
    with DirectoryLock(criteria.data_dir, "bench"), Embedded(criteria.data_dir) as postgres:
        is_met = asyncio.run(measure(postgres.database_url, criteria.rounds))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
