"""The command line: accounts and keys, whether Fanfare runs or not."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from fanfare.kernel.data.backups import without_password
from tests.conftest import NewDatabase
from tests.running import Program

FANFARE = [sys.executable, "-P", "-m", "fanfare.cli"]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*FANFARE, *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


def told(*words: str, **environment: str) -> Any:
    ran = run(*words, "--json", **environment)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
async def outside(new_database: NewDatabase) -> dict[str, str]:
    """The environment with an outside database."""
    return {"DATABASE_URL": await new_database()}


def test_the_first_account_starts_and_stops_the_embedded_database(tmp_path: Path) -> None:
    data_dir = str(tmp_path / "data")
    first = told("account", "create", "Club", "--data-dir", data_dir)
    assert set(first) >= {"account_id", "api_key", "api_secret"}
    assert first["api_secret"].startswith("ffs_")
    assert told("account", "create", "Other", "--data-dir", data_dir)["account_id"] != first["account_id"]
    assert not (tmp_path / "data" / "fanfare.json").exists()
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("backup", "file"),
        ("psql", "-c", "select 1"),
        ("key", "list", "--account", "1"),
        ("erasures", "list"),
        ("erasures", "apply", os.devnull),
        ("places", "status"),
        ("places", "complete"),
    ],
)
def test_what_needs_a_database_makes_none(words: tuple[str, ...], tmp_path: Path) -> None:
    """A wrong data directory would otherwise give a backup of nothing, and look like a good one."""
    data_dir = tmp_path / "data"
    ran = subprocess.run(
        [*FANFARE, *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "FANFARE_DATA_DIR": str(data_dir), "DATABASE_URL": ""},
    )
    assert ran.returncode == 1
    assert ran.stderr == (
        f"fanfare: no database in {data_dir}: name its data directory by FANFARE_DATA_DIR or --data-dir,"
        " or set DATABASE_URL\n"
    )
    assert [path.name for path in tmp_path.rglob("*")] == ["data", "lock"]


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_city_database_that_cannot_be_read_ends_the_start(
    outside: dict[str, str], command: str, tmp_path: Path
) -> None:
    words = (command, "--port", "0", "--data-dir", str(tmp_path / "data"))
    ran = run("migrate", **outside), run(*words, GEOIP_CITY_DB="/nonexistent.mmdb", **outside)
    assert [each.returncode for each in ran] == [0, 1]
    assert ran[1].stderr.startswith("fanfare: GEOIP_CITY_DB cannot be read")


def test_commands_at_once_wait_for_each_other(tmp_path: Path) -> None:
    command = [*FANFARE, "account", "create", "Club", "--json", "--data-dir", str(tmp_path / "data")]
    running = [Program(command) for _ in range(3)]
    assert [each.wait() for each in running] == [0, 0, 0]
    answers = [json.loads(each.output) for each in running]
    assert len({answer["account_id"] for answer in answers}) == 3


def test_people_are_shown_the_secret_once(outside: dict[str, str]) -> None:
    ran = run("account", "create", "Club", "--time-zone", "America/New_York", **outside)
    assert ran.returncode == 0
    assert "api_secret  ffs_" in ran.stdout
    assert "will not be shown again" in ran.stdout


def test_a_key_lives_its_life(outside: dict[str, str]) -> None:
    account = str(told("account", "create", "Club", **outside)["account_id"])
    made = told("key", "create", "--account", account, "--scope", "crm", "--name", "site", **outside)
    assert made["scopes"] == ["crm"]
    rotated = told("key", "rotate", made["api_key"], "--account", account, "--overlap-hours", "1", **outside)
    assert rotated["api_key"] == made["api_key"]
    assert rotated["api_secret"] != made["api_secret"]
    keys = {key["api_key"]: key for key in told("key", "list", "--account", account, **outside)}
    assert len(keys) == 2
    assert len(keys[made["api_key"]]["secret_prefixes"]) == 2
    assert made["api_secret"] not in json.dumps(list(keys.values()))
    assert run("key", "revoke", made["api_key"], "--account", account, **outside).returncode == 0
    listed = run("key", "list", "--account", account, **outside).stdout
    assert "revoked" in next(line for line in listed.splitlines() if made["api_key"] in line)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("account", "create", "Club", "--time-zone", "Mars/Base"), "'Mars/Base' is not a time zone"),
        (("account", "create", ""), "name: must not be empty"),
        (("key", "list", "--account", "999999"), "No account has the id 999999"),
        (("key", "create", "--account", "999999"), "No account has the id 999999"),
        (("key", "create", "--account", "1", "--scope", "everything"), "scopes: must be among"),
        (("key", "revoke", "00000000-0000-4000-8000-000000000000", "--account", "1"), "The account has no active key"),
        (("work", "--log-level", "loud"), "FANFARE_LOG_LEVEL must be debug, info, warning or error, not loud"),
    ],
)
def test_a_refusal_is_one_line(outside: dict[str, str], words: tuple[str, ...], reason: str) -> None:
    ran = run(*words, **outside)
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.startswith("fanfare: ")
    assert reason in ran.stderr


@pytest.mark.parametrize("command", ["serve", "work"])
def test_processes_by_themselves_need_a_database(tmp_path: Path, command: str) -> None:
    ran = run(command, "--data-dir", str(tmp_path / "data"), DATABASE_URL="")
    assert ran.returncode == 1
    assert "no database: set DATABASE_URL" in ran.stderr


def test_psql_opens_the_database_and_takes_its_own_options(outside: dict[str, str], tmp_path: Path) -> None:
    asked = ("psql", "--no-psqlrc", "-At", "-c")
    ran = run(*asked, "select count(*) > 0 from schema_migrations", **outside)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "t\n", "")
    assert run(*asked, "select 1 / 0", **outside).returncode == 1
    assert run("migrate", FANFARE_DATA_DIR=str(tmp_path), DATABASE_URL="").returncode == 0
    embedded = run(*asked, "select current_user", FANFARE_DATA_DIR=str(tmp_path), DATABASE_URL="")
    assert (embedded.returncode, embedded.stdout) == (0, "fanfare\n"), embedded.stderr


@pytest.mark.parametrize(
    ("url", "address", "password"),
    [
        ("postgresql://ann:p%40ss@db.example/fans?port=5433", "postgresql://ann@db.example/fans?port=5433", "p@ss"),
        ("postgresql://fanfare@/fanfare?host=/tmp/x", "postgresql://fanfare@/fanfare?host=/tmp/x", None),
        ("postgresql:///fanfare?host=/tmp/x", "postgresql:///fanfare?host=/tmp/x", None),
    ],
)
def test_a_password_stays_out_of_the_command(url: str, address: str, password: str | None) -> None:
    found, environment = without_password(url)
    assert (found, environment.get("PGPASSWORD")) == (address, password)


async def test_migrate_says_what_it_applied(empty_database: NewDatabase) -> None:
    url = await empty_database()
    first = run("migrate", DATABASE_URL=url)
    assert first.returncode == 0, first.stderr
    assert "applied 0001 accounts" in first.stdout
    assert run("migrate", DATABASE_URL=url).stdout == "the database is up to date\n"
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("select to_regclass('jobs.pgqueuer') is not null")
    await connection.close()


def test_serve_and_work_run_beside_each_other(outside: dict[str, str], tmp_path: Path) -> None:
    environment = {**outside, "FANFARE_DATA_DIR": str(tmp_path)}
    commands = ["serve", "--port", "0"], ["work"]
    serve, work = (Program([*FANFARE, *words], **environment) for words in commands)
    with serve, work:
        assert "Fanfare serves at http://127.0.0.1:" in serve.line()
        assert '"event": "working"' in work.line("errors")
        for each in (serve, work):
            assert each.end()[0] == 0
