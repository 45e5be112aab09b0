"""Child processes that are forked from this one, which has loaded their code before: they share its memory.

A forked child is as one that was started: its own environment, signals, process group and open files, and it ends with
this process. docs/decisions/0100-forks.md
"""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from setproctitle import setproctitle

from fanfare.kernel.running.children import death_signal_setter, undisturbed
from fanfare.kernel.running.garbage import return_memory

# Says which files are open.
OPEN_FILES = Path("/proc/self/fd")
# Elsewhere, libraries of the system do not survive a fork, and no signal tells of the death of a parent.
IS_POSSIBLE = sys.platform == "linux" and OPEN_FILES.is_dir()
STANDARD_FILES = 3
OUT_OF_MEMORY_SCORE = Path("/proc/self/oom_score_adj")
# Added to the parent's: when memory is short, a child that can be replaced ends before the parent of all.
CHILD_SCORE, MAX_SCORE = 100, 1000
INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Fork:
    """What to run in a child: a function, with the title of the process, its environment and the files it inherits."""

    run: Callable[[], object]
    title: str
    env: Mapping[str, str]
    fds: Sequence[int] = ()
    # the signal that the process gets when this one dies
    death_signal: signal.Signals = signal.SIGTERM


@dataclass
class Forked:
    """A forked process."""

    pid: int
    status: int | None = field(default=None)

    def poll(self) -> int | None:
        """Return the exit status, that of a signal negative; None while it runs."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def send_signal(self, signal_number: signal.Signals) -> None:
        """Send a signal; does nothing if the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, signal_number)


def tidy() -> None:
    """Keep the garbage collector off what children share: it would write to each object, and so copy it."""
    gc.collect()
    gc.freeze()
    # Holes would be shared, and filled by each child for itself.
    return_memory()


def fork(spec: Fork) -> Forked:
    """Start a child of this process, which must have no threads. It never returns from `run`.

    Call it from the main thread: Linux takes the thread that started a process for its parent.
    """
    set_death_signal = death_signal_setter(os.getpid(), spec.death_signal)
    # A signal to the child must not reach a handler of this process in it: it comes when the child has its own.
    with undisturbed() as blocked:
        pid = os.fork()
        if pid == 0:
            _be_child(spec, set_death_signal, blocked)
        with suppress(OSError):
            # Also by the child: whoever is first.
            os.setpgid(pid, pid)
    return Forked(pid)


def _be_child(spec: Fork, set_death_signal: Callable[[], None], blocked: Iterable[signal.Signals | int]) -> None:
    """Run in the child and end it: the callers of this function belong to the parent, and must not go on here."""
    status = 1
    try:
        set_death_signal()
        # A group of its own: Ctrl-C reaches only the parent, which then stops the others in order.
        os.setpgid(0, 0)
        _reset_signals()
        _close_files(spec.fds)
        _raise_score()
        # It needs the environment that the process began with.
        setproctitle(spec.title)
        os.environ.clear()
        os.environ.update(spec.env)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        spec.run()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BaseException:  # noqa: BLE001 - whatever it is, the parent's code must not run in the child
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _reset_signals() -> None:
    """Handle signals as a new process does: those that were ignored stay so."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _close_files(fds: Sequence[int]) -> None:
    """Close what the parent has open, as its locks and sockets, but for the standard files and those to inherit.

    The numbers stay in use: an object of the parent that is freed here must not close a file of the child.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    for number in [int(each.name) for each in OPEN_FILES.iterdir()]:
        with suppress(OSError):
            if number >= STANDARD_FILES and number not in fds:
                os.dup2(nothing, number, inheritable=False)


def _raise_score() -> None:
    with suppress(OSError, ValueError):
        score = int(OUT_OF_MEMORY_SCORE.read_text())
        OUT_OF_MEMORY_SCORE.write_text(str(min(MAX_SCORE, score + CHILD_SCORE)))
