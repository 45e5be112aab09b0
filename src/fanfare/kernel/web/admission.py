"""Who calls: the key found, the call counted and let in, before anything costly is read of it.

The order is address, key, secret, rate, scope, body. Key and secret are looked for in the headers and the query first;
a form or JSON may hold them too, but only the body of a caller who showed a key before is read up to its full size.
"""

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime

import msgspec
from falcon.asgi import Request, Response

from fanfare.kernel.addresses import Network, named_address, nearest_address, subscriber
from fanfare.kernel.callers import Caller
from fanfare.kernel.data import limits
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import ApiKey, Credentials, Keyring
from fanfare.kernel.errors import NoKey, Refusal
from fanfare.kernel.parameters import Raw, from_query
from fanfare.kernel.running.long_inputs import Owner, run_by_size
from fanfare.kernel.web.body import MAX_BYTES, MAX_KEYLESS_BYTES, read_body, take_apart
from fanfare.kernel.web.endpoint import Endpoint


class Entry(msgspec.Struct, frozen=True):
    """A call that was let in: whose it is, who makes it and who waits for it, its body as it came, its parameters."""

    key: ApiKey
    caller: Caller
    owner: Owner
    body: bytes
    raw: Raw


class Admission:
    """What one server process knows of callers: the keys it has seen and its blocks of calls."""

    def __init__(self, db: Db, proxies: Iterable[Network] = ()) -> None:
        """Take the database, and the networks whose X-Forwarded-For is believed."""
        self.db = db
        self.proxies = tuple(proxies)
        self.keyring = Keyring()
        self.limits = limits.Limits()
        self._suspects = asyncio.Lock()

    async def admit(self, endpoint: Endpoint, request: Request, response: Response, now: datetime) -> Entry:
        """Let a call in or refuse it; the answer's X-RateLimit headers are set as soon as the call is counted.

        Calls whose key or secret is not right are counted by their address, and by that alone.
        """
        peer = request.scope.get("client")
        nearest = nearest_address(peer[0] if peer else None, request.headers, self.proxies)
        visit = _Visit(self, response, now, subscriber(nearest))
        try:
            body, raw = await _read(visit, endpoint, request)
            key = visit.admitted(endpoint)
        except Refusal as refusal:
            if visit.key is None or isinstance(refusal, NoKey):
                await visit.count(limits.refusal_counter(visit.subscriber))
            raise
        address = (named_address(request.headers) if visit.has_secret else None) or nearest
        return Entry(key, Caller(address, visit.has_secret), visit.owner, body, raw)

    def one_suspect_at_a_time(self, source: str, now: datetime) -> AbstractAsyncContextManager[None]:
        """Give what keeps the lookups of addresses that guess keys from taking more than one connection."""
        is_suspect = self.limits.is_used_up(limits.refusal_counter(source), now)
        return self._suspects if is_suspect else nullcontext()


class _Visit:
    """One call on its way in: what it has shown so far, and what follows from it."""

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
        """Who is held up by what the call takes: the account when its secret was shown, else the address."""
        return self.key.account.id if self.key and self.has_secret else self.subscriber

    async def show(self, endpoint: Endpoint, credentials: Credentials) -> None:
        """Find the key by all that was shown, the earlier first; count the call, and refuse what lacks the scope."""
        merged = self._credentials.completed(credentials)
        if merged == self._credentials:
            return
        admission, had_secret = self._admission, self.has_secret
        async with admission.one_suspect_at_a_time(self.subscriber, self._now):
            key, self.has_secret = await admission.keyring.find(admission.db, merged, self._now)
        is_counted = self.key is not None and self.has_secret == had_secret
        self._credentials, self.key = merged, key
        if not is_counted:
            await self.count(limits.of_key(key) if self.has_secret else limits.of_stranger(key, self.subscriber))
        key.serve(endpoint.scope)

    async def count(self, counter: limits.Counter) -> None:
        """Count the call, or refuse it when the minute's calls are used up."""
        db = self._admission.db.for_account(counter.account_id)
        allowance = await self._admission.limits.take(db, counter, self._now)
        self._response.set_headers(allowance.headers())
        if allowance.is_used_up:
            raise counter.refusal(self._now)

    def refuse_guessers(self) -> None:
        """Read no body of an address whose refused calls are used up."""
        counter = limits.refusal_counter(self.subscriber)
        if self._admission.limits.is_used_up(counter, self._now):
            raise counter.refusal(self._now)

    def admitted(self, endpoint: Endpoint) -> ApiKey:
        """Return the key when it allows the call with what was shown."""
        if self.key is None:
            raise NoKey
        self.key.open(endpoint.key, has_secret=self.has_secret)
        return self.key


async def _read(visit: _Visit, endpoint: Endpoint, request: Request) -> tuple[bytes, Raw]:
    """Return body and parameters of a call, each read as soon as what was shown before allows it."""
    unreadable: Refusal | None = None
    raw: Raw = {}
    try:
        raw = from_query(request.scope["query_string"])
    except Refusal as refusal:
        unreadable = refusal
    headers = request.headers
    in_headers = Credentials(headers.get("api-key"), headers.get("api-secret"))
    await visit.show(endpoint, in_headers.completed(Credentials.read(raw)))
    if unreadable:
        raise unreadable
    if visit.key is None:
        visit.refuse_guessers()
    body = await read_body(request, MAX_KEYLESS_BYTES if visit.key is None else MAX_BYTES)
    if body:
        in_body = await run_by_size(visit.owner, len(body), take_apart, body, headers.get("content-type"))
        await visit.show(endpoint, Credentials.read(in_body))
        raw.update(in_body)
    return body, raw
