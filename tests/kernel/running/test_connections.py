"""What the processes may take of PostgreSQL's connections is held against what it gives, before they start."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import asyncpg
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running import connections
from fanfare.kernel.running.connections import check
from fanfare.kernel.running.embedded.configuration import PORT
from fanfare.kernel.running.settings import AS_NEEDED, Settings
from tests.kernel.running.test_up import FANFARE, running_up
from tests.running import PATIENCE


async def test_a_command_that_waits_says_for_what(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "QUIET_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # It takes connections and never says a word.
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(CannotRun, match=f"the database at {place} does not respond: no response in time"):
            await connections.wait_for(f"postgresql://me:secret@{place}/fanfare?sslmode=disable", 0.5)
    progress = f"fanfare: waiting up to 0.5 s for the database at {place}: no answer\n"
    assert capfd.readouterr().err == progress


async def test_a_command_waits_for_a_database_that_is_just_starting(
    server_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "QUIET_SECONDS", 0.05)
    host = parse_qs(urlsplit(server_url).query).get("host")
    if not host:
        pytest.skip("the database has no socket whose name can be given later")
    url = urlunsplit(urlsplit(server_url)._replace(query=urlencode({"host": str(tmp_path / "later"), "port": PORT})))
    waiting = asyncio.create_task(connections.wait_for(url, PATIENCE))
    while "No such file" not in capfd.readouterr().err:
        assert not waiting.done()
        await asyncio.sleep(0.01)
    (tmp_path / "later").symlink_to(host[0])
    await waiting


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("postgresql://me:secret@db.example/fans", "db.example:5432"),
        ("postgresql://me:secret@db.example:5433/fans?password=secret", "db.example:5433"),
        ("postgresql:///fans?host=/run/postgresql&password=secret", "/run/postgresql"),
    ],
)
def test_a_database_is_named_by_its_host_alone(url: str, host: str) -> None:
    assert connections.host_of(url) == host


def test_every_process_is_counted() -> None:
    settings = Settings(workers=3, pool_size=7, worker_pool_size=6, indexes=2)
    counted = {command: settings.connections(command) for command in ("serve", "work", "index", "up")}
    assert counted == {"serve": 24, "work": 10, "index": 5, "up": 24 + 10 + 10}
    # One index process may be started later.
    assert settings.replace(indexes=AS_NEEDED).connections("up") == 24 + 10 + 5


async def value_of(db: Db) -> int:
    maximum: int = await db.value("select current_setting('max_connections')::integer")
    return maximum - int(await db.value("select current_setting('superuser_reserved_connections')"))


async def test_more_than_the_database_gives_is_refused(settings: Settings, db: Db) -> None:
    maximum = await value_of(db)
    with pytest.raises(
        CannotRun, match=rf"`fanfare serve` needs up to {maximum + 1} connections, but the database allows {maximum}"
    ):
        await check(settings.replace(pool_size=maximum), "serve")
    warning = await check(settings.replace(pool_size=maximum - 1), "serve")
    assert warning is not None
    assert "other clients use" in warning
    assert await check(settings.replace(pool_size=2), "serve") is None


async def test_the_limits_of_the_database_count(settings: Settings, db: Db) -> None:
    name = urlsplit(settings.database_url).path.removeprefix("/")
    await db.execute(f'alter database "{name}" connection limit 8')
    try:
        with pytest.raises(CannotRun, match="the database allows 8"):
            await check(settings.replace(pool_size=9), "serve")
    finally:
        await db.execute(f'alter database "{name}" connection limit -1')


@pytest.mark.parametrize("command", ["up", "serve", "work"])
def test_a_command_tells_in_one_line_and_does_not_start(database_url: str, tmp_path: Path, command: str) -> None:
    sizes = {"FANFARE_POOL_SIZE": "5000", "FANFARE_WORKER_POOL_SIZE": "5000"}
    ran = subprocess.run(
        [*FANFARE, command, "--data-dir", str(tmp_path)],
        env={**os.environ, **sizes, "DATABASE_URL": database_url, "FANFARE_PORT": "0"},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    result = ran.stderr.decode().splitlines()
    assert ran.returncode == 1
    assert len(result) == 1, result
    assert result[0].startswith(f"fanfare: `fanfare {command}` needs up to ")


async def test_the_embedded_database_gives_what_the_settings_ask_for(tmp_path: Path) -> None:
    sizes = {"FANFARE_POOL_SIZE": "150", "FANFARE_WORKER_POOL_SIZE": "20", "DATABASE_URL": ""}
    with running_up(tmp_path / "data", "--workers", "2", **sizes) as up:
        assert up.status() == 200
        connection = await asyncpg.connect(up.facts["database_url"])
        assert int(await connection.fetchval("show max_connections")) == 2 * 151 + 20 + 4 + 5 + 80
        await connection.close()


def test_a_database_that_is_away_keeps_nobody_from_starting() -> None:
    away = "postgresql://nobody@127.0.0.1:1/nothing"
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "fanfare.cli.connections", "serve"],
        env={**os.environ, "DATABASE_URL": away},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    warning = b"fanfare: the database at 127.0.0.1:1 does not respond: Connection refused; retrying\n"
    assert (ran.returncode, ran.stderr) == (0, warning)
