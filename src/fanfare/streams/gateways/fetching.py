"""Fetches what sources publish, through the client that checks where calls lead, also after redirects."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec

from fanfare.kernel.running.http_client import CallError, HttpAnswer, HttpRequest, http_client
from fanfare.kernel.running.shares import Busy
from fanfare.streams.schemas.entries import Entry

T = TypeVar("T")
MAX_BYTES = 2 * 1024 * 1024
MAX_REDIRECTS = 3
MAX_WAIT_SECONDS = 24 * 3600
# Entries that wait until their authors may have more; with more of them nothing new is read.
MAX_DEFERRED = 1000
AGENT = "Fanfare (streams)"


class SourceFault(Exception):  # noqa: N818 - what it is
    """A source cannot be read; the message is shown to the account. `wait_seconds` is what the source asked for."""

    def __init__(self, message: str, wait_seconds: int = 0) -> None:
        self.wait_seconds = min(wait_seconds, MAX_WAIT_SECONDS)
        super().__init__(message)


class Source(msgspec.Struct, frozen=True):
    """A source as its reader needs it. `settings` are those of its kind, `state` what the reading before left."""

    account_id: int
    source_id: int
    source_kind: str
    settings: dict[str, Any]
    secret: str | None
    state: dict[str, Any]

    def setting(self, name: str) -> str:
        """Return a setting as text, empty if it is missing."""
        return str(self.settings.get(name) or "")


class Reading(msgspec.Struct, frozen=True):
    """What a source has now, the earliest entry first; None if nothing has changed.

    `complete_from` is the time from which on the entries are all there are: later ones that are missing were deleted.
    `keys` are all keys there are that begin with `key_prefix`, for a source without such a time. `numbers` are those of
    entries by their keys, for a source that reads each entry once: those in `state["deferred"]` are read again.
    `is_full`: there is more to read at once.
    """

    entries: list[Entry] | None
    state: dict[str, Any]
    complete_from: datetime | None = None
    keys: frozenset[str] | None = None
    key_prefix: str = ""
    numbers: Mapping[str, int] = {}
    is_full: bool = False


class Part(msgspec.Struct, frozen=True):
    """The numbers of the entries to read now: new ones, and deferred ones again; `rest` is deferred further."""

    numbers: list[int]
    rest: list[int]
    is_full: bool


def next_part(new: Sequence[int], deferred: Sequence[int], size: int) -> Part:
    """Return which entries to read now, at most `size`: half of them deferred ones, if there are so many."""
    again = deferred[: size // 2]
    first = [] if len(deferred) >= MAX_DEFERRED else new[: size - len(again)]
    return Part(sorted({*again, *first}), list(deferred[len(again) :]), is_full=len(first) < len(new) and bool(first))


async def fetch(url: str, account_id: int, headers: Mapping[str, str], max_bytes: int = MAX_BYTES) -> HttpAnswer:
    """Return the answer of a URL after at most three redirects, each of which is checked as the first; SourceFault."""
    for _ in range(MAX_REDIRECTS + 1):
        if fault := http_client.url_fault(url):
            message = f"the address {fault}"
            raise SourceFault(message)
        answer = await send(HttpRequest("GET", url, {"User-Agent": AGENT, **headers}, max_bytes=max_bytes), account_id)
        location = answer.headers.get("location")
        if answer.status not in (301, 302, 303, 307, 308) or not location:
            return answer
        target = urljoin(url, location)
        if _origin(target) != _origin(url):
            headers = {name: value for name, value in headers.items() if name != "Authorization"}
        url = target
    message = f"it redirects more than {MAX_REDIRECTS} times"
    raise SourceFault(message)


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url, ""
    return parts.scheme, parts.netloc


async def send(request: HttpRequest, account_id: int) -> HttpAnswer:
    """Return the answer to a request; raises SourceFault without one, or when the source asks to wait."""
    try:
        answer = await http_client.send(request, account_id)
    except (CallError, Busy) as error:
        message = f"it does not respond ({type(error).__name__}: {error})"
        raise SourceFault(message) from None
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = answer.headers.get("retry-after", "")
        message = f"it responds with {answer.status}"
        raise SourceFault(message, int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 7 else 0)  # noqa: PLR2004 - seconds of a week
    return answer


async def fetch_json(url: str, account_id: int, kind: type[T], headers: Mapping[str, str] | None = None) -> T:
    """Return the JSON of a URL; raises SourceFault."""
    answer = await fetch(url, account_id, {"Accept": "application/json", **(headers or {})})
    return json_of(answer, kind)


def json_of(answer: HttpAnswer, kind: type[T]) -> T:
    """Return the JSON of an answer; raises SourceFault."""
    if answer.status != HTTPStatus.OK:
        message = f"it responds with {answer.status}"
        raise SourceFault(message)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, RecursionError):
        message = "its JSON is not as expected"
        raise SourceFault(message) from None
