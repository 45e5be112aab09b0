"""Calls to the source: within its rate limit, repeated while it is away, and bounded."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self

import httpx
import msgspec

from fanfare.kernel.errors import CannotRun
from fanfare.moving.schemas import printable

SECONDS = 120.0
MAX_BYTES = 256 * 1024 * 1024
ATTEMPTS = 8
# Between attempts. A limit lasts as long as the source says, at most a day.
PAUSE, MAX_PAUSE, MAX_LIMIT_PAUSE = 1.0, 120.0, 86_400.0
# Of one call that is refused for its limit again and again, and of one answer, however slowly it comes.
MAX_LIMIT_SECONDS, MAX_ANSWER_SECONDS = 2 * MAX_LIMIT_PAUSE, 1800.0
# Statuses of a server, or a proxy before it, that may answer soon.
AWAY = frozenset({500, 502, 503, 504})
# Larger than any number of seconds: a moment.
UNIX_TIMES = 1_000_000_000
# Statuses of a source that does not take the value of a parameter, such as a limit.
REFUSED_VALUES = frozenset({400, 422})


class RefusedCall(CannotRun):
    """The source refused a call; `status` says how."""

    def __init__(self, path: str, status: int, detail: str) -> None:
        """`detail` is what the source says."""
        super().__init__(f"the source refused {path} ({status}): {printable(detail[:300])}")
        self.status = status


class Answer(NamedTuple):
    """The rows of an answer, and the cursor of the next ones, null where the source gives none."""

    rows: list[Any]
    cursor: str | None = None


class Source:
    """The API of an account that moves in."""

    def __init__(self, url: str, api_key: str, api_secret: str, *, pause: Callable[[float], Awaitable[None]]) -> None:
        """`pause` waits a number of seconds."""
        self.call_count = 0
        self._pause = pause
        self._ready_at = 0.0
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Api-Key": api_key, "Api-Secret": api_secret, "User-Agent": "fanfare-import"},
            timeout=SECONDS,
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        """Return the API."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def get(self, path: str, **params: object) -> Any:  # noqa: ANN401 - JSON of a call
        """Return the JSON of a call; RefusedCall if it is refused, CannotRun if the source stays away."""
        return (await self._answer(path, params))[0]

    async def rows(self, path: str, **params: object) -> Answer:
        """Return the rows of a list, with the cursor that a Fanfare gives; errors as those of `get`."""
        body, headers = await self._answer(path, params)
        if isinstance(body, list):
            return Answer(body, headers.get("X-Next-Cursor"))
        return Answer(body["data"], body.get("meta", {}).get("next_cursor"))

    async def _answer(self, path: str, params: dict[str, object]) -> tuple[Any, httpx.Headers]:
        reason, attempt, limits = "", 0, Limits()
        while attempt < ATTEMPTS:
            await self._wait()
            self.call_count += 1
            try:
                status, headers, content = await self._request(path, params)
            except httpx.InvalidURL:
                # A row names the part of a path.
                message = f"the source names what cannot be asked for: {path[:100]!r}"
                raise CannotRun(message) from None
            except (httpx.HTTPError, TimeoutError) as error:
                status, headers, content, reason = 0, httpx.Headers(), b"", str(error) or type(error).__name__
            if status == httpx.codes.OK:
                self._obey(headers)
                return _decoded(path, content), headers
            if status == httpx.codes.TOO_MANY_REQUESTS:
                # Not an attempt: the source is there, and says when.
                self._ready_at = time.monotonic() + limits.pause(path, headers)
                continue
            if status and status not in AWAY:
                raise RefusedCall(path, status, _detail(content))
            reason = reason or str(status)
            pause = min(PAUSE * 2**attempt, MAX_PAUSE)
            self._ready_at = time.monotonic() + _seconds(headers, "Retry-After", pause, MAX_PAUSE)
            attempt += 1
        fault = f"the source does not answer {printable(path)} ({reason})"
        message = f"{fault}; run the command again, it continues where it ended"
        raise CannotRun(message)

    async def _request(self, path: str, params: dict[str, object]) -> tuple[int, httpx.Headers, bytes]:
        query = {name: str(value) for name, value in params.items() if value is not None}
        async with asyncio.timeout(MAX_ANSWER_SECONDS), self._client.stream("GET", path, params=query) as response:
            parts, size = [], 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > MAX_BYTES:
                    message = f"the answer of {path} is larger than {MAX_BYTES} bytes"
                    raise CannotRun(message)
                parts.append(part)
            return response.status_code, response.headers, b"".join(parts)

    async def _wait(self) -> None:
        seconds = self._ready_at - time.monotonic()
        if seconds > 0:
            await self._pause(seconds)

    def _obey(self, headers: httpx.Headers) -> None:
        """Wait for the reset when no call is left, instead of making one that is refused."""
        if headers.get("X-RateLimit-Remaining") == "0":
            self._ready_at = time.monotonic() + _seconds(headers, "X-RateLimit-Reset", PAUSE, MAX_LIMIT_PAUSE)


class Limits:
    """The refusals of a call for the limit of the source: it says how long they last, but not for ever."""

    def __init__(self) -> None:
        """Begin without any."""
        self._count = 0
        self._seconds = 0.0

    def pause(self, path: str, headers: httpx.Headers) -> float:
        """Return how long to wait after a refusal; CannotRun if there is no end to them."""
        name = "Retry-After" if "Retry-After" in headers else "X-RateLimit-Reset"
        # Who says "now" and refuses again is asked less and less often.
        shortest = min(PAUSE * 2.0 ** (self._count - 1), MAX_PAUSE) if self._count else 0.0
        seconds = max(_seconds(headers, name, PAUSE, MAX_LIMIT_PAUSE), shortest)
        self._count = min(self._count + 1, ATTEMPTS)
        self._seconds += seconds
        if self._seconds > MAX_LIMIT_SECONDS:
            message = f"the source refuses {path} for its limit of calls, for two days; run the command again later"
            raise CannotRun(message)
        return seconds


def new_source(url: str, api_key: str, api_secret: str) -> Source:
    """Return the API of an account at a URL."""
    return Source(url, api_key, api_secret, pause=asyncio.sleep)


def _seconds(headers: httpx.Headers, name: str, default: float, highest: float) -> float:
    """Return how long to wait by a header, which has seconds or a moment in unix seconds; at most `highest`."""
    text = headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(UNIX_TIMES))):
        return default
    number = float(text)
    seconds = number - time.time() if number >= UNIX_TIMES else number
    return max(0.1, min(seconds, highest))


def _decoded(path: str, content: bytes) -> Any:  # noqa: ANN401 - JSON of a call
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        message = f"the answer of {path} is not JSON: is --url the address of the API?"
        raise CannotRun(message) from None


def _detail(content: bytes) -> str:
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return "no reason"
    return str(body.get("detail") or body.get("error") or "no reason") if isinstance(body, dict) else "no reason"
