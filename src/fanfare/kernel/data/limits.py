"""Rate limits per minute, counted in the database for all processes.

Calls with a key's secret share one counter. Calls without it are counted per client address, so that a stranger with
the public key exhausts only the limit of their own address; the same holds for calls with a wrong key or secret. A
process takes calls from the counter in blocks of a fiftieth of the limit: counting costs at most one statement in fifty
calls, and never allows more than the limit.
"""

import asyncio
import uuid
from datetime import datetime
from enum import Enum

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import ApiKey
from fanfare.kernel.errors import TooManyCalls, TooManyRefusals, TooManyVisits

BLOCKS = 50
MINUTE = 60
# Calls per minute and address that may be refused for a wrong key or secret.
REFUSAL_LIMIT = 600
# For calls without an account; real ids begin at 1.
NO_ACCOUNT = 0
NO_KEY = uuid.UUID(int=0)
WITH_SECRET = ""
# The maximum number of cached blocks in a minute, for keys and addresses separately. Further counters are updated in
# the database at each call, and displace no cached block.
MAX_LEASES = 10_000


class Visits(Enum):
    """What visitors without a key ask for: each kind is counted by itself, and uses up no other limit."""

    PAGES = uuid.UUID(int=1)
    CLICKS = uuid.UUID(int=2)
    SALES = uuid.UUID(int=3)
    WALLS = uuid.UUID(int=4)
    PICTURES = uuid.UUID(int=5)
    LOGIN = uuid.UUID(int=6)
    STAFF = uuid.UUID(int=7)


# Requests by one address in a minute. A stadium has few addresses: what a crowd asks for at once has the higher ones.
VISIT_LIMITS = {
    Visits.PAGES: 600,
    Visits.CLICKS: 10_000,
    Visits.SALES: 10_000,
    Visits.WALLS: 10_000,
    Visits.PICTURES: 50_000,
    Visits.LOGIN: 3_000,
    Visits.STAFF: 600,
}


class Counter(msgspec.Struct, frozen=True, cache_hash=True):
    """What is counted together; `subscriber` is an IPv4 address or an IPv6 /64, empty for calls with the secret."""

    account_id: int
    api_key: uuid.UUID
    subscriber: str
    limit: int

    def refusal(self, now: datetime) -> TooManyCalls:
        """Return the refusal for an exhausted limit, with the seconds until the next minute."""
        wait = max(1, MINUTE - int(now.timestamp()) % MINUTE)
        if self.api_key == NO_KEY:
            return TooManyRefusals(retry_after=wait)
        if self.account_id == NO_ACCOUNT:
            return TooManyVisits(retry_after=wait)
        return TooManyCalls(f"{self.limit} calls per minute are used up", retry_after=wait)


def secret_counter(key: ApiKey) -> Counter:
    """Return the counter of calls with a key's secret."""
    return Counter(key.account.id, key.api_key, WITH_SECRET, key.rate_limit)


def public_counter(key: ApiKey, subscriber: str) -> Counter:
    """Return the counter of calls with a public key alone, per client address; its limit is that of the key."""
    return Counter(key.account.id, key.api_key, subscriber, key.rate_limit)


def refusal_counter(subscriber: str) -> Counter:
    """Return the counter of calls of an address with a wrong key or secret."""
    return Counter(NO_ACCOUNT, NO_KEY, subscriber, REFUSAL_LIMIT)


def visit_counter(subscriber: str, visits: Visits) -> Counter:
    """Return the counter of an address's visits of one kind."""
    return Counter(NO_ACCOUNT, visits.value, subscriber, VISIT_LIMITS[visits])


class Allowance(msgspec.Struct, frozen=True):
    """The values of the X-RateLimit headers: the limit, what remains, and when the minute ends (Unix seconds)."""

    limit: int
    remaining: int
    reset: int
    is_used_up: bool = False

    def headers(self) -> dict[str, str]:
        """Return the headers, with names in lower case."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(self.reset),
        }


class _Lease:
    """The block of calls of one counter that this process may allow in a minute."""

    __slots__ = ("allocated", "is_single_use", "lock", "minute", "remaining")

    def __init__(self, minute: int) -> None:
        self.minute = minute
        self.remaining = 0
        # not cached, for a single call
        self.is_single_use = False
        # the calls of the minute that are allocated to all processes, as far as this one knows
        self.allocated = 0
        self.lock = asyncio.Lock()


class Limits:
    """The blocks of calls that this process has taken in the current minute."""

    def __init__(self) -> None:
        self._minute = 0
        self._of_keys: dict[Counter, _Lease] = {}
        self._of_addresses: dict[Counter, _Lease] = {}

    async def take(self, db: Db, counter: Counter, now: datetime) -> Allowance:
        """Count one call; return what remains, or that the limit is exhausted."""
        minute = int(now.timestamp()) // MINUTE
        lease = self._leases(counter).get(counter)
        if lease is None or lease.minute != minute:
            lease = self._new_lease(counter, minute)
        if lease.remaining == 0:
            async with lease.lock:
                if lease.remaining == 0 and lease.allocated < counter.limit:
                    await _take_block(db.for_account(counter.account_id), counter, lease)
        reset = (minute + 1) * MINUTE
        if lease.remaining <= 0:
            return Allowance(counter.limit, 0, reset, is_used_up=True)
        lease.remaining -= 1
        return Allowance(counter.limit, max(0, counter.limit - lease.allocated + lease.remaining), reset)

    def is_used_up(self, counter: Counter, now: datetime) -> bool:
        """Return whether this process knows that the limit is exhausted; needs no database query."""
        lease = self._leases(counter).get(counter)
        is_current = lease is not None and lease.minute == int(now.timestamp()) // MINUTE
        return lease is not None and is_current and lease.remaining == 0 and lease.allocated >= counter.limit

    def _new_lease(self, counter: Counter, minute: int) -> _Lease:
        # The previous minute may still have calls in progress; if the clock was set back, start again.
        if not self._minute - 1 <= minute <= self._minute:
            self._minute, self._of_keys, self._of_addresses = minute, {}, {}
        leases = self._leases(counter)
        lease = _Lease(minute)
        if minute == self._minute and len(leases) < MAX_LEASES:
            leases[counter] = lease
        else:
            lease.is_single_use = True
        return lease

    def _leases(self, counter: Counter) -> dict[Counter, _Lease]:
        """Return the blocks of keys or of addresses: addresses, of any number, displace no block of a key."""
        return self._of_keys if counter.subscriber == WITH_SECRET else self._of_addresses


async def _take_block(db: Db, counter: Counter, lease: _Lease) -> None:
    block = 1 if lease.is_single_use else max(1, counter.limit // BLOCKS)
    used = await db.value(
        """
        insert into rate_windows (account_id, api_key, subscriber, minute, used) values ($1, $2, $3, $4, $5)
        on conflict (account_id, api_key, subscriber, minute) do update set used = rate_windows.used + excluded.used
        returning used
        """,
        counter.account_id,
        counter.api_key,
        counter.subscriber,
        lease.minute,
        block,
    )
    lease.remaining = max(0, min(block, counter.limit - (used - block)))
    lease.allocated = min(used, counter.limit)


async def forget_windows(db: Db, account_id: int, now: datetime) -> None:
    """Delete the counters of an account's past minutes, and note when each key was last used."""
    minute = int(now.timestamp()) // MINUTE - 2
    await db.execute(
        """
        with ended as (
            delete from rate_windows where account_id = $1 and minute < $2 returning api_key, minute
        )
        insert into api_key_uses (account_id, api_key, used_at)
        select $1, e.api_key, to_timestamp(max(e.minute)::bigint * 60)
        from ended e join api_keys k on k.account_id = $1 and k.api_key = e.api_key
        group by e.api_key
        on conflict (account_id, api_key) do update set used_at = greatest(api_key_uses.used_at, excluded.used_at)
        """,
        account_id,
        minute,
    )
