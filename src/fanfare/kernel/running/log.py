"""The log: JSON lines for machines, readable lines on a terminal, and in neither what belongs to a person.

Nobody who logs waits for who reads: see `outlet`.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Hashable, MutableMapping
from typing import Any, TextIO

import structlog

from fanfare.kernel.running.outlet import Outlet

Event = MutableMapping[str, Any]

CENSORED = "[censored]"
# Names whose values are a person's, or open a door. A name counts when one of its words is here.
PRIVATE_WORDS = frozenset(
    (
        *("email", "mail", "phone", "mobile", "sms", "name", "names", "birthday", "birth", "gender"),
        *("address", "postal", "latitude", "longitude", "ip", "fields", "props", "query", "body", "payload"),
        *("password", "passphrase", "secret", "token", "code", "otp", "pin", "cookie", "authorization", "credentials"),
    )
)
PRIVATE_NAMES = frozenset({"api_secret", "session_uid", "request_uid", "reset_uid", "detail", "url", "dsn"})
# Names with such a word that hold nothing of the kind.
PUBLIC_NAMES = frozenset({"status_code", "code_name", "job_name", "logger_name"})
# What this program writes itself.
UNTOUCHED = frozenset({"timestamp", "level", "request_id", "exc_info", "fault"})
# What differs each time that an event happens; events that differ in nothing else are one that repeats.
PASSING = frozenset({"timestamp", "request_id", "job_id", "tried", "ms", "seconds", "search_uid"})
STANDARD_ERROR = 2
# The patterns below take time by the square of a text's length, and a longer text is no longer read by anybody.
LONGEST = 2000
WORDS = re.compile(r"[a-z0-9]+")
EMAIL = re.compile(r"[^\s@<>\"',;()]+@[^\s@<>\"',;()]+")
# Eight digits and more, as phones are written; a date is none.
LONG_NUMBER = re.compile(r"(?<![\w.:-])(?!\d{4}-\d\d-\d\d)\+?\d[\d ().-]{7,}\d(?![\w:-])")
SECRET = re.compile(r"ffs_[0-9A-Za-z]+")
PASSWORD_IN_URL = re.compile(r"(?<=://)[^/\s@]*@")


class Handler(logging.Handler):
    """Hands lines to an outlet, which waits for nobody."""

    def __init__(self, outlet: Outlet) -> None:
        """Take where the lines leave."""
        super().__init__()
        self.outlet = outlet

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless it is like one just written."""
        try:
            level, (event, details) = record.levelname.lower(), _kind(record)
            if self.outlet.is_news(level, event, details):
                self.outlet.write(self.format(record))
        except Exception as error:  # noqa: BLE001 - whoever logs goes on
            self.outlet.say("error", "a line of the log could not be made", kind=type(error).__name__)

    def flush(self) -> None:
        """Write what waits, for two seconds at most; called at the end of the process."""
        self.outlet.flush()


SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(
    level: str = "info", on_loss: Callable[[int], object] | None = None, *, stream: TextIO | None = None
) -> None:
    """Send this process's log, and that of the libraries, to the standard error, from a level upwards.

    `on_loss` is called with the number of lines that found no reader; a `stream` takes them instead, at once.
    """
    outlet = Outlet(STANDARD_ERROR, on_loss, has_thread=True)
    readable = outlet.is_readable if stream is None else stream.isatty()
    last: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not readable:
        last += [_tell_fault]
    last += [censor, _for_people() if readable else structlog.processors.JSONRenderer()]
    handler: logging.Handler = Handler(outlet) if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=SHARED, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _hush()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _kind(record: logging.LogRecord) -> tuple[str, Hashable]:
    """Return a line's event, and what else tells it from other lines of the same event."""
    if not isinstance(record.msg, dict):
        return _scrubbed(str(record.msg)), (record.name, _location(record.exc_info))
    event: Event = record.msg
    details = [f"{name}={value}" for name, value in event.items() if name not in PASSING and name != "exc_info"]
    return _scrubbed(str(event.get("event"))), (*details, _location(event.get("exc_info")))


def _location(error: object) -> Hashable:
    """Return an exception's type and the line that raised it."""
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if not isinstance(error, BaseException):
        return None
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return type(error), last and last.tb_lineno


def _hush() -> None:
    """Leave out what the libraries say of each request: it has addresses, query strings and parts of bodies."""
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # It quotes from forms, and anybody may send one that it finds fault with.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


def _for_people() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def censor(_: object, __: str, event: Event) -> Event:
    """Blank the values of private names at any depth, and what looks like an email address, a phone or a secret."""
    return {name: value if name in UNTOUCHED else _censored(name, value) for name, value in event.items()}


def is_private(name: str) -> bool:
    """Say whether values of that name are kept out of logs."""
    lowered = name.lower()
    if lowered in PUBLIC_NAMES:
        return False
    return lowered in PRIVATE_NAMES or not PRIVATE_WORDS.isdisjoint(WORDS.findall(lowered))


def _censored(name: str, value: object) -> object:
    if is_private(name) and value is not None:
        return CENSORED
    if isinstance(value, dict):
        return {key: _censored(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_censored(name, each) for each in value]
    return _scrubbed(value) if isinstance(value, str) else value


def _scrubbed(text: str) -> str:
    if len(text) > LONGEST:
        text = text[:LONGEST] + "…"
    for pattern in (SECRET, PASSWORD_IN_URL, EMAIL, LONG_NUMBER):
        text = pattern.sub(CENSORED, text)
    return text


def _tell_fault(_: object, __: str, event: Event) -> Event:
    """Put an exception as its type and where it was raised. Its message may quote what a person wrote."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["fault"] = fault(error)
    return event


def fault(error: BaseException) -> dict[str, object]:
    """Return an exception's type, SQL state and frames, without its message."""
    fields: dict[str, object] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    for attribute in ("sqlstate", "constraint_name"):
        if getattr(error, attribute, None):
            fields[attribute] = getattr(error, attribute)
    frames = traceback.extract_tb(error.__traceback__)
    fields["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        fields["cause"] = fault(cause)
    return fields
