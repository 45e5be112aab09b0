"""The application: every call behind one responder, in the order key, rate, parameters, action, answer.

Parameters come from path, query and body alike; a Refusal raised anywhere becomes problem+json here and only here.
"""

import itertools
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

import falcon.asgi
import structlog
from falcon.asgi import Request, Response

from fanfare.kernel import answers, idempotency, metrics, renames
from fanfare.kernel.addresses import Network, named_address, nearest_address
from fanfare.kernel.body import read_body, take_apart
from fanfare.kernel.clock import Clock
from fanfare.kernel.db import Db
from fanfare.kernel.endpoint import Caller, Endpoint
from fanfare.kernel.idempotency import Answered
from fanfare.kernel.keys import PUBLIC, Account, Key, Keyring
from fanfare.kernel.limits import Limits
from fanfare.kernel.parameters import Params, Raw, from_query, read

log = structlog.get_logger()
# Asked before each line that is rarely wanted: structlog would make the line first.
plain_log = logging.getLogger(__name__)
Responder = Callable[..., Awaitable[None]]
# A process's own random part and a count: a fresh UUID for each call costs a system call.
PROCESS_ID = secrets.token_hex(8)
COUNT = itertools.count(1)
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Service:
    """What one server process holds while it answers: the database, the keys it has seen, its blocks of calls."""

    def __init__(
        self,
        db: Db,
        clock: Clock,
        proxies: Iterable[Network] = (),
        successors: renames.Successors = renames.nobody,
    ) -> None:
        """Take database, clock, the networks whose X-Forwarded-For is believed, and what knows of renamed ids."""
        self.db = db
        self.clock = clock
        self.proxies = tuple(proxies)
        self.successors = successors
        self.keyring = Keyring()
        self.limits = Limits()

    def responder(self, endpoint: Endpoint) -> Responder:
        """Return what falcon calls for an endpoint."""

        async def respond(_: object, request: Request, response: Response, **path: str) -> None:
            started = time.perf_counter()
            request_id = start(request, response)
            if endpoint.key == PUBLIC:
                response.set_header("Access-Control-Allow-Origin", "*")
                response.set_header("Access-Control-Expose-Headers", EXPOSED)
            try:
                await self._answer(endpoint, request, response, path)
            except Exception as error:  # noqa: BLE001 - every fault gets an answer, and refusal_of logs what is ours
                answers.put_refusal(response, answers.refusal_of(error), request_id)
            seconds = time.perf_counter() - started
            metrics.answered(endpoint.call_id, int(response.status_code), seconds)
            if plain_log.isEnabledFor(logging.DEBUG):
                log.debug("answered", call=endpoint.call_id, status=response.status_code, ms=round(seconds * 1000, 1))

        return respond

    async def _answer(self, endpoint: Endpoint, request: Request, response: Response, path: dict[str, str]) -> None:
        now = self.clock()
        body = await read_body(request)
        raw = merged(path, body, request)
        key = await self.keyring.find(self.db, credential(request, raw, "api_key"))
        allowance = await self.limits.take(self.db.of(key.account.id), key, now)
        response.set_headers(allowance.headers())
        has_secret = key.allows(endpoint.scope, endpoint.key, credential(request, raw, "api_secret"), now)
        peer = request.scope.get("client")
        nearest = nearest_address(peer[0] if peer else None, request.headers, self.proxies)
        address = (named_address(request.headers) if has_secret else None) or nearest

        async def act(db: Db) -> Answered:
            caller = Caller(address, has_secret)
            given: dict[object, Any] = {Account: key.account, Caller: caller, datetime: now}
            return await call(endpoint, db, given, raw, self.successors)

        answered = await self._act(endpoint, request, key, body, now, act)
        if answered.is_replay:
            response.set_header("Idempotent-Replayed", "true")
        response.content_type = endpoint.media_type
        answers.put(request, response, answered.status, answered.body, has_etag=endpoint.has_etag)

    async def _act(
        self, endpoint: Endpoint, request: Request, key: Key, body: bytes, now: datetime, act: Callable[[Db], Any]
    ) -> Answered:
        db = self.db.of(key.account.id)
        repeat_key = request.headers.get("idempotency-key")
        if repeat_key is None or not endpoint.is_write:
            answered: Answered = await act(db)
            return answered
        query = request.scope["query_string"]
        wanted = idempotency.request_hash(request.method, request.path, query, body)
        return await idempotency.once(db, key.account.id, repeat_key, wanted, now, act)


EXPOSED = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id, ETag, Retry-After"


def start(request: Request, response: Response) -> str:
    """Give the request its id, kept from the caller's X-Request-Id when that is a plain word."""
    given = request.headers.get("x-request-id", "")
    request_id = given if given and REQUEST_ID.fullmatch(given) else f"{PROCESS_ID}{next(COUNT):012x}"
    response.set_header("X-Request-Id", request_id)
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def merged(path: dict[str, str], body: bytes, request: Request) -> Raw:
    """Return one set of parameters: the path's beat the body's, the body's beat the query's."""
    raw = from_query(request.scope["query_string"])
    if body:
        raw.update(take_apart(body, request.headers.get("content-type")))
    for name, value in path.items():
        raw[name] = [value]
    return raw


def credential(request: Request, raw: Raw, name: str) -> str | None:
    """Return a key or secret from its header, else from its parameter."""
    given = request.headers.get(name.replace("_", "-"))
    if given is None and name in raw:
        given = str(raw[name][0])
    return given


async def call(
    endpoint: Endpoint, db: Db, given: dict[object, Any], raw: Raw, successors: renames.Successors
) -> Answered:
    """Read the parameters, call the endpoint with what its signature asks for, encode its answer."""

    async def act(tried: Db, wanted: Params | None) -> Any:  # noqa: ANN401 - any answer form
        known = {**given, Db: tried, endpoint.params: wanted}
        return await endpoint.handler(**{name: known[hint] for name, hint in endpoint.arguments})

    if endpoint.params is None:
        return Answered(200, answers.encode(await act(db, None)))
    if endpoint.array_field and "" in raw:
        raw[endpoint.array_field] = raw.pop("")
    wanted = read(endpoint.params, raw)
    if not endpoint.is_write and not renames.named(endpoint.params):
        return Answered(200, answers.encode(await act(db, wanted)))
    return Answered(200, answers.encode(await renames.acted(act, successors, db, given[Account].id, wanted)))


def application(service: Service, endpoints: Iterable[Endpoint]) -> falcon.asgi.App[Request, Response]:
    """Return the falcon application that serves these endpoints, with HEAD and OPTIONS beside them."""
    app = falcon.asgi.App(media_type="application/json")
    app.req_options.strip_url_path_trailing_slash = True
    app.add_error_handler(Exception, _refuse)
    app.add_error_handler(falcon.HTTPError, _refuse)
    by_path: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, []).append(endpoint)
    for path, served in by_path.items():
        app.add_route(path, _resource(service, served))
    return app


def _resource(service: Service, served: list[Endpoint]) -> object:
    methods: dict[str, Responder] = {}
    for endpoint in served:
        methods[endpoint.method] = service.responder(endpoint)
        if endpoint.method == "GET":
            methods["HEAD"] = methods["GET"]
    methods["OPTIONS"] = _options([*methods, "OPTIONS"], is_public=any(each.key == PUBLIC for each in served))
    responders = {f"on_{method.lower()}": responder for method, responder in methods.items()}
    return type("Resource", (), responders)()


def _options(methods: list[str], *, is_public: bool) -> Responder:
    async def respond(_: object, request: Request, response: Response, **__: str) -> None:
        start(request, response)
        response.status = 204
        response.set_header("Allow", ", ".join(methods))
        if is_public:
            response.set_header("Access-Control-Allow-Origin", "*")
            response.set_header("Access-Control-Allow-Methods", ", ".join(methods))
            response.set_header("Access-Control-Allow-Headers", "Api-Key, Content-Type, Idempotency-Key, X-Request-Id")
            response.set_header("Access-Control-Max-Age", "86400")

    return respond


async def _refuse(request: Request, response: Response, error: Exception, _: dict[str, Any]) -> None:
    request_id = start(request, response)
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        response.set_header("Allow", (error.headers or {}).get("Allow", ""))  # type: ignore[union-attr]
    answers.put_refusal(response, answers.refusal_of(error), request_id)


class Straightened:
    """The outermost layer: a doubled slash means one, and /v1 is /api/v1."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - any ASGI application
        """Take the application that gets the straightened path."""
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Pass the call on."""
        if scope["type"] == "http":
            path = scope["path"]
            if "//" in path:
                path = re.sub("/{2,}", "/", path)
            if path.startswith("/v1/"):
                path = "/api" + path
            scope["path"] = path
        await self.app(scope, receive, send)
