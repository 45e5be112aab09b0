"""What the processes may take of PostgreSQL's connections is held against what it gives, before they start."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.connections import check
from fanfare.kernel.running.settings import Settings
from tests.kernel.running.test_up import FANFARE, running_up


def test_every_process_is_counted() -> None:
    settings = Settings(workers=3, pool_size=7, worker_pool_size=6, indexes=2)
    counted = {command: settings.connections(command) for command in ("serve", "work", "index", "up")}
    assert counted == {"serve": 21, "work": 10, "index": 5, "up": 21 + 10 + 10}


async def given(db: Db) -> int:
    most: int = await db.value("select current_setting('max_connections')::integer")
    return most - int(await db.value("select current_setting('superuser_reserved_connections')"))


async def test_more_than_the_database_gives_is_refused(settings: Settings, db: Db) -> None:
    most = await given(db)
    with pytest.raises(
        CannotRun, match=rf"`fanfare serve` may take {most + 1} connections and the database gives {most}"
    ):
        await check(settings.changed(pool_size=most + 1), "serve")
    warning = await check(settings.changed(pool_size=most), "serve")
    assert warning is not None
    assert "others have taken" in warning
    assert await check(settings.changed(pool_size=2), "serve") is None


async def test_the_limits_of_the_database_count(settings: Settings, db: Db) -> None:
    name = urlsplit(settings.database_url).path.removeprefix("/")
    await db.execute(f'alter database "{name}" connection limit 8')
    try:
        with pytest.raises(CannotRun, match="the database gives 8"):
            await check(settings.changed(pool_size=9), "serve")
    finally:
        await db.execute(f'alter database "{name}" connection limit -1')


@pytest.mark.parametrize("command", ["up", "serve", "work"])
def test_a_command_tells_in_one_line_and_does_not_start(database_url: str, tmp_path: Path, command: str) -> None:
    sizes = {"FANFARE_POOL_SIZE": "5000", "FANFARE_WORKER_POOL_SIZE": "5000"}
    ran = subprocess.run(
        [*FANFARE, command, "--data-dir", str(tmp_path)],
        env={**os.environ, **sizes, "DATABASE_URL": database_url, "FANFARE_PORT": "0"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    told = ran.stderr.decode().splitlines()
    assert ran.returncode == 1
    assert len(told) == 1, told
    assert told[0].startswith(f"fanfare: `fanfare {command}` may take ")


async def test_the_embedded_database_gives_what_the_settings_ask_for(tmp_path: Path) -> None:
    sizes = {"FANFARE_POOL_SIZE": "150", "FANFARE_WORKER_POOL_SIZE": "20", "DATABASE_URL": ""}
    with running_up(tmp_path / "data", "--workers", "2", **sizes) as up:
        assert up.status() == 200
        connection = await asyncpg.connect(up.facts["database_url"])
        assert int(await connection.fetchval("show max_connections")) == 2 * 150 + 20 + 4 + 80
        await connection.close()


def test_a_database_that_is_away_keeps_nobody_from_starting() -> None:
    away = "postgresql://nobody@127.0.0.1:1/nothing"
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "fanfare.cli.connections", "serve"],
        env={**os.environ, "DATABASE_URL": away},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
