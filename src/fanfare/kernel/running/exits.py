"""How a process that cannot continue ends: one line for the operator and exit status 1; a bug's traceback is logged.

It imports little, because the supervisor uses it too.
"""

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fanfare.kernel.errors import CannotRun, Refusal
from fanfare.kernel.running.outlet import Outlet

STANDARD_ERROR = 2
INTERRUPTED = 130
# Classes of SQLSTATEs that concern the server and the network, not our statements.
OPERATORS = frozenset({"08", "25", "28", "3D", "53", "57", "58"})
NO_PRIVILEGE = "42501"


@contextmanager
def in_one_line() -> Iterator[None]:
    """Report an exception as one line on stderr and exit with status 1."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (CannotRun, Refusal) as error:
        exit_with(str(error))
    except Exception as error:  # noqa: BLE001 - the outermost handler
        reason = reason_of(error)
        if reason is None:
            _log_bug(error)
            reason = f"internal error ({type(error).__name__}); see the log for its location"
        exit_with(reason)


def exit_with(reason: str) -> None:
    """Write the reason as one line and exit with status 1."""
    print_line(reason)
    sys.exit(1)


def print_line(text: str) -> None:
    """Write a line to stderr for the operator."""
    outlet = Outlet(STANDARD_ERROR)
    outlet.write("fanfare: " + "; ".join(line.strip() for line in text.splitlines() if line.strip()))
    outlet.flush()


def reason_of(error: BaseException) -> str | None:
    """Return a one-line reason if the operator can fix it, or None if it is a bug."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    # asyncpg is not imported here: some processes that end this way have never loaded it.
    if type(error).__module__.startswith("asyncpg"):
        state = getattr(error, "sqlstate", None)
        if state is None or state[:2] in OPERATORS or state == NO_PRIVILEGE:
            # The first line only: the others may quote stored data.
            return f"database error: {str(error).partition(chr(10))[0]}"
        return None
    if isinstance(error, OSError):
        return _reason_of_system(error)
    return None


def _reason_of_system(error: OSError) -> str:
    text = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        return f"{text}: {error.filename}"
    if isinstance(error, socket.gaierror):
        return f"cannot resolve the database host: {text}"
    if isinstance(error, ConnectionError | TimeoutError) and error.errno != errno.EPIPE:
        return f"the database does not respond: {text}"
    return text


def _log_bug(error: BaseException) -> None:
    # Imported only now: long-running processes should not load it.
    from fanfare.kernel.running.log import fault  # noqa: PLC0415 - see above

    Outlet(STANDARD_ERROR).log_event("error", "ended", fault=fault(error))
