"""One person is one fan: finds or makes the fans behind contact data, whatever door it came through.

How a fan is recognised stands in `finding`; here are what a door knows about a person, and the calls.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import count
from typing import Any

import msgspec

from fanfare.fans.actions.finding import ADDRESS, FOUND, FOUND_MANY, PEOPLE
from fanfare.fans.contact import Contact, read_contact, shown_key
from fanfare.kernel.data.announcements import HOLD
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters

__all__ = [
    "FOUND",
    "FOUND_MANY",
    "Batch",
    "Person",
    "arguments",
    "batches",
    "details",
    "find_or_create",
    "person",
    "said_at",
    "text",
]

BATCH = 1000
CHANNELS = {"is_subscribed": "mail_said_at", "is_phone_subscribed": "phone_said_at"}


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What a door knows about a person, in normal forms: see `person`."""

    mail: str | None = None
    mail_key: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    birth_date: date | None = None
    gender: str | None = None
    country_code: str | None = None
    province: str | None = None
    city: str | None = None
    postal_code: str | None = None
    ip_address: str | None = None
    fan_source: str | None = None
    is_subscribed: bool | None = None
    is_phone_subscribed: bool | None = None
    # when the words on consent were given; None is now
    mail_said_at: datetime | None = None
    phone_said_at: datetime | None = None


FIND = f"""
    with {HOLD},
    {{found}}
    select place, fan_id from who order by place
"""  # noqa: S608 - fixed parts
FIND_ONE, FIND_MANY = (tuple(Sql(FIND.format(found=statement)) for statement in each) for each in (FOUND, FOUND_MANY))


def said_at(moment: datetime | None) -> dict[str, datetime | None]:
    """Return the fields of Person that tell when somebody gave all words on consent."""
    return dict.fromkeys(CHANNELS.values(), moment)


def person(
    contact: Mapping[str, str | None],
    *,
    home_country: str | None = None,
    **attributes: Any,  # noqa: ANN401 - Person's own
) -> Person:
    """Return `details` of somebody who can be reached, from the fields of `read_contact`; refuses (422) who can not."""
    profile = details(read_contact(contact, home_country), **attributes)
    if profile.mail is None and profile.phone is None:
        raise BadParameters([("email", "is required when phone is left out")])
    return profile


def details(contact: Contact, **attributes: Any) -> Person:  # noqa: ANN401 - Person's own
    """Return what is told of a person; refuses (422) with every wrong field. `known` are the other fields of Person."""
    mail, number, address, faults = contact
    if faults:
        raise BadParameters(faults)
    return Person(
        mail=mail,
        mail_key=shown_key(mail) if mail else None,
        phone=number,
        country_code=address.country_code,
        province=address.province,
        city=address.city,
        postal_code=address.postal_code,
        **attributes,
    )


class Batch(msgspec.Struct):
    """Persons who can be met in one statement: no email address comes twice, nor a number without address."""

    people: list[Person] = []
    # for each entry that was taken in, in order, who of `people` it is
    places: list[int] = []
    by_key: dict[str, int] = {}
    words: set[tuple[str, bool]] = set()

    def takes(self, each: Person) -> bool:
        """Take an entry in, or say that it must wait for the next batch.

        An entry joins an earlier one of the same address, or of the same number when both have none. What the earlier
        one leaves empty it fills. It waits when it has another number, or when it contradicts a word on consent in this
        batch, since each of the two has its own row in the ledger.
        """
        words = {(name, flag) for name in CHANNELS if (flag := getattr(each, name)) is not None}
        place = self.by_key.setdefault(each.mail_key or each.phone or "", len(self.people))
        if place == len(self.people):
            self.people.append(each)
        else:
            first = self.people[place]
            is_contrary = any((name, not flag) in self.words for name, flag in words)
            if is_contrary or (first.phone and each.phone and first.phone != each.phone):
                return False
            self.people[place] = _merge(first, each)
        self.words |= words
        self.places.append(place)
        return True


def batches(people: Sequence[Person]) -> Iterator[Batch]:
    """Fold persons who are the same and yield them in batches of at most 1000; usually there is one."""
    batch = Batch()
    for each in people:
        if len(batch.people) == BATCH or not batch.takes(each):
            yield batch
            batch = Batch()
            batch.takes(each)
    if batch.people:
        yield batch


def _merge(first: Person, later: Person) -> Person:
    """Return a person with what the later entry adds; an address is taken whole or not at all.

    A word that both say is of the younger moment.
    """
    values: dict[str, Any] = {
        name: value
        for name in Person.__struct_fields__
        if (value := getattr(later, name)) is not None
        and getattr(first, name) is None
        and not (name in ADDRESS and first.country_code)
        and name not in CHANNELS.values()
    }
    for name, moment in CHANNELS.items():
        if getattr(later, name) is not None:
            moments = [getattr(each, moment) for each in (first, later) if getattr(each, name) is not None]
            values[moment] = None if None in moments else max(moments)
    return msgspec.structs.replace(first, **values) if values else first


def arguments(people: Sequence[Person]) -> dict[str, object]:
    """Return persons as the arguments of FOUND and FOUND_MANY."""
    return PEOPLE.arguments([{"place": place, **msgspec.structs.asdict(each)} for place, each in enumerate(people)])


def text(statements: tuple[Sql, ...], people: Sequence[Person], turn: int) -> Sql:
    """Return which statement to run for some persons, the first time (turn 0) or again after a race.

    `statements` are made of the three texts of FOUND or FOUND_MANY.
    """
    speaks = any(getattr(each, name) is not None for each in people for name in CHANNELS)
    return statements[min(speaks + turn, len(statements) - 1)]


async def find_or_create(db: Db, account_id: int, people: Sequence[Person], now: datetime, *, source: str) -> list[int]:
    """Return the fan of each person, in the order given: as if they came one by one, but a thousand in one statement.

    `source` names the door: it stands in the consent ledger, and as fan_source of fans made without one. Entries that
    contradict one another take a further statement; give the handle of a transaction to have all or nothing.
    """
    fan_ids: list[int] = []
    for batch in batches(people):
        rows = await _find(db, account_id, batch.people, now, source)
        fan_ids += [rows[place]["fan_id"] for place in batch.places]
    return fan_ids


async def _find(db: Db, account_id: int, people: Sequence[Person], now: datetime, source: str) -> list[Record]:
    find = FIND_ONE if len(people) == 1 else FIND_MANY
    named, turns = {**arguments(people), "now": now, "source": source}, count()
    return await db.racing(lambda tx: tx.rows(text(find, people, next(turns)), account_id, **named))
