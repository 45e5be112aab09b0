"""Settings, read from the environment; options of the command line take precedence."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from fanfare.kernel.addresses import networks
from fanfare.kernel.errors import CannotRun

PREFIX = "FANFARE_"
ACCOUNT_SHARE = 0.5
# A worker's queue has its own connections; an index process has a pool, and one connection for its locks.
QUEUE_CONNECTIONS = 4
INDEX_POOL_SIZE = 4
# `fanfare up` runs an index process once an account is so large that one pays.
AS_NEEDED = -1
# Connections of a server process beyond its pool_size, for single statements outside of their caller's transaction:
# the caller has a connection already, and must not wait for one that another such caller has.
BESIDE_CONNECTIONS = 1
# Conventional names, so that they can be shared with other programs.
CONVENTIONAL_NAMES = {"database_url": "DATABASE_URL", "geoip_city_db": "GEOIP_CITY_DB"}
LOG_LEVELS = ("debug", "info", "warning", "error")
MAX_PORT = 65535
PUBLIC_URL = r"(https?://[A-Za-z0-9._\[\]:-]+)?"
# The sender of an SMS: letters, digits and spaces, or a number.
SMS_SENDER = r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}|\+?[0-9]{3,15}"
SCHEMES = ("postgresql://", "postgres://")
# The shortest secret key, and the fields that hold secrets: no message repeats their values.
SECRET_KEY_LENGTH = 32
SECRETS = ("secret_key", "database_url", "smtp_url", "sms_url")
# How a connection to a mail server is encrypted, as `tls=` says in FANFARE_SMTP_URL.
SMTP_TLS = ("starttls", "none")
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
    # number of index processes of `fanfare up`; without one, counts are computed by the database; unset: as needed
    indexes: int = AS_NEEDED
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
    # days that deliveries to endpoints are kept
    deliveries_days: int = 30
    # what encrypts and signs, the key for new things first; empty: the file secret.keys in the data directory
    secret_key: tuple[str, ...] = ()
    # the mail server, such as smtp://user:password@mail.example.com:587?tls=starttls; empty: mail is kept, not sent
    smtp_url: str = ""
    # the sender of mail, such as Northside FC <news@northside.example>
    mail_from: str = ""
    # the gateway of SMS: an apprise URL, or http(s)://… that gets JSON; empty: SMS are kept, not sent
    sms_url: str = ""
    # the senders of SMS that accounts may set, such as HARBOUR,16045550100; empty: none
    sms_senders: tuple[str, ...] = ()
    # the private key (PEM) and the selector by which mail is signed with DKIM; empty: it is not
    dkim_key: str = ""
    dkim_selector: str = "fanfare"
    # networks beside the public addresses that calls to gateways and identity providers may reach, such as 10.0.0.0/8
    outgoing_allowed: tuple[str, ...] = ()
    # the name servers that are asked about virtual domains, such as 10.0.0.2:53; empty: the machine's
    name_servers: tuple[str, ...] = ()
    # a file, or a folder of files, with the address ranges of data centres, as these publish them; empty: none
    data_centres: str = ""
    # days that IP addresses, user agents and parameters of clicks and sales are kept
    clicks_days: int = 30
    # days that messages are kept
    messages_days: int = 90
    # days that a fan's session lasts without use, and in all
    session_idle_days: float = 30.0
    session_days: float = 365.0

    def connections(self, command: str) -> int:
        """Return the maximum number of connections of the processes of `up`, `serve`, `work` or `index`."""
        servers = self.workers * (self.pool_size + BESIDE_CONNECTIONS)
        worker = self.worker_pool_size + QUEUE_CONNECTIONS
        index = INDEX_POOL_SIZE + 1
        indexes = 1 if self.indexes == AS_NEEDED else self.indexes
        return {"serve": servers, "work": worker, "index": index, "up": servers + worker + indexes * index}[command]

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
    return CONVENTIONAL_NAMES.get(name, PREFIX + name.upper())


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
            f"{variable(name)} must be {description}"
            + ("" if name in SECRETS else f", not {variables[variable(name)]}")
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


def _is_smtp_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        is_right = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_right and parts.path in ("", "/") and options.get("tls", "none") in SMTP_TLS and set(options) <= {"tls"}


def _is_sender(text: str) -> bool:
    match = re.fullmatch(r"(?:[^<>\r\n]+<)?([^\s@<>]+)@([^\s@<>]+)>?", text)
    if not match or ("<" in text) != text.endswith(">") or not match[1].isascii():
        return False
    if match[2].isascii():
        return True
    import idna  # noqa: PLC0415 - for few

    try:
        return bool(idna.encode(match[2], uts46=True))
    except UnicodeError:
        return False


def _at_least(minimum: float) -> Range:
    return lambda value: value >= minimum, f"{minimum} or more"


_SECONDS: Range = (lambda value: value > 0, "seconds, more than 0")
_DAYS: Range = (lambda value: 0 < value <= 36_500, "days, more than 0 and at most 36500")  # noqa: PLR2004 - a century
_SHARE: Range = (lambda share: 0 < share <= 1, "more than 0 and at most 1")
_NAME_SERVERS: Range = (
    lambda servers: all(re.fullmatch(r"[0-9a-fA-F.:]+:[0-9]{1,5}", each) for each in servers),
    "addresses with ports such as 10.0.0.2:53, separated by commas",
)
_NETWORKS: Range = (_are_networks, "networks such as 10.0.0.0/8, separated by commas")
RANGES: dict[str, Range] = {
    "port": (lambda port: 0 <= port <= MAX_PORT, f"from 0 to {MAX_PORT}"),
    "workers": _at_least(1),
    "indexes": _at_least(AS_NEEDED),
    # A search uses a connection and needs a second one for an instant.
    "pool_size": _at_least(2),
    "worker_pool_size": _at_least(1),
    "account_share": _SHARE,
    "connect_seconds": _SECONDS,
    "heartbeat_seconds": _SECONDS,
    "http_connections": _at_least(0),
    "address_share": _SHARE,
    "head_seconds": _SECONDS,
    "body_seconds": _SECONDS,
    "answer_seconds": _SECONDS,
    "keep_alive_seconds": _SECONDS,
    "changes_days": _at_least(1),
    # A click can be credited with a sale for five days.
    "clicks_days": _at_least(6),
    "deliveries_days": _at_least(1),
    # Bounces and complaints come days after a message, and are about one that is there.
    "messages_days": _at_least(14),
    "secret_key": (
        lambda keys: all(len(key) >= SECRET_KEY_LENGTH for key in keys),
        f"one or more keys of {SECRET_KEY_LENGTH} characters or more, separated by commas",
    ),
    "smtp_url": (
        lambda url: not url or _is_smtp_url(url),
        "a URL such as smtp://user:password@mail.example.com:587?tls=starttls, with @ in a password as %40",
    ),
    "sms_url": (
        lambda url: not url or re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", url),
        "a URL: of apprise, or http(s)://",
    ),
    "sms_senders": (
        lambda senders: all(re.fullmatch(SMS_SENDER, each) for each in senders),
        "numbers, or names of 1 to 11 letters and digits, separated by commas",
    ),
    "mail_from": (
        lambda sender: not sender or _is_sender(sender),
        "an address such as news@example.com, or Name <news@example.com>",
    ),
    "dkim_selector": (
        lambda selector: re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?", selector),
        "a name of letters, digits and hyphens",
    ),
    "session_idle_days": _DAYS,
    "session_days": _DAYS,
    "log_level": (lambda level: level in LOG_LEVELS, f"{', '.join(LOG_LEVELS[:-1])} or {LOG_LEVELS[-1]}"),
    "public_url": (
        lambda url: re.fullmatch(PUBLIC_URL, url),
        "an address such as https://fans.example.com, without a path",
    ),
    "trusted_proxies": _NETWORKS,
    "outgoing_allowed": _NETWORKS,
    "name_servers": _NAME_SERVERS,
}


def _faults_of_url(url: str) -> Iterator[str]:
    """Yield what is wrong with a database URL, without repeating it, since it may contain a password."""
    if url and not url.startswith(SCHEMES):
        yield f"DATABASE_URL must begin with {' or '.join(SCHEMES)}"
    try:
        _ = urlsplit(url).port
    except ValueError:
        yield "DATABASE_URL cannot be parsed: the port must be a number, and @ in a password must be written as %40"
