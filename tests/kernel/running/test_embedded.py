"""The embedded PostgreSQL: made, started, restarted, kept to one owner, and gone with it."""

import asyncio
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest

from fanfare.kernel.running.embedded import CannotStart, DirectoryInUse, DirectoryLock, Embedded, running, server
from fanfare.kernel.running.embedded.configuration import settings
from fanfare.kernel.running.embedded.user import server_user
from fanfare.kernel.running.scratch import sweep
from tests.running import PATIENCE, Program

IS_ROOT = os.geteuid() == 0
MIB = 1024 * 1024

# Starts a server, says that it runs, and waits to be killed.
OWNER = """
import sys, time
from pathlib import Path
from fanfare.kernel.running.embedded import Embedded, DirectoryLock
with DirectoryLock(Path(sys.argv[1]), "owner"), Embedded(Path(sys.argv[1]), durable=False) as postgres:
    print(postgres.launched.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data directory; what still runs on it after the test is a fault of the test's subject."""
    yield tmp_path / "data"
    remaining = servers_on(tmp_path / "data")
    for process in remaining:
        process.kill()
    # An owner that was killed here may have nobody come after it.
    sweep()
    assert remaining == []


def servers_on(data_dir: Path) -> list[psutil.Process]:
    results = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "postgres" and process.cwd() == str(data_dir / "postgres"):
                results.append(process)
        except psutil.Error:
            continue
    return results


def ask(url: str, sql: str) -> object:
    async def single() -> object:
        connection = await asyncpg.connect(url, timeout=PATIENCE)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(single())


def until(kind: str, seconds: float, is_so: object) -> float:
    assert callable(is_so)
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if is_so():
            return time.monotonic() - start
        time.sleep(0.05)
    raise AssertionError(kind)


def answers(url: str) -> bool:
    try:
        return ask(url, "select 1") == 1
    except (OSError, asyncpg.PostgresError):
        return False


def test_data_stay_and_are_safe(data_dir: Path) -> None:
    with DirectoryLock(data_dir, "test"), Embedded(data_dir) as postgres:
        ask(postgres.database_url, "create table kept as select 7 as figure")
        assert ask(postgres.database_url, "show fsync") == "on"
        assert ask(postgres.database_url, "show synchronous_commit") == "on"
        assert ask(postgres.database_url, "show listen_addresses") == ""
    with DirectoryLock(data_dir, "test"), Embedded(data_dir) as postgres:
        assert ask(postgres.database_url, "select figure from kept") == 7


@pytest.mark.skipif(not IS_ROOT, reason="only root hands the server to another user")
def test_root_drops_to_another_user_and_opens_nothing(tmp_path: Path, data_dir: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    inside = closed / "data"
    parents = {each: each.stat().st_mode for each in inside.parents}
    # nobody is a user everywhere
    with DirectoryLock(inside, "test"), Embedded(inside, durable=False, user="nobody") as postgres:
        assert answers(postgres.database_url)
        assert postgres.user.name == "nobody"
        remaining = servers_on(inside)
        assert remaining
        assert all(process.uids().real != 0 and process.uids().effective != 0 for process in remaining)
        runtime = postgres.runtime
        assert runtime.stat().st_mode & 0o777 == 0o700
        assert (inside / "postgres").stat().st_mode & 0o777 == 0o700
        assert (inside / "postgres").stat().st_uid == postgres.user.uid
    assert inside.stat().st_mode & 0o777 == 0o700
    assert {each: each.stat().st_mode for each in inside.parents} == parents
    assert not runtime.exists()
    assert servers_on(inside) == []
    assert not data_dir.exists()


@pytest.mark.skipif(not IS_ROOT, reason="only root hands the server to another user")
def test_binaries_under_a_closed_directory_are_copied(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fanfare.kernel.running.embedded.user.User.passes", lambda _, path: Path("/tmp") == path)  # noqa: S108
    with DirectoryLock(data_dir, "test"), Embedded(data_dir, durable=False) as postgres:
        assert postgres.launched is not None
        program = Path(psutil.Process(postgres.launched.pid).exe())
        assert program.is_relative_to(postgres.runtime)
        ask(postgres.database_url, "create extension pg_trgm")
        assert ask(postgres.database_url, "select similarity('one', 'one')") == 1


@pytest.mark.skipif(not IS_ROOT, reason="only root can be another user for a moment")
def test_another_program_of_the_servers_user_may_not_connect(data_dir: Path) -> None:
    with DirectoryLock(data_dir, "test"), Embedded(data_dir, durable=False, user="nobody") as postgres:
        door = str(postgres.runtime / ".s.PGSQL.5432")
        assert first_letter(door, None) == b"R"
        assert first_letter(door, postgres.user.ids) == b"E"


def first_letter(door: str, user: tuple[int, int] | None) -> bytes:
    """Ask for a session as some user of the system, and return how the server's answer begins: E says no."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        if user is not None:
            os.setgroups([])
            os.setgid(user[1])
            os.setuid(user[0])
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(door)
            words = struct.pack("!i", 196608) + b"user\0fanfare\0database\0fanfare\0\0"
            client.sendall(struct.pack("!i", len(words) + 4) + words)
            os.write(writer, client.recv(1))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        return answer.read()


def test_starts_again_after_kill_9_of_the_server(data_dir: Path) -> None:
    with DirectoryLock(data_dir, "test"), Embedded(data_dir) as postgres:
        ask(postgres.database_url, "create table kept as select generate_series(1, 1000) as id")
        assert postgres.launched is not None
        busy = subprocess.Popen([sys.executable, "-c", BUSY, postgres.database_url])
        until("no busy backend", PATIENCE, lambda: ask(postgres.database_url, COUNT_BUSY) == 1)
        postgres.launched.process.kill()
        postgres.launched.wait(PATIENCE)
        postgres.spawn()
        until("it did not come back", PATIENCE, lambda: answers(postgres.database_url))
        assert ask(postgres.database_url, "select count(*) from kept") == 1000
        # It would go on for an hour, and PostgreSQL does not start while a process of the one before is there.
        assert busy.wait(PATIENCE) != 0


BUSY = """
import asyncio, sys, asyncpg
async def main():
    connection = await asyncpg.connect(sys.argv[1])
    await connection.execute("do $$ begin loop null; end loop; end $$", timeout=3600)
asyncio.run(main())
"""
COUNT_BUSY = "select count(*)::int from pg_stat_activity where query like 'do $$%' and state = 'active'"


def test_stops_when_its_owner_is_killed_and_the_next_one_starts(data_dir: Path) -> None:
    owner = Program([sys.executable, "-c", OWNER, str(data_dir)])
    assert int(owner.line()) > 0
    owner.kill()
    with DirectoryLock(data_dir, "test"), Embedded(data_dir, durable=False) as postgres:
        assert answers(postgres.database_url)
    owner = Program([sys.executable, "-c", OWNER, str(data_dir)])
    assert int(owner.line()) > 0
    owner.kill()
    until("the server outlives its owner", PATIENCE, lambda: servers_on(data_dir) == [])


def test_a_second_owner_is_told_of_the_first(data_dir: Path) -> None:
    with DirectoryLock(data_dir, "the first") as first:
        with pytest.raises(DirectoryInUse, match=rf"the first \(pid {os.getpid()}\) since {first.since[:10]}"):
            DirectoryLock(data_dir, "the second").acquire()
        first.publish("http://127.0.0.1:1", None)
        result = running(data_dir)
        assert result is not None
        assert result.pid == os.getpid()
        assert (data_dir / "fanfare.json").stat().st_mode & 0o777 == 0o600
    assert running(data_dir) is None
    with DirectoryLock(data_dir, "the third"):
        pass


def test_an_unfinished_cluster_is_made_anew(data_dir: Path) -> None:
    (data_dir / "postgres.new").mkdir(parents=True)
    (data_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
    with DirectoryLock(data_dir, "test"), Embedded(data_dir, durable=False) as postgres:
        assert answers(postgres.database_url)
    assert not (data_dir / "postgres.new").exists()


def test_refuses_a_cluster_of_another_version(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "PG_VERSION").write_text("17\n")
    with (
        DirectoryLock(data_dir, "test"),
        pytest.raises(CannotStart, match="was created by PostgreSQL 17, but version 18 is installed"),
    ):
        Embedded(data_dir, durable=False).start()


@pytest.mark.skipif(not IS_ROOT, reason="only root looks for another user")
def test_says_that_there_is_no_user_to_run_it(data_dir: Path) -> None:
    with pytest.raises(CannotStart, match="no other user can run it"):
        server_user(data_dir / "postgres", "nobody-of-this-name")
    with pytest.raises(CannotStart, match="no other user can run it"):
        server_user(data_dir / "postgres", "root")


def test_a_start_that_fails_says_why(data_dir: Path) -> None:
    with DirectoryLock(data_dir, "test"):
        with Embedded(data_dir, durable=False):
            pass
        (data_dir / "postgres" / "operator.conf").write_text("work_mem = 'much'\n")
        (data_dir / "postgres" / "operator.conf").chmod(0o644)
        postgres = Embedded(data_dir, durable=False)
        runtime = postgres.runtime
        with pytest.raises(CannotStart, match="work_mem"):
            postgres.__enter__()
        assert not runtime.exists()


def test_settings_fit_the_machine() -> None:
    small = settings(Path("/run/x"), 512 * MIB, durable=True)
    large = settings(Path("/run/x"), 64 * 1024 * MIB, durable=True)
    assert (small["shared_buffers"], large["shared_buffers"]) == ("32MB", "2048MB")
    assert "fsync" not in small
    assert settings(Path("/run/x"), MIB, durable=False)["fsync"] == "off"


def test_errors_of_statements_leave_no_trace_in_its_log(data_dir: Path) -> None:
    with DirectoryLock(data_dir, "test"), Embedded(data_dir, durable=False) as postgres:
        ask(postgres.database_url, "create table people (email text unique)")
        ask(postgres.database_url, "insert into people values ('ada@example.com')")
        with pytest.raises(asyncpg.UniqueViolationError):
            ask(postgres.database_url, "insert into people values ('ada@example.com')")
        with pytest.raises(asyncpg.PostgresError):
            ask(postgres.database_url, "select 'ada@example.com'::int")
    assert "ada" not in (data_dir / "postgres.log").read_text()


def test_its_log_stays_small_while_it_runs(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, older = data_dir / "postgres.log", data_dir / "postgres.log.1"
    with DirectoryLock(data_dir, "test"), Embedded(data_dir, durable=False) as postgres:
        postgres.rotate_log()
        assert not older.exists()
        old = log.read_text()
        monkeypatch.setattr(server, "LOG_BYTES", len(old) - 1)
        postgres.rotate_log()
        assert (log.read_text(), older.read_text()) == ("", old)
        # The server goes on in the same file, from its beginning.
        ask(postgres.database_url, "select pg_reload_conf()")
        until("the server logs nothing", PATIENCE, lambda: log.read_text() != "")
        assert log.read_text()[:2] == "20"


def test_a_process_of_another_parent_hears_of_its_death_without_the_system(tmp_path: Path) -> None:
    script = tmp_path / "owner.py"
    script.write_text(
        "import sys, time\n"
        "from fanfare.kernel.running.children import Launch, launch\n"
        "child = launch(Launch(command=['sleep', '60']), watch=True)\n"
        "print(child.pid, child.watcher.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = Program([sys.executable, str(script)])
    pids = [int(word) for word in owner.line().split()]
    assert all(psutil.pid_exists(pid) for pid in pids)
    owner.kill()
    until("the child lives on", PATIENCE, lambda: not any(is_alive(pid) for pid in pids))


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_was_there_or_was_made_stays(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with DirectoryLock(tmp_path / "empty", "test"), DirectoryLock(tmp_path / "full", "test"):
        (tmp_path / "full" / "more").mkdir()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "full", "more"]


def test_racing_holders_of_a_folder_that_comes_and_goes_are_one_at_a_time(tmp_path: Path) -> None:
    within: list[int] = []
    used: list[int] = []

    def hold() -> None:
        while len(used) < 300:
            with suppress(DirectoryInUse), DirectoryLock(tmp_path / "data", "test"):
                within.append(1)
                used.append(len(within))
                within.pop()

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(hold) for _ in range(4)]:
            each.result()
    assert set(used) == {1}
    assert list((tmp_path / "data").glob("*")) == []
