"""Python and SQL agree on the day: rules of time zones are compared when processes start."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from zoneinfo import TZPATH, ZoneInfo

import asyncpg
import pytest

from fanfare.kernel.running import clocks
from fanfare.kernel.running.clocks import check_zones
from tests.api import ZONE, Api
from tests.running import PATIENCE

NOW = datetime(2026, 11, 27, 6, tzinfo=UTC)


@pytest.fixture
async def connection(api: Api, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    assert api.account_id
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def test_the_rules_of_the_operating_system_are_not_used() -> None:
    assert TZPATH == ()


async def test_rules_that_differ_are_named(connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "zone_of", lambda _: ZoneInfo("Asia/Kathmandu"))
    warning = await check_zones(connection, NOW)
    assert warning is not None
    assert warning.startswith(f"PostgreSQL has other rules for {ZONE} than this version of Fanfare, so the days of ")


async def test_equal_rules_are_no_warning(connection: asyncpg.Connection) -> None:
    ahead = await connection.fetchval("select $1::timestamptz at time zone $2 - $1 at time zone 'UTC'", NOW, ZONE)
    assert NOW.astimezone(ZoneInfo(ZONE)).utcoffset() == ahead
    assert await check_zones(connection, NOW) is None


async def test_a_zone_that_postgresql_does_not_have_is_named(
    connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "zone_names", lambda: {ZONE, "Mars/Olympus"})
    monkeypatch.setattr(clocks, "zone_of", lambda _: ZoneInfo(ZONE))
    await connection.execute("begin")
    await connection.execute("update accounts set time_zone = 'Mars/Olympus' where time_zone = $1", ZONE)
    assert (await check_zones(connection, NOW) or "").startswith('time zone "Mars/Olympus" not recognized: update ')


async def test_processes_start_with_a_warning(connection: asyncpg.Connection, database_url: str) -> None:
    move = "update accounts set time_zone = $1 where time_zone = $2"
    await connection.execute(move, "Mars/Olympus", ZONE)
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-P", "-m", "fanfare.cli.connections", "serve"],
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    await connection.execute(move, ZONE, "Mars/Olympus")
    assert ran.returncode == 0
    assert "fanfare: PostgreSQL has other rules for Mars/Olympus than this version" in ran.stderr
