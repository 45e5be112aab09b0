"""The jobs that every peer is asked to do, as each spells them, and calls that are ready before the clock starts."""

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple

import msgspec

from bench.data import EVENTS, FIRST_NAMES, LAST_NAMES, NOW, event_day

BATCH, PAGE = 100, 200
# Events that the lines of one call are of.
ON_SALE = 8
PASS_CAMPAIGN = 1
PROVINCES = ("CA", "NY", "TX", "FL", "IL", "WA", "CO", "BC", "ON")
encode = msgspec.json.Encoder().encode


class Call(NamedTuple):
    """A request: method, path, and the body, encoded as JSON when it is sent."""

    method: str
    path: str
    body: object = None

    def line(self) -> bytes:
        """Return the call as a line of a file: method, path and body, with tabs between."""
        return b"\t".join((self.method.encode(), self.path.encode(), b"" if self.body is None else encode(self.body)))


class Job(NamedTuple):
    """What is asked, how many rows a call is, and the most calls a second for which a first run has bodies."""

    title: str
    rows: int = 1
    most_calls: int = 1000
    # Each call can be made once.
    is_once: bool = False


JOBS = {
    "activity": Job("activity with its fan, by email address"),
    "fan": Job("fan by id"),
    "page": Job(f"page of {PAGE} activities"),
    "search": Job(f"search by 3 criteria, first {PAGE}"),
    "tickets": Job(f"tickets by {BATCH} (rows)", rows=BATCH, most_calls=500, is_once=True),
    "check_in": Job("check-in of a pass", most_calls=10_000, is_once=True),
}


class Sample(NamedTuple):
    """How much is there: fans, activities, and passes that may be checked in."""

    fans: int
    activities: int
    passes: int


class Query(NamedTuple):
    """The criteria of a search: provinces, one tag, and that mail is allowed."""

    provinces: tuple[str, str]
    tag_name: str


# A job of a peer: the call by its number.
Spelling = Callable[[int, Sample], Call]
Spellings = Mapping[str, Spelling]


def fan_of(number: int, sample: Sample) -> int:
    """Return the fan of a call: in no order, and the same for each peer."""
    return 1 + number * 7919 % sample.fans


def first_activity(number: int, sample: Sample) -> int:
    """Return the id after which a page starts."""
    return number * 104_729 % max(1, sample.activities - PAGE)


def query_of(number: int) -> Query:
    """Return the criteria of a search."""
    chance = random.Random(number)
    first, second = chance.sample(PROVINCES, 2)
    return Query((first, second), f"tag {chance.randrange(2, 7)}")


def pass_code(number: int) -> str:
    """Return the code of a pass, by its number from 0."""
    return f"P{number:07d}"


class Line(NamedTuple):
    """A ticket: number of the line, its order, its event, its buyer (0 for a new one) and the buyer's names."""

    number: int
    order: int
    event: int
    fan: int
    first_name: str
    last_name: str
    price_code: str

    @property
    def purchase_timestamp(self) -> str:
        """When the ticket was bought, in GMT."""
        return f"{NOW - timedelta(minutes=self.number % 500_000):%Y-%m-%d %H:%M:%S}"

    @property
    def event_date(self) -> str:
        """The day of the event."""
        return str(event_day(self.event))


def lines(number: int, sample: Sample) -> Iterator[Line]:
    """Yield the lines of a call: two of an order, of eight events, by buyers of whom nine of ten are there."""
    for each in range(number * BATCH, (number + 1) * BATCH):
        order = each // 2
        buyer = random.Random(order)
        fan = buyer.randrange(1, sample.fans + 1) if buyer.random() < 0.9 else 0
        event = 1 + (number * 37 + order % ON_SALE * 53) % EVENTS
        yield Line(each, order, event, fan, buyer.choice(FIRST_NAMES), buyer.choice(LAST_NAMES), "ABCDEF"[order % 6])
