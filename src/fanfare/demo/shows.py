"""What the demo's box office sells: two seasons of matches, the festival, and concerts in several cities."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple


class Level(NamedTuple):
    """A price level: its code, the price of a seat, and its weight in orders."""

    code: str
    price: int
    share: float


class Hall(NamedTuple):
    """A venue with its price levels; amounts are in its currency."""

    name: str
    city: str
    province: str
    currency: str
    levels: tuple[Level, ...]


class Show(NamedTuple):
    """An event on sale: `share` of the fans with its tag buy, or without a tag of all fans."""

    key: str
    name: str
    day: date
    hall: Hall
    artist: str
    event_type: str
    share: float
    tag: str | None = None
    on_sale_days: int = 60


STADIUM = Hall("Harbour City Stadium", "Vancouver", "BC", "CAD", (
    Level("ADULT", 38, 46), Level("FAMILY", 24, 22), Level("STAND", 29, 20), Level("CLUB", 85, 9), Level("BOX", 160, 3),
))  # fmt: skip
SEASON = Hall("Harbour City Stadium", "Vancouver", "BC", "CAD", (
    Level("SEASON-A", 890, 18), Level("SEASON-B", 640, 47), Level("SEASON-Y", 310, 35),
))  # fmt: skip
INLET = Hall("Inlet Park", "Vancouver", "BC", "CAD", (Level("ADULT", 22, 60), Level("FAMILY", 12, 40)))
FERRY_POINT = Hall("Ferry Point Park", "Vancouver", "BC", "CAD", (
    Level("EARLY", 189, 24), Level("WEEKEND", 229, 60), Level("WEEKEND-VIP", 420, 16),
))  # fmt: skip
FERRY_DAY = FERRY_POINT._replace(levels=(Level("DAY", 99, 82), Level("DAY-VIP", 185, 18)))
FERRY_CAMP = FERRY_POINT._replace(levels=(Level("PITCH", 75, 70), Level("BELL-TENT", 340, 30)))
FOUNDRY = Hall(
    "The Foundry Hall", "Vancouver", "BC", "CAD", (Level("FLOOR", 42, 64), Level("SEAT", 55, 28), Level("TABLE", 78, 8))
)
BALLAST = Hall("Ballast Room", "Seattle", "WA", "USD", (Level("GA", 32, 85), Level("VIP", 68, 15)))
CANNERY = Hall("Cannery Stage", "Portland", "OR", "USD", (Level("GA", 29, 88), Level("VIP", 60, 12)))
QUEEN_STREET = Hall("Queen Street Rooms", "Toronto", "ON", "CAD", (Level("GA", 36, 100),))

CLUB, WOMEN, FESTIVAL = "Harbour City FC", "Harbour City FC Women", "Tideline Festival"
OPPONENTS = (
    "Emerald Sound", "Rose City Athletic", "Bow River", "Capital Union", "Prairie Forge", "Lakeshore United",
    "Island Rovers", "Redwood Town", "Mile High Albion", "Bay Bridge", "Empire Quays", "Windward", "Lone Star Vale",
    "Desert Kings", "Music Row", "Freedom Trail", "Cascade Derby",
)  # fmt: skip
ARTISTS = ("Marram", "The Breakwaters", "Nori Kid", "Lantern Hour", "Tall Ships", "DJ Estuary")
JAZZ = ("Foghorn Quartet", "Low Tide Five", "Ines Caldera Trio")
DERBY = OPPONENTS[-1]
# Days before now: of the first match of each season, the Fridays of the festival, and the concerts.
SEASONS = (700, 335)
FESTIVALS = (463, 98)
FIRST_CONCERT, LAST_CONCERT = 690, -60


def shows(today: date) -> list[Show]:
    """Return all events, past and future, by date."""
    result = [*_matches(today), *_festivals(today), *_concerts(today)]
    return sorted(result, key=lambda show: show.day)


def _nearest_weekday(today: date, days_ago: int, weekday: int) -> date:
    """Return the first such weekday on or after the date that many days ago."""
    day = today - timedelta(days=days_ago)
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def _matches(today: date) -> Iterator[Show]:
    for season, (days_ago, holders) in enumerate(
        zip(SEASONS, ("Former season ticket holder", "Season ticket holder"), strict=True)
    ):
        first = _nearest_weekday(today, days_ago, weekday=5)
        title = f"{CLUB} season ticket {first.year}"
        yield Show(f"HC{season}-S", title, first, SEASON, CLUB, "season", 0.97, holders, 150)
        for number, opponent in enumerate(OPPONENTS):
            day = first + timedelta(days=14 * number)
            derby = ("Derby attendee", 0.8) if opponent == DERBY else (None, 0.013 + 0.001 * (number % 4))
            yield Show(
                f"HC{season}-{number + 1:02}", f"{CLUB} - {opponent}", day, STADIUM, CLUB, "match", derby[1], derby[0]
            )
            if number % 2:
                name = f"{WOMEN} - {opponent} Women"
                yield Show(f"HW{season}-{number + 1:02}", name, day + timedelta(days=1), INLET, WOMEN, "match", 0.006)


def _festivals(today: date) -> Iterator[Show]:
    for days_ago in FESTIVALS:
        friday = _nearest_weekday(today, days_ago, weekday=4)
        year = friday.year
        weekend = f"Tideline {year}"
        yield Show(
            f"TL{year}-W", f"{weekend}, weekend", friday, FERRY_POINT, FESTIVAL, "festival", 0.85, "Weekend pass", 200
        )
        yield Show(f"TL{year}-C", f"{weekend}, camping", friday, FERRY_CAMP, FESTIVAL, "festival", 0.6, "Camping", 180)
        for number, word in enumerate(("Friday", "Saturday", "Sunday")):
            day = friday + timedelta(days=number)
            yield Show(
                f"TL{year}-{number + 1}",
                f"{weekend}, {word}",
                day,
                FERRY_DAY,
                FESTIVAL,
                "festival",
                0.25,
                "Day pass",
                90,
            )


def _concerts(today: date) -> Iterator[Show]:
    halls = (FOUNDRY, FOUNDRY, BALLAST, FOUNDRY, CANNERY, FOUNDRY, QUEEN_STREET)
    for number, days_ago in enumerate(range(FIRST_CONCERT, LAST_CONCERT, -15)):
        hall, artist, day = (
            halls[number % len(halls)],
            ARTISTS[number % len(ARTISTS)],
            _nearest_weekday(today, days_ago, weekday=4),
        )
        yield Show(f"CO-{number + 1:03}", f"{artist} at {hall.name}", day, hall, artist, "concert", 0.007)
        if number % 3 == 0:
            trio = JAZZ[number // 3 % len(JAZZ)]
            name = f"Jazz night: {trio}"
            yield Show(
                f"JZ-{number + 1:03}", name, day - timedelta(days=2), FOUNDRY, trio, "concert", 0.22, "Jazz nights", 40
            )
