import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from fanfare.accounts.actions import create_account
from fanfare.kernel.data import changes
from fanfare.kernel.data.announcements import HOLD, Topic, announce
from fanfare.kernel.data.changes import feed, settled, trim_changes
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.worker import Worker
from fanfare.kernel.running.settings import Settings
from tests.conftest import NewDatabase
from tests.waits import until

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT = 11
numbers = itertools.count(1000, 2)
CREATED = Topic("thing.created", "A thing was created.", "thing_id")
TELL = f"""
    with {HOLD}
    {announce(CREATED, "(select) as one", subject="$2", at="$3")}
    returning position
"""
HOLDS = """
    select count(*) from pg_locks where locktype = 'advisory' and objsubid = 2 and pid = pg_backend_pid()
"""


@pytest.fixture
async def fresh(new_database: NewDatabase) -> AsyncIterator[Db]:
    """A database that nobody has taken a position in."""
    db = await Db.connect(await new_database(), size=6)
    yield db
    await db.close()


@pytest.fixture
def account() -> int:
    """An account that no other test uses, nor the one after it."""
    return next(numbers)


async def tell(db: Db, account_id: int = ACCOUNT, subject: str = "1", now: datetime = NOW) -> int:
    position: int = await db.value(TELL, account_id, subject, now)
    return position


@asynccontextmanager
async def writing(db: Db, account_id: int = ACCOUNT) -> AsyncIterator[int]:
    """A writer who has taken a position and not yet committed."""
    async with db.transaction() as tx:
        yield await tell(tx, account_id)


async def visible(db: Db, account_id: int = ACCOUNT, new: int = 0) -> list[int]:
    return [change.position for change in (await feed(db, account_id, new, 1000)).changes]


async def test_nothing_is_settled_that_the_first_writer_will_take(fresh: Db) -> None:
    bound = await settled(fresh, ACCOUNT)
    assert await feed(fresh, ACCOUNT, 0, 10) == changes.ChangePage([], 0, is_last=True)
    assert await tell(fresh) > bound
    # Pullers begin with `min_activity_id=1`, which excludes 1.
    assert await visible(fresh) == [2]


async def test_a_committed_change_is_there_at_once(db: Db, account: int) -> None:
    for subject in "abc":
        position = await tell(db, account, subject=subject)
        assert (await visible(db, account))[-1] == position == await settled(db, account)


async def test_pages_follow_each_other(db: Db, account: int) -> None:
    result = [await tell(db, account, subject=str(number)) for number in range(5)]
    first = await feed(db, account, 0, 3)
    second = await feed(db, account, first.position, 3)
    assert [change.position for change in first.changes + second.changes] == result
    assert (first.is_last, second.is_last, second.position) == (False, True, result[-1])
    assert second.changes[0] == changes.Change(result[3], "thing.created", "3", None, NOW, {})


async def test_a_late_commit_holds_back_its_own_account_and_nobody_else(db: Db, account: int) -> None:
    early = await tell(db, account)
    async with writing(db, account) as late:
        later = [await tell(db, account), await tell(db, account + 1)]
        assert late < later[0]
        assert await visible(db, account) == [early]
        assert await visible(db, account + 1) == [later[1]]
    assert await visible(db, account) == [early, late, later[0]]


async def test_what_was_once_settled_stays_settled(db: Db, account: int) -> None:
    display = await tell(db, account)
    async with writing(db, account), writing(db, account):
        assert await settled(db, account) == display


async def test_a_writer_who_gives_up_holds_nothing_back(db: Db, account: int) -> None:
    with suppress(ZeroDivisionError):
        async with writing(db, account):
            later = await tell(db, account)
            raise ZeroDivisionError
    assert await visible(db, account) == [later]


async def test_after_a_savepoint_is_rolled_back_the_next_write_holds_anew(db: Db, account: int) -> None:
    async with db.transaction() as tx:
        with suppress(ZeroDivisionError):
            async with tx.transaction() as inner:
                await tell(inner, account)
                raise ZeroDivisionError
        assert await tx.value(HOLDS) == 0
        second = await tell(db, account)
        again = await tell(tx, account)
        assert await tx.value(HOLDS) == 1
        await tell(db, account)
        assert await visible(db, account) == [second]
    assert (await visible(db, account))[1] == again


async def test_a_hold_of_a_kept_savepoint_lasts_to_the_end(db: Db, account: int) -> None:
    async with db.transaction() as tx:
        async with tx.transaction() as inner:
            await tell(inner, account)
        await tell(db, account)
        assert await visible(db, account) == []
    assert len(await visible(db, account)) == 2


async def test_a_transaction_of_many_writes_keeps_one_lock_for_each_account(db: Db, account: int) -> None:
    async with db.transaction() as tx:
        for _ in range(300):
            await tell(tx, account)
        assert await tx.value(HOLDS) == 1
        await tell(tx, account + 1)
        assert await tx.value(HOLDS) == 2


async def test_accounts_whose_numbers_end_alike_hold_each_other_back_and_skip_nothing(db: Db, account: int) -> None:
    twin = account + 2**31
    async with writing(db, twin) as late:
        position = await tell(db, account)
        assert await settled(db, account) < late
        assert await visible(db, account) == []
    assert await visible(db, account) == [position]
    assert await visible(db, twin) == [late]


@pytest.mark.parametrize("old", [2**31 - 2, 2**32 - 2, 2**48, 5 * 2**32 + 2**31 - 2])
async def test_marks_of_32_bits_are_enough_for_positions_of_64(fresh: Db, old: int) -> None:
    await fresh.value("select setval('positions', $1::bigint)", old)
    display = await tell(fresh)
    async with writing(fresh) as late:
        later = [await tell(fresh) for _ in range(5)]
        assert await settled(fresh, ACCOUNT) == display == late - 1
    assert await visible(fresh) == [display, late, *later]


async def test_a_transaction_with_one_snapshot_is_refused(db: Db, account: int) -> None:
    for isolation in ("repeatable_read", "serializable"):
        async with db.transaction(isolation) as tx:
            with pytest.raises(RuntimeError):
                await settled(tx, account)


def reads(plan: dict[str, Any]) -> list[str]:
    """Return the CTEs that a node of a plan and those below it read."""
    below = [name for part in plan.get("Plans", []) for name in reads(part)]
    return [plan["CTE Name"], *below] if plan["Node Type"] == "CTE Scan" else below


def taking(plan: dict[str, Any]) -> list[list[str]]:
    """Return the CTEs read by each node of a plan that takes a position."""
    below = [names for part in plan.get("Plans", []) for names in taking(part)]
    return [*below, reads(plan)] if any("nextval" in column for column in plan.get("Output", [])) else below


async def test_the_plan_reads_the_hold_before_it_takes_a_position(db: Db) -> None:
    async with db.connection() as connection:
        await connection.execute(
            "prepare told (bigint, text, timestamptz) as " + TELL,
        )
        for mode in ("force_custom_plan", "force_generic_plan"):
            await connection.execute(f"set plan_cache_mode = {mode}")
            plan = await connection.fetchval("explain (verbose, format json) execute told (1, '1', 'epoch')")
            nodes = taking(plan[0]["Plan"])
            assert nodes
            assert all("hold" in names for names in nodes)
            assert "pg_advisory_xact_lock_shared" in str(plan), "a call of the function costs a sixth of the writes"
        await connection.execute("reset plan_cache_mode")


WAITING = "select count(*) from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))"
SLOW = """
    create or replace function hold_position(account_id bigint) returns boolean language plpgsql volatile as $$
    declare mark integer := pg_sequence_last_value('positions')::integer;
    begin
        perform pg_advisory_xact_lock_shared(0, 0);
        perform pg_advisory_xact_lock_shared(account_id::integer, mark);
        return true;
    end
    $$
"""


async def test_the_position_is_taken_when_the_hold_has_returned(fresh: Db) -> None:
    await fresh.execute(SLOW)
    for mode in ("force_custom_plan", "force_generic_plan"):
        async with fresh.connection() as slow, fresh.connection() as quick:
            await slow.execute(f"set plan_cache_mode = {mode}")
            async with quick.transaction():
                await quick.execute("select pg_advisory_xact_lock(0, 0)")
                writer = asyncio.create_task(slow.fetchval(TELL, ACCOUNT, "1", NOW))
                await until(lambda: quick.fetchval(WAITING))
                meanwhile = await quick.fetchval("select nextval('positions')")
                assert not writer.done()
            assert await writer > meanwhile


async def test_the_watch_of_the_tests_sees_a_position_taken_without_a_hold_or_before_it(db: Db, account: int) -> None:
    with pytest.raises(asyncpg.RaiseError, match="without a hold"):
        await db.execute(TELL.replace("select hold_position($1)", "select $1::bigint"), account, "1", NOW)
    old = TELL.replace("with hold", "with taken as materialized (select nextval('positions') as id), hold")
    old = old.replace("nextval('positions'), 'thing", "id, 'thing").replace("from hold", "from taken, hold")
    with pytest.raises(asyncpg.RaiseError, match="without a hold"):
        await db.execute(old, account, "1", NOW)


async def test_old_changes_are_trimmed_in_batches(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "TRIM_BATCH", 3)
    rows = [await create_account(db, name, NOW) for name in ("North", "South")]
    ids = [account.account_id for account in rows]
    days = [NOW + timedelta(days=number) for number in range(10)]
    result = {account_id: [await tell(db, account_id, "1", day) for day in days] for account_id in ids}
    for account_id in ids:
        assert await trim_changes(db, account_id, NOW + timedelta(days=7)) == 7
        assert await visible(db, account_id) == result[account_id][7:]
    assert await trim_changes(db, ids[0], NOW + timedelta(days=7)) == 0
    assert all(low < high for low, high in pairwise(await visible(db, ids[0])))


async def test_the_worker_trims_what_is_older_than_the_setting(db: Db, settings: Settings) -> None:
    account = (await create_account(db, "West", NOW)).account_id
    result = [await tell(db, account, "1", NOW - timedelta(days=days)) for days in (41, 39)]
    await Worker(settings.replace(changes_days=40), []).trim(db, account, NOW)
    assert await visible(db, account) == result[1:]


async def test_the_sequence_keeps_no_positions_back_for_a_connection(db: Db) -> None:
    # A connection would take them later, below its hold.
    assert await db.value("select seqcache from pg_sequence where seqrelid = 'positions'::regclass") == 1
