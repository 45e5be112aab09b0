"""The command line: accounts and keys, whether Fanfare runs or not."""

import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.main import get_command

from fanfare.cli import commands
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.data.backups import without_password
from tests.conftest import NewDatabase
from tests.rules.test_docs import commands_of
from tests.running import PATIENCE, Program

FANFARE = [sys.executable, "-P", "-m", "fanfare.cli"]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*FANFARE, *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **environment},
    )


def answer_of(*words: str, **environment: str) -> Any:
    ran = run(*words, "--json", **environment)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
async def outside(new_database: NewDatabase) -> dict[str, str]:
    """The environment with an outside database."""
    return {"DATABASE_URL": await new_database()}


def test_the_first_account_starts_and_stops_the_embedded_database(tmp_path: Path) -> None:
    data_dir = str(tmp_path / "data")
    first = answer_of("account", "create", "Club", "--data-dir", data_dir)
    assert set(first) >= {"account_id", "api_key", "api_secret"}
    assert first["api_secret"].startswith("ffs_")
    assert answer_of("account", "create", "Other", "--data-dir", data_dir)["account_id"] != first["account_id"]
    assert not (tmp_path / "data" / "fanfare.json").exists()
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()


LEAVES = {name: command for name, command in commands_of(get_command(commands.app)) if not hasattr(command, "commands")}


def test_the_version_is_shown() -> None:
    ran = run("--version")
    assert (ran.returncode, ran.stdout) == (0, f"fanfare {version('fanfare')}\n")


LOADED = """
import sys
from fanfare.cli.commands import run
sys.argv = ["fanfare", {word!r}, "--help"]
try:
    run()
finally:
    print(*sorted({{"asyncpg", "httpx", "fanfare.cli.accounts"}} & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(("word", "loaded"), [("up", ""), ("account", "asyncpg fanfare.cli.accounts")])
def test_a_command_loads_what_it_needs(word: str, loaded: str) -> None:
    ran = subprocess.run([sys.executable, "-c", LOADED.format(word=word)], check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr.strip()) == (0, loaded)


@pytest.mark.parametrize("name", LEAVES)
def test_help_says_in_one_line_what_a_command_does_and_tells_its_options(name: str) -> None:
    command = LEAVES[name]
    summary, *_ = inspect.cleandoc(command.help).split("\n\n")
    assert re.fullmatch(r"[A-Z][^\n]{10,110}\.", summary), summary
    for each in command.params:
        assert getattr(each, "help", None), each.name
        if each.param_type_name == "option" and not (each.required or each.is_flag):
            assert each.show_default or "Default: " in each.help, f"{each.name} does not say what holds without it"


@pytest.mark.parametrize("name", LEAVES)
def test_the_example_of_a_command_is_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs an argument or an option shows how it is given, as it can be typed."""
    monkeypatch.chdir(tmp_path)
    command = LEAVES[name]
    examples = re.findall(r"Example: fanfare (.+)", " ".join(command.help.split()))
    assert len(examples) == 1 or not any(each.required for each in command.params)
    for example in examples:
        words = shlex.split(example.partition(" > ")[0])
        assert words[: len(name.split())] == name.split()
        command.make_context(name, words[len(name.split()) :])


def test_the_scopes_of_a_key_are_told() -> None:
    (scope,) = (each for each in LEAVES["key create"].params if each.name == "scope")
    assert all(re.search(rf"\b{each}\b", scope.help) for each in SCOPES)


def test_accounts_are_listed(outside: dict[str, str]) -> None:
    created = answer_of(
        "account", "create", "Northside", "--time-zone", "America/Los_Angeles", "--country", "canada", **outside
    )
    account_id = str(created["account_id"])
    answer_of("key", "create", "--account", account_id, **outside)
    extra = answer_of("key", "create", "--account", account_id, **outside)
    assert run("key", "revoke", extra["api_key"], "--account", account_id, **outside).returncode == 0
    (result,) = (
        each for each in answer_of("account", "list", **outside) if each["account_id"] == created["account_id"]
    )
    assert abs(result.pop("creation_timestamp") - time.time()) < 600
    assert result == {
        "account_id": created["account_id"],
        "account_name": "Northside",
        "time_zone": "America/Los_Angeles",
        "country_code": "CA",
        "key_count": 2,
    }
    heading, *rows = run("account", "list", **outside).stdout.splitlines()
    (row,) = (each for each in rows if each.split()[0] == account_id)
    assert row.split()[1] == "2"
    assert row.endswith("  America/Los_Angeles  Northside")
    assert row.index("Northside") == heading.index("name")
    assert created["api_secret"] not in json.dumps(rows)


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
    account = str(answer_of("account", "create", "Club", **outside)["account_id"])
    created = answer_of("key", "create", "--account", account, "--scope", "crm", "--name", "site", **outside)
    assert created["scopes"] == ["crm"]
    rotated = answer_of("key", "rotate", created["api_key"], "--account", account, "--overlap-hours", "1", **outside)
    assert rotated["api_key"] == created["api_key"]
    assert rotated["api_secret"] != created["api_secret"]
    keys = {key["api_key"]: key for key in answer_of("key", "list", "--account", account, **outside)}
    assert len(keys) == 2
    assert len(keys[created["api_key"]]["secret_prefixes"]) == 2
    assert created["api_secret"] not in json.dumps(list(keys.values()))
    assert run("key", "revoke", created["api_key"], "--account", account, **outside).returncode == 0
    listed = run("key", "list", "--account", account, **outside).stdout
    assert "revoked" in next(line for line in listed.splitlines() if created["api_key"] in line)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("account", "create", "Club", "--time-zone", "Mars/Base"), "'Mars/Base' is not a time zone"),
        (("account", "create", "Club", "--country", "Mars"), "'Mars' must be a country"),
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


@pytest.mark.parametrize("command", ["serve", "work"])
def test_processes_with_broken_secret_keys_end_at_once(outside: dict[str, str], tmp_path: Path, command: str) -> None:
    file = tmp_path / "secret.keys"
    file.touch(mode=0o600)
    ran = run(command, **outside, FANFARE_DATA_DIR=str(tmp_path), FANFARE_PORT="0", FANFARE_SECRET_KEY="")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"fanfare: {file} cannot be parsed; ")


def test_psql_opens_the_database_and_takes_its_own_options(outside: dict[str, str], tmp_path: Path) -> None:
    query = ("psql", "--no-psqlrc", "-At", "-c")
    ran = run(*query, "select count(*) > 0 from schema_migrations", **outside)
    assert (ran.returncode, ran.stdout) == (0, "t\n"), ran.stderr
    assert run(*query, "select 1 / 0", **outside).returncode == 1
    assert run("migrate", FANFARE_DATA_DIR=str(tmp_path), DATABASE_URL="").returncode == 0
    embedded = run(*query, "select current_user", FANFARE_DATA_DIR=str(tmp_path), DATABASE_URL="")
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
    result, environment = without_password(url)
    assert (result, environment.get("PGPASSWORD")) == (address, password)


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
        assert "Fanfare is running at http://127.0.0.1:" in serve.line()
        assert '"event": "working"' in work.line("errors")
        for each in (serve, work):
            assert each.end()[0] == 0
