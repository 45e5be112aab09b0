"""Fans by their email address."""

from collections.abc import Iterable
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from bench.peers.twin.tables import Fan


class Person(Protocol):
    """Whoever a body names."""

    email: str
    first_name: str | None
    last_name: str | None


async def fan_ids_of(db: AsyncSession, people: Iterable[Person]) -> dict[str, int]:
    """Return the fans of some people, by email address in lower case; those who are not there are made."""
    by_email = {each.email.lower(): each for each in people}
    existing = select(Fan.email, Fan.fan_id).where(Fan.email.in_(by_email))
    found = dict((await db.execute(existing)).tuples().all())
    missing = sorted(by_email.keys() - found.keys())
    if missing:
        rows = [
            {"email": each, "first_name": by_email[each].first_name, "last_name": by_email[each].last_name}
            for each in missing
        ]
        # Nothing is returned for a fan whom another call made meanwhile: that one is read.
        await db.execute(insert(Fan).values(rows).on_conflict_do_nothing(index_elements=[Fan.email]))
        found |= dict((await db.execute(existing.where(Fan.email.in_(missing)))).tuples().all())
    return found


async def fan_id_of(db: AsyncSession, person: Person) -> int:
    """Return the fan of a person, who is made if not there."""
    return (await fan_ids_of(db, [person]))[person.email.lower()]
