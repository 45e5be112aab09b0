"""The fan search over 1,000,000 fans, 5,000,000 activities, 3,000,000 tags and 3,000,000 idol links: page and count.

    nice python -m bench.search                     # an embedded PostgreSQL in .data/bench, made once (4 minutes)
    nice python -m bench.search --dsn postgresql://…  # a database filled by `python -m bench.data`

Searches from one criterion to six, each statement run in turn ROUNDS times after one to warm up. `page` is the
statement that finds the first 1001 ids, `answer` the whole call in the server (snapshot, ids, rows with all they can
hold, the search committed), `count` the number of fans. The yardsticks are the bare statements: ids in the order of the
primary key, and a count of all fans. Exits 1 when a target is missed.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import asyncpg
import msgspec

from bench.data import ACCOUNT, NOW, make
from fanfare.accounts.queries import account_by_id
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from fanfare.search.actions.running import RunningSearch
from fanfare.search.criteria.uses import conditions_of
from fanfare.search.criteria.where import Where, where
from fanfare.search.queries import fans
from fanfare.search.queries.conditions import checked_context
from fanfare.search.schemas.search import FanSearch

COUNT = "select count(*) from fans f where f.account_id = $1 and {condition}"
FOLDER = Path(".data/bench")
ROUNDS = 7
# Milliseconds: median and worst of all.
TARGETS = {"page": (10.0, 150.0), "count": (140.0, 420.0)}

SEARCHES = {
    "province": FanSearch(fan_provinces=["BC"]),
    "part of a name": FanSearch(name="kovac"),
    "rare tag": FanSearch(fan_tags=["tag 40"]),
    "active 30 days": FanSearch(crm_active_days=30),
    "2: provinces, mail": FanSearch(fan_provinces=["CA", "NY"], fan_is_subscribed=True),
    "2: any of 3 tags, gender": FanSearch(fan_tags=["tag 3", "tag 9", "tag 20"], fan_gender="female"),
    "3: inactive 180 days, mail, no opt-out": FanSearch(
        crm_inactive_days=180, fan_is_subscribed=True, fan_is_optout=False
    ),
    "3: ages, province, mail": FanSearch(
        fan_youngest_age=18, fan_oldest_age=25, fan_provinces=["TX"], fan_is_subscribed=True
    ),
    "3: both tags, rating, active 90 days": FanSearch(
        fan_tags=["tag 1", "tag 5"], fan_tag_relations="all", fan_rating=3, crm_active_days=90
    ),
    "4: active 90 days, provinces, mail, tag": FanSearch(
        crm_active_days=90, fan_provinces=["BC", "WA"], fan_is_subscribed=True, fan_tags=["tag 2"]
    ),
    "5: network, age, gender, mail, creation": FanSearch(
        fan_networks=["facebook"],
        fan_youngest_age=30,
        fan_gender="male",
        fan_is_subscribed=True,
        fan_start_creation_date=date(2026, 1, 1),
    ),
    "6: provinces, age, mail, tags, active, rating": FanSearch(
        fan_provinces=["CA", "OR", "WA"],
        fan_youngest_age=21,
        fan_is_subscribed=True,
        fan_tags=["tag 1", "tag 2", "tag 4"],
        crm_active_days=180,
        fan_rating=2,
    ),
    "rare idol": FanSearch(idol_names=["idol 200"]),
    "3: any of 3 idols, province, mail": FanSearch(
        idol_names=["idol 2", "idol 30", "idol 90"], fan_provinces=["BC", "WA", "ON"], fan_is_subscribed=True
    ),
    "3: both idols, tag, active 90 days": FanSearch(
        idol_names=["idol 1", "idol 2"], idol_relations="all", fan_tags=["tag 2"], crm_active_days=90
    ),
}


async def median(run: Callable[[], Awaitable[object]]) -> float:
    """Return the median of the run's milliseconds."""
    await run()
    used = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await run()
        used.append((time.perf_counter() - started) * 1000)
    return statistics.median(used)


class Bench:
    """Measures one search after the other."""

    def __init__(self, db: Db, account: Account, explain: str | None) -> None:
        """Take the data set, and the part of a name whose plans to print."""
        self.db, self.account, self.explain = db, account, explain

    async def figures(self, name: str, query: FanSearch) -> dict[str, float]:
        """Return the milliseconds of a search's three parts and the fans it finds."""
        context = await checked_context(self.db, self.account, query, NOW)
        condition = where(ACCOUNT, conditions_of(query, context))
        page, count = fans.statement(condition, 1001), counting(condition)
        if self.explain and self.explain in name:
            for sql, args in (page, count):
                rows = await self.db.rows(f"explain (analyze, buffers) {sql}", *args)
                print("\n".join(row[0] for row in rows), end="\n\n")
        return {
            "page": await self.planned(*page, workers=0),
            "answer": await self.answer(query),
            "count": await self.planned(*count, workers=2),
            "fans": await self.db.value(count[0], *count[1]),
        }

    async def planned(self, sql: str, args: tuple[object, ...], *, workers: int) -> float:
        """Return the milliseconds of a statement, planned for its values as a search plans it."""
        async with self.db.transaction() as db:
            await db.value("select set_config('plan_cache_mode', 'force_custom_plan', true)")
            await db.value("select set_config('max_parallel_workers_per_gather', $1, true)", str(workers))
            return await median(lambda: db.rows(sql, *args))

    async def answer(self, query: FanSearch) -> float:
        """Return the milliseconds to a first page, apart from the rest of the set, which is written down behind it."""
        display = msgspec.structs.replace(query, include_recent_entry=True)
        used = []
        for _ in range(ROUNDS + 1):
            started = time.perf_counter()
            await RunningSearch(self.db, self.account, display, NOW, fans.rows).start()
            used.append((time.perf_counter() - started) * 1000)
            await settle(self.db)
        return statistics.median(used[1:])


async def settle(db: Db) -> None:
    """Wait for the set that is being written down, and delete it."""
    while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - the task belongs to the database handle
        await asyncio.sleep(0.01)
    await db.execute("delete from search_chunks where account_id = $1", ACCOUNT)
    await db.execute("delete from searches where account_id = $1", ACCOUNT)


def counting(condition: Where) -> tuple[str, tuple[object, ...]]:
    """Return the statement that counts."""
    return COUNT.format(condition=condition.sql), condition.args


async def measure(dsn: str, explain: str | None) -> bool:
    """Print the table and say whether the targets are met."""
    db = await Db.connect(dsn)
    bench = Bench(db, await account_by_id(db, ACCOUNT), explain)
    print(f"{'milliseconds, medians of ' + str(ROUNDS):46} {'page':>8} {'answer':>8} {'count':>8} {'fans':>9}")
    table: dict[str, dict[str, float]] = {}
    for name, criteria in SEARCHES.items():
        table[name] = row = await bench.figures(name, criteria)
        print(f"{name:46} {row['page']:8.1f} {row['answer']:8.1f} {row['count']:8.1f} {row['fans']:9,.0f}", flush=True)
    bare = "select f.fan_id from fans f where f.account_id = $1 order by f.fan_id limit 1001"
    everyone = counting(where(ACCOUNT, []))
    ids, fans = await bench.planned(bare, (ACCOUNT,), workers=0), await bench.planned(*everyone, workers=2)
    print(f"{'yardstick: bare ids, bare count(*)':46} {ids:8.1f} {'':8} {fans:8.1f} {1_000_000:9,}")
    await db.close()
    met = [answer_of(table, name, *target) for name, target in TARGETS.items()]
    return all(met)


def answer_of(table: dict[str, dict[str, float]], name: str, most_median: float, limit: float) -> bool:
    """Print a column's median and worst beside its targets and say whether both are met."""
    used = [row[name] for row in table.values()]
    middle, worst = statistics.median(used), max(used)
    print(f"{name}: median {middle:.1f} (target {most_median:g}), worst {worst:.1f} (target {limit:g})")
    return middle <= most_median and worst <= limit


async def is_filled(dsn: str) -> bool:
    """Say whether the database holds the data set."""
    db = await asyncpg.connect(dsn)
    try:
        return bool(await db.fetchval("select to_regclass('bench_is_filled') is not null"))
    finally:
        await db.close()


@contextmanager
def database(dsn: str | None, folder: Path = FOLDER, scale: float = 1.0) -> Iterator[str]:
    """Give the address of a filled database: the one named, or an embedded one kept in a folder and made at a scale."""
    if dsn:
        yield dsn
        return
    folder.mkdir(parents=True, exist_ok=True)
    with DirectoryLock(folder, "bench"), Embedded(folder) as postgres:
        if not asyncio.run(is_filled(postgres.database_url)):
            asyncio.run(make(postgres.database_url, scale))
        yield postgres.database_url


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dsn")
    parser.add_argument("--data-dir", type=Path, default=FOLDER)
    parser.add_argument("--explain", help="print the plans of the searches whose name holds this")
    criteria = parser.parse_args()
    with database(criteria.dsn, criteria.data_dir) as dsn:
        is_met = asyncio.run(measure(dsn, criteria.explain))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
