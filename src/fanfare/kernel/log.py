"""The log: JSON lines for machines, readable lines on a terminal, and in neither what belongs to a person."""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

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
# The patterns below take time by the square of a text's length, and a longer text is no longer read by anybody.
LONGEST = 2000
WORDS = re.compile(r"[a-z0-9]+")
EMAIL = re.compile(r"[^\s@<>\"',;()]+@[^\s@<>\"',;()]+")
# Eight digits and more, as phones are written; a date is none.
LONG_NUMBER = re.compile(r"(?<![\w.:-])(?!\d{4}-\d\d-\d\d)\+?\d[\d ().-]{7,}\d(?![\w:-])")
SECRET = re.compile(r"ffs_[0-9A-Za-z]+")
PASSWORD_IN_URL = re.compile(r"(?<=://)[^/\s@]*@")


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send this process's log, and that of the libraries, to a stream (standard error), from a level upwards."""
    stream = stream or sys.stderr
    readable = stream.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not readable:
        last += [_tell_fault]
    last += [censor, _for_people() if readable else structlog.processors.JSONRenderer()]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _hush()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _hush() -> None:
    """Leave out what the libraries say of each request: it has addresses and query strings."""
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _for_people() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def censor(_: object, __: str, event: Event) -> Event:
    """Blank the values of private names at any depth, and what looks like a mail address, a phone or a secret."""
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
    told: dict[str, object] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    for attribute in ("sqlstate", "constraint_name"):
        if getattr(error, attribute, None):
            told[attribute] = getattr(error, attribute)
    frames = traceback.extract_tb(error.__traceback__)
    told["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        told["cause"] = fault(cause)
    return told
