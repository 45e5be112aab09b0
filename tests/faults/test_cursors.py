"""R4: whoever follows ids sees each committed row exactly once, though writers commit in another order than they began.

The seed is printed; FANFARE_SEED repeats one. `make faults` (FANFARE_FAULTS=full) writes for two minutes.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg
import pytest

from fanfare.kernel.data.changes import feed, settled
from fanfare.kernel.data.db import Db
from tests.conftest import NewDatabase
from tests.running import PATIENCE
from tests.seeds import run_seed

ACCOUNT, OTHER = 3, 4
WRITERS = 16
# Of acknowledged rows.
ENOUGH = 200
SECONDS = 120.0 if os.environ.get("FANFARE_FAULTS") == "full" else 4.0
NOW = datetime(2026, 3, 1, tzinfo=UTC)

THINGS = """
    create table things (
        account_id bigint not null, thing_id bigint not null, writer integer not null,
        primary key (account_id, thing_id)
    )
"""
WRITE = """
    with hold as materialized (select hold_position($1) as held),
    made as (
        insert into things (account_id, thing_id, writer)
        select $1, nextval('positions'), $2 from hold cross join generate_series(1, $3::integer)
        returning thing_id
    )
    insert into changes (account_id, position, topic, subject_id, occurred_at)
    select $1, thing_id, 'thing.created', thing_id::text, $4 from made
    returning position
"""


class GaveUp(Exception):  # noqa: N818 - a writer's own choice, no error
    """Rolls a transaction back."""


@dataclass
class Run:
    """Writers and readers on one database, and what each has seen."""

    writers: Db
    readers: Db
    seed: int
    account_id: int = ACCOUNT
    other_id: int = OTHER
    statement: str = WRITE
    seconds: float = SECONDS
    started: float | None = None
    acknowledged: set[int] = field(default_factory=set)
    is_written: bool = False

    async def write(self, number: int) -> None:
        """Write in every way that there is until the time is over."""
        chance = random.Random(f"{self.seed}/{number}")
        ways = (self._at_once, self._at_once, self._slowly, self._giving_up, self._trying_again, self._dying)
        while self._goes_on():
            account_id = self.other_id if chance.random() < 0.2 else self.account_id
            with suppress(GaveUp, asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError):
                result = await chance.choice(ways)(chance, account_id, number)
                if account_id == self.account_id:
                    self.acknowledged.update(result)
            await asyncio.sleep(chance.random() * 0.02)

    def _goes_on(self) -> bool:
        """Say whether there is time left, since the first write, or too little is written on a busy machine."""
        self.started = self.started or time.monotonic()
        seconds = time.monotonic() - self.started
        return seconds < self.seconds or (len(self.acknowledged) < ENOUGH and seconds < PATIENCE)

    async def _tell(self, db: Db, chance: random.Random, account_id: int, number: int) -> list[int]:
        rows = await db.rows(self.statement, account_id, number, chance.choice((1, 1, 1, 2, 40)), NOW)
        return [row["position"] for row in rows]

    async def _at_once(self, chance: random.Random, account_id: int, number: int) -> list[int]:
        return await self._tell(self.writers, chance, account_id, number)

    async def _slowly(self, chance: random.Random, account_id: int, number: int) -> list[int]:
        async with self.writers.transaction() as tx:
            result = await self._tell(tx, chance, account_id, number)
            await tx.execute("select pg_sleep($1)", chance.choice((0.01, 0.1, 0.8)))
            return result + await self._tell(tx, chance, account_id, number)

    async def _giving_up(self, chance: random.Random, account_id: int, number: int) -> list[int]:
        async with self.writers.transaction() as tx:
            await self._tell(tx, chance, account_id, number)
            await asyncio.sleep(chance.random() * 0.1)
            raise GaveUp

    async def _trying_again(self, chance: random.Random, account_id: int, number: int) -> list[int]:
        async with self.writers.transaction() as tx:
            with suppress(GaveUp):
                async with tx.transaction() as inner:
                    await self._tell(inner, chance, account_id, number)
                    raise GaveUp
            await asyncio.sleep(chance.random() * 0.1)
            result = await self._tell(tx, chance, account_id, number)
            await tx.execute("select pg_sleep($1)", chance.random() * 0.1)
            return result

    async def _dying(self, chance: random.Random, account_id: int, number: int) -> list[int]:
        async with self.writers.transaction() as tx:
            await self._tell(tx, chance, account_id, number)
            await tx.execute("select pg_terminate_backend(pg_backend_pid())")
            raise GaveUp

    async def follow(self, read: Callable[[Db, int], Awaitable[list[int]]]) -> list[int]:
        """Follow ids, each page from the last id seen, until the writers are done and nothing more comes."""
        followed: list[int] = []
        while True:
            is_over = self.is_written
            page = await read(self.readers, followed[-1] if followed else 0)
            followed += page
            if not page:
                if is_over:
                    return followed
                await asyncio.sleep(0.002)

    async def race(self, *reads: Callable[[Db, int], Awaitable[list[int]]]) -> list[list[int]]:
        """Write and follow side by side; return what each reader saw."""
        following = [asyncio.create_task(self.follow(read)) for read in reads]
        await asyncio.gather(*(self.write(number) for number in range(WRITERS)))
        self.is_written = True
        return await asyncio.gather(*following)

    async def committed(self) -> list[int]:
        """Return what is there in the end, in order; all that was acknowledged must be."""
        rows = await self.readers.rows("select thing_id from things where account_id = $1 order by thing_id", ACCOUNT)
        results = [row["thing_id"] for row in rows]
        assert self.acknowledged <= set(results)
        return results


@pytest.fixture
async def run(new_database: NewDatabase) -> AsyncIterator[Run]:
    url = await new_database()
    writers, readers = await Db.connect(url, size=WRITERS), await Db.connect(url, size=4)
    await writers.execute(THINGS)
    yield Run(writers, readers, run_seed(1))
    await writers.close()
    await readers.close()


def changes_by(limit: int) -> Callable[[Db, int], Awaitable[list[int]]]:
    async def read(db: Db, new: int) -> list[int]:
        return [change.position for change in (await feed(db, ACCOUNT, new, limit)).changes]

    return read


def things_by(limit: int) -> Callable[[Db, int], Awaitable[list[int]]]:
    async def read(db: Db, new: int) -> list[int]:
        return await things(db, new, await settled(db, ACCOUNT), limit)

    return read


async def things(db: Db, new: int, bound: int, limit: int) -> list[int]:
    rows = await db.rows(
        """
        select thing_id from things where account_id = $1 and thing_id > $2 and thing_id <= $3
        order by thing_id limit $4
        """,
        ACCOUNT,
        new,
        bound,
        limit,
    )
    return [row["thing_id"] for row in rows]


async def naively(db: Db, new: int) -> list[int]:
    """Read as far as there is anything, as one would without the holds."""
    return await things(db, new, 2**62, 100)


async def test_every_reader_sees_each_committed_row_once(run: Run) -> None:
    followed = await run.race(changes_by(7), changes_by(1000), things_by(3), things_by(200))
    expected = await run.committed()
    assert len(expected) > 100
    for observed in followed:
        missed, repeated = set(expected) - set(observed), len(observed) - len(set(observed))
        assert (len(missed), repeated) == (0, 0)
        assert observed == expected


async def test_a_reader_who_ignores_the_holds_misses_rows(run: Run) -> None:
    run.seconds = 2
    (observed,) = await run.race(naively)
    assert set(await run.committed()) - set(observed)


async def test_a_reader_misses_rows_when_writers_do_not_hold(run: Run) -> None:
    run.seconds = 2
    await run.writers.execute("drop trigger watch_holds on changes")
    await run.writers.execute(
        "create or replace function hold_position(account_id bigint) returns boolean language sql as 'select true'"
    )
    (observed,) = await run.race(changes_by(100))
    assert set(await run.committed()) - set(observed)
