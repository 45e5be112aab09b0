"""A signal to stop is never lost, wherever it comes while the program starts."""

import subprocess
import sys

import pytest

from fanfare.kernel.running.forks import IS_POSSIBLE
from tests.running import PATIENCE

pytestmark = pytest.mark.skipif(not IS_POSSIBLE, reason="elsewhere nothing is forked")

PROGRAM = """
import os, signal
from fanfare.kernel.running.children import Launch, launch
from fanfare.kernel.running.forks import Fork, fork
from fanfare.kernel.running.supervise import Child, StopRequested, Supervisor, stoppable

def ask_to_stop():
    os.kill(os.getpid(), signal.SIGTERM)

class Finalized:
    def __del__(self):
        ask_to_stop()

with stoppable() as request:
    try:
        {start}
    except StopRequested:
        print("stopped")
"""
STARTS = {
    # Python only reports what a function raises that is called at a fork.
    "launched": "os.register_at_fork(before=ask_to_stop); launch(Launch(command=['true']))",
    "forked": "os.register_at_fork(before=ask_to_stop); fork(Fork(run=int, title='child', env={}))",
    "finalized": "Finalized(); Supervisor([Child('never', lambda: print('started'))]).run(request); print('stopped')",
}


@pytest.mark.parametrize("start", STARTS)
def test_a_signal_stops_the_start(start: str) -> None:
    assert output_of(PROGRAM.format(start=STARTS[start])) == "stopped\n"


def test_a_process_that_is_launched_gets_its_signals() -> None:
    lines = (
        "from fanfare.kernel.running.children import Launch, launch",
        "launch(Launch(command=['grep', 'SigBlk', '/proc/self/status'])).wait(None)",
    )
    assert int(output_of("\n".join(lines)).split()[1], 16) == 0


def output_of(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True, timeout=PATIENCE
    ).stdout
