"""What it costs never to skip a late commit: four ways to page by ids, side by side on one PostgreSQL.

    python -m bench.changes                        # the embedded PostgreSQL; four minutes
    python -m bench.changes --database-url URL     # another server, whose user may create databases

bare     nothing: a reader takes what is there and misses late commits; the yardstick
lock     writers share an advisory lock of their account, a reader takes it for itself for a moment
horizon  rows keep their transaction's number; a reader follows (number, id) below the oldest one still running
holds    Fanfare's: writers publish a mark in the lock table, a reader stops at the lowest
"""

import argparse
import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg

from bench.activities import figure, program
from fanfare.kernel.data.changes import feed
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.running.embedded import DirectoryLock, Embedded

ACCOUNT, OTHER = 1, 2
WRITERS = 16
PAGE = 200
PAUSE = 0.002
SLEEP = 5.0
DATABASE = "bench_changes"

TABLES = """
    create table things (account_id bigint not null, thing_id bigint not null, body text,
                         primary key (account_id, thing_id));
    create table things_by_horizon (account_id bigint not null, thing_id bigint not null, body text,
                                    primary key (account_id, thing_id));
    create table changes_by_horizon (like changes including all, xid xid8 not null default pg_current_xact_id());
    create index changes_in_order on changes_by_horizon (account_id, xid, position);
"""
WRITE = """
    {hold} made as (
        insert into things{kind} (account_id, thing_id, body)
        select {account}, nextval('positions'), 'a thing' {source} returning thing_id
    )
    insert into changes{kind} (account_id, position, topic, subject_id, occurred_at)
    select {account}, thing_id, 'thing.created', thing_id::text, now() from made
    returning position
"""
# Where a reader is: the position behind it, and for `horizon` the transaction's number before that.
Place = tuple[int, int]
Read = Callable[[Db, int, Place], Awaitable[list[Place]]]


class Way(NamedTuple):
    """A way to page by ids: what a writer says first, which tables it writes, how a reader reads."""

    name: str
    hold: str
    kind: str
    read: Read

    def statement(self, account: str) -> str:
        """Return the write of one row with its change, of the account that `account` says in SQL."""
        hold, source = (
            (f"with hold as materialized (select {self.hold} as held),", "from hold") if self.hold else ("with", "")
        )
        return WRITE.format(hold=hold.format(account=account), kind=self.kind, account=account, source=source)


async def read_bare(db: Db, account_id: int, place: Place) -> list[Place]:
    """Return what is there."""
    return await rows_up_to(db, account_id, place, 2**62)


async def rows_up_to(db: Db, account_id: int, place: Place, bound: int) -> list[Place]:
    """Return the next places up to a bound."""
    rows = await db.rows(
        """
        select position, topic, subject_id, fan_id, occurred_at, data from changes
        where account_id = $1 and position > $2 and position <= $3 order by position limit $4
        """,
        account_id,
        place[1],
        bound,
        PAGE,
    )
    return [(0, row["position"]) for row in rows]


async def read_locked(db: Db, account_id: int, place: Place) -> list[Place]:
    """Wait until every writer of the account is done and none begins, then return what is there by then."""
    bound: int = await db.value(
        """
        with alone as materialized (select pg_advisory_xact_lock(1, $1::integer) as held)
        select last_value from alone cross join positions
        """,
        account_id,
    )
    return await rows_up_to(db, account_id, place, bound)


async def read_horizon(db: Db, account_id: int, place: Place) -> list[Place]:
    """Return what transactions older than every running one have written."""
    rows = await db.rows(
        """
        select xid::text::bigint as number, position, topic, subject_id, fan_id, occurred_at, data
        from changes_by_horizon
        where account_id = $1 and (xid, position) > ($2::bigint::text::xid8, $3)
          and xid < pg_snapshot_xmin(pg_current_snapshot())
        order by xid, position limit $4
        """,
        account_id,
        *place,
        PAGE,
    )
    return [(row["number"], row["position"]) for row in rows]


async def read_held(db: Db, account_id: int, place: Place) -> list[Place]:
    """Return what is settled."""
    return [(0, change.position) for change in (await feed(db, account_id, place[1], PAGE)).changes]


WAYS = (
    Way("bare", "", "", read_bare),
    Way("lock", "pg_advisory_xact_lock_shared(1, {account}::integer)", "", read_locked),
    Way("horizon", "", "_by_horizon", read_horizon),
    Way("holds", "hold_position({account})", "", read_held),
)


def pgbench_command(dsn: str, *options: str) -> list[str]:
    """Return the command that runs pgbench on a database."""
    url = urlsplit(dsn)
    place = {name: values[0] for name, values in parse_qs(url.query).items()}
    host, port = place.get("host", url.hostname), place.get("port", url.port)
    reached = ["-h", str(host), "-p", str(port), "-U", str(url.username), url.path.removeprefix("/")]
    return [program("pgbench"), "-n", "-M", "prepared", "-j", "1", *options, *reached]


def write_rates(dsn: str, folder: Path, rounds: int, seconds: int) -> None:
    """Print the writes a second of 16 connections, the ways taking turns, each beside the bare one of its round."""
    rates: dict[str, list[float]] = {way.name: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            script = folder / f"{way.name}.sql"
            script.write_text(" ".join(way.statement(str(ACCOUNT)).split()) + ";\n")
            command = pgbench_command(dsn, "-c", str(WRITERS), "-T", str(seconds), "-f", str(script))
            result = subprocess.run(command, capture_output=True, text=True, check=True)
            rates[way.name].append(figure(r"tps = ([\d.]+)", result.stdout + result.stderr))
    print(f"\n{'writes, 16 connections':<26}{'a second':>10}{'of bare':>10}")
    for name, match in rates.items():
        ratio = statistics.median(rate / bare for rate, bare in zip(match, rates["bare"], strict=True))
        print(f"{name:<26}{statistics.median(match):>10,.0f}{ratio:>10.2f}")


class Traffic:
    """Writers at a steady pace and a reader at the tail of each account, with the times of both."""

    def __init__(self, db: Db, way: Way) -> None:
        """Take the database and the way to page."""
        self.db = db
        self.way = way
        self.statement = way.statement("$1::bigint")
        self.committed: dict[int, float] = {}
        self.took: dict[int, list[float]] = {ACCOUNT: [], OTHER: []}
        self.observed: dict[int, dict[int, float]] = {ACCOUNT: {}, OTHER: {}}

    async def end(self) -> Place:
        """Return the place behind everything, while nobody writes."""
        row = await self.db.row("select pg_current_xact_id()::text::bigint as number, last_value from positions")
        return (row["number"], row["last_value"]) if row else (0, 0)

    async def write(self, account_id: int, pause: float, until: float) -> None:
        """Write a row, wait, and so on."""
        while (began := time.monotonic()) < until:
            position: int = await self.db.value(self.statement, account_id)
            self.committed[position] = time.monotonic()
            self.took[account_id].append(time.monotonic() - began)
            await asyncio.sleep(pause)

    async def sleep(self, account_id: int) -> None:
        """Write a row and sleep before the commit."""
        async with self.db.transaction() as tx:
            await tx.value(self.statement, account_id)
            await tx.execute("select pg_sleep($1)", SLEEP)

    async def follow(self, account_id: int, place: Place, until: float) -> None:
        """Note when each row behind a place is seen first."""
        while time.monotonic() < until:
            page = await self.way.read(self.db, account_id, place)
            now = time.monotonic()
            self.observed[account_id].update((position, now) for _, position in page)
            place = page[-1] if page else place
            await asyncio.sleep(PAUSE)

    def lateness(self, account_id: int) -> list[float]:
        """Return the seconds from each commit to its being seen, in order."""
        observed = self.observed[account_id]
        return sorted(
            max(0.0, observed[position] - moment) for position, moment in self.committed.items() if position in observed
        )


async def tail(dsn: str, way: Way, seconds: float) -> str:
    """Return how late a reader at the tail sees rows, while 16 writers write about 500 a second."""
    async with connected(dsn, WRITERS + 2) as db:
        traffic = Traffic(db, way)
        until = time.monotonic() + seconds
        end = await traffic.end()
        writing = [traffic.write(ACCOUNT, 0.03, until) for _ in range(WRITERS)]
        await asyncio.gather(traffic.follow(ACCOUNT, end, until + 1), *writing)
        late = traffic.lateness(ACCOUNT)
        spread = f"{1000 * statistics.median(late):>10.1f}{1000 * late[int(len(late) * 0.99)]:>10.1f}"
        return f"{way.name:<26}{spread}{len(traffic.committed) - len(late):>10}"


async def slow(dsn: str, way: Way) -> str:
    """Return the longest write and the latest sight of a row beside a writer that sleeps before its commit."""
    async with connected(dsn, WRITERS) as db:
        traffic = Traffic(db, way)
        until = time.monotonic() + SLEEP + 1
        accounts = (ACCOUNT, OTHER)
        end = await traffic.end()
        following = [traffic.follow(account_id, end, until + 2) for account_id in accounts]
        writing = [traffic.write(account_id, 0.05, until) for account_id in accounts for _ in range(3)]
        await asyncio.gather(*following, *writing, later(0.5, traffic.sleep(ACCOUNT)))
        longest = [max(traffic.took[account_id]) for account_id in accounts]
        # A write sees its own account's rows only.
        latest = [max(traffic.lateness(account_id), default=0.0) for account_id in accounts]
        return f"{way.name:<26}" + "".join(f"{value:>10.2f}" for value in (*longest, *latest))


async def later(pause: float, work: Awaitable[None]) -> None:
    """Do something after a pause."""
    await asyncio.sleep(pause)
    await work


async def busy(dsn: str, way: Way, folder: Path, seconds: int) -> str:
    """Return what one read at the tail takes while 50 connections write, each for an account of its own."""
    script = folder / "busy.sql"
    script.write_text(" ".join(way.statement(":client_id + 10").split()) + ";\n")
    command = pgbench_command(dsn, "-c", "50", "-T", str(seconds + 2), "-f", str(script))
    writers = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took = []
    async with connected(dsn, 1) as db:
        await asyncio.sleep(1)
        until = time.monotonic() + seconds
        while (began := time.monotonic()) < until:
            await way.read(db, 10, (2**62, 2**62))
            took.append(time.monotonic() - began)
            await asyncio.sleep(PAUSE)
    await writers.wait()
    took.sort()
    return f"{way.name:<26}{1000 * statistics.median(took):>10.2f}{1000 * took[int(len(took) * 0.99)]:>10.2f}"


@asynccontextmanager
async def connected(dsn: str, size: int) -> AsyncIterator[Db]:
    """Give a handle on the database."""
    db = await Db.connect(dsn, size=size)
    try:
        yield db
    finally:
        await db.close()


async def prepare(server: str) -> str:
    """Make the database with its tables and return its address."""
    connection = await asyncpg.connect(server)
    await connection.execute(f"drop database if exists {DATABASE} with (force)")
    await connection.execute(f"create database {DATABASE}")
    print(await connection.fetchval("select version()"), "fsync", await connection.fetchval("show fsync"))
    await connection.close()
    dsn = urlunsplit(urlsplit(server)._replace(path=f"/{DATABASE}"))
    await migrate(dsn)
    async with connected(dsn, 1) as db:
        await db.execute(TABLES)
    return dsn


async def drop(server: str) -> None:
    """Leave nothing on somebody else's server."""
    connection = await asyncpg.connect(server)
    await connection.execute(f"drop database if exists {DATABASE} with (force)")
    await connection.close()


def measure(server: str, rounds: int, seconds: int) -> None:
    """Print every figure."""
    dsn = asyncio.run(prepare(server))
    with tempfile.TemporaryDirectory() as name:
        write_rates(dsn, Path(name), rounds, seconds)
        print(f"\n{'commit to seen, ms':<26}{'median':>10}{'99 %':>10}{'missed':>10}")
        for way in WAYS:
            print(asyncio.run(tail(dsn, way, seconds * 2)))
        print(f"\n{'beside a sleep of 5 s, s':<26}{'write':>10}{'of other':>10}{'seen':>10}{'of other':>10}")
        for way in WAYS:
            print(asyncio.run(slow(dsn, way)))
        print(f"\n{'a read among 50 writers, ms':<26}{'median':>9}{'99 %':>10}")
        for way in WAYS:
            print(asyncio.run(busy(dsn, way, Path(name), seconds)))


@contextmanager
def embedded() -> Iterator[str]:
    """Give the address of an embedded PostgreSQL of this run's own."""
    with tempfile.TemporaryDirectory() as name:
        data_dir = Path(name) / "data"
        with DirectoryLock(data_dir, "bench"), Embedded(data_dir) as server:
            yield server.database_url


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--database-url")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=4)
    criteria = parser.parse_args()
    with suppress(KeyboardInterrupt):
        if criteria.database_url:
            try:
                measure(criteria.database_url, criteria.rounds, criteria.seconds)
            finally:
                asyncio.run(drop(criteria.database_url))
            return
        with embedded() as server:
            measure(server, criteria.rounds, criteria.seconds)


if __name__ == "__main__":
    main()
