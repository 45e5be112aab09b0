"""Finds or creates the fans of contact data, for every call and import: one person is one fan.

The SQL that matches persons to fans is in `matching`; this module has its input and runs it. A write that needs a fan
is a FanStatements, whose light form, where it has one, comes first: most persons are fans already and bring nothing
new.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import count
from typing import Any

import msgspec

from fanfare.fans.actions.matching import ADDRESS, MATCH_EXISTING, MATCH_MANY, MATCH_ONE, PEOPLE
from fanfare.fans.contact import Contact, normalized_mail_key, read_contact
from fanfare.kernel.data.announcements import HOLD
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters

BATCH = 1000
CHANNELS = {"is_subscribed": "mail_consent_at", "is_phone_subscribed": "phone_consent_at"}


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Contact data of a person, normalised by `person` or `details`."""

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
    # when the consents were given; None is now
    mail_consent_at: datetime | None = None
    phone_consent_at: datetime | None = None
    # what proves them, besides the IP address
    consent_wording: str | None = None
    consent_source: str | None = None

    @property
    def proof(self) -> tuple[str | None, str | None]:
        """What proves the consents."""
        return self.consent_wording, self.consent_source


def consent_times(moment: datetime | None) -> dict[str, datetime | None]:
    """Return the fields of Person for consents that were all given at `moment`."""
    return dict.fromkeys(CHANNELS.values(), moment)


def person(
    contact: Mapping[str, str | None],
    *,
    home_country: str | None = None,
    **attributes: Any,  # noqa: ANN401 - Person's own
) -> Person:
    """Return a Person from the parameters of `read_contact`; BadParameters (422) without email and phone."""
    profile = details(read_contact(contact, home_country), **attributes)
    if profile.mail is None and profile.phone is None:
        raise BadParameters([("email", "is required when phone is left out")])
    return profile


def details(contact: Contact, **attributes: Any) -> Person:  # noqa: ANN401 - Person's own
    """Return a Person; BadParameters (422) names every invalid field. `attributes` are the other fields of Person."""
    mail, number, address, faults = contact
    if faults:
        raise BadParameters(faults)
    return Person(
        mail=mail,
        mail_key=normalized_mail_key(mail) if mail else None,
        phone=number,
        country_code=address.country_code,
        province=address.province,
        city=address.city,
        postal_code=address.postal_code,
        **attributes,
    )


class Batch(msgspec.Struct):
    """Persons for one statement: no email address occurs twice, and no number without address."""

    people: list[Person] = []
    # for each entry added, in order, its index in `people`
    places: list[int] = []
    by_key: dict[str, int] = {}
    consents: set[tuple[str, bool]] = set()

    def try_add(self, each: Person) -> bool:
        """Add an entry and return True, or False if it belongs into the next batch.

        An entry with the address of an earlier one, or with its number when both have no address, fills the empty
        fields of that one. It is not added if their numbers differ, or if it contradicts a consent in this batch or
        proves one otherwise, since each of the two needs its own row in the ledger.
        """
        place = self.by_key.setdefault(each.mail_key or each.phone or "", len(self.people))
        if place < len(self.people) and self.people[place] is each:
            # The buyer of several lines.
            self.places.append(place)
            return True
        consents = {(name, flag) for name in CHANNELS if (flag := getattr(each, name)) is not None}
        if place == len(self.people):
            self.people.append(each)
        else:
            first = self.people[place]
            is_contrary = any((name, not flag) in self.consents for name, flag in consents)
            is_contrary |= bool(consents) and _has_consents([first]) and first.proof != each.proof
            if is_contrary or (first.phone and each.phone and first.phone != each.phone):
                return False
            self.people[place] = _merge(first, each)
        self.consents |= consents
        self.places.append(place)
        return True


def batches(people: Sequence[Person]) -> Iterator[Batch]:
    """Deduplicate persons and yield them in batches of at most 1000; usually there is one batch."""
    batch = Batch()
    for each in people:
        if len(batch.people) == BATCH or not batch.try_add(each):
            yield batch
            batch = Batch()
            batch.try_add(each)
    if batch.people:
        yield batch


def _merge(first: Person, later: Person) -> Person:
    """Return a person whose empty fields are filled from a later entry; the postal address only as a whole.

    A consent in both has the later time.
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
    """Return the SQL arguments of MATCH_ONE and MATCH_MANY."""
    columns = zip(*map(msgspec.structs.astuple, people), strict=True)
    fields = dict(zip(Person.__struct_fields__, columns, strict=True))
    return PEOPLE.column_arguments({"place": list(range(len(people))), **fields})


def statement(statements: tuple[Sql, ...], people: Sequence[Person], attempt: int) -> Sql:
    """Return the statement to run for some persons, in the first attempt (0) or in a retry after a race.

    `statements` are built from the three texts of MATCH_ONE, MATCH_MANY or MATCH_GUARDED.
    """
    return statements[min(_has_consents(people) + attempt, len(statements) - 1)]


MATCH = "{match}"
# The columns of a Person that MATCH_EXISTING compares with the fan's.
COMPARED = ("mail", "phone", "first_name", "last_name", "birth_date", "gender", "country_code", "ip_address")


class LightStatement:
    """A write for one person who is a fan already and brings nothing new, which is what most calls are.

    Nothing new: no identifier, no value for an empty column, no consent. It writes nothing for anybody else; then run
    the full statement. What it relies on it reads itself and locks, so it is right beside merges, erasures and changes.
    """

    def __init__(self, text: str) -> None:
        """`text` is the statement with MATCH for the CTEs of `matching`; inserts that can conflict must do nothing."""
        self.sql = Sql(text.replace(MATCH, MATCH_EXISTING))

    async def row(self, db: Db, account_id: int, each: Person, named: Mapping[str, object]) -> Record | None:
        """Run it and return its row, or None if it does not suffice; `named` may have more arguments than it takes."""
        if _has_consents([each]):
            return None
        network, identifier = ("email", each.mail_key) if each.mail_key else ("phone", each.phone)
        values = {f"person_{name}": getattr(each, name) for name in COMPARED}
        values |= {"person_network": network, "person_identifier": identifier, **named}
        arguments = {name: values[name] for name in self.sql.names}
        if db.in_transaction:
            # No savepoint: nothing here ends in a conflict.
            return await db.row(self.sql, account_id, **arguments)
        return await db.retry_conflicts(lambda tx: tx.row(self.sql, account_id, **arguments))


class FanStatements:
    """A write for people, in the forms in which its statement finds or makes their fans; a light one comes first."""

    def __init__(self, text: str, light: str | None = None) -> None:
        """`text` is the statement with MATCH for the CTEs of `matching`; `light`, if there is one, the light form."""
        self._light = LightStatement(light) if light else None
        self._forms, self._batch_forms = (
            tuple(Sql(text.replace(MATCH, ctes)) for ctes in each) for each in (MATCH_ONE, MATCH_MANY)
        )

    async def full(
        self, db: Db, account_id: int, people: Sequence[Person], attempt: int, named: Mapping[str, object]
    ) -> list[Record]:
        """Run the form for any people, in the first attempt (0) or in a retry after a race; use `retry_conflicts`."""
        forms = self._forms if len(people) == 1 else self._batch_forms
        return await db.rows(statement(forms, people, attempt), account_id, **arguments(people), **named)

    async def run(self, db: Db, account_id: int, people: Sequence[Person], named: Mapping[str, object]) -> list[Record]:
        """Run the light form, if there is one, for one person, and a full one where it does not suffice."""
        if self._light and len(people) == 1 and (row := await self._light.row(db, account_id, people[0], named)):
            return [row]
        return await self.run_full(db, account_id, people, named)

    async def run_full(
        self, db: Db, account_id: int, people: Sequence[Person], named: Mapping[str, object]
    ) -> list[Record]:
        """Run a full form until it conflicts with no concurrent write, and return the rows."""
        attempts = count()
        return await db.retry_conflicts(lambda tx: self.full(tx, account_id, people, next(attempts), named))


def _has_consents(people: Sequence[Person]) -> bool:
    return any(getattr(each, name) is not None for each in people for name in CHANNELS)


FIND_TEXT = f"""
    with {HOLD},
    {MATCH}
    select place, fan_id from resolved order by place
"""  # noqa: S608 - fixed parts
# It writes nothing of its own, so its light form is the same text.
FIND = FanStatements(FIND_TEXT, light=FIND_TEXT)


async def find_or_create(db: Db, account_id: int, people: Sequence[Person], now: datetime, *, source: str) -> list[int]:
    """Return the fan_id of each person, in order; the result is as if each were written by itself.

    `source` is the name of the call, stored in the consent ledger and as the default of fan_source. Up to 1000 persons
    are one statement; entries that contradict one another take further ones, so pass a transaction for all or nothing.
    """
    fan_ids: list[int] = []
    for batch in batches(people):
        rows = await FIND.run(db, account_id, batch.people, {"now": now, "source": source})
        fan_ids += [rows[place]["fan_id"] for place in batch.places]
    return fan_ids
