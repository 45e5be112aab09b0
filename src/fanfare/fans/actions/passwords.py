"""Hashes passwords in threads, at most four at a time, so that many concurrent logins take no more memory."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fanfare.kernel.running.shares import Shares
from fanfare.kernel.running.threads import run_in_thread

# OWASP's figures for argon2id: 19 MiB, two passes, one lane.
MEMORY_KIB = 19 * 1024
PASSES = 2
MAX_HASHES = 4
WAIT_SECONDS = 10.0
# Checked in the place of a password that is not there, so that the refusal takes as long: 16 and 32 bytes of zero,
# which no password has.
NOBODYS = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${'A' * 22}${'A' * 43}"


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)


@cache
def _turns(_: asyncio.AbstractEventLoop) -> Shares:
    return Shares(MAX_HASHES)


async def password_hash(account_id: int, password: str) -> str:
    """Return the argon2id hash of a password; waits for one of the account's turns."""
    async with _turns(asyncio.get_running_loop()).slot(account_id, WAIT_SECONDS):
        return await run_in_thread(lambda: _hasher().hash(password))


async def is_password(account_id: int, password_hash: str | None, password: str) -> bool:
    """Return whether a password matches the stored hash; it takes as long if there is none.

    Waits for one of the account's turns.
    """

    def verify() -> bool:
        try:
            return _hasher().verify(password_hash or NOBODYS, password)
        except (VerificationError, InvalidHashError):
            return False

    async with _turns(asyncio.get_running_loop()).slot(account_id, WAIT_SECONDS):
        return await run_in_thread(verify)
