"""Persons of a batch of an import as its statements take them: made in a thread, while the batch before is written.

What is made is of these persons alone, whoever and whatever is in the tables.
"""

from collections.abc import Iterable, Sequence
from operator import is_
from typing import NamedTuple

from fanfare.fans.actions.people import Person, arguments, batches
from fanfare.kernel.data.sql import array_literal


class ReadyBatch(NamedTuple):
    """Persons of one statement, the place of each entry among them, and what the statement takes.

    `keys` are three arrays: a place, a network and a value for each identifier.
    """

    people: Sequence[Person]
    places: Sequence[int]
    arguments: dict[str, object]
    keys: tuple[str, ...]
    has_yes: bool


class ReadyPeople(NamedTuple):
    """Entries of a batch of an import, and the statements that they need."""

    entries: Sequence[Person]
    batches: Sequence[ReadyBatch]

    def is_of(self, people: Sequence[Person]) -> bool:
        """Return whether these are the entries, the very same objects."""
        return len(people) == len(self.entries) and all(map(is_, people, self.entries))


def ready_people(entries: Iterable[Person]) -> ReadyPeople:
    """Return the statements of some entries."""
    people = list(entries)
    return ReadyPeople(people, [_ready(each.people, each.places) for each in batches(people)])


def _ready(people: Sequence[Person], places: Sequence[int]) -> ReadyBatch:
    place_list, networks, values = identifiers(people)
    keys = array_literal(place_list), array_literal(networks), array_literal(values)
    has_yes = any(each.is_subscribed or each.is_phone_subscribed for each in people)
    return ReadyBatch(people, places, arguments(people), keys, has_yes)


def identifiers(people: Sequence[Person]) -> tuple[list[int], list[str], list[str]]:
    """Return the identifiers of persons: the place of each person, the network, and the value."""
    keys = [
        (place, network, value)
        for place, each in enumerate(people)
        for network, value in (("email", each.mail_key), ("phone", each.phone))
        if value is not None
    ]
    return [place for place, _, _ in keys], [network for _, network, _ in keys], [value for _, _, value in keys]
