"""Live membership under load: how long after a write is acknowledged its fan is in the right filters; a full build.

    nice python -m bench.segments                             # the data of bench.search, 200 filters, 500 writes/s
    nice python -m bench.segments --scale 0.05 --filters 50   # smaller, made anew in a folder of its own

A worker and an index process follow the log; with `--tables` the worker alone. The filters are built first, one after
the other. Then writes of five kinds (activities, tags given and taken, fans changed, idols followed, new fans) come at
a fixed rate over eight connections. Ten probes a second beside them give a tag to a fan; the time counts from its
commit until the fan is a member of the filter of that tag. The build is one filter from nothing while the writes go on.
The yardstick is the rate of the same writes without filters. Exits 1 when a target is missed.
"""

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from bench.data import ACCOUNT, IDOLS, TAGS, idol_uid, make
from bench.search import FOLDER, is_filled
from fanfare.accounts.queries import account_by_id
from fanfare.campaigns.actions.activities import record_fan_activity
from fanfare.campaigns.schemas.activities import NewFanActivity
from fanfare.fans.actions.fans import change_fan
from fanfare.fans.actions.people import find_or_create, person
from fanfare.fans.actions.tags import change_tag
from fanfare.fans.schemas.attributes import TagChange
from fanfare.fans.schemas.fans import FanChanges
from fanfare.idols.actions.links import link_fans
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from fanfare.kernel.running.settings import Settings
from fanfare.ratings import actions as ratings
from fanfare.segments.actions import members
from fanfare.segments.actions.filters import create_filter
from fanfare.segments.schemas.filters import NewFilter

CONNECTIONS = 8
PROBES = 10
# Seconds: 99 of 100 probes, and a build.
TARGET_LAG, TARGET_BUILD = 1.0, 10.0
PROVINCES = ["CA", "NY", "TX", "FL", "IL", "WA", "CO", "TN", "GA", "MA", "OR", "AZ", "NV", "MI", "PA", "UT", "BC", "ON"]


def filters(chance: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """Yield the criteria of filters as people make them: one to four criteria, of every kind of data."""
    for number in range(count):
        tags = [f"tag {each}" for each in chance.sample(range(1, TAGS + 1), 2)]
        possible: list[dict[str, Any]] = [
            {"fan_provinces": chance.sample(PROVINCES, 2)}, {"fan_tags": tags[: 1 + number % 2]},
            {"crm_active_days": chance.choice((7, 30, 90, 180))}, {"fan_gender": chance.choice(("female", "male"))},
            {"fan_is_subscribed": True}, {"idol_names": [f"idol {chance.randint(1, IDOLS)}"]},
            {"fan_youngest_age": 18, "fan_oldest_age": 35}, {"fan_rating": 3.5},
            {"fan_networks": ["facebook"]}, {"fan_start_creation_date": date(2025, 6, 1)},
        ]  # fmt: skip
        criteria = chance.sample(possible, chance.randint(2, 4))
        yield {name: value for each in criteria for name, value in each.items()}


def moment() -> datetime:
    """Return now, as the product's clock tells it."""
    return datetime.now(UTC)


class Load:
    """Writes at a fixed rate, some of which are probes."""

    def __init__(self, db: Db, account: Account, fans: int) -> None:
        """Take the account to write to and how many fans it has."""
        self.db, self.account, self.fans = db, account, fans
        self.chance = random.Random(7)
        self.written = 0
        self.late = 0
        self.lags: list[float] = []
        self.lost = 0

    def fan(self) -> int:
        """Return a fan."""
        return self.chance.randint(1, self.fans)

    async def write(self) -> None:
        """Write as an integration does, each kind in its share."""
        db, account, some, fan_id = self.db, self.account, self.chance, self.fan()
        kind = some.random()
        if kind < 0.4:
            await record_fan_activity(db, account.id, NewFanActivity(fan_id=fan_id, campaign_title="bench"), moment())
        elif kind < 0.65:
            action = some.choice(("add", "delete"))
            tag_name = f"tag {some.randint(1, TAGS)}"
            await change_tag(db, account.id, TagChange(tag_name=tag_name, action=action, fan_ids=[fan_id]), moment())
        elif kind < 0.8:
            changes = FanChanges(fan_id=fan_id, gender=some.choice(("female", "male")))
            await change_fan(db, account, changes, moment(), source="bench")
        elif kind < 0.9:
            idol = idol_uid(ACCOUNT, some.randint(1, IDOLS))
            await link_fans(db, account.id, [fan_id], [idol], moment(), is_explicit=True)
        else:
            fan = person({"email": f"{some.getrandbits(64)}@example.com"}, home_country="CA")
            await find_or_create(db, account.id, [fan], moment(), source="bench")

    async def run(self, rate: float, seconds: float) -> float:
        """Write for some time; return the writes a second that were reached."""
        started = time.perf_counter()
        due: asyncio.Queue[float | None] = asyncio.Queue()
        writers = [asyncio.create_task(self._writer(due)) for _ in range(CONNECTIONS)]
        for number in range(int(rate * seconds)):
            timestamp = started + number / rate
            if (wait := timestamp - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            due.put_nowait(timestamp)
        for _ in writers:
            due.put_nowait(None)
        await asyncio.gather(*writers)
        return self.written / (time.perf_counter() - started)

    async def _writer(self, due: "asyncio.Queue[float | None]") -> None:
        while await due.get() is not None:
            await self.write()
            self.written += 1

    async def probe(self, filter_id: int, seconds: float) -> None:
        """Give the probe's tag to fans and wait for each to be a member."""
        end = time.perf_counter() + seconds
        looking: set[asyncio.Task[None]] = set()
        while time.perf_counter() < end:
            task = asyncio.create_task(self._look(filter_id, self.fan()))
            looking.add(task)
            await asyncio.sleep(1 / PROBES)
        await asyncio.gather(*looking)

    async def _look(self, filter_id: int, fan_id: int) -> None:
        await change_tag(self.db, self.account.id, TagChange(tag_name="probe", fan_ids=[fan_id]), moment())
        written = time.perf_counter()
        sql = "select true from segment_members where account_id = $1 and filter_id = $2 and fan_id = $3"
        while not await self.db.value(sql, self.account.id, filter_id, fan_id):
            if time.perf_counter() - written > 60:
                self.lost += 1
                return
            await asyncio.sleep(0.02)
        self.lags.append(time.perf_counter() - written)


@contextlib.asynccontextmanager
async def running(dsn: str, *names: str) -> AsyncIterator[None]:
    """Run a worker, and an index process, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **Settings(database_url=dsn, data_dir=Path(folder)).environment()}
        processes = [
            await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", f"fanfare.cli.{name}", env=environment)
            for name in names
        ]
        try:
            yield
        finally:
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()


async def indexed(db: Db, account: Account) -> None:
    """Wait until the audience index answers for the account."""
    while not await db.value("select true from audience_indexes where account_id = $1", account.id):  # noqa: ASYNC110
        await asyncio.sleep(0.5)


async def build_all(db: Db, account: Account, count: int) -> None:
    """Build all filters that wait to be built, in this process, one after the other."""
    started = time.perf_counter()
    while await members.keep_members(db, account, moment()):
        pass
    seconds = time.perf_counter() - started
    total = await db.value("select sum(member_count) from filter_states where account_id = $1", account.id)
    print(f"{count} filters with {int(total):,} members, built in {seconds:.1f} s")


async def prepare(db: Db, account: Account, count: int) -> int:
    """Rate all fans, and make the filters and the probe's; return the probe's id."""
    # The data was never rated, and a first pass changes everybody.
    ratings.PAUSE_FACTOR = 0.0
    while not await ratings.update_ratings(db, account, moment()):
        pass
    existing = await db.value("select count(*) from filters where account_id = $1", account.id)
    for number, criteria in enumerate(filters(random.Random(5), count)):
        if number >= existing - 1:
            await create_filter(db, account, NewFilter(filter_name=f"bench {number}", **criteria), moment())
    if not existing:
        await change_tag(db, account.id, TagChange(tag_name="probe", fan_ids=[1]), moment())
        await create_filter(db, account, NewFilter(filter_name="probe", fan_tags=["probe"]), moment())
    probe: int = await db.value(
        "select filter_id from filters where account_id = $1 and filter_name = 'probe'", account.id
    )
    return probe


async def one_build(db: Db, account: Account) -> float:
    """Make a filter of about a quarter of the fans and return the seconds until the worker has built it."""
    name = f"build {time.time_ns()}"
    started = time.perf_counter()
    await create_filter(db, account, NewFilter(filter_name=name, fan_is_subscribed=True, fan_rating=1.5), moment())
    sql = """
        select s.member_count from filters f
        join filter_states s on s.account_id = f.account_id and s.filter_id = f.filter_id
        where f.account_id = $1 and f.filter_name = $2 and s.built_at is not null
    """
    while (result := await db.value(sql, account.id, name)) is None:  # noqa: ASYNC110 - another process builds it
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - started
    print(f"build of {result:,} members under load: {seconds:.1f} s (target {TARGET_BUILD:g})")
    return seconds


def answer_of(lags: list[float]) -> str:
    """Return the figures of the probes."""
    part = statistics.quantiles(lags, n=100)
    return f"median {part[49]:.2f} s, p95 {part[94]:.2f} s, p99 {part[98]:.2f} s, worst {max(lags):.2f} s"


async def measure(dsn: str, count: int, rate: float, seconds: float, *, with_index: bool) -> bool:
    """Print the figures and say whether the targets are met."""
    await migrate(dsn)
    db = await Db.connect(dsn, size=CONNECTIONS + 24, statement_seconds=600)
    account = await account_by_id(db, ACCOUNT)
    # The data was made with ids of its own.
    for name in ("fans_fan_id_seq", "positions", "campaigns_page_tab_id_seq", "tags_tag_id_seq"):
        await db.value("select setval($1::text::regclass, greatest(20000000, nextval($1::text::regclass)))", name)
    fans = await db.value("select count(*) from fans where account_id = $1 and fan_id < 10000000", ACCOUNT)
    print(f"{fans:,} fans")
    bare = Load(db, account, fans)
    reached = await bare.run(rate, seconds / 4)
    print(f"yardstick, no worker: {reached:.0f} writes/s of {rate:g} wanted")
    probe = await prepare(db, account, count)
    await db.execute("delete from audience_indexes where account_id = $1", account.id)
    async with running(dsn, *(["index"] if with_index else [])):
        if with_index:
            await indexed(db, account)
        await build_all(db, account, count)
        async with running(dsn, "worker"):
            # The first is seen when the worker has started.
            await Load(db, account, fans).probe(probe, 1)
            load = Load(db, account, fans)
            wrote, _ = await asyncio.gather(load.run(rate, seconds), load.probe(probe, seconds))
            print(f"{wrote:.0f} writes/s of {rate:g} wanted, {count} filters: {answer_of(load.lags)}; lost {load.lost}")
            again = Load(db, account, fans)
            _, _, building = await asyncio.gather(again.run(rate, 20), again.probe(probe, 20), one_build(db, account))
            print(f"beside the build: {answer_of(again.lags)}")
    await db.close()
    return statistics.quantiles(load.lags, n=100)[98] <= TARGET_LAG and building <= TARGET_BUILD


@contextmanager
def database(dsn: str | None, folder: Path, scale: float) -> Iterator[str]:
    """Give the address of a filled database: the one named, or an embedded one kept in a folder."""
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
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 1,000,000 fans")
    parser.add_argument("--filters", type=int, default=200)
    parser.add_argument("--rate", type=float, default=500, help="writes a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--tables", action="store_true", help="without the audience index")
    expected = parser.parse_args()
    folder = expected.data_dir or (FOLDER if expected.scale == 1 else Path(f".data/bench-{expected.scale:g}"))
    with database(expected.dsn, folder, expected.scale) as dsn:
        is_met = asyncio.run(
            measure(dsn, expected.filters, expected.rate, expected.seconds, with_index=not expected.tables)
        )
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
