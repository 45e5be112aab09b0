"""The programme of the demo account: five businesses, thirty campaigns in two years, tags and custom fields."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import msgspec

YEARS = timedelta(days=730)
CLUB, WOMEN, FESTIVAL, VENUE, LABEL = range(5)


class DemoBusiness(NamedTuple):
    """A business; `share` is the share of fans who are at home there."""

    name: str
    slug: str
    color: str
    share: float


class DemoCampaign(msgspec.Struct, frozen=True):
    """A campaign; `weight` is how many fans it attracts, `is_once` whether a fan can enter only once."""

    title: str
    app_type: str
    business: int
    starts_at: datetime
    ends_at: datetime
    weight: float
    is_once: bool


class DemoTag(NamedTuple):
    """A tag; `share` of the fans at home in `business` have it, and fewer of the others."""

    name: str
    business: int
    share: float


class DemoField(NamedTuple):
    """A custom field; `share` of the fans have a value."""

    key: str
    field_type: str
    options: tuple[str, ...]
    share: float


BUSINESSES = (
    DemoBusiness("Harbour City FC", "harbour-city", "#0b3d91", 46),
    DemoBusiness("Harbour City FC Women", "harbour-city-women", "#5b2a86", 17),
    DemoBusiness("Tideline Festival", "tideline", "#00a6a6", 19),
    DemoBusiness("The Foundry Hall", "foundry", "#b23a1d", 12),
    DemoBusiness("Salt Lane Records", "salt-lane", "#222222", 6),
)
PLAYERS = (
    "Ada Okoro",
    "Jun Sato",
    "Luis Prado",
    "Mika Laine",
    "Noor Haddad",
    "Sam Whitlock",
    "Tomas Vrba",
    "Yara Silva",
)
# Start (days ago), duration in days, type, business, title, weight. Yearly ones are 365 days apart, so that their
# titles never fall into the same year.
CAMPAIGNS = (
    (728, 28, "form", CLUB, "Season {year}: tell us about you", 8),
    (705, 14, "quiz", CLUB, "Opening day quiz {year}", 5),
    (668, 10, "sweepstakes", VENUE, "Win a year of shows at the Foundry", 6),
    (640, 21, "custom", CLUB, "Player of the month, {month} {year}", 4),
    (615, 7, "quiz", WOMEN, "Who wears number nine?", 2),
    (600, 30, "form", LABEL, "First listen: Low Water EP", 2),
    (588, 12, "sweepstakes", CLUB, "Away trip giveaway {year}", 7),
    (570, 60, "registration", FESTIVAL, "Tideline {year} pre-sale registration", 9),
    (550, 45, "custom", VENUE, "Foundry listening room sign-in", 3),
    (520, 20, "form", WOMEN, "Young referees day", 1.5),
    (510, 4, "registration", CLUB, "Cup semi-final ballot {year}", 7),
    (500, 30, "custom", FESTIVAL, "Tideline line-up wish list {year}", 5),
    (475, 9, "sweepstakes", FESTIVAL, "Tideline backstage passes {year}", 8),
    (460, 5, "custom", FESTIVAL, "Tideline {year} gate check-in", 6),
    (445, 14, "form", FESTIVAL, "Tideline {year} survey", 3),
    (363, 28, "registration", CLUB, "Season {year} priority tickets", 8),
    (350, 10, "quiz", CLUB, "Derby week quiz {year}", 6),
    (335, 90, "custom", CLUB, "Goal of the season vote {year}", 4),
    (310, 14, "sweepstakes", WOMEN, "Match ball giveaway", 3),
    (290, 40, "form", VENUE, "Foundry members' survey {year}", 2),
    (260, 7, "sweepstakes", LABEL, "Signed vinyl from Salt Lane", 3),
    (235, 12, "quiz", LABEL, "Name that riff", 1.5),
    (205, 60, "registration", FESTIVAL, "Tideline {year} pre-sale registration", 10),
    (170, 30, "custom", WOMEN, "Kit design vote {year}", 4),
    (130, 10, "sweepstakes", CLUB, "Kit launch: win the new shirt {year}", 8),
    (95, 5, "custom", FESTIVAL, "Tideline {year} gate check-in", 7),
    (80, 14, "form", FESTIVAL, "Tideline {year} survey", 3),
    (60, 75, "registration", WOMEN, "Season ticket waiting list {year}", 3),
    (20, 30, "quiz", CLUB, "Friday quiz league {year}", 6),
    (-10, 21, "sweepstakes", VENUE, "Opening night at the Foundry {year}", 5),
)
# A word of the title, the question, and the answers.
CUSTOM_ENTRIES = (
    ("check-in", "entrance", ("north gate", "main gate", "ferry dock", "camping gate")),
    ("sign-in", "came_for", ("listening session", "record fair", "talk", "bar")),
    ("Kit", "vote", ("tidal blue", "foghorn grey", "salmon run")),
    ("wish list", "wish", ("Marram", "The Breakwaters", "Nori Kid", "Lantern Hour", "Tall Ships", "DJ Estuary")),
)
FIRST_TIME_PERCENT = 38
SINGLE_ENTRY = frozenset({"form", "registration"})
TAGS = (
    DemoTag("Season ticket holder", CLUB, 0.21),
    DemoTag("Former season ticket holder", CLUB, 0.08),
    DemoTag("Away travel", CLUB, 0.10),
    DemoTag("Family stand", CLUB, 0.13),
    DemoTag("Supporters' club", CLUB, 0.15),
    DemoTag("Derby attendee", CLUB, 0.24),
    DemoTag("Junior parent", CLUB, 0.09),
    DemoTag("Founding member", WOMEN, 0.16),
    DemoTag("Academy volunteer", WOMEN, 0.07),
    DemoTag("Local girls' league", WOMEN, 0.11),
    DemoTag("Weekend pass", FESTIVAL, 0.31),
    DemoTag("Day pass", FESTIVAL, 0.34),
    DemoTag("Camping", FESTIVAL, 0.18),
    DemoTag("Early bird", FESTIVAL, 0.22),
    DemoTag("Festival volunteer", FESTIVAL, 0.04),
    DemoTag("Foundry member", VENUE, 0.27),
    DemoTag("Box office", VENUE, 0.22),
    DemoTag("Guest list", VENUE, 0.05),
    DemoTag("Jazz nights", VENUE, 0.12),
    DemoTag("Vinyl buyer", LABEL, 0.33),
    DemoTag("Mailing list: new releases", LABEL, 0.41),
    DemoTag("VIP", CLUB, 0.02),
    DemoTag("Press", VENUE, 0.01),
    DemoTag("Staff and family", CLUB, 0.01),
)
FIELDS = (
    DemoField("favourite_player", "choice", PLAYERS, 0.24),
    DemoField("shirt_size", "choice", ("XS", "S", "M", "L", "XL", "XXL"), 0.19),
    DemoField(
        "interests", "choices", ("matches", "concerts", "merchandise", "away trips", "family days", "vinyl"), 0.31
    ),
    DemoField("season_ticket", "boolean", (), 0.28),
    DemoField("matches_attended", "number", (), 0.22),
    DemoField("member_since", "date", (), 0.17),
    DemoField("seat_section", "text", (), 0.12),
    DemoField("profile_url", "url", (), 0.03),
)


def campaigns(now: datetime) -> list[DemoCampaign]:
    """Return the thirty campaigns by start; the last one has not begun."""
    rows = []
    for days_ago, days, app_type, business, title, weight in CAMPAIGNS:
        # From ten in the morning until midnight, Pacific time.
        starts_at = (now - timedelta(days=days_ago)).replace(hour=18, minute=0, second=0, microsecond=0)
        ends_at = starts_at + timedelta(days=days, hours=-10)
        name = title.format(year=starts_at.year, month=starts_at.strftime("%B"))
        rows.append(DemoCampaign(name, app_type, business, starts_at, ends_at, weight, app_type in SINGLE_ENTRY))
    return rows


def entry(app_type: str, title: str, chance: Random) -> dict[str, Any]:
    """Return what a fan enters in a campaign of a type."""
    if app_type == "quiz":
        correct = min(10, max(0, round(chance.gauss(6.4, 2.2))))
        duration = chance.randrange(28_000, 240_000)
        return {"correct_count": correct, "question_count": 10, "activity_duration_ms": duration}
    if app_type == "sweepstakes":
        return {"entry_method": _likely(chance, ("web", "app", "qr code", "text message"))}
    if app_type == "registration":
        return {
            "party_size": chance.choice((1, 1, 2, 2, 2, 3, 4)),
            "is_first_time": chance.randrange(100) < FIRST_TIME_PERCENT,
        }
    if app_type == "form":
        channels = ("social media", "a friend", "at a match", "email", "poster", "radio")
        return {"heard_from": _likely(chance, channels), "satisfaction": min(5, max(1, round(chance.gauss(4, 1))))}
    for word, key, options in CUSTOM_ENTRIES:
        if word in title:
            return {key: _likely(chance, options)}
    return {"vote": _likely(chance, PLAYERS)}


def field_value(field: DemoField, chance: Random, today: date) -> object:
    """Return a random value of the field's type."""
    return VALUES[field.field_type](field, chance, today)


def _likely(chance: Random, options: Sequence[str]) -> str:
    """Return a random option; earlier ones are more likely."""
    return options[min(int(chance.expovariate(2.2 / len(options))), len(options) - 1)]


VALUES: dict[str, Callable[[DemoField, Random, date], object]] = {
    "choice": lambda field, chance, _: _likely(chance, field.options),
    "choices": lambda field, chance, _: sorted(chance.sample(field.options, chance.choice((1, 1, 2, 2, 3)))),
    "boolean": lambda _, chance, __: chance.randrange(3) == 0,
    "number": lambda _, chance, __: int(chance.expovariate(1 / 7)),
    "date": lambda _, chance, today: (today - timedelta(days=int(chance.triangular(30, 7000, 400)))).isoformat(),
    "url": lambda _, chance, __: f"https://social.example.com/@fan{chance.getrandbits(24):x}",
    "text": lambda _, chance, __: f"{chance.choice('ABCDEFGH')}{chance.randrange(1, 29)}",
}
