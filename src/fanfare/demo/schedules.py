"""What the demo's fans put on their schedule: home matches, concerts, and sets of the festival."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from fanfare.demo import shows
from fanfare.demo.book import Book, Fan
from fanfare.demo.programme import CLUB, FESTIVAL, VENUE, WOMEN
from fanfare.kernel.data.db import Db
from fanfare.performances.actions.performances import create_performance
from fanfare.performances.schemas.performances import NewPerformance
from fanfare.performances.topics import SCHEDULE_ADDED

TABLES = {
    "fan_performances": "account_id fan_id performance_uid created_at",
    "fan_events": "account_id fan_id event_uid created_at",
}
DAY = 86_400.0
# The business of a show by its artist; concerts belong to the venue.
PLAYERS = {shows.CLUB: CLUB, shows.WOMEN: WOMEN}
# How long before a show fans schedule it.
PLANNING_LEAD = 45 * DAY
# In GMT; it is the same day in Vancouver.
STARTS = time(20, 0)
HABITS = {CLUB: 0.16, WOMEN: 0.12, FESTIVAL: 0.22, VENUE: 0.2}


class Planned(NamedTuple):
    """A fan scheduled a performance or a festival set, given by its index."""

    place: int
    is_set: bool


class Show(NamedTuple):
    """A performance: its time and its business."""

    performance_uid: UUID
    moment: float
    business: int


async def make_performances(db: Db, account_id: int, businesses: Sequence[int], now: datetime) -> list[Show]:
    """Create the performances that the box office sells individually, past and future, earliest first."""
    result = []
    for show in shows.shows(now.date()):
        if show.event_type not in ("match", "concert"):
            continue
        business = PLAYERS.get(show.artist, VENUE)
        starts = datetime.combine(show.day, STARTS, now.tzinfo)
        announced = starts - timedelta(days=show.on_sale_days + 15)
        new = NewPerformance(
            performance_name=show.name,
            performance_date=show.day,
            onsale_date=show.day - timedelta(days=show.on_sale_days),
            announce_date=announced.date(),
            status="ready",
            business_id=businesses[business],
            campaign_event_key=show.key,
            artist_name=show.artist,
            venue_name=show.hall.name,
            city=show.hall.city,
            province=show.hall.province,
            country_code=show.hall.currency[:2],
        )
        made_at = min(announced, now)
        result.append(Show(await create_performance(db, account_id, new, made_at), starts.timestamp(), business))
    return result


class Schedules:
    """Writes schedules."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.handlers: dict[type, Callable[[Fan, Any, str], None]] = {Planned: self._planned}

    def _planned(self, fan: Fan, plan: Planned, stamp: str) -> None:
        ids = self.book.ids
        uid = (ids.idol_events if plan.is_set else ids.performances)[plan.place]
        kind, table = ("event", "fan_events") if plan.is_set else ("performance", "fan_performances")
        self.book.announce(SCHEDULE_ADDED, f"{kind}:{uid}", fan.fan_id, stamp)
        self.book.tables[table].append((ids.account_id, fan.fan_id, uid, stamp))


def plans(
    chance: Random, home: int, arrived_at: float, now: float, moments: Sequence[tuple[float, int | None]]
) -> Iterator[tuple[float, Planned]]:
    """Yield when a fan schedules which shows; `moments` are those of sets (None) and of businesses' shows."""
    if chance.random() >= HABITS.get(home, 0.02):
        return
    series = None if home == FESTIVAL else home
    open_places = [
        place for place, (moment, business) in enumerate(moments) if moment > arrived_at and business == series
    ]
    sets = sum(business is None for _, business in moments)
    for place in chance.sample(open_places, min(len(open_places), chance.choice((1, 1, 2, 4)))):
        show = moments[place][0]
        earliest, latest = max(arrived_at, show - PLANNING_LEAD), min(now, show)
        if earliest < latest:
            is_set = place < sets
            yield chance.uniform(earliest, latest), Planned(place if is_set else place - sets, is_set)
