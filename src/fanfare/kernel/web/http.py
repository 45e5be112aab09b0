"""The application: every endpoint behind one responder; the order is admission, parameters, ban, action, answer.

Parameters come from path, query and body alike. A Refusal raised anywhere becomes problem+json here, nowhere else.
"""

import itertools
import logging
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import Any, Protocol

import structlog

from fanfare.kernel.addresses import Network
from fanfare.kernel.callers import PUBLIC, Account, Caller
from fanfare.kernel.clock import Clock
from fanfare.kernel.data import idempotency
from fanfare.kernel.data.audit import Action, Actor, AuditLog
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import JSON, Delivery
from fanfare.kernel.data.idempotency import Repeat, StoredAnswer
from fanfare.kernel.data.paging import ArrayPage, IgnoredParameters, Page, RecordsPage
from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import (
    Params,
    Raw,
    RequestContext,
    ignored_names,
    name_array,
    present_fields,
    read,
    select_fields,
)
from fanfare.kernel.running import loop_turns, metrics
from fanfare.kernel.running.log import request_ids
from fanfare.kernel.running.long_inputs import SHORT_BYTES, run_by_size
from fanfare.kernel.web import answers
from fanfare.kernel.web.admission import Admission, Entry
from fanfare.kernel.web.application import Application, Lifespan, Responder
from fanfare.kernel.web.body import upload_of
from fanfare.kernel.web.endpoint import Endpoint, Prepare
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response

log = structlog.get_logger()
# Checked before each debug line: structlog would build the event first.
plain_log = logging.getLogger(__name__)
# Answers with more than the fields of their struct.
EXTENDED = (Page, RecordsPage, IgnoredParameters, ArrayPage)
# Refuses a write without the secret, to an account or (where the call names one) a campaign, from a banned address.
Bans = Callable[[Db, int, int | None, Caller], Awaitable[None]]
# Runs the handler with the given database handle and parameters.
Act = Callable[[Db, Params], Awaitable[Any]]
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Attempts(Protocol):
    """Runs a call with parameters, possibly again with other parameters if it refers to merged objects."""

    async def __call__(self, act: Act, db: Db, account_id: int, params: Params, *, is_write: bool) -> Any:  # noqa: ANN401 - any answer form
        """Return the answer of the last attempt."""


async def single_attempt(act: Act, db: Db, account_id: int, params: Params, *, is_write: bool) -> Any:  # noqa: ANN401, ARG001
    """Run the call once."""
    return await act(db, params)


async def no_bans(_: Db, __: int, ___: int | None, ____: Caller) -> None:
    """Allow every address."""


class Service:
    """The state that all requests of a server process share."""

    def __init__(
        self,
        db: Db,
        clock: Clock,
        proxies: Iterable[Network] = (),
        attempts: Attempts = single_attempt,
        bans: Bans = no_bans,
        audit_log: AuditLog | None = None,
    ) -> None:
        """`proxies` are trusted; `attempts` runs calls that have parameters; `bans` refuses writes by address."""
        self.db = db
        self.clock = clock
        self.admission = Admission(db, proxies)
        self.attempts = attempts
        self.bans = bans
        self.audit_log = audit_log or AuditLog()

    def responder(self, endpoint: Endpoint) -> Responder:
        """Return the responder of an endpoint."""
        headers = PUBLIC_HEADERS if endpoint.key == PUBLIC else NO_HEADERS
        if endpoint.has_secret_answer:
            headers = {**headers, "cache-control": "no-store"}

        async def respond(request: Request, response: Response, **path: str) -> None:
            begin = time.perf_counter()
            request_id = assign_request_id(request, response, headers)
            try:
                await self._answer(endpoint, request, response, path)
            except Exception as error:  # noqa: BLE001 - refusal_of logs unexpected exceptions
                answers.put_refusal(response, answers.refusal_of(error), request_id)
            seconds = time.perf_counter() - begin
            metrics.count_answer(endpoint.call_id, response.status, seconds)
            if plain_log.isEnabledFor(logging.DEBUG):
                log.debug("answered", call=endpoint.call_id, status=response.status, ms=round(seconds * 1000, 1))

        return respond

    async def _answer(self, endpoint: Endpoint, request: Request, response: Response, path: dict[str, str]) -> None:
        now = self.clock()
        entry = await self.admission.admit(endpoint, request, response, now)
        account = entry.key.account
        handle = self.db.for_account(account.id)
        delivery = Delivery(
            handle,
            has_body=request.method != "HEAD",
            media_type=answers.media_type(endpoint.other_media_types, request.headers.get("accept", "")),
            last_event_id=request.headers.get("last-event-id", ""),
        )
        # An upload mostly waits for its client.
        with nullcontext() if endpoint.takes_file else loop_turns.turns().call(account.id):
            try:
                params = await run_by_size(entry.owner, len(entry.body), parameters, endpoint, path, entry.raw)
                answer = await self._act(delivery, endpoint, request, entry, params, now)
            except BadParameters as wrong:
                await add_faults(wrong, endpoint, handle, RequestContext(account, now))
                raise
            response.delivery = delivery
            if answer.is_replay:
                response.set_header("Idempotent-Replayed", "true")
            _put_media_type(response, endpoint, delivery)
            if answer.next_page:
                answers.put_next_page(request, response, answer.next_page)
            if len(answer.body) > answers.LONG_STEP_BYTES:
                await loop_turns.long_step(account.id)
            await answers.put(request, response, answer.status, answer.body, has_etag=endpoint.has_etag)

    async def _act(
        self,
        delivery: Delivery,
        endpoint: Endpoint,
        request: Request,
        entry: Entry,
        params: Params | None,
        now: datetime,
    ) -> StoredAnswer:
        account, caller, handle = entry.key.account, entry.caller, delivery.db
        values: dict[object, Any] = {Account: account, Caller: caller, Delivery: delivery, datetime: now}
        inputs = (params, entry.raw)
        if endpoint.takes_file:
            values[Upload] = upload_of(request)

        async def act(db: Db) -> StoredAnswer:
            if not endpoint.is_audited or request.method == "HEAD":
                return await call_endpoint(endpoint, db, values, inputs, self.attempts)
            action = Action(endpoint.call_id, _actor(entry), params)
            is_one = endpoint.is_write and not endpoint.takes_turn
            run = self.audit_log.change if is_one else self.audit_log.export
            return await run(
                db, account.id, action, now, lambda tx: call_endpoint(endpoint, tx, values, inputs, self.attempts)
            )

        # A file is stored by its offset, so a repeated request has no further effect.
        if not endpoint.is_write or endpoint.takes_file:
            return await act(handle)
        if not caller.has_secret:
            await self.bans(handle, account.id, getattr(params, "page_tab_id", None), caller)

        repeat = await repeat_for(endpoint, request, entry)
        # A token that the first request used up is of no use to those who repeat it.
        if endpoint.prepare and repeat and (replay := await idempotency.stored_answer(handle, repeat, now)):
            return replay
        if endpoint.prepare:
            values[endpoint.prepared_type] = await _prepare(endpoint.prepare, handle, entry, params, now)

        async with handle.bulk_turn() if len(entry.body) > SHORT_BYTES else nullcontext():
            return await (idempotency.run_once(handle, repeat, now, act) if repeat else act(handle))


def _actor(entry: Entry) -> Actor:
    return Actor("key", str(entry.key.api_key), entry.key.name, entry.caller.address)


def _put_media_type(response: Response, endpoint: Endpoint, delivery: Delivery) -> None:
    if endpoint.media_type != JSON:
        response.content_type = endpoint.media_type
    elif endpoint.other_media_types:
        response.content_type = delivery.media_type
        response.append_header("Vary", "Accept")


async def _prepare(prepare: Prepare, handle: Db, entry: Entry, params: Params | None, now: datetime) -> Any:  # noqa: ANN401 - an argument of the handler
    """Make the calls to others that the action needs, before the transaction of an Idempotency-Key begins."""
    try:
        return await prepare(handle, entry.key.account, entry.caller, params, now)
    except BadParameters as wrong:
        wrong.values = present_fields(params) if params else {}
        raise


class _RequestIds:
    """A random prefix per process and a counter: a fresh UUID for each request costs a system call."""

    def __init__(self) -> None:
        self.renew()
        os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        """Begin anew, as each process must."""
        self.prefix = secrets.token_hex(8)
        self.numbers = itertools.count(1)


REQUEST_IDS = _RequestIds()
EXPOSED_HEADERS = (
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id, ETag, Retry-After, X-Next-Cursor, Link"
)
PUBLIC_HEADERS = {"access-control-allow-origin": "*", "access-control-expose-headers": EXPOSED_HEADERS}
PUBLIC_REQUEST_HEADERS = "Api-Key, Content-Type, Idempotency-Key, X-Request-Id"
NO_HEADERS: Mapping[str, str] = {}


def assign_request_id(request: Request, response: Response, headers: Mapping[str, str] = NO_HEADERS) -> str:
    """Set the request id, and headers: the client's X-Request-Id if it is well-formed, else a new one."""
    request_id = request.headers.get("x-request-id")
    if request_id is None or REQUEST_ID.fullmatch(request_id) is None:
        request_id = f"{REQUEST_IDS.prefix}{next(REQUEST_IDS.numbers):012x}"
    response.headers["x-request-id"] = request_id
    response.headers.update(headers)
    request_ids.set(request_id)
    return request_id


def parameters(endpoint: Endpoint, path: dict[str, str], raw: Raw) -> Params | None:
    """Return the parameter struct of a call, or raise BadParameters. Path parameters take precedence over others."""
    name_array(raw, endpoint.array_field)
    if endpoint.params is None:
        return None
    return read(endpoint.params, {**raw, **{name: [value] for name, value in path.items()}})


async def add_faults(wrong: BadParameters, endpoint: Endpoint, db: Db, context: RequestContext) -> None:
    """Add the faults that are only checked after the first one."""
    if endpoint.params:
        wrong.add(endpoint.params.account_faults(wrong.values, context))
    if endpoint.references:
        wrong.add(await endpoint.references(db, context.account, wrong.values))


async def repeat_for(endpoint: Endpoint, request: Request, entry: Entry) -> Repeat | None:
    """Return the identity of a write that has an Idempotency-Key, else None; raises a 422 for a malformed key.

    Two requests are equal if the parameters that the call reads are equal: a repeated form has a new boundary, a query
    a new `timestamp`.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    idempotency.check_key(key)
    fields = select_fields(endpoint.params, entry.raw) if endpoint.params else {}
    digest = await run_by_size(
        entry.owner, len(entry.body), idempotency.request_hash, request.method, request.path, fields
    )
    return Repeat(entry.key.account.id, entry.key.api_key, entry.caller.has_secret, key, digest)


async def call_endpoint(
    endpoint: Endpoint, db: Db, values: dict[object, Any], inputs: tuple[Params | None, Raw], attempts: Attempts
) -> StoredAnswer:
    """Call the endpoint with the arguments its signature asks for, and encode the answer.

    `inputs` are the parameter struct and the raw parameters it was read from.
    """
    params, raw = inputs

    async def act(handle: Db, current: Params | None) -> Any:  # noqa: ANN401 - any answer form
        values[Db], values[endpoint.params] = handle, current
        try:
            return await endpoint.handler(*[values[hint] for hint in endpoint.arguments])
        except BadParameters as wrong:
            wrong.values = present_fields(current) if current else {}
            raise

    if params is None:
        answer = await act(db, params)
    else:
        answer = await attempts(act, db, values[Account].id, params, is_write=endpoint.is_write)
    next_page = None
    if isinstance(answer, EXTENDED):
        envelope = answer.meta if isinstance(answer, Page | RecordsPage) else answer
        if isinstance(envelope, IgnoredParameters) and (names := ignored_names(endpoint.params, raw)):
            envelope.ignored_parameters = names
        next_page = answer.next_page if isinstance(answer, ArrayPage) else None
    if loop_turns.has_many((getattr(answer, "data", answer),)):
        await loop_turns.long_step(db.account_id)
    body = answers.encode(answer, values[Delivery].media_type)
    return StoredAnswer(200, body, next_page=next_page, is_secret=endpoint.is_secret(answer))


def application(service: Service, endpoints: Iterable[Endpoint], lifespan: Lifespan | None = None) -> Application:
    """Return the application for some endpoints; it also answers HEAD and OPTIONS."""
    app = Application(_refuse, lifespan)
    by_path: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, []).append(endpoint)
    for path, path_endpoints in by_path.items():
        app.add_responders(path, _responders(service, path_endpoints))
    return app


def _responders(service: Service, path_endpoints: list[Endpoint]) -> dict[str, Responder]:
    methods: dict[str, Responder] = {}
    for endpoint in path_endpoints:
        methods[endpoint.method] = service.responder(endpoint)
        # A secret that is shown once is never used up by a HEAD.
        if endpoint.method == "GET" and not endpoint.has_secret_answer:
            methods["HEAD"] = methods["GET"]
    is_public = any(each.key == PUBLIC for each in path_endpoints)
    methods["OPTIONS"] = options(methods, allowed_headers=PUBLIC_REQUEST_HEADERS if is_public else "")
    return methods


def options(methods: Iterable[str], *, allowed_headers: str = "") -> Responder:
    """Return the responder of OPTIONS for a path with these methods; scripts of any site may send `allowed_headers`."""
    allowed_methods = ", ".join([*methods, "OPTIONS"])

    async def respond(request: Request, response: Response, **_: str) -> None:
        assign_request_id(request, response)
        response.status = 204
        response.set_header("Allow", allowed_methods)
        if allowed_headers:
            response.set_header("Access-Control-Allow-Origin", "*")
            response.set_header("Access-Control-Allow-Methods", allowed_methods)
            response.set_header("Access-Control-Allow-Headers", allowed_headers)
            response.set_header("Access-Control-Max-Age", "86400")

    return respond


def _refuse(request: Request, response: Response, error: Exception) -> None:
    request_id = assign_request_id(request, response)
    answers.put_refusal(response, answers.refusal_of(error), request_id)
