"""Calls into higher domains in the same transaction, when a fan is merged or erased, or created with idols.

app.py passes the module of each domain with tables that have a `fan_id`: TABLES lists them, move_fan and forget_fan
change them. The journal of merges records and restores their rows generically. Tables derived from others (sums, ranks)
are listed in EXCLUDED: the journal ignores them, and recount_fans recomputes them.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.handover import Handover

# Characters around a word in a search text, and the minimum of digits that are searched as a phone number.
PUNCTUATION = "<>()[]\"',;:"
SHORTEST_NUMBER = 7


class Person(msgspec.Struct, frozen=True):
    """The texts that identify a fan, folded as in search.

    `names` are first and last name together. `keys` are external keys and display names, which can be any text, so they
    are only compared as a whole. `shared` are those of all these texts that another fan has too.
    """

    fan_ids: frozenset[int]
    addresses: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]
    keys: frozenset[str]
    shared: frozenset[str] = frozenset()

    def alone(self) -> "Person":
        """Return the person without the texts that another fan has too."""
        kinds = (self.addresses, self.numbers, self.names, self.keys)
        return Person(self.fan_ids, *(words - self.shared for words in kinds))

    def is_named_in(self, text: str) -> bool:
        """Return whether a folded search text contains an identifying text of the person."""
        words = [word.strip(PUNCTUATION) for word in text.split()]
        spaced = f" {' '.join(words)} "
        if any(f" {each} " in spaced for each in (*self.addresses, *self.names)):
            return True
        digits = re.sub(r"\D", "", text).lstrip("0")
        is_number = len(digits) >= SHORTEST_NUMBER and any(each.endswith(digits) for each in self.numbers)
        return is_number or " ".join(text.split()) in self.keys


class Follower(Protocol):
    """A module of a domain with tables that have a fan_id.

    EXCLUDED, recount_fans, forget_person, note_erasure, count_objects and end_sessions are optional.
    """

    @property
    def TABLES(self) -> Sequence[str]:  # noqa: N802 - a constant of the module
        """Return the names of the tables."""

    async def move_fan(self, db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
        """Move the rows of one fan to another."""

    async def forget_fan(self, db: Db, account_id: int, fan_id: int) -> None:
        """Delete a fan's personal data."""


LinkIdols = Callable[[Db, int, int, list[str], datetime], Awaitable[None]]

FOLLOWERS = Handover[Sequence[Follower]]("the domains that follow fans")
LINK_IDOLS = Handover[LinkIdols]("the links to idols")


def journal_tables() -> list[str]:
    """Return the tables in the journal of merges."""
    return [table for each in FOLLOWERS.get() for table in each.TABLES if table not in getattr(each, "EXCLUDED", ())]


def tables() -> list[str]:
    """Return all tables that have a fan_id."""
    return [table for each in FOLLOWERS.get() for table in each.TABLES]


async def forget(db: Db, account_id: int, fan_id: int) -> None:
    """Delete a fan's personal data in every domain, in the caller's transaction."""
    for follower in FOLLOWERS.get():
        await follower.forget_fan(db, account_id, fan_id)


async def forget_person(db: Db, account_id: int, person: Person, now: datetime) -> None:
    """Delete stored requests that contain the person, such as searches, in the caller's transaction."""
    for follower in FOLLOWERS.get():
        if forget_requests := getattr(follower, "forget_person", None):
            await forget_requests(db, account_id, person, now)


async def note_erasure(db: Db, account_id: int, fan_id: int, erasure_id: int, now: datetime) -> None:
    """Write down that a fan was erased, where something waits for that, in the caller's transaction."""
    for follower in FOLLOWERS.get():
        if note := getattr(follower, "note_erasure", None):
            await note(db, account_id, fan_id, erasure_id, now)


async def count_objects(db: Db, account_id: int, since: datetime) -> int:
    """Return how many files outside the database may contain a fan who was here since then."""
    counts = [count for each in FOLLOWERS.get() if (count := getattr(each, "count_objects", None))]
    return sum([await count(db, account_id, since) for count in counts])


async def move(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the rows of one fan to another in every domain, in the caller's transaction."""
    for follower in FOLLOWERS.get():
        await follower.move_fan(db, account_id, old_fan_id, fan_id)


async def recount(db: Db, account_id: int, fan_ids: Sequence[int]) -> None:
    """Recompute the derived tables of fans, in the caller's transaction."""
    for follower in FOLLOWERS.get():
        if recount_fans := getattr(follower, "recount_fans", None):
            await recount_fans(db, account_id, fan_ids)


async def end_logins(db: Db, account_id: int, fan_id: int, now: datetime, session_id: int | None) -> None:
    """Let the followers that let a fan in end that, but for one session; part of the caller's transaction."""
    for follower in FOLLOWERS.get():
        if end_sessions := getattr(follower, "end_sessions", None):
            await end_sessions(db, account_id, fan_id, now, session_id)


async def link_idols(db: Db, account_id: int, fan_id: int, idol_names: list[str], now: datetime) -> None:
    """Link a fan to idols by name, in the caller's transaction."""
    await LINK_IDOLS.get()(db, account_id, fan_id, idol_names, now)
