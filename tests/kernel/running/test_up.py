"""`fanfare up`: everything by one command, kept alive, ended without a trace."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from fanfare.kernel.running.children import Launch, Launched, launch
from fanfare.kernel.running.supervise import Child, Supervisor, outlet
from tests.conftest import NewDatabase
from tests.pipes import full_pipe
from tests.prepared import prepare
from tests.running import PATIENCE, Program

FANFARE = [sys.executable, "-P", "-m", "fanfare.cli"]
MIB = 1024 * 1024


class Up(Program):
    """A running `fanfare up` and its family."""

    def __init__(self, data_dir: Path, *options: str, **environment: str) -> None:
        self.data_dir = data_dir
        super().__init__([*FANFARE, "up", "--data-dir", str(data_dir), "--port", "0", *options], **environment)
        self.greeting = self.line()

    @property
    def facts(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads((self.data_dir / "fanfare.json").read_text())
        return result

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def children(self, word: str) -> list[psutil.Process]:
        """The living children with that word in their command."""
        return children_of(self.pid, word)

    def child(self, word: str) -> psutil.Process:
        """Wait for a living child: one that was killed a moment ago may have no successor yet."""
        living: list[psutil.Process] = []

        def runs() -> bool:
            living[:] = self.children(word)
            return living != []

        until(f"no {word} runs", PATIENCE, runs)
        return living[0]

    def text(self, path: str) -> str:
        with urllib.request.urlopen(self.facts["url"] + path, timeout=PATIENCE) as answer:  # noqa: S310 - our own
            read: str = answer.read().decode()
            return read

    def status(self, path: str = "/readyz") -> int:
        try:
            with urllib.request.urlopen(self.facts["url"] + path, timeout=PATIENCE) as answer:  # noqa: S310 - our own
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


@contextmanager
def running_up(data_dir: Path, *options: str, **environment: str) -> Iterator[Up]:
    if "DATABASE_URL" not in environment and not data_dir.exists():
        prepare(data_dir)
    with Up(data_dir, *options, **environment) as up:
        yield up


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("up") / "data") as running:
        yield running


def children_of(pid: int, word: str) -> list[psutil.Process]:
    results = []
    for each in psutil.Process(pid).children():
        # One that has just died has no command any more.
        with suppress(psutil.NoSuchProcess):
            if word in " ".join(each.cmdline()):
                results.append(each)
    return results


def until(kind: str, seconds: float, is_so: Callable[[], object]) -> float:
    start = time.monotonic()
    while not is_so():
        assert time.monotonic() - start < seconds, kind
        time.sleep(0.05)
    return time.monotonic() - start


def gone(processes: list[psutil.Process]) -> bool:
    return not any(is_alive(each) for each in processes)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_port_0_takes_a_free_one_and_says_which(up: Up) -> None:
    assert up.facts["url"] in up.greeting
    assert up.facts["pid"] == up.process.pid
    assert not up.facts["url"].endswith((":0", ":8080"))
    assert up.status() == 200
    assert up.status("/healthz") == 200


def test_it_is_small(up: Up) -> None:
    family = [psutil.Process(up.process.pid), *up.family()]
    # Shared pages are counted once: each process bears its part.
    assert sum(map(memory_of, family)) < 180 * MIB
    # Most of its memory is that of the supervisor, from which it was forked.
    assert memory_of(up.child("fanfare.cli.server")) < 50 * MIB


def memory_of(process: psutil.Process) -> int:
    # PostgreSQL's helpers come and go.
    with suppress(psutil.NoSuchProcess):
        return int(process.memory_full_info().pss)
    return 0


def test_a_second_up_is_told_who_holds_the_directory(up: Up) -> None:
    second = subprocess.run(
        [*FANFARE, "up", "--data-dir", str(up.data_dir), "--port", "0"],
        check=False,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert second.returncode == 1
    assert f"in use by fanfare up (pid {up.process.pid}) since 20" in second.stderr.decode()
    assert up.status() == 200


@pytest.mark.parametrize("word", ["fanfare.cli.server", "fanfare.cli.worker", "postgres"])
def test_what_is_killed_comes_back(up: Up, word: str) -> None:
    url, killed = up.facts["url"], up.child(word)
    killed.kill()

    def is_back() -> bool:
        return up.status() == 200 and any(each.pid != killed.pid for each in up.children(word))

    until(f"{word} did not come back", PATIENCE, is_back)
    assert up.facts["url"] == url


def test_sigterm_ends_everything_in_order(tmp_path: Path) -> None:
    with running_up(tmp_path / "data") as up:
        family = up.family()
        assert len(family) > 5
        sockets = Path(up.facts["database_url"].partition("host=")[2].partition("&")[0])
        assert sockets.exists()
        start = time.monotonic()
        status, errors = up.end()
        assert status == 0, errors
        # None had to be killed for being late.
        assert time.monotonic() - start < Child.stop_seconds
        assert gone(family)
        assert not sockets.exists()
        assert not (tmp_path / "data" / "fanfare.json").exists()
        assert "ended" not in errors


def test_a_reader_that_stalls_stops_nothing(tmp_path: Path) -> None:
    command = [*FANFARE, "up", "--data-dir", str(tmp_path / "data"), "--port", "0", "--workers", "2"]
    facts = tmp_path / "data" / "fanfare.json"
    with full_pipe() as (_, writer):
        process = subprocess.Popen(
            command, stdout=writer, stderr=writer, env={**os.environ, "FANFARE_LOG_LEVEL": "debug"}
        )
        try:
            until("it does not serve", PATIENCE, facts.exists)
            url = json.loads(facts.read_text())["url"]
            for word in ("fanfare.cli.server", "fanfare.cli.worker", "postgres"):
                until(f"no {word} runs", PATIENCE, partial(children_of, process.pid, word))
                (killed, *_) = children_of(process.pid, word)
                killed.kill()
                until(f"the dead {word} was not seen", PATIENCE, partial(gone, [killed]))
                until(f"it does not answer after {word}", PATIENCE, lambda: answers(url))
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=PATIENCE) as answer:  # noqa: S310 - our own
            return int(answer.status) == 200
    except OSError:
        return False


def test_ctrl_c_reaches_the_parent_alone(tmp_path: Path) -> None:
    with running_up(tmp_path / "data", "--workers", "2") as up:
        family = up.family()
        assert all(os.getpgid(each.pid) != os.getpgid(up.process.pid) for each in family)
        up.process.send_signal(signal.SIGINT)
        assert up.wait() == 0, up.errors
        assert gone(family)


def test_a_signal_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    for pause in (0.4, 0.8, 1.2, 1.6):
        starting = Program([*FANFARE, "up", "--data-dir", str(tmp_path / "data"), "--port", "0"])
        time.sleep(pause)
        family = psutil.Process(starting.pid).children(recursive=True)
        status, errors = starting.end()
        # Before it listens to signals, the system's own answer is right too.
        assert status in (0, -signal.SIGTERM), errors
        until("a process is left", PATIENCE, partial(gone, family))


def test_kill_9_of_the_parent_leaves_nothing_behind(tmp_path: Path) -> None:
    with running_up(tmp_path / "data") as up:
        family = up.family()
        up.kill()
        until("a process outlives its parent", PATIENCE, lambda: gone(family))
    with running_up(tmp_path / "data") as again:
        assert again.status() == 200


async def test_an_outside_database_is_migrated_and_not_told_about(tmp_path: Path, empty_database: NewDatabase) -> None:
    with running_up(tmp_path / "data", DATABASE_URL=await empty_database()) as up:
        assert up.status() == 200
        assert up.facts["database_url"] is None
        assert not (tmp_path / "data" / "postgres").exists()


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = str(used.getsockname()[1])
        refused = subprocess.run(
            [*FANFARE, "up", "--data-dir", str(tmp_path / "data"), "--port", port],
            check=False,
            capture_output=True,
            timeout=PATIENCE,
        )
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in refused.stderr.decode()


@pytest.fixture
def own_signals() -> Iterator[None]:
    """A supervisor ends with the words to stop ignored; this process still wants them."""
    words = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    old = {word: signal.getsignal(word) for word in words}
    yield
    for word, handler in old.items():
        signal.signal(word, handler)


@pytest.mark.usefixtures("own_signals")
def test_what_goes_on_dying_is_given_longer_pauses(capfd: pytest.CaptureFixture[str]) -> None:
    outlet.cache_clear()
    starts: list[float] = []

    def start() -> Launched:
        starts.append(time.monotonic())
        if len(starts) == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return launch(Launch(command=["false"]))

    ticks: list[float] = []
    Supervisor([Child("short", start)], tick=lambda: ticks.append(time.monotonic())).run()
    assert len(ticks) >= 3
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    # A busy machine makes them longer, never shorter.
    assert all(pause >= minimum - 0.05 for pause, minimum in zip(pauses, (0, 0.5, 1), strict=True))
    assert capfd.readouterr().err.count('"event": "ended"') == 3


@pytest.mark.usefixtures("own_signals")
def test_what_does_not_end_is_killed() -> None:
    stubborn = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]
    remaining = Child("stubborn", lambda: launch(Launch(command=stubborn)), stop_seconds=0.5)
    supervisor = Supervisor([remaining])
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    old = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        supervisor.run()
    finally:
        signal.signal(signal.SIGALRM, old)
    assert remaining.launched is not None
    assert remaining.launched.poll() == -signal.SIGKILL
