"""What fans do beside campaigns: whom they follow, what they plan, buy and spend."""

from collections.abc import Iterator, Sequence
from random import Random

from fanfare.demo.following import followings
from fanfare.demo.gates import festivals, visits
from fanfare.demo.loyalty import HIDES, REWARDS, SPENDS, Hidden, Spent
from fanfare.demo.people import DemoPerson
from fanfare.demo.programme import CLUB, DemoCampaign
from fanfare.demo.schedules import plans
from fanfare.demo.shop import orders
from fanfare.demo.story import Arrival, Entered, Happening


class Pastimes:
    """Adds to lives; the same seed and lives give the same."""

    def __init__(
        self, seed: int, now: float, programme: Sequence[DemoCampaign], shows: Sequence[tuple[float, int | None]]
    ) -> None:
        """Take what decides everything; `shows` are moments with the business, None for a set of the festival."""
        self.chance = Random(f"{seed} pastimes")  # noqa: S311 - made-up data that can be made again
        self.now = now
        self.programme = programme
        self.shows = shows
        self.festivals = festivals(programme)

    def life(self, fan: int, person: DemoPerson, lived: Sequence[Happening]) -> Iterator[Happening]:
        """Yield what a fan did beside what is told already, in no order, and never before the arrival."""
        came, arrival = lived[0].moment, lived[0].what
        chance, now = self.chance, self.now
        first = next((each.what.campaign for each in lived if isinstance(each.what, Entered)), None)
        home = CLUB if first is None else self.programme[first].business
        favourite = arrival.values.get("favourite_player") if isinstance(arrival, Arrival) else None
        for followed in followings(chance, home, favourite):
            yield Happening(chance.uniform(came, now), fan, followed)
        for moment, planned in plans(chance, home, came, now, self.shows):
            yield Happening(moment, fan, planned)
        for moment, paid in orders(chance, fan, person, came, now):
            yield Happening(moment, fan, paid)
        if chance.random() < SPENDS:
            yield Happening(chance.uniform(came, now), fan, Spent(chance.randrange(len(REWARDS))))
        if chance.random() < HIDES:
            yield Happening(chance.uniform(came, now), fan, Hidden())
        for moment, what in visits(chance, self.festivals, fan, person, lived):
            yield Happening(moment, fan, what)
