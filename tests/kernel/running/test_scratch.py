"""Folders and files of processes that were killed do not stay."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.scratch import Scratch
from tests.kernel.running.test_up import Up, gone, running_up, until
from tests.running import PATIENCE


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files with a path that is short enough for sockets, open to every user."""
    folder = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def remaining_of(temporary: Path) -> set[str]:
    return {path.name for path in temporary.iterdir()}


def indexing(temporary: Path) -> set[str]:
    return {path.parent.name for path in temporary.glob("*/audience")}


def counted(up: Up) -> dict[int, float]:
    """Return the answers to a call without a key, by status, over all servers."""
    lines = up.text("/metrics").splitlines()
    results = [line for line in lines if line.startswith("fanfare_calls_total") and "crm_fans_latest" in line]
    return {int(line.partition('status="')[2][:3]): float(line.split()[-1]) for line in results}


@pytest.fixture
def up(temporary: Path, tmp_path: Path) -> Iterator[Up]:
    settings = {"TMPDIR": str(temporary), "FANFARE_INDEXES": "1"}
    with running_up(tmp_path / "data", "--workers", "2", **settings) as running:
        until("no index listens", PATIENCE, lambda: len(indexing(temporary)) == 1)
        yield running


def kill_all(up: Up) -> None:
    # The parent stops first, or it would start others in the places of the dead.
    up.process.send_signal(signal.SIGSTOP)
    family = up.family()
    for each in family:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    up.kill()
    until("a process outlives kill -9", PATIENCE, partial(gone, family))


def test_the_folder_of_a_killed_index_is_removed_by_those_who_go_on(up: Up, temporary: Path) -> None:
    (first,) = indexing(temporary)
    up.child("fanfare.cli.index").kill()
    until("no other index listens", PATIENCE, lambda: indexing(temporary) - {first} != set())
    assert first not in remaining_of(temporary)
    assert len(remaining_of(temporary)) == 2


def test_killed_servers_leave_their_figures_and_no_more_files(up: Up) -> None:
    for _ in range(6):
        up.status("/api/v1/crm/fans/latest")
    # Servers count what they answered within half a second.
    until("not all are counted", PATIENCE, lambda: counted(up).get(401) == 6)
    old = counted(up)
    for _ in range(3):
        killed = up.child("fanfare.cli.server")
        killed.kill()
        until("no server takes its place", PATIENCE, partial(has_two_others, up, killed))
    until("it does not answer", PATIENCE, lambda: up.status() == 200)
    assert counted(up) == old
    files = {path.name for path in (up.data_dir / "metrics").iterdir()}
    assert files <= {f"{kind}_{number}.db" for kind in ("counter", "histogram") for number in (1, 2)}


def test_what_was_killed_as_a_whole_is_cleared_up_by_the_next_start(up: Up, temporary: Path) -> None:
    kill_all(up)
    killed = remaining_of(temporary)
    assert len(killed) == 2
    with running_up(up.data_dir, TMPDIR=str(temporary), FANFARE_INDEXES="1") as again:
        until("no index listens", PATIENCE, lambda: indexing(temporary) - killed != set())
        assert killed & remaining_of(temporary) == set()
        assert again.status() == 200
    assert remaining_of(temporary) == set()
    assert [path.name for path in up.data_dir.rglob("*") if path.name.endswith((".new", ".unfinished"))] == []


def has_two_others(up: Up, dead: psutil.Process) -> bool:
    servers = up.children("fanfare.cli.server")
    return len(servers) == 2 and dead not in servers


def test_only_folders_of_dead_processes_are_removed(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (temporary / "fanfare-ofothers").mkdir()
    with Scratch() as living:
        child = os.fork()
        if child == 0:
            Scratch()
            os._exit(0)
        os.waitpid(child, 0)
        assert len(remaining_of(temporary)) == 3
        with Scratch() as another:
            assert remaining_of(temporary) == {"fanfare-ofothers", living.path.name, another.path.name}
    assert remaining_of(temporary) == {"fanfare-ofothers"}


def test_a_path_too_long_for_a_socket_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with Scratch("socket") as elsewhere:
        assert not elsewhere.path.is_relative_to(deep)
    with pytest.raises(CannotRun, match="set TMPDIR"):
        Scratch("socket", is_allowed=lambda _: False)
