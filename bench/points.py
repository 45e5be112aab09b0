"""Ranks and the top ten of a board of 1,000,000 fans while points are awarded, and how fast awards can be.

    nice python -m bench.points                     # an embedded PostgreSQL in .data/bench-points, filled in a minute
    nice python -m bench.points --seconds 60

Another process awards 500 times a second over 8 connections, each on two boards (a category and a campaign). Meanwhile,
in turns over one connection: the rank of a fan anywhere, the top ten of the campaign as its call reads them, the whole
call of a fan's standing, and the yardstick, a fan's total by primary key. Milliseconds are round trips over the socket,
the machine's other load in them.

Then awards as fast as 16 connections make them: to fans anywhere, and to new fans who all come into one bucket; the
yardstick is the bare insert of a booking. At the end all totals and buckets are compared with the sums of the rows.
Exits 1 when a target is missed or anything differs.
"""

import argparse
import asyncio
import random
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from fanfare.points.actions import awards
from fanfare.points.queries import points as queries
from fanfare.points.schemas.points import NewAward

FOLDER = Path(".data/bench-points")
ACCOUNT, CAMPAIGN = 1, 1
POINT = uuid.UUID(int=1)
BOARDS = (f"point:{POINT}", f"campaign:{CAMPAIGN}")
FANS = 1_000_000
RATE, CONNECTIONS, FASTEST = 500, 8, 16
TARGET_MS = 5.0
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

# Totals as in life: most fans have a little, few have much, some owe.
FILL = """
    insert into accounts values (1, 'bench', 'America/Vancouver', 'CA', 'CAD', now());
    insert into points values (1, '00000000-0000-0000-0000-000000000001', 'Loyalty', null, true, now(), now());
    insert into campaigns (account_id, page_tab_id, title, created_at, updated_at) values (1, 1, 'Quiz', now(), now());
    insert into fans (account_id, fan_id, display_name, created_at, updated_at, position)
    select 1, n, 'Fan ' || n, now(), now(), n from generate_series(1, {all}) n;
    insert into fan_points
        (account_id, fan_point_id, fan_point_uid, fan_id, point_uid, point_count, page_tab_id, created_at)
    select 1, n, gen_random_uuid(), n, '00000000-0000-0000-0000-000000000001',
           (exp(6 + 2.2 * sqrt(-2 * ln((n::bigint * 7919 % 999983 + 1) / 999984.0)) * cos(n)) - 20)::bigint, 1, now()
    from generate_series(1, {fans}) n;
    insert into standings
    select 1, board, fan_id, point_count, 1 from fan_points
    cross join (values ('point:00000000-0000-0000-0000-000000000001'), ('campaign:1')) as b (board);
    insert into standing_buckets
    select 1, board, level, standing_bucket(total) >> (7 * level), count(*) from standings
    cross join generate_series(0, 1) level group by 1, 2, 3, 4;
    select setval('positions', {all});
"""
BARE = """
    insert into fan_points (account_id, fan_point_id, fan_point_uid, fan_id, point_uid, point_count, created_at)
    values ($1, nextval('positions'), gen_random_uuid(), $2, $3, 1, $4)
"""
TOTAL = "select total from standings where account_id = $1 and board = $2 and fan_id = $3"


async def award(db: Db, fan_id: int, count: int) -> None:
    """Award points on both boards."""
    new = NewAward(point_uid=POINT, fan_id=fan_id, point_count=count, page_tab_id=CAMPAIGN)
    await awards.award_points(db, ACCOUNT, new, NOW)


async def load(dsn: str, seconds: float) -> None:
    """Award at the wanted rate; print what came of it."""
    db = await Db.connect(dsn, size=CONNECTIONS)
    chance = random.Random(1)
    started, done, late = time.perf_counter(), 0, 0

    async def writer(first: int) -> None:
        nonlocal done, late
        for number in range(first, int(RATE * seconds), CONNECTIONS):
            due = started + number / RATE
            wait = due - time.perf_counter()
            late += wait < -1
            await asyncio.sleep(max(0.0, wait))
            await award(db, chance.randrange(1, FANS + 1), chance.choice((1, 2, 5, -3, 100, 500, 2000, -400)))
            done += 1

    await asyncio.gather(*(writer(first) for first in range(CONNECTIONS)))
    print(f"{done / (time.perf_counter() - started):.0f} {late}")
    await db.close()


class Bench:
    """Measures over one connection, beside others' awards."""

    def __init__(self, db: Db) -> None:
        """Take the database."""
        self.db, self.chance = db, random.Random(2)
        self.durations: dict[str, list[float]] = {}

    async def timed(self, name: str, run: Awaitable[object]) -> None:
        """Note the milliseconds of a run."""
        started = time.perf_counter()
        await run
        self.durations.setdefault(name, []).append((time.perf_counter() - started) * 1000)

    async def read(self, seconds: float) -> None:
        """Ask in turns until the time is over."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            fan_id, board = self.chance.randrange(1, FANS + 1), self.chance.choice(BOARDS)
            total = await self.db.value(TOTAL, ACCOUNT, board, fan_id)
            await self.timed("rank of a fan", self.db.rows(queries.RANKS, ACCOUNT, board, [total]))
            board_of_ten = queries.campaign_board(self.db, ACCOUNT, CAMPAIGN, None, show_hidden=False)
            await self.timed("top ten of the campaign", board_of_ten)
            await self.timed("a fan's standing, whole call", queries.standing(self.db, ACCOUNT, POINT, fan_id, None))
            await self.timed("yardstick: total by primary key", self.db.value(TOTAL, ACCOUNT, board, fan_id))
            await asyncio.sleep(0.005)

    def report(self) -> bool:
        """Print the table and say whether the two that are promised meet the target."""
        print(f"{'milliseconds':34} {'median':>8} {'p99':>8} {'worst':>8} {'times':>8}")
        worst = {}
        for name, used in self.durations.items():
            worst[name] = statistics.quantiles(used, n=100)[98]
            print(f"{name:34} {statistics.median(used):8.2f} {worst[name]:8.2f} {max(used):8.1f} {len(used):8,}")
        return max(worst["rank of a fan"], worst["top ten of the campaign"]) <= TARGET_MS


async def fastest(seconds: float, run: Callable[[int], Awaitable[object]]) -> float:
    """Return how often a second 16 connections do something."""
    end, numbers = time.perf_counter() + seconds, iter(range(10**9))

    async def one() -> int:
        done = 0
        while time.perf_counter() < end:
            await run(next(numbers))
            done += 1
        return done

    return sum(await asyncio.gather(*(one() for _ in range(FASTEST)))) / seconds


async def differences(db: Db) -> int:
    """Return how many totals and buckets are not what the rows say."""
    wrong: int = await db.value(
        """
        with sums as (
            select board, fan_id, sum(point_count)::bigint as total, count(*) as award_count
            from fan_points cross join lateral (values ('point:' || point_uid), ('campaign:' || page_tab_id)) b (board)
            where account_id = $1 and board is not null group by 1, 2
        ),
        buckets as (
            select board, level::smallint, standing_bucket(total) >> (7 * level) as bucket, count(*) as fan_count
            from sums cross join generate_series(0, 1) level group by 1, 2, 3
        )
        select (select count(*) from sums s full join (select * from standings where account_id = $1) k
                using (board, fan_id, total, award_count) where s.board is null or k.account_id is null)
             + (select count(*) from buckets w
                full join (select * from standing_buckets where account_id = $1 and fan_count <> 0) k
                using (board, level, bucket, fan_count) where w.board is null or k.account_id is null)
        """,
        ACCOUNT,
    )
    return wrong


async def race(db: Db, seconds: float) -> bool:
    """Print how fast awards can be, and say whether the wanted rate is below that."""
    chance = random.Random(int(time.time()))
    newcomer = await db.value("select max(fan_id) + 1 from standings where account_id = $1", ACCOUNT)
    kinds: dict[str, Callable[[int], Awaitable[object]]] = {
        "to fans anywhere": lambda _: award(db, chance.randrange(1, FANS + 1), chance.randrange(-5, 500)),
        "to new fans, all into one bucket": lambda number: award(db, newcomer + number, 10),
        "yardstick: bare insert": lambda _: db.execute(BARE, ACCOUNT, chance.randrange(1, FANS + 1), POINT, NOW),
    }
    print(f"\n{f'awards a second, {FASTEST} connections':34} {'rate':>8}")
    rates = {}
    for name, run in kinds.items():
        rates[name] = await fastest(seconds, run)
        print(f"{name:34} {rates[name]:8,.0f}", flush=True)
    await db.execute("delete from fan_points where account_id = $1 and page_tab_id is null", ACCOUNT)
    return min(rates.values()) >= RATE


async def measure(dsn: str, seconds: float) -> bool:
    """Print the figures and say whether all is as it should be."""
    db = await Db.connect(dsn, size=FASTEST)
    bench = Bench(db)
    await bench.read(1)
    bench.durations.clear()
    command = [sys.executable, "-m", "bench.points", "--load", dsn, "--seconds", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: ASYNC220 - starts at once
        await asyncio.sleep(1)
        await bench.read(seconds - 1)
        output = await asyncio.to_thread(writer.communicate)
    is_fast = bench.report()
    rate, late = (float(word) for word in output[0].split())
    print(f"beside {rate:.0f} awards a second ({RATE} wanted; {late:.0f} more than a second late)")
    is_racing = await race(db, seconds / 3)
    wrong = await differences(db)
    print(f"totals and buckets that differ from the rows: {wrong}")
    await db.close()
    return is_fast and is_racing and wrong == 0 and rate > RATE * 0.98


async def fill(dsn: str) -> None:
    """Lay the tables, unless they are filled."""
    await migrate(dsn)
    db = await Db.connect(dsn, size=1)
    if not await db.value("select true from accounts limit 1"):
        async with db.connection() as connection:
            await connection.execute("set statement_timeout = 0")
            await connection.execute(FILL.format(fans=FANS, all=FANS + 200_000))
            await connection.execute("vacuum (analyze)")
    await db.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=FOLDER)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--load", help=argparse.SUPPRESS)
    criteria = parser.parse_args()
    if criteria.load:
        asyncio.run(load(criteria.load, criteria.seconds))
        return
    criteria.data_dir.mkdir(parents=True, exist_ok=True)
    with DirectoryLock(criteria.data_dir, "bench"), Embedded(criteria.data_dir) as postgres:
        asyncio.run(fill(postgres.database_url))
        is_met = asyncio.run(measure(postgres.database_url, criteria.seconds))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
