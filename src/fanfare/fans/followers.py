"""What higher domains do in the same transaction when a fan is merged or forgotten, or named with idols.

app.py hands over the module of each domain that keeps a `fan_id`: TABLES names its tables, move_fan and forget_fan act
on them. What a merge moves in these tables is noted and goes back when it is undone, without a word by the domain. Only
tables whose rows follow from others (sums, ranks) are named in EXCLUDED: they are left out, and recount_fans makes them
anew.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.handover import Handover

# What may stand around a word in a text, and the fewest digits that are a number rather than a part of one.
PUNCTUATION = "<>()[]\"',;:"
SHORTEST_NUMBER = 7


class Person(msgspec.Struct, frozen=True):
    """What tells a fan from everybody else, all of it folded as the search folds names.

    `names` are the first with the last name, `keys` what outside systems and the fan call the fan: any text at all, and
    so only whole values are compared with them. `shared` are those of all these words that another fan has too.
    """

    fan_ids: frozenset[int]
    addresses: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]
    keys: frozenset[str]
    shared: frozenset[str] = frozenset()

    def alone(self) -> "Person":
        """Return the person without what another fan has too."""
        kinds = (self.addresses, self.numbers, self.names, self.keys)
        return Person(self.fan_ids, *(words - self.shared for words in kinds))

    def is_named_in(self, text: str) -> bool:
        """Tell whether a folded text that somebody searched for names the person."""
        words = [word.strip(PUNCTUATION) for word in text.split()]
        spaced = f" {' '.join(words)} "
        if any(f" {each} " in spaced for each in (*self.addresses, *self.names)):
            return True
        digits = re.sub(r"\D", "", text).lstrip("0")
        is_number = len(digits) >= SHORTEST_NUMBER and any(each.endswith(digits) for each in self.numbers)
        return is_number or " ".join(text.split()) in self.keys


class Follower(Protocol):
    """A module of a domain that keeps something of a fan. EXCLUDED, recount_fans and forget_person may lack."""

    @property
    def TABLES(self) -> Sequence[str]:  # noqa: N802 - a constant of the module
        """Name the tables."""

    async def move_fan(self, db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
        """Give what one fan has to another."""

    async def forget_fan(self, db: Db, account_id: int, fan_id: int) -> None:
        """Delete what is personal of a fan."""


TieIdols = Callable[[Db, int, int, list[str], datetime], Awaitable[None]]

FOLLOWERS = Handover[Sequence[Follower]]("the domains that follow fans")
TIE_IDOLS = Handover[TieIdols]("the ties to idols")


def noted_tables() -> list[str]:
    """Return the tables whose rows a merge moves and notes."""
    return [table for each in FOLLOWERS.get() for table in each.TABLES if table not in getattr(each, "EXCLUDED", ())]


def tables() -> list[str]:
    """Return all tables that name a fan."""
    return [table for each in FOLLOWERS.get() for table in each.TABLES]


async def forget(db: Db, account_id: int, fan_id: int) -> None:
    """Let every follower forget a fan; part of the caller's transaction."""
    for follower in FOLLOWERS.get():
        await follower.forget_fan(db, account_id, fan_id)


async def forget_person(db: Db, account_id: int, person: Person, now: datetime) -> None:
    """Let the followers that keep what callers asked forget whom they asked for; part of the caller's transaction."""
    for follower in FOLLOWERS.get():
        if forget_asked := getattr(follower, "forget_person", None):
            await forget_asked(db, account_id, person, now)


async def move(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Let every follower give what one fan has to another; part of the caller's transaction."""
    for follower in FOLLOWERS.get():
        await follower.move_fan(db, account_id, old_fan_id, fan_id)


async def recount(db: Db, account_id: int, fan_ids: Sequence[int]) -> None:
    """Let the followers make anew what follows from other rows of fans; part of the caller's transaction."""
    for follower in FOLLOWERS.get():
        if recount_fans := getattr(follower, "recount_fans", None):
            await recount_fans(db, account_id, fan_ids)


async def tie(db: Db, account_id: int, fan_id: int, idol_names: list[str], now: datetime) -> None:
    """Tie a fan to idols by name; part of the caller's transaction."""
    await TIE_IDOLS.get()(db, account_id, fan_id, idol_names, now)
