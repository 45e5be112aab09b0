"""Sends deliveries: each endpoint has its own task, so that one that is slow or silent delays no other.

A worker claims an endpoint for a time, sends what is due, lanes side by side and within a lane one after the other, and
stores what became of it. A worker that dies is followed by another when its claim ends; what it sent last is then sent
again, under the same `webhook-id`.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, partial

import structlog

from fanfare.kernel.clock import Clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.http_client import AddressRefused, CallError, HttpRequest, OpenConnections, http_client
from fanfare.kernel.running.webhook_signatures import signature_header
from fanfare.webhooks.actions.following import FAILING
from fanfare.webhooks.actions.outcomes import Health, Outcome, record, release
from fanfare.webhooks.actions.webhooks import unsealed
from fanfare.webhooks.queries.queues import Claim, Target, Waiting, claim, due, target_of
from fanfare.webhooks.schemas.bodies import CONTENT_TYPES, MAX_ANSWER_BYTES, body_of, message_id

log = structlog.get_logger()

# Endpoints that a worker sends to at a time; those that fail have places of their own.
MAX_ENDPOINTS = 32
MAX_FAILING = 16
# Of one account.
MAX_OF_ACCOUNT = 8
CONNECTIONS = 8
BATCH = 200
TRY_SECONDS = 15.0
# After this no more deliveries of a batch are started, so that the claim outlasts it.
BATCH_SECONDS = 15.0
# After this an endpoint gives its place to others.
TURN_SECONDS = 10.0
SECRETS = re.compile(r"whsec_[A-Za-z0-9+/=]+|v1,[A-Za-z0-9+/=]{20,}")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def system_time() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


class Sender:
    """The endpoints that this worker sends to."""

    def __init__(self) -> None:
        self._tasks: dict[Claim, asyncio.Task[None]] = {}
        self._failing: set[Claim] = set()

    async def start(self, db: Db, account_id: int, now: datetime, clock: Clock = system_time) -> bool:
        """Claim endpoints of an account that are due and begin to send to them; return whether there were any."""
        healthy = await self._claim(db, account_id, now, is_failing=False)
        failing = await self._claim(db, account_id, now, is_failing=True)
        self._failing.update(failing)
        for each in (*healthy, *failing):
            turn = Turn(db.for_account(account_id), each, clock)
            # A worker that stops waits for it.
            self._tasks[each] = task = db.leave(turn.run())
            task.add_done_callback(partial(self._end, each))
        return bool(healthy or failing)

    async def _claim(self, db: Db, account_id: int, now: datetime, *, is_failing: bool) -> list[Claim]:
        claims = [each for each in self._tasks if (each in self._failing) == is_failing]
        room = (MAX_FAILING if is_failing else MAX_ENDPOINTS) - len(claims)
        account_room = MAX_OF_ACCOUNT - sum(each.account_id == account_id for each in claims)
        limit = min(room, account_room)
        return await claim(db, account_id, limit, now, FAILING, is_failing=is_failing) if limit > 0 else []

    def _end(self, ended: Claim, _: "asyncio.Task[None]") -> None:
        del self._tasks[ended]
        self._failing.discard(ended)

    async def finish(self) -> None:
        """Wait until nothing is being sent."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))
            await asyncio.sleep(0)


@cache
def _sender_of(_: asyncio.AbstractEventLoop) -> Sender:
    return Sender()


def sender() -> Sender:
    """Return the sender of the running event loop."""
    return _sender_of(asyncio.get_running_loop())


class Turn:
    """Sends to one endpoint until nothing is due, or others wait for the place."""

    def __init__(self, db: Db, claimed: Claim, clock: Clock) -> None:
        self._db = db
        self._claim = claimed
        self._clock = clock

    async def run(self) -> None:
        """Send batch after batch, then end the claim. After a fault the claim ends by itself."""
        target = await target_of(self._db, self._claim.account_id, self._claim.webhook_id, self._clock())
        if target is None:
            return
        health: Health | None = Health(target.first_failure_at, target.failure_count)
        connections = await http_client.connections(CONNECTIONS)
        try:
            end = time.monotonic() + TURN_SECONDS
            while health and target.is_enabled and time.monotonic() < end:
                current = health
                health = await self._send_batch(target, current, connections)
                if health is current or (health and health.is_failing):
                    break
        finally:
            await connections.close()
        if health:
            await release(self._db, self._claim, health, self._clock())

    async def _send_batch(self, target: Target, health: Health, connections: OpenConnections) -> Health | None:
        """Send a batch and return the endpoint's health, the same object if nothing was due."""
        limit = 1 if health.is_failing else BATCH
        rows = await due(self._db, self._claim.account_id, self._claim.webhook_id, limit, self._clock())
        if not rows:
            return health
        batch = Batch(self._claim.account_id, target, connections, self._clock)
        outcomes = await batch.send(rows, FAILING - health.failure_count)
        return await record(self._db, self._claim, health, outcomes, self._clock())


class Batch:
    """Deliveries to one endpoint that are sent together."""

    def __init__(self, account_id: int, target: Target, connections: OpenConnections, clock: Clock) -> None:
        self._account_id = account_id
        self._target = target
        self._connections = connections
        self._clock = clock
        self._keys = unsealed(target.sealed_secrets)
        self._lanes: deque[deque[Waiting]] = deque()
        self._outcomes: list[Outcome] = []
        self._end = 0.0
        self._failures_left = 0

    async def send(self, rows: Sequence[Waiting], failures: int) -> list[Outcome]:
        """Send deliveries, after this number of failures in a row no more; return what became of those sent."""
        lanes: dict[int, deque[Waiting]] = {}
        for row in rows:
            lanes.setdefault(row.lane, deque()).append(row)
        self._lanes = deque(lanes.values())
        self._end = time.monotonic() + BATCH_SECONDS
        self._failures_left = max(failures, 1)
        limit = self._failures_left
        await asyncio.gather(*(self._send_lanes(limit) for _ in range(min(CONNECTIONS, len(self._lanes)))))
        return self._outcomes

    async def _send_lanes(self, limit: int) -> None:
        while self._lanes:
            lane = self._lanes.popleft()
            while lane and self._failures_left > 0 and time.monotonic() < self._end:
                outcome = await self._try(lane.popleft())
                self._outcomes.append(outcome)
                self._failures_left = limit if outcome.is_delivered else self._failures_left - 1
                if not outcome.is_final:
                    # What follows in this lane waits for it.
                    break

    async def _try(self, waiting: Waiting) -> Outcome:
        if waiting.change is None:
            return Outcome(waiting, None, None, "the change was deleted from the log", 0)
        if not self._keys:
            return Outcome(waiting, None, None, "its secret cannot be read: the secret key was changed", 0)
        if fault := http_client.url_fault(self._target.url):
            return Outcome(waiting, None, None, f"the url {fault}", 0)
        begin = time.monotonic()
        status, body, failure = None, None, None
        try:
            answer = await self._connections.send(self._request(waiting))
            status, body = answer.status, excerpt(answer.body)
        except CallError as error:
            is_refused = isinstance(error, AddressRefused)
            failure = str(error) if is_refused else FAILURES.get(str(error), f"no answer ({error})")
        return Outcome(waiting, status, body, failure, int((time.monotonic() - begin) * 1000))

    def _request(self, waiting: Waiting) -> HttpRequest:
        assert waiting.change is not None  # noqa: S101 - checked by the caller
        body = body_of(waiting.change, self._account_id, self._target.payload_format)
        name, seconds = message_id(waiting.position), str(int(self._clock().timestamp()))
        headers = {
            "Content-Type": CONTENT_TYPES[self._target.payload_format],
            "User-Agent": "Fanfare",
            "webhook-id": name,
            "webhook-timestamp": seconds,
            "webhook-signature": signature_header(self._keys, name, seconds, body),
        }
        return HttpRequest("POST", self._target.url, headers, body, TRY_SECONDS, MAX_ANSWER_BYTES)


FAILURES = {
    "TimeoutError": "no answer in 15 seconds",
    "ConnectTimeout": "no connection in 5 seconds",
    "ConnectError": "no connection",
}


def excerpt(body: bytes) -> str:
    """Return the beginning of an answer as it is stored: without secrets, signatures and control characters."""
    return CONTROLS.sub(" ", SECRETS.sub("***", body.decode("utf-8", "replace")))
