"""Calls in the form that OAuth 2 prescribes: no API key, form parameters, JSON responses with the codes of the RFCs.

A function declares its path beside it and is called with the arguments that its parameters ask for by type: the
database (`Db`), the account's id in the path (`int`), the request (`OAuthRequest`) and the current time (`datetime`).
It returns what is encoded as JSON, or None for an empty response.

Browsers of any site may call: what a call needs is in its parameters or its header Authorization, never in a cookie.
Errors that may answer a guess are counted by IP address, with the wrong keys of the API.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar, get_type_hints

import msgspec

from fanfare.kernel.addresses import nearest_address, subscriber
from fanfare.kernel.data import limits
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import InvalidRequest, OAuthRefusal, Refusal, Unknown, error_description
from fanfare.kernel.parameters import from_query, single_values
from fanfare.kernel.running import loop_turns
from fanfare.kernel.web import answers, http
from fanfare.kernel.web.application import Application, Responders
from fanfare.kernel.web.body import read_body
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])
MAX_BYTES = 64 * 1024
FORM = "application/x-www-form-urlencoded"
SERVER_ERROR = 500
ACCOUNT_ID = re.compile(r"[1-9][0-9]{0,17}")


class OAuthRequest(msgspec.Struct, frozen=True):
    """The parameters of a request, each of which was sent once, and the header Authorization."""

    fields: Mapping[str, str]
    authorization: str = ""


class OAuthCall(msgspec.Struct, frozen=True):
    """A call: methods, path and function. Without `max_age`, the response is not stored by anyone."""

    methods: tuple[str, ...]
    path: str
    handler: Callable[..., Awaitable[Any]]
    arguments: tuple[tuple[str, Any], ...]
    # seconds that a response may be cached
    max_age: int = 0


def oauth_call(*methods: str, path: str, max_age: int = 0) -> Callable[[F], F]:
    """Declare a call."""

    def mark(handler: F) -> F:
        hints = get_type_hints(handler)
        hints.pop("return")
        unknown = [hint for hint in hints.values() if hint not in (Db, int, OAuthRequest, datetime)]
        if unknown:
            message = f"{handler.__name__} asks for {unknown}, which no call provides"
            raise TypeError(message)
        handler.oauth_call = OAuthCall(  # type: ignore[attr-defined]
            methods, path, handler, tuple(hints.items()), max_age
        )
        return handler

    return mark


def add_routes(app: Application, service: http.Service, calls: Iterable[OAuthCall]) -> None:
    """Serve the calls."""
    for call in calls:
        app.add_responders(call.path, _responders(service, call))


def _responders(service: http.Service, call: OAuthCall) -> Responders:
    async def respond(request: Request, response: Response, account_id: str) -> None:
        await _respond(service, call, request, response, account_id)

    methods = [*call.methods, "HEAD"] if "GET" in call.methods else call.methods
    options = http.options(methods, allowed_headers="Authorization, Content-Type")
    return {**dict.fromkeys(methods, respond), "OPTIONS": options}


async def _respond(
    service: http.Service, call: OAuthCall, request: Request, response: Response, account_id: str
) -> None:
    request_id = http.assign_request_id(request, response)
    response.set_header("Access-Control-Allow-Origin", "*")
    response.set_header("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After, X-Request-Id")
    response.set_header("Cache-Control", "no-store")
    response.set_header("X-Content-Type-Options", "nosniff")
    now = service.clock()
    try:
        result = await _act(service, call, request, _account_id(account_id), now)
    except Exception as error:  # noqa: BLE001 - refusal_of logs unexpected exceptions
        _put_error(response, answers.refusal_of(error), request_id)
        return
    if call.max_age:
        response.set_header("Cache-Control", f"public, max-age={call.max_age}")
    await answers.put(request, response, 200, answers.encode(result))


def _account_id(text: str) -> int:
    if not ACCOUNT_ID.fullmatch(text):
        raise Unknown(account=text)
    return int(text)


async def _act(service: http.Service, call: OAuthCall, request: Request, account_id: int, now: datetime) -> Any:  # noqa: ANN401 - any response
    peer = request.scope.get("client")
    address = nearest_address(peer[0] if peer else None, request.headers, service.admission.proxies)
    counter = limits.refusal_counter(subscriber(address))
    if service.admission.limits.is_used_up(counter, now):
        raise counter.refusal(now)
    try:
        values: dict[object, Any] = {
            Db: service.db.for_account(account_id),
            int: account_id,
            OAuthRequest: await _read(request),
            datetime: now,
        }
        with loop_turns.turns().call(account_id):
            return await call.handler(**{name: values[hint] for name, hint in call.arguments})
    except OAuthRefusal as error:
        if error.is_guess and (await service.admission.limits.take(service.db, counter, now)).is_used_up:
            raise counter.refusal(now) from None
        raise


async def _read(request: Request) -> OAuthRequest:
    raw = from_query(request.scope["query_string"])
    if request.method == "POST":
        body = await read_body(request, MAX_BYTES)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and kind != FORM:
            message = f"the content type must be {FORM}"
            raise InvalidRequest(message)
        # A secret in a URL would be in the logs of every proxy.
        raw = from_query(body.strip())
    return OAuthRequest(single_values(raw), request.headers.get("authorization", ""))


def _put_error(response: Response, refusal: Refusal, request_id: str) -> None:
    """Fill a response with the error of the RFCs; other refusals are reported by the nearest of their codes."""
    if isinstance(refusal, OAuthRefusal):
        code = refusal.code()
    else:
        is_busy = refusal.status >= SERVER_ERROR or refusal.retry_after is not None
        code = "temporarily_unavailable" if is_busy else "invalid_request"
    response.status = refusal.status
    response.set_headers(dict(refusal.headers))
    if refusal.retry_after is not None:
        response.set_header("Retry-After", str(refusal.retry_after))
    description = error_description(refusal.detail)
    response.data = answers.encode({"error": code, "error_description": description, "request_id": request_id})
    response.content_type = "application/json"
