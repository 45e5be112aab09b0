"""Secret keys: one file for all processes, a key for each purpose, and rotation with overlap."""

import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running import secret_keys as module
from fanfare.kernel.running.secret_keys import FILE, NotSealed, SecretKeys, make_file, read_file, rotate_file
from fanfare.kernel.running.settings import BadSettings, Settings, from_environment

OLD, NEW = "o" * 32, "n" * 32
START = "import sys; from fanfare.kernel.running.secret_keys import *; k = SecretKeys(); k.use(Settings(data_dir=Path("
END = "sys.argv[1]))); print(k.derived('links')[0].hex())"


def keys_of(settings: Settings) -> SecretKeys:
    keys = SecretKeys()
    keys.use(settings)
    return keys


def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    def start(_: int) -> str:
        return subprocess.check_output([sys.executable, "-c", START + END, str(folder)], text=True)

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(start, range(6)))) == 1
    first = read_file(folder / FILE)
    # Who comes a moment later has looked before the file was there.
    make_file(folder / FILE)
    assert read_file(folder / FILE) == first
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_a_file_that_others_may_read_or_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / FILE
    make_file(path)
    path.chmod(0o640)
    with pytest.raises(BadSettings, match="chmod 600"):
        read_file(path)
    path.chmod(0o600)
    path.write_text(path.read_text("utf-8")[:-8], "utf-8")
    with pytest.raises(BadSettings, match="cannot be parsed"):
        read_file(path)


def test_a_directory_without_hard_links_or_write_access_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    # Not even root may write in /proc.
    for folder in (tmp_path, Path("/proc")):
        for make in (make_file, partial(rotate_file, now=datetime.now(UTC), overlap=timedelta(days=1))):
            with pytest.raises(CannotRun, match=f"cannot create or read {folder / FILE}: .*; set FANFARE_SECRET_KEY"):
                make(folder / FILE)
    assert list(tmp_path.iterdir()) == []


def test_rotations_at_once_lose_no_key(tmp_path: Path) -> None:
    path, now = tmp_path / FILE, datetime.now(UTC)
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda _: rotate_file(path, now, timedelta(days=1)), range(16)))
    assert {each.fingerprint for each in added} < {each.fingerprint for each in read_file(path)}


def test_a_sealed_text_is_for_one_purpose_and_cannot_be_changed() -> None:
    keys = keys_of(Settings(secret_key=(OLD,)))
    text = keys.seal("links", b"fan 7")
    assert keys.unseal("links", text) == b"fan 7"
    assert b"fan 7" not in text.encode()
    for purpose, wrong in (("codes", text), ("links", text[:-4] + "AAA="), ("links", ""), ("links", "ü" * 100)):
        with pytest.raises(NotSealed):
            keys.unseal(purpose, wrong)
    assert keys.derived("links") != keys.derived("codes")


def test_a_sealed_text_can_have_an_age(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = keys_of(Settings(secret_key=(OLD,)))
    text = keys.seal("links", b"")
    late = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: late)
    assert keys.unseal("links", text) == b""
    with pytest.raises(NotSealed):
        keys.unseal("links", text, max_age=timedelta(hours=1))


def test_servers_rotate_their_variable_one_after_the_other() -> None:
    before, between, behind, without = (
        keys_of(Settings(secret_key=each)) for each in ((OLD,), (OLD, NEW), (NEW, OLD), (NEW,))
    )
    # A server that is one step behind reads what one ahead makes, and the other way round.
    for one, other in ((before, between), (between, behind)):
        assert one.unseal("links", other.seal("links", b"x")) == b"x"
        assert other.unseal("links", one.seal("links", b"x")) == b"x"
    with pytest.raises(NotSealed):
        without.unseal("links", before.seal("links", b"x"))


def test_a_file_is_rotated_under_running_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    keys, settings = keys_of(Settings(data_dir=tmp_path)), Settings(data_dir=tmp_path)
    old = keys.seal("links", b"old")
    now = datetime.now(UTC)
    key = rotate_file(tmp_path / FILE, now, timedelta(days=1))
    assert key.begins_at > now
    # Not begun: nothing new is made with it, so that no process meets it unread; but it reads.
    first = keys.derived("links")
    assert keys.unseal("links", old) == b"old"
    path = tmp_path / FILE
    ahead = keys_of(settings)
    path.write_text(path.read_text("utf-8").replace(str(int(key.begins_at.timestamp())), "0"), "utf-8")
    assert ahead.derived("links")[0] == first[1]
    assert keys.unseal("links", ahead.seal("links", b"new")) == b"new"
    assert keys.unseal("links", old) == b"old"
    # The overlap is over.
    ended = read_file(path)[1].ends_at
    assert ended is not None
    path.write_text(path.read_text("utf-8").replace(str(int(ended.timestamp())), "1"), "utf-8")
    with pytest.raises(NotSealed):
        keys.unseal("links", old)


def test_a_short_key_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadSettings, match="FANFARE_SECRET_KEY must be one or more keys") as refused:
        from_environment({"FANFARE_SECRET_KEY": "hunter2"})
    assert "hunter2" not in str(refused.value)


def test_the_command_rotates_and_lists(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        return subprocess.check_output(
            [sys.executable, "-P", "-m", "fanfare.cli", "secret-key", *words, "--data-dir", tmp_path], text=True
        )

    assert len(run("rotate", "--overlap-days", "7").splitlines()) == 2
    listed = run("list").splitlines()
    assert "begins" in listed[0]
    assert "has no end" in listed[0]
    assert "ends" in listed[1]
    fingerprints = [each.partition(" ")[0] for each in listed]
    assert not any(each in (tmp_path / FILE).read_text("utf-8") for each in fingerprints)
