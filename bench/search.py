"""The fan search over 1,000,000 fans, 5,000,000 activities, 3,000,000 tags and 3,000,000 idol links: page and count.

    nice python -m bench.search                     # an embedded PostgreSQL in .data/bench, made once (4 minutes)
    nice python -m bench.search --dsn postgresql://…  # a database filled by `python -m bench.data`

Searches from one criterion to six, each run in turn ROUNDS times after one to warm up. `page` finds the first 1000 ids
and the set by an index process beside, or by SQL what it does not know; `by SQL` is the statement that finds the first
1001 ids. `answer` is the whole call in the server (ids, rows with all they can hold, the search committed), `count` the
number of fans by SQL. The yardsticks are the bare statements: ids in the order of the primary key, and a count of all
fans. Exits 1 when a target is missed.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import asyncpg
import msgspec

import fanfare.app  # noqa: F401 - connects the domains
from bench.data import ACCOUNT, NOW, make
from fanfare.accounts.queries import account_by_id
from fanfare.audience.counting import fan_set
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from fanfare.search.actions.running import start_search
from fanfare.search.criteria.uses import conditions_of
from fanfare.search.criteria.where import Where, where
from fanfare.search.queries import fans
from fanfare.search.queries.conditions import checked_context
from fanfare.search.schemas.search import FanSearch
from fanfare.search.schemas.sets import FanSet

COUNT = "select count(*) from fans f where f.account_id = $1 and {condition}"
FOLDER = Path(".data/bench")
ROUNDS = 7
# Milliseconds: median and worst of all.
TARGETS = {"page": (5.0, 60.0), "count": (140.0, 420.0)}

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
        by_sql = await self.planned(*page, workers=0)
        # The place of an index is looked up once a second.
        await asyncio.sleep(1.1)

        async def from_index() -> FanSet | None:
            return await fan_set(self.db, self.account, query, context, (query.limit, query.max_count))

        return {
            "page": by_sql if await from_index() is None else await median(from_index),
            "by SQL": by_sql,
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
            await start_search(self.db, self.account, display, NOW, fans.rows)
            used.append((time.perf_counter() - started) * 1000)
            await settle(self.db)
        return statistics.median(used[1:])


async def settle(db: Db) -> None:
    """Wait for the set that is being stored, and delete it."""
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
    heads = " ".join(f"{each:>8}" for each in ("page", "by SQL", "answer", "count"))
    print(f"{'milliseconds, medians of ' + str(ROUNDS):46} {heads} {'fans':>9}")
    table: dict[str, dict[str, float]] = {}
    for name, criteria in SEARCHES.items():
        table[name] = row = await bench.figures(name, criteria)
        figures = " ".join(f"{row[each]:8.1f}" for each in ("page", "by SQL", "answer", "count"))
        print(f"{name:46} {figures} {row['fans']:9,.0f}", flush=True)
    bare = "select f.fan_id from fans f where f.account_id = $1 order by f.fan_id limit 1001"
    everyone = counting(where(ACCOUNT, []))
    ids, fans = await bench.planned(bare, (ACCOUNT,), workers=0), await bench.planned(*everyone, workers=2)
    print(f"{'yardstick: bare ids, bare count(*)':46} {'':8} {ids:8.1f} {'':8} {fans:8.1f} {1_000_000:9,}")
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
    parser.add_argument("--without-index", action="store_true")
    criteria = parser.parse_args()
    # The index process is run as `bench.audience` runs it, which takes its searches from here.
    from bench.rates import index_beside  # noqa: PLC0415 - as said

    with (
        database(criteria.dsn, criteria.data_dir) as dsn,
        tempfile.TemporaryDirectory() as folder,
        index_beside(dsn, folder, is_wanted=not criteria.without_index),
    ):
        is_met = asyncio.run(measure(dsn, criteria.explain))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
