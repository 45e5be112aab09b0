"""What operators do wrong is told in one line, whatever command they gave: no traceback, exit status 1."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from typer.main import get_command

from fanfare.cli import commands, database
from fanfare.kernel.data import backups
from fanfare.kernel.running.embedded import Embedded, Hold
from fanfare.kernel.running.exits import in_one_line, reason_of
from tests.conftest import NewDatabase, named
from tests.kernel.running.test_up import until
from tests.rules.test_docs import commands_of
from tests.running import PATIENCE, Program

IS_FULL = os.environ.get("FANFARE_FAULTS") == "full"
PYTHON = [sys.executable, "-P", "-m"]
FANFARE = [*PYTHON, "fanfare.cli"]
KEY = "00000000-0000-4000-8000-000000000000"
# Every command, with what it needs to be understood.
COMMANDS = {
    "up": "up --port 0",
    "serve": "serve --port 0",
    "work": "work",
    "index": "index",
    "migrate": "migrate",
    "psql": "psql -c select",
    "backup": "backup {files}/new",
    "restore": "restore {files}/dump",
    "erasures list": "erasures list",
    "erasures apply": "erasures apply /dev/null",
    "demo": "demo --fans 1",
    "account create": "account create Club",
    "key create": "key create --account 1",
    "key list": "key list --account 1",
    "key rotate": f"key rotate {KEY} --account 1",
    "key revoke": f"key revoke {KEY} --account 1",
    "places load": "places load",
    "places complete": "places complete",
    "places status": "places status",
}
# These become another process, and are therefore started as one.
LASTING = frozenset({"up", "serve", "work", "index"})
# These only look for a database that another command runs there.
LOOKING = frozenset({"serve", "work", "index"})
# These make a database where there is none; the others refuse.
MAKING = frozenset({"up", "migrate", "restore", "demo", "account create", "places load"})
NO_DATABASE = "no database: set DATABASE_URL"


@pytest.fixture(scope="module", autouse=True)
def files(template: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a backup, and room for another."""
    folder = tmp_path_factory.mktemp("files")
    backups.dump(template, folder / "dump")
    return folder


def words_of(command: str, files: Path) -> list[str]:
    return COMMANDS[command].format(files=files).split()


def test_every_command_is_tried() -> None:
    found = commands_of(get_command(commands.app))
    assert set(COMMANDS) == {name for name, command in found if not hasattr(command, "commands")}


def a_file(folder: Path) -> Path:
    (folder / "data").write_text("")
    return folder / "data"


def below_a_file(folder: Path) -> Path:
    return a_file(folder) / "data"


def forbidden(_: Path) -> Path:
    # Not even root makes a folder here.
    return Path("/sys/fanfare")


def of_another_version(folder: Path) -> Path:
    (folder / "data" / "postgres").mkdir(parents=True)
    (folder / "data" / "postgres" / "PG_VERSION").write_text("12\n")
    return folder / "data"


def no_cluster(folder: Path) -> Path:
    (folder / "data" / "postgres").mkdir(parents=True)
    return folder / "data"


def a_file_for_a_cluster(folder: Path) -> Path:
    (folder / "data").mkdir()
    (folder / "data" / "postgres").write_text("")
    return folder / "data"


def a_folder_for_a_lock(folder: Path) -> Path:
    (folder / "data" / "lock").mkdir(parents=True)
    return folder / "data"


def a_folder_for_a_log(folder: Path) -> Path:
    (folder / "data" / "postgres.log").mkdir(parents=True)
    (folder / "data" / "postgres").mkdir()
    return folder / "data"


DIRECTORIES: dict[Callable[[Path], Path], str] = {
    a_file: "data cannot be used: File exists",
    below_a_file: "data/data cannot be used: Not a directory",
    forbidden: "/sys/fanfare cannot be used: ",
    of_another_version: "postgres is of PostgreSQL 12, and version 18 is installed",
    no_cluster: "postgres is not a database cluster",
    a_file_for_a_cluster: "postgres is not a database cluster",
    a_folder_for_a_lock: "data cannot be used: Is a directory",
    a_folder_for_a_log: "Is a directory",
}


def said(command: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a command; return what it said on the standard error when it ended with status 1 and said nothing else."""
    if command[0] in LASTING:
        with Program([*FANFARE, *command]) as program:
            assert (program.wait(), program.output) == (1, ""), program.errors
            return program.errors
    monkeypatch.setattr(sys, "argv", ["fanfare", *command])
    with pytest.raises(SystemExit) as ended:
        commands.run()
    out, errors = capfd.readouterr()
    assert (ended.value.code, out) == (1, ""), errors
    return errors


def is_one_line(errors: str, pattern: str) -> bool:
    return errors.startswith("fanfare: ") and errors.count("\n") == 1 and re.search(pattern, errors) is not None


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("make", DIRECTORIES, ids=lambda make: make.__name__)
def test_a_bad_data_directory(
    make: Callable[[Path], Path],
    command: str,
    files: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    expected = NO_DATABASE if command in LOOKING else re.escape(DIRECTORIES[make])
    errors = said([*words_of(command, files), "--data-dir", str(make(tmp_path))], capfd, monkeypatch)
    assert is_one_line(errors, expected), errors


@pytest.mark.parametrize("command", sorted(MAKING))
def test_a_full_disk(command: str, files: Path, tmp_path: Path) -> None:
    # No file may grow beyond 8 KiB, which is how a full disk looks to whoever writes.
    limited = ["/bin/sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *FANFARE, *words_of(command, files)]
    with Program([*limited, "--data-dir", str(tmp_path / "data")], DATABASE_URL="") as program:
        assert program.wait() == 1
        assert is_one_line(program.errors, "File too large|initdb failed|No space"), program.errors


def missing(url: str) -> str:
    return named(url, "no_such_database")


def of_a_stranger(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"stranger:secret@{parts.netloc.rpartition('@')[2]}"))


def unreadable(_: str) -> str:
    return "postgresql://me:secret@localhost:port/fanfare"


def of_another_kind(_: str) -> str:
    return "mysql://me:secret@localhost/fanfare"


DATABASES: dict[Callable[[str], str], str] = {
    missing: r'database "no_such_database" does not exist',
    of_a_stranger: r"the database refuses: .*stranger|FATAL: .*stranger",
    unreadable: "DATABASE_URL cannot be read",
    of_another_kind: "DATABASE_URL must begin with postgresql://",
}


# PostgreSQL's own shell says itself, with its own status, that it cannot connect.
CONNECTS_ITSELF = {(missing, "psql"), (of_a_stranger, "psql")}
TRIED = [(make, name) for make in DATABASES for name in COMMANDS if (make, name) not in CONNECTS_ITSELF]


@pytest.mark.parametrize(("make", "command"), TRIED, ids=[f"{make.__name__}-{name}" for make, name in TRIED])
def test_a_bad_database(
    make: Callable[[str], str],
    command: str,
    server_url: str,
    files: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", make(server_url))
    monkeypatch.setenv("FANFARE_DATA_DIR", str(files / "data"))
    errors = said(words_of(command, files), capfd, monkeypatch)
    assert is_one_line(errors, DATABASES[make]), errors
    assert "secret" not in errors


def test_no_database_answers(files: Path, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": "postgresql://me@127.0.0.1:1/none", "FANFARE_DATA_DIR": str(tmp_path / "data")}
    # All at once: each waits a while for a database that may just be starting.
    # Those that look for a database of others wait for it; these two do so for half a minute.
    tried = COMMANDS.keys() - LOOKING - {"psql"} - (set() if IS_FULL else {"up", "migrate"})
    programs = {name: Program([*FANFARE, *words_of(name, files)], **settings) for name in tried}
    for name, program in programs.items():
        with program:
            assert program.wait() == 1, name
            assert is_one_line(program.errors, "the database does not answer|Connection refused"), program.errors


@pytest.mark.parametrize("command", sorted(LOOKING))
async def test_a_database_that_is_not_migrated(command: str, empty_database: NewDatabase) -> None:
    with Program([*FANFARE, *COMMANDS[command].split()], DATABASE_URL=await empty_database()) as program:
        assert await asyncio.to_thread(program.wait) == 1
        assert is_one_line(program.errors, "run `fanfare migrate`"), program.errors


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in LOOKING])
def test_a_directory_in_use(
    command: str, files: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(database, "PATIENCE", 0.2)
    with Hold(tmp_path / "data", "another"):
        errors = said([*words_of(command, files), "--data-dir", str(tmp_path / "data")], capfd, monkeypatch)
    assert is_one_line(errors, rf"data is in use by another \(pid {os.getpid()}\)"), errors


@pytest.mark.parametrize("words", ["account create", "key list --account x", "nothing", "up --no-such", "migrate x"])
def test_a_wrong_use_is_status_2(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fanfare", *words.split()])
    with pytest.raises(SystemExit) as ended:
        commands.run()
    assert ended.value.code == 2


def test_a_relative_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "")
    with Program([*FANFARE, "account", "create", "Club", "--data-dir", "some/data"]) as made:
        assert made.wait() == 0, made.errors
    with Program([*FANFARE, *COMMANDS["up"].split(), "--data-dir", "some/data"]) as up:
        assert "Fanfare serves at" in up.line(), up.errors
        with Program([*FANFARE, "key", "list", "--account", "1", "--data-dir", "some/data"]) as listed:
            assert listed.wait() == 0, listed.errors
        with Program([*FANFARE, "work", "--data-dir", "some/data"]) as work:
            assert '"working"' in work.line("errors")
    assert {path.name for path in tmp_path.iterdir()} == {"some"}


@pytest.mark.parametrize("module", ["fanfare.cli.server", "fanfare.cli.worker", "fanfare.cli.index"])
@pytest.mark.parametrize("make", [unreadable, of_another_kind], ids=lambda make: make.__name__)
def test_a_process_of_its_own(module: str, make: Callable[[str], str]) -> None:
    with Program([*PYTHON, module], DATABASE_URL=make("")) as program:
        assert program.wait() == 1
        assert is_one_line(program.errors, DATABASES[make]), program.errors


@pytest.mark.parametrize("make", [missing, of_a_stranger], ids=lambda make: make.__name__)
def test_a_worker_whose_database_refuses(make: Callable[[str], str], server_url: str) -> None:
    with Program([*PYTHON, "fanfare.cli.worker"], DATABASE_URL=make(server_url)) as program:
        assert program.wait() == 1
        assert "Traceback" not in program.errors
        assert is_one_line(program.errors.splitlines(keepends=True)[-1], DATABASES[make]), program.errors


@pytest.mark.parametrize("module", ["fanfare.cli.worker", "fanfare.cli.index"])
def test_a_process_that_is_told_to_stop_while_no_database_answers(module: str) -> None:
    with Program([*PYTHON, module], DATABASE_URL="postgresql://me@127.0.0.1:1/none") as program:
        until("it does not look for the database", PATIENCE, lambda: "no database" in program.errors)
        status, errors = program.end()
    assert (status, "Traceback" in errors) == (0, False), errors


def test_a_worker_whose_database_goes_away_and_that_is_told_to_stop(tmp_path: Path) -> None:
    settings = {"FANFARE_DATA_DIR": str(tmp_path)}
    with Hold(tmp_path, "test"), Embedded(tmp_path, durable=False) as postgres:
        settings["DATABASE_URL"] = postgres.database_url
        with Program([*FANFARE, "migrate"], **settings) as migrated:
            assert migrated.wait() == 0, migrated.errors
        worker = Program([*PYTHON, "fanfare.cli.worker"], **settings)
        until("it does not work", PATIENCE, lambda: is_working(postgres.database_url))
        assert postgres.launched is not None
        postgres.launched.tell(signal.SIGKILL)
        with worker:
            until("it did not see the database go", PATIENCE, lambda: "no database" in worker.errors)
            status, errors = worker.end()
        assert (status, "Traceback" in errors) == (0, False), errors


def is_working(url: str) -> bool:
    async def ask() -> bool:
        connection = await asyncpg.connect(url)
        try:
            sql = "select count(*) from pg_stat_activity where application_name = 'fanfare queue'"
            return bool(await connection.fetchval(sql))
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_a_fault_of_the_program_is_one_line_and_its_place_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    def fault() -> None:
        message = "Ada's secret"
        raise ValueError(message)

    with pytest.raises(SystemExit) as ended, in_one_line():
        fault()
    assert ended.value.code == 1
    logged, told = capfd.readouterr().err.splitlines()
    assert '"builtins.ValueError"' in logged
    assert "test_exits.py" in logged
    assert told.startswith("fanfare: ended by a fault of the program itself (ValueError)")
    assert "Ada" not in logged + told


def test_an_interruption_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, in_one_line():
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert capfd.readouterr().err == ""


def test_what_is_stored_is_not_quoted() -> None:
    error = asyncpg.DiskFullError("could not extend file\nDETAIL:  Key (name)=(Ada)")
    assert reason_of(error) == "the database refuses: could not extend file"
    assert reason_of(asyncpg.UniqueViolationError("Ada")) is None
