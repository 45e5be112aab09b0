"""Calls a minute for each key, counted in the database over all processes.

A process takes calls in blocks of a fiftieth of the limit, so that counting costs one statement in fifty calls at most
and never lets more through than the limit.
"""

import asyncio
import uuid
from datetime import datetime

import msgspec

from fanfare.kernel.db import Db
from fanfare.kernel.errors import TooManyCalls
from fanfare.kernel.keys import Key

BLOCKS = 50
MINUTE = 60


class Allowance(msgspec.Struct, frozen=True):
    """What is told in the X-RateLimit headers: the limit, what is left, and when the minute ends (unix seconds)."""

    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """Return the headers that tell it."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


class _Lease(msgspec.Struct):
    minute: int = -1
    left: int = 0
    # how many calls of the minute are handed out to all processes, as far as this one knows
    handed_out: int = 0


class Limits:
    """The blocks of calls that this process holds."""

    def __init__(self) -> None:
        """Start with none."""
        self._leases: dict[uuid.UUID, _Lease] = {}
        self._locks: dict[uuid.UUID, asyncio.Lock] = {}

    async def take(self, db: Db, key: Key, now: datetime) -> Allowance:
        """Count one call, or refuse it with the seconds until the next minute."""
        minute = int(now.timestamp()) // MINUTE
        lease = self._leases.setdefault(key.api_key, _Lease())
        if lease.minute != minute or lease.left == 0:
            async with self._locks.setdefault(key.api_key, asyncio.Lock()):
                if lease.minute != minute:
                    lease.minute, lease.left, lease.handed_out = minute, 0, 0
                if lease.left == 0 and lease.handed_out < key.rate_limit:
                    await self._lease(db, key, lease)
        reset = (minute + 1) * MINUTE
        if lease.left <= 0:
            message = f"{key.rate_limit} calls a minute are used up"
            raise TooManyCalls(message, retry_after=max(1, reset - int(now.timestamp())))
        lease.left -= 1
        return Allowance(key.rate_limit, max(0, key.rate_limit - lease.handed_out + lease.left), reset)

    async def _lease(self, db: Db, key: Key, lease: _Lease) -> None:
        block = max(1, key.rate_limit // BLOCKS)
        used = await db.value(
            """
            insert into rate_windows (account_id, api_key, minute, used) values ($1, $2, $3, $4)
            on conflict (account_id, api_key, minute) do update set used = rate_windows.used + excluded.used
            returning used
            """,
            key.account.id,
            key.api_key,
            lease.minute,
            block,
        )
        lease.left = max(0, min(block, key.rate_limit - (used - block)))
        lease.handed_out = min(used, key.rate_limit)


async def forget_windows(db: Db, now: datetime) -> None:
    """Delete the counts of past minutes."""
    minute = int(now.timestamp()) // MINUTE - 2
    # Housekeeping over all accounts at once.
    await db.execute("delete from rate_windows where account_id is not null and minute < $1", minute)
