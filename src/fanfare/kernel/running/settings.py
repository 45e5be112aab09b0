"""Settings, read from the environment; options of the command line take precedence."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fanfare.kernel.addresses import networks
from fanfare.kernel.errors import CannotRun

PREFIX = "FANFARE_"
ACCOUNT_SHARE = 0.5
# A worker's queue has its own connections; an index process has a pool, and one connection for its locks.
QUEUE_CONNECTIONS = 4
INDEX_POOL_SIZE = 4
# Conventional names, so that they can be shared with other programs.
PLAIN = {"database_url": "DATABASE_URL", "geoip_city_db": "GEOIP_CITY_DB"}
LOG_LEVELS = ("debug", "info", "warning", "error")
MAX_PORT = 65535
PUBLIC_URL = r"(https?://[A-Za-z0-9._\[\]:-]+)?"
SCHEMES = ("postgresql://", "postgres://")
# A check of a value, and a description of valid values.
Range = tuple[Callable[[Any], object], str]


class BadSettings(CannotRun):
    """A setting is invalid; the message names it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a process. Each field is read from `FANFARE_<NAME>`, `database_url` from `DATABASE_URL`."""

    # the directory of the embedded database, its log and fanfare.json
    data_dir: Path = Path(".data")
    host: str = "127.0.0.1"
    # 0 for any free port
    port: int = 8080
    # an external PostgreSQL 15 to 18; empty for the embedded one
    database_url: str = ""
    # seconds to wait for a database that does not respond yet
    connect_seconds: float = 15.0
    # the URL at which others reach the server, such as https://fans.example.com; empty: taken from each request
    public_url: str = ""
    # server processes
    workers: int = 1
    # number of index processes of `fanfare up`; without one, counts are computed by the database
    indexes: int = 0
    # connections of each server process, and of the worker
    pool_size: int = 10
    worker_pool_size: int = 5
    # the share of the connections, and of other shared resources, that one account may use
    account_share: float = ACCOUNT_SHARE
    log_level: str = "info"
    # networks whose X-Forwarded-For is trusted, such as 10.0.0.0/8
    trusted_proxies: tuple[str, ...] = ()
    # a City database (.mmdb) with the locations of IP addresses; empty: that of the extra geoip, or none
    geoip_city_db: str = ""
    # the system user that runs the embedded database if started by root; empty: fanfare, postgres or nobody
    postgres_user: str = ""
    # seconds without a heartbeat after which a worker's job is given to another
    heartbeat_seconds: float = 30.0
    # HTTP connections of each server process; 0 for as many as its open files allow
    http_connections: int = 0
    # the share of them that one address may use, except for trusted proxies; 1 is all
    address_share: float = 0.5
    # seconds for the head of a request, for its body, and for a client to read a response
    head_seconds: float = 15.0
    body_seconds: float = 30.0
    answer_seconds: float = 60.0
    # seconds that an idle connection is kept open
    keep_alive_seconds: float = 75.0
    # days that the change log is kept
    changes_days: int = 90

    def connections(self, command: str) -> int:
        """Return the maximum number of connections of the processes of `up`, `serve`, `work` or `index`."""
        servers, worker = self.workers * self.pool_size, self.worker_pool_size + QUEUE_CONNECTIONS
        index = INDEX_POOL_SIZE + 1
        return {"serve": servers, "work": worker, "index": index, "up": servers + worker + self.indexes * index}[
            command
        ]

    def replace(self, **options: object) -> "Settings":
        """Return these settings with the given options, except those that are None; raises `BadSettings`."""
        values = {name: value for name, value in options.items() if value is not None}
        return _checked(msgspec.structs.replace(self, **values))

    def environment(self) -> dict[str, str]:
        """Return the environment variables that give a child process these settings."""
        variables: dict[str, str] = {}
        for name, value in msgspec.structs.asdict(self).items():
            variables[variable(name)] = ",".join(value) if isinstance(value, tuple) else str(value)
        return variables


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PLAIN.get(name, PREFIX + name.upper())


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the environment; an empty variable counts as unset. Raises `BadSettings`."""
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    unreadable = []
    for field in msgspec.structs.fields(Settings):
        text = source.get(variable(field.name), "").strip()
        try:
            if text:
                values[field.name] = _read(field.type, text)
        except msgspec.ValidationError:
            kind = "a number" if field.type in (int, float) else "valid"
            unreadable.append(f"{variable(field.name)} is not {kind}: {text}")
    return _checked(Settings(**values), unreadable)


def _read(kind: Any, text: str) -> object:  # noqa: ANN401 - the type of the field
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind is Path:
        return Path(text)
    return msgspec.convert(text, kind, strict=False)


def _checked(settings: Settings, unreadable: Iterable[str] = ()) -> Settings:
    """Raise one `BadSettings` for all values that are unreadable or out of range."""
    values = msgspec.structs.asdict(settings)
    variables = settings.environment()
    wrong = [
        *unreadable,
        *(
            f"{variable(name)} must be {description}, not {variables[variable(name)]}"
            for name, (is_right, description) in RANGES.items()
            if not is_right(values[name])
        ),
        *_faults_of_url(settings.database_url),
    ]
    if wrong:
        raise BadSettings("; ".join(wrong))
    return settings


def _are_networks(ranges: tuple[str, ...]) -> bool:
    try:
        networks(ranges)
    except ValueError:
        return False
    return True


def _at_least(minimum: float) -> Range:
    return lambda value: value >= minimum, f"{minimum} or more"


_SECONDS: Range = (lambda value: value > 0, "seconds, more than 0")
_PART: Range = (lambda share: 0 < share <= 1, "more than 0 and at most 1")
RANGES: dict[str, Range] = {
    "port": (lambda port: 0 <= port <= MAX_PORT, f"from 0 to {MAX_PORT}"),
    "workers": _at_least(1),
    "indexes": _at_least(0),
    # A search uses a connection and needs a second one for an instant.
    "pool_size": _at_least(2),
    "worker_pool_size": _at_least(1),
    "account_share": _PART,
    "connect_seconds": _SECONDS,
    "heartbeat_seconds": _SECONDS,
    "http_connections": _at_least(0),
    "address_share": _PART,
    "head_seconds": _SECONDS,
    "body_seconds": _SECONDS,
    "answer_seconds": _SECONDS,
    "keep_alive_seconds": _SECONDS,
    "changes_days": _at_least(1),
    "log_level": (lambda level: level in LOG_LEVELS, f"{', '.join(LOG_LEVELS[:-1])} or {LOG_LEVELS[-1]}"),
    "public_url": (
        lambda url: re.fullmatch(PUBLIC_URL, url),
        "an address such as https://fans.example.com, without a path",
    ),
    "trusted_proxies": (_are_networks, "networks such as 10.0.0.0/8, separated by commas"),
}


def _faults_of_url(url: str) -> Iterator[str]:
    """Yield what is wrong with a database URL, without repeating it, since it may contain a password."""
    if url and not url.startswith(SCHEMES):
        yield f"DATABASE_URL must begin with {' or '.join(SCHEMES)}"
    try:
        _ = urlsplit(url).port
    except ValueError:
        yield "DATABASE_URL cannot be parsed: the port must be a number, and @ in a password must be written as %40"
