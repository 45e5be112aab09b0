"""Authentication and rate limiting: find the key, count the call and admit it before reading anything expensive.

The order is IP address, key, secret, rate limit, scope, body. Key and secret are looked for in the headers and the
query first. A form or JSON body may also contain them, but without a valid key in the headers or the query only a small
body is read.
"""

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime

import msgspec

from fanfare.kernel.addresses import Network, named_address, nearest_address, subscriber
from fanfare.kernel.callers import Caller
from fanfare.kernel.data import limits
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import ApiKey, Credentials, Keyring
from fanfare.kernel.errors import NoKey, Refusal
from fanfare.kernel.parameters import Raw, from_query
from fanfare.kernel.running.long_inputs import Owner, run_by_size
from fanfare.kernel.web.body import MAX_BYTES, MAX_KEYLESS_BYTES, parse_body, read_body
from fanfare.kernel.web.endpoint import Endpoint
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response


class Entry(msgspec.Struct, frozen=True):
    """An admitted request: its key, caller, owner (for fair turns at long inputs), raw body and raw parameters."""

    key: ApiKey
    caller: Caller
    owner: Owner
    body: bytes
    raw: Raw


class Admission:
    """Per-process state of authentication: cached keys and blocks of rate-limited calls."""

    def __init__(self, db: Db, proxies: Iterable[Network] = ()) -> None:
        """`proxies` are the networks whose X-Forwarded-For is trusted."""
        self.db = db
        self.proxies = tuple(proxies)
        self.keyring = Keyring()
        self.limits = limits.Limits()
        self._suspect_lock = asyncio.Lock()

    async def admit(self, endpoint: Endpoint, request: Request, response: Response, now: datetime) -> Entry:
        """Admit a request or raise a Refusal; X-RateLimit headers are set as soon as the request is counted.

        Requests with a wrong key or secret count against their IP address only.
        """
        peer = request.scope.get("client")
        nearest = nearest_address(peer[0] if peer else None, request.headers, self.proxies)
        visit = _Visit(self, response, now, subscriber(nearest))
        try:
            body, raw = await _read_request(visit, endpoint, request)
            key = visit.require_key(endpoint)
        except Refusal as refusal:
            if visit.key is None or isinstance(refusal, NoKey):
                await visit.count(limits.refusal_counter(visit.subscriber))
            raise
        fan_address = named_address(request.headers) if visit.has_secret else None
        is_server = visit.has_secret and fan_address is None
        caller = Caller(fan_address or nearest, visit.has_secret, is_server, key.scopes)
        return Entry(key, caller, visit.owner, body, raw)

    def lookup_lock(self, source: str, now: datetime) -> AbstractAsyncContextManager[None]:
        """Return a lock that limits key lookups to one connection for all addresses that are guessing keys."""
        is_suspect = self.limits.is_used_up(limits.refusal_counter(source), now)
        return self._suspect_lock if is_suspect else nullcontext()


class _Visit:
    """The state of one request during admission: the credentials seen so far and the key they identify."""

    def __init__(self, admission: Admission, response: Response, now: datetime, source: str) -> None:
        self._admission = admission
        self._response = response
        self._now = now
        self._credentials = Credentials()
        self.subscriber = source
        self.key: ApiKey | None = None
        self.has_secret = False

    @property
    def owner(self) -> Owner:
        """The account if its secret was sent, else the IP address: long inputs take turns by this."""
        return self.key.account.id if self.key and self.has_secret else self.subscriber

    async def identify(self, endpoint: Endpoint, credentials: Credentials) -> None:
        """Look up the key by all credentials seen so far, count the request and check the scope.

        Earlier credentials take precedence: those of the headers over those of the query and of the body.
        """
        merged = self._credentials.with_fallback(credentials)
        if merged == self._credentials:
            return
        admission, had_secret = self._admission, self.has_secret
        admitted = admission.keyring.recall(merged, self._now)
        if admitted is None:
            async with admission.lookup_lock(self.subscriber, self._now):
                admitted = await admission.keyring.find(admission.db, merged, self._now)
        key, self.has_secret = admitted
        is_counted = self.key is not None and self.has_secret == had_secret
        self._credentials, self.key = merged, key
        if not is_counted:
            counter = limits.secret_counter(key) if self.has_secret else limits.public_counter(key, self.subscriber)
            await self.count(counter)
        key.require_scope(endpoint.scope)
        key.require_read(is_write=endpoint.is_write)

    async def count(self, counter: limits.Counter) -> None:
        """Count the request; raise the counter's refusal if the limit of this minute is exhausted."""
        allowance = await self._admission.limits.take(self._admission.db, counter, self._now)
        self._response.headers.update(allowance.headers())
        if allowance.is_used_up:
            raise counter.refusal(self._now)

    def refuse_guessers(self) -> None:
        """Refuse to read the body if the address has no failed calls left in this minute."""
        counter = limits.refusal_counter(self.subscriber)
        if self._admission.limits.is_used_up(counter, self._now):
            raise counter.refusal(self._now)

    def require_key(self, endpoint: Endpoint) -> ApiKey:
        """Return the key if the credentials satisfy the endpoint's level."""
        if self.key is None:
            raise NoKey
        self.key.require_secret(endpoint.key, has_secret=self.has_secret)
        return self.key


async def _read_request(visit: _Visit, endpoint: Endpoint, request: Request) -> tuple[bytes, Raw]:
    """Return body and parameters, reading each only once the credentials seen before it permit that."""
    unreadable: Refusal | None = None
    raw: Raw = {}
    headers = request.headers
    credentials = Credentials(headers.get("api-key"), headers.get("api-secret"))
    if query := request.scope["query_string"]:
        try:
            raw = from_query(query)
        except Refusal as refusal:
            unreadable = refusal
        credentials = credentials.with_fallback(Credentials.read(raw))
    await visit.identify(endpoint, credentials)
    if unreadable:
        raise unreadable
    if endpoint.takes_file:
        return b"", raw
    if visit.key is None:
        visit.refuse_guessers()
    body = await read_body(request, MAX_KEYLESS_BYTES if visit.key is None else MAX_BYTES)
    if body:
        in_body = await run_by_size(visit.owner, len(body), parse_body, body, headers.get("content-type"))
        await visit.identify(endpoint, Credentials.read(in_body))
        raw.update(in_body)
    return body, raw
