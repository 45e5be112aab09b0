"""Counts of calls: however many others call, what was taken for a caller stays the caller's."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from fanfare.kernel.data import limits
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.limits import MINUTE, NO_ACCOUNT, WITH_SECRET, Counter, Limits

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
LIMIT = 200
SIZE = 5


def counter(subscriber: str, limit: int = LIMIT) -> Counter:
    return Counter(NO_ACCOUNT, uuid.uuid4(), subscriber, limit)


async def used(db: Db, counted: Counter, now: datetime = NOW) -> int:
    """Return how many calls are taken of a counter's minute."""
    count: int = await db.value(
        "select coalesce(sum(used), 0) from rate_windows"
        " where account_id = $1 and api_key = $2 and subscriber = $3 and minute = $4",
        counted.account_id, counted.api_key, counted.subscriber, int(now.timestamp()) // MINUTE,
    )  # fmt: skip
    return count


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> Limits:
    """Limits with room for few."""
    monkeypatch.setattr(limits, "MAX_LEASES", SIZE)
    return Limits()


async def test_strangers_take_no_room_of_a_key(small_limits: Limits, db: Db) -> None:
    key = counter(WITH_SECRET)
    block = LIMIT // limits.BLOCKS
    for _ in range(block):
        for number in range(3 * SIZE):
            await small_limits.take(db, counter(f"198.51.100.{number}"), NOW)
        await small_limits.take(db, key, NOW)
        assert await used(db, key) == block


async def test_who_was_there_first_keeps_its_block(small_limits: Limits, db: Db) -> None:
    early = counter("192.0.2.1")
    block = LIMIT // limits.BLOCKS
    for _ in range(block):
        await small_limits.take(db, early, NOW)
        for number in range(3 * SIZE):
            await small_limits.take(db, counter(f"198.51.100.{number}"), NOW)
    assert await used(db, early) == block


async def test_who_finds_no_room_is_counted_call_by_call_up_to_the_limit(small_limits: Limits, db: Db) -> None:
    for number in range(SIZE):
        await small_limits.take(db, counter(f"198.51.100.{number}"), NOW)
    late = counter("192.0.2.1", limit=100)
    result = await asyncio.gather(*(small_limits.take(db, late, NOW) for _ in range(130)))
    assert sum(not each.is_used_up for each in result) == 100
    assert {each.remaining for each in result if not each.is_used_up} == set(range(100))


async def test_a_new_minute_has_room_again(small_limits: Limits, db: Db) -> None:
    for number in range(SIZE):
        await small_limits.take(db, counter(f"198.51.100.{number}"), NOW)
    for now in (NOW + timedelta(minutes=1), NOW - timedelta(days=1)):
        fresh = counter("192.0.2.1")
        await small_limits.take(db, fresh, now)
        assert await used(db, fresh, now) == LIMIT // limits.BLOCKS
        # A call of the minute before, which was on its way, is counted there and ends nobody's block.
        await small_limits.take(db, fresh, now - timedelta(minutes=1))
        await small_limits.take(db, fresh, now)
        assert await used(db, fresh, now) == LIMIT // limits.BLOCKS
