"""Responses: JSON, problem+json, gzip, ETag, and the mapping of exceptions to refusals."""

import asyncio
import gzip
import hashlib
import traceback
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import asyncpg
import msgspec
import structlog

from fanfare.kernel.data.db import OUTAGES, UNSTORABLE
from fanfare.kernel.data.delivery import JSON, LINES
from fanfare.kernel.data.paging import ArrayPage, NextPage
from fanfare.kernel.errors import BadParameters, Refusal, Unavailable
from fanfare.kernel.pictures import ImageAnswer
from fanfare.kernel.running.shares import Busy
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response

log = structlog.get_logger()
encoder = msgspec.json.Encoder(decimal_format="number")

MIN_GZIP_BYTES = 1024
GZIP_LEVEL = 1
# Above this size, hashing and compressing count as a long step of the event loop.
LONG_STEP_BYTES = 16 * 1024
# Above this size they run in a thread, since they would delay other requests.
THREAD_BYTES = 128 * 1024


def media_type(choices: Collection[str], accept: str) -> str:
    """Return the first media type of an Accept header that is JSON or one of the choices; JSON if none is."""
    for each in accept.split(",") if choices else ():
        name = each.partition(";")[0].strip().lower()
        if name in choices or name == JSON:
            return name
    return JSON


def encode(answer: Any, form: str = JSON) -> bytes:  # noqa: ANN401 - any answer form
    """Return the body of an answer, a list as JSON or, with `form` LINES, as lines; None gives an empty body."""
    if form == LINES:
        return encoder.encode_lines(getattr(answer, "data", answer))
    if isinstance(answer, ImageAnswer):
        return answer.content
    if isinstance(answer, ArrayPage):
        answer = answer.data
    return b"" if answer is None else encoder.encode(answer)


async def put(request: Request, response: Response, status: int, body: bytes, *, has_etag: bool = False) -> None:
    """Fill a response: gzip if the client accepts it, 304 if the client's ETag matches.

    The content type of anything but JSON must be set before.
    """
    if len(body) <= THREAD_BYTES:
        _put(request, response, status, body, has_etag=has_etag)
    else:
        await asyncio.to_thread(_put, request, response, status, body, has_etag=has_etag)


def _put(request: Request, response: Response, status: int, body: bytes, *, has_etag: bool) -> None:
    response.status = status
    # Also of a 304: it has the headers that decide between stored answers (RFC 9110, 15.4.5).
    if len(body) >= MIN_GZIP_BYTES:
        response.append_header("Vary", "Accept-Encoding")
    if has_etag:
        etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
        response.set_header("ETag", etag)
        response.set_header("Cache-Control", "no-cache")
        if etag in [each.strip() for each in request.headers.get("if-none-match", "").split(",")]:
            response.status = 304
            return
    if len(body) >= MIN_GZIP_BYTES and request.accepts_gzip:
        response.set_header("Content-Encoding", "gzip")
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
    response.data = body


def put_next_page(request: Request, response: Response, next_page: NextPage) -> None:
    """Set X-Next-Cursor and Link for a bare array. The link contains no key: the client sends it again."""
    if next_page.cursor is None:
        return
    response.set_header("X-Next-Cursor", next_page.cursor)
    if next_page.has_more:
        excluded = (next_page.parameter, "api_key", "api_secret")
        parameters = parse_qsl(request.query_string, keep_blank_values=True)
        query = [pair for pair in parameters if pair[0] not in excluded] + [(next_page.parameter, next_page.cursor)]
        response.set_header("Link", f'<{quote(request.path)}?{urlencode(query)}>; rel="next"')


# The refusals for exceptions that are none; the first match counts.
REFUSALS: tuple[tuple[tuple[type[BaseException], ...], Callable[[], Refusal]], ...] = (
    ((Busy,), lambda: Unavailable("too many calls of this account are running; try again shortly")),
    ((asyncpg.QueryCanceledError,), lambda: Unavailable("the query took too long; narrow it down", retry_after=5)),
    (UNSTORABLE, lambda: BadParameters([("", "a value cannot be stored")])),
)


def refusal_of(error: BaseException) -> Refusal:
    """Return the refusal for an exception; an unexpected exception is logged and becomes a 503."""
    if isinstance(error, Refusal):
        return error
    for kinds, refusal in REFUSALS:
        if isinstance(error, kinds):
            return refusal()
    if isinstance(error, OUTAGES):
        log.warning("unavailable", reason=type(error).__name__)
        return Unavailable()
    # The location only: the message may quote what a client sent.
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("fault", kind=type(error).__name__, frames=frames)
    return Unavailable("internal error; it has been logged", retry_after=5)


def put_refusal(response: Response, refusal: Refusal, request_id: str) -> None:
    """Fill a response with problem+json."""
    response.status = refusal.status
    response.content_type = "application/problem+json"
    response.data = encoder.encode({**refusal.problem(), "request_id": request_id})
    response.set_headers(refusal.headers)
    if refusal.retry_after is not None:
        response.set_header("Retry-After", str(refusal.retry_after))
