"""What the demo's fans put on their schedule: home matches, nights at the Foundry, and sets of the festival."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from fanfare.demo.book import Book, Fan
from fanfare.demo.programme import BUSINESSES, CLUB, FESTIVAL, VENUE, WOMEN
from fanfare.kernel.db import Db
from fanfare.performances.actions import save_performance
from fanfare.performances.schemas import NewPerformance

TABLES = {
    "fan_performances": "account_id fan_id performance_uid created_at",
    "fan_events": "account_id fan_id event_uid created_at",
}
DAY = 86_400.0
FIRST_DAY, LAST_DAY, EVERY = -714, 62, 18
GUESTS = (
    "Cedar Rovers",
    "Port Athletic",
    "Inlet United",
    "Ferry Town",
    "Granite SC",
    "Fraser Wanderers",
    "Orca Bay FC",
)
NIGHTS = ("Jazz at the Foundry", "Salt Lane label night", "Marram live")
# How long before a show fans put it on their schedule.
AHEAD = 45 * DAY
HABITS = {CLUB: 0.16, WOMEN: 0.12, FESTIVAL: 0.22, VENUE: 0.2}


class Planned(NamedTuple):
    """Something put on a schedule, by its place: a performance, or a set of the festival."""

    place: int
    is_set: bool


class Show(NamedTuple):
    """A performance: when it is, and whose."""

    performance_uid: UUID
    moment: float
    business: int


async def make_performances(db: Db, account_id: int, businesses: Sequence[int], now: datetime) -> list[Show]:
    """Make a performance every two to three weeks, past and to come, the earliest first."""
    made = []
    for number, day in enumerate(range(FIRST_DAY, LAST_DAY, EVERY)):
        business = (CLUB, WOMEN, CLUB, VENUE)[number % 4]
        night = NIGHTS[number // 4 % len(NIGHTS)]
        on = now + timedelta(days=day)
        wanted = NewPerformance(
            performance_name=night
            if business == VENUE
            else f"{BUSINESSES[business].name} - {GUESTS[number % len(GUESTS)]}",
            performance_date=on.date(),
            onsale_date=(on - timedelta(days=60)).date(),
            announce_date=(on - timedelta(days=75)).date(),
            status="ready",
            business_id=businesses[business],
            artist_name="Marram" if night == NIGHTS[-1] else None,
            venue_name="The Foundry Hall" if business == VENUE else "Harbour Ground",
            city="Vancouver",
            province="BC",
            country_code="CA",
        )
        made_at = min(on - timedelta(days=75), now)
        made.append(Show(await save_performance(db, account_id, wanted, made_at), on.timestamp(), business))
    return made


class Schedules:
    """Writes schedules down."""

    def __init__(self, book: Book) -> None:
        """Take where it is written."""
        self.book = book
        self.tellers: dict[type, Callable[[Fan, Any, str], None]] = {Planned: self._planned}

    def _planned(self, fan: Fan, planned: Planned, at: str) -> None:
        ids = self.book.ids
        uid = (ids.idol_events if planned.is_set else ids.performances)[planned.place]
        kind, table = ("event", "fan_events") if planned.is_set else ("performance", "fan_performances")
        self.book.announce("schedule.added", f"{kind}:{uid}", fan.fan_id, at)
        self.book.tables[table].append((ids.account_id, fan.fan_id, uid, at))


def plans(
    chance: Random, home: int, came: float, now: float, moments: Sequence[tuple[float, int | None]]
) -> Iterator[tuple[float, Planned]]:
    """Yield when a fan plans which shows; `moments` are those of sets (None) and of businesses' shows."""
    if chance.random() >= HABITS.get(home, 0.02):
        return
    wanted = None if home == FESTIVAL else home
    open_ones = [place for place, (moment, business) in enumerate(moments) if moment > came and business == wanted]
    sets = sum(business is None for _, business in moments)
    for place in chance.sample(open_ones, min(len(open_ones), chance.choice((1, 1, 2, 4)))):
        show = moments[place][0]
        earliest, latest = max(came, show - AHEAD), min(now, show)
        if earliest < latest:
            is_set = place < sets
            yield chance.uniform(earliest, latest), Planned(place if is_set else place - sets, is_set)
