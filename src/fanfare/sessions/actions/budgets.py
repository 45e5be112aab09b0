"""What may be tried so often in a time, counted exactly in the database over all server processes.

An attempt is counted before it is made, outside of the caller's transaction, so that it counts whatever becomes of it,
and a thousand at once are no more than one after the other. What turns out to be no failure is given back.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import TooManyCalls


class TooManyAttempts(TooManyCalls):
    """Too many attempts; wait before the next one"""


class Budget(msgspec.Struct, frozen=True):
    """How many attempts there are in a time that begins with the first."""

    name: str
    limit: int
    window: timedelta


# Wrong passwords of one fan: NIST SP 800-63B allows a hundred failures.
PASSWORDS = Budget("passwords", 100, timedelta(days=1))
# Answers with a passkey that are not its own.
PASSKEYS = Budget("passkeys", 100, timedelta(days=1))
# Wrong passwords, codes and passkeys from one IP address, of whichever fans.
FAILURES = Budget("failures", 300, timedelta(hours=1))
# How often one IP address may ask whether somebody is a fan.
CHECKS = Budget("checks", 100, timedelta(hours=1))
# Guests from one IP address: a stadium has few, and all its visitors.
GUESTS = Budget("guests", 5000, timedelta(hours=1))
# Wrong codes of one address or number.
CODES = Budget("codes", 100, timedelta(days=1))
# Messages to one address or number, and the pause between two; those that one IP address asks for; those of an account.
MESSAGE_PAUSE = Budget("message pause", 1, timedelta(seconds=30))
MESSAGES = Budget("messages", 10, timedelta(days=1))
CALLER_MESSAGES = Budget("messages of a caller", 100, timedelta(days=1))
ACCOUNT_MESSAGES = Budget("messages of an account", 10_000, timedelta(days=1))
# New fans from one IP address.
REGISTRATIONS = Budget("registrations", 1000, timedelta(hours=1))
# Activities and wifi visits from one IP address, which make fans and tell who was one: again a stadium has few.
ENTRIES = Budget("entries", 5000, timedelta(hours=1))
# The same in a day: an arena fills once or twice, a list of addresses never ends.
DAILY_ENTRIES = Budget("daily entries", 20_000, timedelta(days=1))
# Second entries that are refused, which tell who has entered a campaign: in a crowd, some people press twice.
REPEATED_ENTRIES = Budget("repeated entries", 300, timedelta(hours=1))
# Downloads of all data about one fan.
DOWNLOADS = Budget("downloads", 10, timedelta(hours=1))
# How long to wait for a budget of which most is reserved by calls under way that give it back.
RESERVED_SECONDS = 5


class Attempt(msgspec.Struct, frozen=True):
    """One attempt against a budget; the subject is whom or what it is counted for."""

    budget: Budget
    subject: str

    @property
    def subject_hash(self) -> bytes:
        """Return what is stored of the subject."""
        return hashlib.sha256(self.subject.encode()).digest()


class Receipt(msgspec.Struct, frozen=True):
    """An attempt that was counted, and when its window ends."""

    attempt: Attempt
    ends_at: datetime


COUNT = """
    insert into attempts as a (account_id, budget, subject_hash, used, ends_at) values ($1, $2, $3, 1, $4)
    on conflict (account_id, budget, subject_hash) do update
    set used = case when a.ends_at > $5 then a.used + 1 else 1 end,
        ends_at = case when a.ends_at > $5 then a.ends_at else excluded.ends_at end
    where a.ends_at <= $5 or a.used < $6
    returning ends_at
"""


async def count(
    db: Db, account_id: int, attempts: Iterable[Attempt], now: datetime, *, max_wait: int | None = None
) -> list[Receipt]:
    """Count attempts; refuses (429) when one of the budgets is used up, and then counts none of them.

    The refusal says to wait at most `max_wait` seconds, where others usually give back what they count.
    """
    outside, receipts = db.independent(), list[Receipt]()
    for each in attempts:
        budget, subject_hash = each.budget, each.subject_hash
        ends_at = await outside.value(
            COUNT, account_id, budget.name, subject_hash, now + budget.window, now, budget.limit
        )
        if ends_at is None:
            await give_back(db, account_id, receipts)
            seconds = await _wait(outside, account_id, each, now)
            raise TooManyAttempts(retry_after=min(seconds, max_wait or seconds))
        receipts.append(Receipt(each, ends_at))
    return receipts


async def give_back(db: Db, account_id: int, receipts: Iterable[Receipt]) -> None:
    """Take attempts back that were no failures; of a window that is over nothing is taken."""
    for each in receipts:
        await db.independent().execute(
            "update attempts set used = used - 1"
            " where account_id = $1 and budget = $2 and subject_hash = $3 and ends_at = $4 and used > 0",
            account_id,
            each.attempt.budget.name,
            each.attempt.subject_hash,
            each.ends_at,
        )


async def _wait(db: Db, account_id: int, attempt: Attempt, now: datetime) -> int:
    ends_at: datetime | None = await db.value(
        "select ends_at from attempts where account_id = $1 and budget = $2 and subject_hash = $3",
        account_id,
        attempt.budget.name,
        attempt.subject_hash,
    )
    return max(1, int((ends_at - now).total_seconds()) + 1) if ends_at else 1


async def forget_attempts(db: Db, account_id: int, now: datetime) -> None:
    """Delete the counts of windows that are over."""
    await db.execute("delete from attempts where account_id = $1 and ends_at <= $2", account_id, now)
