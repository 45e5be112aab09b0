"""How a process ends that cannot go on: one line for the operator and exit status 1; where a bug arose is in the log.

It imports little: the supervisor ends by it too.
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
# Classes of SQL states that are about the server and the way to it, not about our statements.
OPERATORS = frozenset({"08", "25", "28", "3D", "53", "57", "58"})
NO_PRIVILEGE = "42501"


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn what cannot be done into a line on the standard error and exit status 1."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (CannotRun, Refusal) as error:
        end(str(error))
    except Exception as error:  # noqa: BLE001 - the last one who can say anything
        reason = reason_of(error)
        if reason is None:
            _log_bug(error)
            reason = f"internal error ({type(error).__name__}); see the log for its location"
        end(reason)


def end(reason: str) -> None:
    """Write the reason as one line and exit with status 1."""
    tell(reason)
    sys.exit(1)


def tell(text: str) -> None:
    """Write a line to the operator."""
    outlet = Outlet(STANDARD_ERROR)
    outlet.write("fanfare: " + "; ".join(line.strip() for line in text.splitlines() if line.strip()))
    outlet.flush()


def reason_of(error: BaseException) -> str | None:
    """Return what an operator can mend, in a line, or None for what only a programmer can."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    # asyncpg is not imported for this: processes end here that have never loaded it.
    if type(error).__module__.startswith("asyncpg"):
        state = getattr(error, "sqlstate", None)
        if state is None or state[:2] in OPERATORS or state == NO_PRIVILEGE:
            # The first line alone: the next ones may quote what is stored.
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
    # Only now: what runs long needs none of it.
    from fanfare.kernel.running.log import fault  # noqa: PLC0415 - as said

    Outlet(STANDARD_ERROR).say("error", "ended", fault=fault(error))
