"""What the demo's fans follow: the club and its players, and the festival's bands with their sets."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from fanfare.demo.book import Book, Fan
from fanfare.demo.programme import CLUB, FESTIVAL, PLAYERS, WOMEN, YEARS
from fanfare.demo.shares import Shares
from fanfare.idols.actions.idols import create_idol, save_idol_event
from fanfare.idols.schemas import NewIdol, NewIdolEvent
from fanfare.idols.topics import FAN_IDOL_ADDED
from fanfare.kernel.data.db import Db

TABLES = {"fan_idols": "account_id idol_uid fan_id is_explicit created_at updated_at"}
TEAMS = ("Harbour City FC", "Harbour City FC Women")
BANDS = ("Marram", "The Breakwaters", "Nori Kid", "Lantern Hour", "Tall Ships", "DJ Estuary")
IDOLS = (*TEAMS, *PLAYERS, *BANDS)
FIRST_PLAYER, FIRST_BAND = len(TEAMS), len(TEAMS) + len(PLAYERS)
BAND_PLACES = Shares((1 / (1 + number), FIRST_BAND + number) for number in range(len(BANDS)))
# Days from now of the festival's sets, and their stages.
EDITIONS = (-459, -94, 271)
STAGES = ("Tide stage", "Dock stage")
SUMMER = "Tideline"


class Followed(NamedTuple):
    """A fan follows an idol, given by its index; not explicit if it was inferred from the fan's actions."""

    idol: int
    is_explicit: bool


async def make_idols(db: Db, account_id: int, now: datetime) -> list[UUID]:
    """Create the idols, as of the day the account was created."""
    result = []
    for place, name in enumerate(IDOLS):
        is_band, is_team = place >= FIRST_BAND, place < FIRST_PLAYER
        new = NewIdol(
            idol_name=name,
            idol_type="artist" if is_band else "team" if is_team else "other",
            spotify_uid=f"demo-{place}" if is_band else None,
            label_names=["line-up"] if is_band else ["team"] if is_team else ["player", "first team"],
            image_url=f"https://tideline.example.com/artists/{place}.jpg" if is_band else None,
        )
        result.append(await create_idol(db, account_id, new, now - YEARS))
    return result


async def make_sets(db: Db, account_id: int, idols: list[UUID], now: datetime) -> list[tuple[UUID, float]]:
    """Create the festival's sets; return each with its time, earliest first."""
    result = []
    for edition in EDITIONS:
        first = (now + timedelta(days=edition)).replace(hour=16, minute=0, second=0, microsecond=0)
        for number, band in enumerate(BANDS):
            starts_at = first + timedelta(days=number // 3, minutes=95 * (number % 3))
            new = NewIdolEvent(
                idol_uid=idols[FIRST_BAND + number],
                start_timestamp=starts_at.replace(tzinfo=None),
                end_timestamp=(starts_at + timedelta(minutes=75)).replace(tzinfo=None),
                event_name=f"{band} at {SUMMER} {starts_at.year}",
                venue_name="Harbour Park",
                display_venue_name=STAGES[number % 2],
                city="Vancouver",
                province="BC",
                country_code="CA",
                label_name=SUMMER,
                is_available=starts_at > now,
            )
            announced = min(starts_at - timedelta(days=120), now)
            result.append((await save_idol_event(db, account_id, new, announced), starts_at.timestamp()))
    return result


class Following:
    """Writes what fans follow."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.handlers: dict[type, Callable[[Fan, Any, str], None]] = {Followed: self._followed}

    def _followed(self, fan: Fan, follow: Followed, stamp: str) -> None:
        idol_uid = self.book.ids.idols[follow.idol]
        data = b'{"is_explicit":true}' if follow.is_explicit else b'{"is_explicit":false}'
        self.book.announce(FAN_IDOL_ADDED, idol_uid, fan.fan_id, stamp, data)
        row = (self.book.ids.account_id, idol_uid, fan.fan_id, follow.is_explicit, stamp, stamp)
        self.book.tables["fan_idols"].append(row)


def followings(chance: Random, home: int, favourite: object) -> Iterator[Followed]:
    """Yield what a fan follows: the favourite player explicitly, the team mostly inferred."""
    if isinstance(favourite, str):
        yield Followed(FIRST_PLAYER + PLAYERS.index(favourite), is_explicit=True)
    luck = chance.random()
    if home in (CLUB, WOMEN) and luck < 0.6:  # noqa: PLR2004 - the share of fans at home
        yield Followed(home, is_explicit=luck < 0.2)  # noqa: PLR2004 - those who follow explicitly
    elif home == FESTIVAL and luck < 0.7:  # noqa: PLR2004 - likewise
        band = BAND_PLACES.pick(chance)
        yield Followed(band, is_explicit=True)
        if luck < 0.3:  # noqa: PLR2004 - likewise
            yield Followed(FIRST_BAND + (band - FIRST_BAND + 1) % len(BANDS), is_explicit=False)
