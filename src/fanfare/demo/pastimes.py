"""What fans do apart from campaigns: follow idols, plan visits, buy things and spend points."""

from collections.abc import Iterator, Sequence
from random import Random

from fanfare.demo.following import followings
from fanfare.demo.gates import festivals, visits
from fanfare.demo.loyalty import HIDES, REWARDS, SPENDS, Hidden, Spent
from fanfare.demo.people import DemoPerson
from fanfare.demo.programme import CLUB, DemoCampaign
from fanfare.demo.schedules import plans
from fanfare.demo.shop import orders
from fanfare.demo.story import Arrival, Entered, TimedEvent


class Pastimes:
    """Adds events to a fan's life; deterministic for a seed."""

    def __init__(
        self, seed: int, now: float, programme: Sequence[DemoCampaign], shows: Sequence[tuple[float, int | None]]
    ) -> None:
        """Create a generator; `shows` are times with the business, None for a set of the festival."""
        self.chance = Random(f"{seed} pastimes")  # noqa: S311 - reproducible sample data
        self.now = now
        self.programme = programme
        self.shows = shows
        self.festivals = festivals(programme)

    def life(self, fan: int, person: DemoPerson, timed_events: Sequence[TimedEvent]) -> Iterator[TimedEvent]:
        """Yield more events of a fan, unordered, but none before the arrival."""
        arrived_at, arrival = timed_events[0].moment, timed_events[0].event
        chance, now = self.chance, self.now
        first = next((each.event.campaign for each in timed_events if isinstance(each.event, Entered)), None)
        home = CLUB if first is None else self.programme[first].business
        favourite = arrival.values.get("favourite_player") if isinstance(arrival, Arrival) else None
        for follow in followings(chance, home, favourite):
            yield TimedEvent(chance.uniform(arrived_at, now), fan, follow)
        for moment, plan in plans(chance, home, arrived_at, now, self.shows):
            yield TimedEvent(moment, fan, plan)
        for moment, payment in orders(chance, fan, person, arrived_at, now):
            yield TimedEvent(moment, fan, payment)
        if chance.random() < SPENDS:
            yield TimedEvent(chance.uniform(arrived_at, now), fan, Spent(chance.randrange(len(REWARDS))))
        if chance.random() < HIDES:
            yield TimedEvent(chance.uniform(arrived_at, now), fan, Hidden())
        for moment, visit in visits(chance, self.festivals, fan, person, timed_events):
            yield TimedEvent(moment, fan, visit)
