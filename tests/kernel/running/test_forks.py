"""Forked children are as started ones: nothing of their parent is left in them but the code."""

import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from fanfare.kernel.running.forks import IS_POSSIBLE
from tests.kernel.running.test_up import until
from tests.running import PATIENCE, Program

pytestmark = pytest.mark.skipif(not IS_POSSIBLE, reason="elsewhere processes are started")

# A program that forks one child, prints its pid, and ends with its status.
PROGRAM = """
import os, signal, socket, sys, time
from functools import partial
from fanfare.kernel.running.forks import Fork, fork, tidy
from fanfare.kernel.web import http

def tell(*words):
    # A line at once: the parent writes too.
    os.write(2, (" ".join(map(str, words)) + "\\n").encode())

{before}

def run():
{run}

tidy()
child = fork(Fork(run=run, title="fanfare test child", env={{"WORD": "own", "PATH": os.environ["PATH"]}}, fds={fds}))
print(child.pid, flush=True)
{parent}
while child.poll() is None:
    time.sleep(0.01)
sys.exit(child.poll() % 256)
"""


def program(run: str, *, before: str = "", parent: str = "", fds: str = "()") -> Program:
    return Program([sys.executable, "-c", PROGRAM.format(run=run, before=before, parent=parent, fds=fds)])


def ended(run: str, **options: Any) -> tuple[int, str, str]:
    with program(run, **options) as process:
        return process.wait(), process.output, process.errors


def test_it_has_an_environment_a_title_and_a_group_of_its_own() -> None:
    run = """
    title = open("/proc/self/cmdline").read().strip(chr(0))
    tell(sorted(os.environ), title, os.getpgid(0) == os.getpid(), os.read(0, 1))
"""
    status, _, errors = ended(run)
    assert status == 0, errors
    assert "['PATH', 'WORD'] fanfare test child True b''" in errors


@pytest.mark.parametrize(
    ("run", "status"),
    [("    pass", 0), ("    sys.exit(1)", 1), ("    sys.exit('why')", 1), ("    os.kill(os.getpid(), 9)", 256 - 9)],
)
def test_its_status_is_that_of_what_it_ran(run: str, status: int) -> None:
    assert ended(run)[0] == status


def test_what_it_raises_never_reaches_the_code_of_the_parent() -> None:
    before = "import atexit; atexit.register(print, 'end of', os.getpid())"
    status, output, errors = ended("    raise ValueError('broken')", before=before)
    assert status == 1
    assert "ValueError: broken" in errors
    # The parent's alone.
    assert output.count("end of") == 1


def test_the_files_of_the_parent_are_closed_and_their_numbers_are_not_used_again() -> None:
    before = "one = socket.create_server(('127.0.0.1', 0)); two = socket.create_server(('127.0.0.1', 0))"
    run = """
    global one
    number = one.fileno()
    tell(os.readlink(f"/proc/self/fd/{number}"), os.readlink(f"/proc/self/fd/{two.fileno()}").partition(":")[0])
    other = os.open("/dev/zero", os.O_RDONLY)
    one = None
    tell(other != number, os.read(other, 1))
"""
    status, _, errors = ended(run, before=before, fds="(two.fileno(),)")
    assert status == 0, errors
    assert "/dev/null socket" in errors
    assert "True b'\\x00'" in errors


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_it_writes_to_a_log_that_was_configured_before_the_fork(kind: str) -> None:
    """A container, `| tee` and journald read from these; what the parent has open of them is closed in the child."""
    before = "import logging; from fanfare.kernel.running import log; log.configure('info')"
    run = """
    logging.getLogger("test").warning("a line of the child")
    logging.getLogger().handlers[0].flush()
"""
    command = [sys.executable, "-c", PROGRAM.format(run=run, before=before, parent="", fds="()")]
    if kind == "pipe":
        errors = subprocess.run(command, stderr=subprocess.PIPE, check=True).stderr
    else:
        reader, writer = socket.socketpair()
        with reader, writer:
            subprocess.run(command, stderr=writer.fileno(), check=True)
            writer.close()
            errors = reader.recv(65536)
    assert b"a line of the child" in errors


def test_a_signal_right_after_the_fork_ends_it() -> None:
    """The handler of the parent, which only counts, must not take it."""
    before = "signal.signal(signal.SIGTERM, lambda *_: None); signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    run = "    time.sleep(60)"
    status, _, errors = ended(run, before=before, parent="child.send_signal(signal.SIGTERM)")
    assert status == 256 - signal.SIGTERM, errors


def test_what_was_ignored_stays_ignored_and_ctrl_c_is_python_s() -> None:
    before = "signal.signal(signal.SIGHUP, signal.SIG_IGN); signal.signal(signal.SIGINT, lambda *_: None)"
    run = """
    handlers = [signal.getsignal(each) for each in (signal.SIGHUP, signal.SIGINT)]
    tell(handlers == [signal.SIG_IGN, signal.default_int_handler])
    os.kill(os.getpid(), signal.SIGINT)
"""
    status, _, errors = ended(run, before=before)
    assert (status, "True" in errors) == (130, True), errors


def test_it_ends_with_its_parent_however_that_dies() -> None:
    process = program("    time.sleep(600)")
    child = psutil.Process(int(process.line()))
    until("no title", PATIENCE, lambda: "fanfare test child" in " ".join(child.cmdline()))
    process.kill()

    def is_gone() -> bool:
        with suppress(psutil.NoSuchProcess):
            return child.status() == psutil.STATUS_ZOMBIE
        return True

    until("it is left", PATIENCE, is_gone)


def test_it_has_other_request_ids_and_is_the_first_to_go_when_memory_is_short() -> None:
    run = """
    tell(http.REQUEST_IDS.prefix, open("/proc/self/oom_score_adj").read().strip())
"""
    status, output, errors = ended(run, parent="print(http.REQUEST_IDS.prefix)")
    assert status == 0, errors
    score = int(Path("/proc/self/oom_score_adj").read_text())
    prefix, child = output.split()[-1], errors.split()
    assert len(prefix) == len(child[0])
    assert prefix != child[0]
    assert child[1] == str(min(1000, score + 100))
