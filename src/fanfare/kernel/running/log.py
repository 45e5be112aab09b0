"""Logging: JSON lines for machines, readable lines on a terminal, and no personal data in either.

Logging never blocks on a slow reader: see `outlet`.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Hashable, MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO

import structlog

from fanfare.kernel.running.outlet import Outlet

Event = MutableMapping[str, Any]

CENSORED = "[censored]"
# A name is private if one of its words is here: its values are personal data or credentials.
PRIVATE_WORDS = frozenset(
    (
        *("email", "mail", "phone", "mobile", "sms", "name", "names", "birthday", "birth", "gender"),
        *("address", "postal", "latitude", "longitude", "ip", "fields", "props", "query", "body", "payload"),
        *("password", "passphrase", "secret", "token", "code", "otp", "pin", "cookie", "authorization", "credentials"),
    )
)
PRIVATE_NAMES = frozenset({"api_secret", "session_uid", "request_uid", "reset_uid", "detail", "url", "dsn"})
# Exceptions: names with such a word that are not private.
PUBLIC_NAMES = frozenset({"status_code", "code_name", "job_name", "logger_name"})
# Fields that this program writes itself.
OWN_FIELDS = frozenset({"timestamp", "level", "request_id", "exc_info", "fault"})
# Fields that differ each time; events that differ in nothing else count as repeated.
VARYING_FIELDS = frozenset({"timestamp", "request_id", "job_id", "attempt", "ms", "seconds", "search_uid"})
STANDARD_ERROR = 2
# The patterns below take quadratic time, and nobody reads longer texts.
MAX_TEXT_LENGTH = 2000
WORDS = re.compile(r"[a-z0-9]+")
EMAIL = re.compile(r"[^\s@<>\"',;()]+@[^\s@<>\"',;()]+")
# Eight or more digits, in any way phone numbers are written; dates do not match.
LONG_NUMBER = re.compile(r"(?<![\w.:-])(?!\d{4}-\d\d-\d\d)\+?\d[\d ().-]{7,}\d(?![\w:-])")
SECRET = re.compile(r"ffs_[0-9A-Za-z]+")
PASSWORD_IN_URL = re.compile(r"(?<=://)[^/\s@]*@")


class Handler(logging.Handler):
    """A logging handler that writes to an outlet, which never blocks."""

    def __init__(self, outlet: Outlet) -> None:
        super().__init__()
        self.outlet = outlet

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless it repeats a recent one."""
        try:
            level, (event, details) = record.levelname.lower(), _identity(record)
            if self.outlet.should_write(level, event, details):
                self.outlet.write(self.format(record))
        except Exception as error:  # noqa: BLE001 - logging must not raise
            self.outlet.log_event("error", "a line of the log could not be made", kind=type(error).__name__)

    def flush(self) -> None:
        """Write buffered lines, for at most two seconds; called at process exit."""
        self.outlet.flush()


# The id of the current request: a variable of its own, because structlog's copy a dictionary for each request.
request_ids: ContextVar[str] = ContextVar("request_id")


def add_request_id(_: object, __: str, event: Event) -> Event:
    """Add the id of the current request, if any, to a log event."""
    if (request_id := request_ids.get(None)) is not None:
        event.setdefault("request_id", request_id)
    return event


SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    add_request_id,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(
    level: str = "info", on_loss: Callable[[int], object] | None = None, *, stream: TextIO | None = None
) -> None:
    """Send the log of this process and its libraries to stderr, from the given level upwards.

    `on_loss` is called with the number of lines that were dropped; with `stream` lines are written there, unbuffered.
    """
    outlet = Outlet(STANDARD_ERROR, on_loss, has_thread=True)
    is_readable = outlet.is_readable if stream is None else stream.isatty()
    last: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not is_readable:
        last += [_format_exception]
    last += [censor, _console_renderer() if is_readable else structlog.processors.JSONRenderer()]
    handler: logging.Handler = Handler(outlet) if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=SHARED, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _silence_libraries()
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


def _identity(record: logging.LogRecord) -> tuple[str, Hashable]:
    """Return a line's event, and the details that distinguish it from other lines of the same event."""
    if not isinstance(record.msg, dict):
        return _censor_text(str(record.msg)), (record.name, _location(record.exc_info))
    event: Event = record.msg
    details = [f"{name}={value}" for name, value in event.items() if name not in VARYING_FIELDS and name != "exc_info"]
    return _censor_text(str(event.get("event"))), (*details, _location(event.get("exc_info")))


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


def _silence_libraries() -> None:
    """Suppress what libraries log of each request: it has addresses, query strings and parts of bodies."""
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("httpx", "httpcore", "urllib3", "aiosmtplib", "requests_oauthlib", "oauthlib"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It logs what it sends, and to whom.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    # It logs parts of malformed forms, which anybody can send.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


def _console_renderer() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def censor(_: object, __: str, event: Event) -> Event:
    """Censor the values of private names at any depth, and anything like an email address, a phone or a secret."""
    return {name: value if name in OWN_FIELDS else _censor_value(name, value) for name, value in event.items()}


def is_private(name: str) -> bool:
    """Return whether values of that name are kept out of logs."""
    lowered = name.lower()
    if lowered in PUBLIC_NAMES:
        return False
    return lowered in PRIVATE_NAMES or not PRIVATE_WORDS.isdisjoint(WORDS.findall(lowered))


def _censor_value(name: str, value: object) -> object:
    if is_private(name) and value is not None:
        return CENSORED
    if isinstance(value, dict):
        return {key: _censor_value(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_censor_value(name, each) for each in value]
    return _censor_text(value) if isinstance(value, str) else value


def _censor_text(text: str) -> str:
    if len(text) > MAX_TEXT_LENGTH:
        text = text[:MAX_TEXT_LENGTH] + "…"
    for pattern in (SECRET, PASSWORD_IN_URL, EMAIL, LONG_NUMBER):
        text = pattern.sub(CENSORED, text)
    return text


def _format_exception(_: object, __: str, event: Event) -> Event:
    """Replace an exception by its type and location. Its message may quote personal data."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["fault"] = fault(error)
    return event


def fault(error: BaseException) -> dict[str, object]:
    """Return an exception's type, SQLSTATE and frames, without its message."""
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
