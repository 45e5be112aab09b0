"""Generates what each sample fan did and when: arrivals, activities, consents, tags and field values."""

from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

from fanfare.demo.people import DemoPerson
from fanfare.demo.programme import BUSINESSES, FIELDS, TAGS, YEARS, DemoCampaign, entry, field_value
from fanfare.demo.shares import Shares
from fanfare.fans.actions.consents import ConsentEntry

DAY = 86_400.0
# Most fans live on the Pacific coast, eight hours behind GMT, and are active in the evening.
UTC_OFFSET = 8 * 3600.0
ACTIVITY_BY_HOUR = (2, 1, 1, 0.5, 0.5, 1, 3, 5, 6, 5, 5, 6, 8, 7, 5, 5, 6, 8, 10, 12, 13, 12, 8, 4)
HOURS = Shares((share, hour) for hour, share in enumerate(ACTIVITY_BY_HOUR))
HOMES = Shares((business.share, number) for number, business in enumerate(BUSINESSES))
# How a fan was added. Lists were imported on two days: at the start, and when the box office was connected.
SOURCES = Shares([(70, "campaign"), (12, "import"), (8, "ticketing"), (6, "wifi"), (4, "session")])
IMPORT_DAYS = {"import": 0, "ticketing": 310}
MAX_ACTIVITIES = 160
MAX_ATTEMPTS = 12
HABITS = {
    "answers on mail": 0.90,
    "mail": 0.74,
    "answers on texts": 0.70,
    "texts": 0.46,
    "answers on business": 0.85,
    "business": 0.72,
    "answers elsewhere": 0.40,
    "leaves mail": 0.07,
    "comes back": 0.12,
    "leaves texts": 0.05,
    "leaves business": 0.03,
    "opts out": 0.03,
    "changes": 0.18,
}
WORDINGS = {
    "email": "Yes, send me news and offers by email. I can unsubscribe at any time.",
    "phone": "Yes, send me text messages. Message and data rates may apply; reply STOP to end.",
    "business": "Yes, keep me posted about this club or venue.",
}


class Arrival(NamedTuple):
    """The first event of a fan: the source, the consents given there, and field values."""

    source: str
    consents: list[ConsentEntry]
    values: dict[str, object]


class ConsentChange(NamedTuple):
    """A later change of consent, and its source."""

    consent: ConsentEntry
    source: str


class Entered(NamedTuple):
    """An activity: the index of the campaign in the programme, and its props."""

    campaign: int
    props: dict[str, Any]


class Tagged(NamedTuple):
    """A tag was added, given by its index in the programme."""

    tag: int


class FieldChange(NamedTuple):
    """A fan changed the value of a custom field."""

    key: str
    value: object


class TimedEvent(NamedTuple):
    """An event of a fan (an index in the crowd) with its time in Unix seconds.

    `event` is one of the classes above, or one of another module that also handles it.
    """

    moment: float
    fan: int
    event: Any


def wording(consent: ConsentEntry) -> str | None:
    """Return the text that a consenting fan has agreed to."""
    return WORDINGS.get(consent.channel) if consent.is_granted else None


class Story:
    """Generates the lives of fans; deterministic for a seed, a time and a programme."""

    def __init__(self, seed: int, now: datetime, programme: list[DemoCampaign]) -> None:
        self.chance = Random(f"{seed} story")  # noqa: S311 - reproducible sample data
        self.today = now.date()
        self.now = now.timestamp()
        self.began = (now - YEARS).timestamp()
        self.programme = programme
        self.spans = [(each.starts_at.timestamp(), each.ends_at.timestamp()) for each in programme]
        open_places = [place for place, (start, _) in enumerate(self.spans) if start < self.now]
        # Campaigns by home, weighted by how many fans they attract there.
        self.draws = [
            Shares(
                (programme[place].weight * (5 if programme[place].business == home else 1), place)
                for place in open_places
            )
            for home in range(len(BUSINESSES))
        ]

    def life(self, fan: int, person: DemoPerson) -> Iterator[TimedEvent]:
        """Yield all events of a fan: the arrival first, later ones in no order."""
        source, home = SOURCES.pick(self.chance), HOMES.pick(self.chance)
        first = self.draws[home].pick(self.chance) if source == "campaign" else None
        arrival = self._arrival_time(source) if first is None else self._wave(first)
        asked_by = home if first is None else self.programme[first].business
        consents = self._consents(person, asked_by)
        values = {
            field.key: field_value(field, self.chance, self.today) for field in FIELDS if self._happens(field.share)
        }
        yield TimedEvent(arrival, fan, Arrival(source, consents, values))
        businesses = {asked_by}
        for moment, place in self._entries(home, arrival, first):
            campaign = self.programme[place]
            props = entry(campaign.app_type, campaign.title, self.chance)
            yield TimedEvent(moment, fan, Entered(place, props))
            if campaign.business not in businesses and self._does("answers elsewhere"):
                businesses.add(campaign.business)
                consent = ConsentEntry("business", self._does("business"), campaign.business)
                yield TimedEvent(moment, fan, ConsentChange(consent, "campaign"))
        for note in self._later_events(home, consents):
            yield TimedEvent(self._later(arrival), fan, note)
        # The last event of fans who opt out completely, some after consenting.
        if self._does("opts out"):
            yield TimedEvent(
                self._later(arrival), fan, ConsentChange(ConsentEntry("everything", is_granted=False), "unsubscribe")
            )

    def _happens(self, share: float) -> bool:
        return self.chance.random() < share

    def _does(self, habit: str) -> bool:
        return self.chance.random() < HABITS[habit]

    def _later(self, moment: float) -> float:
        return self.chance.uniform(moment, self.now)

    def _arrival_time(self, source: str) -> float:
        if source in IMPORT_DAYS:
            # Importing thousands of rows takes some minutes.
            return self.began + IMPORT_DAYS[source] * DAY + self.chance.uniform(0, 600)
        return self._at_day_hour(self.chance.uniform(self.began, self.now), self.began, self.now)

    def _wave(self, place: int) -> float:
        """Return a time within a campaign: most fans enter at the start, some near the end, mostly in the evening."""
        start, end = self.spans[place]
        kind = self.chance.random()
        if kind < 0.55:  # noqa: PLR2004 - the share of the first wave
            share = min(self.chance.expovariate(5), 1.0)
        elif kind < 0.75:  # noqa: PLR2004 - the share of the last wave
            share = 1 - min(self.chance.expovariate(20), 1.0)
        else:
            share = self.chance.random()
        moment = start + share * (end - start)
        if moment >= self.now:
            moment = self.chance.uniform(start, self.now)
        return self._at_day_hour(moment, start, min(end, self.now))

    def _at_day_hour(self, moment: float, earliest: float, latest: float) -> float:
        midnight = moment - (moment - UTC_OFFSET) % DAY
        candidate = midnight + HOURS.pick(self.chance) * 3600 + self.chance.uniform(0, 3600)
        return candidate if earliest <= candidate <= latest else moment

    def _consents(self, person: DemoPerson, business: int) -> list[ConsentEntry]:
        consents = []
        if person.email and self._does("answers on mail"):
            consents.append(ConsentEntry("email", self._does("mail")))
        if person.phone and self._does("answers on texts"):
            consents.append(ConsentEntry("phone", self._does("texts")))
        if self._does("answers on business"):
            consents.append(ConsentEntry("business", self._does("business"), business))
        return consents

    def _entries(self, home: int, arrived_at: float, first: int | None) -> Iterator[tuple[float, int]]:
        """Yield times and campaigns: few entries for most fans, many for a few."""
        count = int(self.chance.lognormvariate(1.08, 1.08))
        if first is not None:
            yield arrived_at, first
        used = {first}
        for _ in range(min(count, MAX_ACTIVITIES)):
            place = self._open_campaign(home, arrived_at, used)
            if place is None:
                return
            used.add(place)
            start, end = self.spans[place]
            moment = self._wave(place)
            yield (
                (moment if moment > arrived_at else self.chance.uniform(max(arrived_at, start), min(end, self.now))),
                place,
            )

    def _open_campaign(self, home: int, arrived_at: float, used: set[int | None]) -> int | None:
        """Return a campaign that the fan can still enter, or None after some attempts."""
        for _ in range(MAX_ATTEMPTS):
            place = self.draws[home].pick(self.chance)
            if self.spans[place][1] > arrived_at and not (self.programme[place].is_once and place in used):
                return place
        return None

    def _later_events(self, home: int, consents: list[ConsentEntry]) -> Iterator[Tagged | FieldChange | ConsentChange]:
        for number, tag in enumerate(TAGS):
            if self._happens(tag.share * (1.6 if tag.business == home else 0.25)):
                yield Tagged(number)
        if self._does("changes"):
            field = self.chance.choice(FIELDS)
            yield FieldChange(field.key, field_value(field, self.chance, self.today))
        yield from self._consent_changes(consents)

    def _consent_changes(self, consents: list[ConsentEntry]) -> Iterator[ConsentChange]:
        withdrawals = {"email": "leaves mail", "phone": "leaves texts", "business": "leaves business"}
        for consent in consents:
            if consent.is_granted and self._does(withdrawals[consent.channel]):
                opt_out = ConsentEntry(consent.channel, is_granted=False, business_id=consent.business_id)
                yield ConsentChange(opt_out, "unsubscribe")
                if self._does("comes back"):
                    yield ConsentChange(consent, "session")
