"""Generates people: names by country, addresses in real towns, email addresses and phone numbers that reach nobody."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from random import Random

import msgspec
from mimesis import Locale, Person
from mimesis.enums import Gender

from fanfare.demo.shares import Shares
from fanfare.demo.towns import TOWNS, Numbers, Town, postal_code
from fanfare.fans.display_names import accepted_name
from fanfare.kernel import folding
from fanfare.places.spelling import fold

MAIL_HOSTS = Shares([(70, "example.com"), (16, "example.org"), (14, "example.net")])
# The languages of names in each country.
LOCALES = {
    "CA": Shares(
        [(70, Locale.EN_CA), (10, Locale.FR), (8, Locale.EN_GB), (4, Locale.ES), (4, Locale.IT), (4, Locale.PL)]
    ),
    "US": Shares([(74, Locale.EN), (14, Locale.ES), (6, Locale.EN_GB), (3, Locale.IT), (3, Locale.PL)]),
    "GB": Shares([(90, Locale.EN_GB), (5, Locale.PL), (3, Locale.IT), (2, Locale.ES)]),
    "IE": Shares([(92, Locale.EN_GB), (6, Locale.PL), (2, Locale.ES)]),
    "DE": Shares([(88, Locale.DE), (8, Locale.TR), (4, Locale.PL)]),
    "FR": Shares([(92, Locale.FR), (4, Locale.ES), (4, Locale.IT)]),
    "NL": Shares([(92, Locale.NL), (5, Locale.DE), (3, Locale.TR)]),
    "AU": Shares([(88, Locale.EN_AU), (8, Locale.EN_GB), (4, Locale.IT)]),
}
GENDERS: Shares[str | None] = Shares([(44, "male"), (41, "female"), (2, "diverse"), (1, "other"), (12, None)])
# Age ranges; the upper end is exclusive.
AGES = Shares(
    [(9, (16, 20)), (18, (20, 26)), (23, (26, 33)), (19, (33, 40)), (14, (40, 48)), (10, (48, 58)), (7, (58, 84))]
)
GENDERS_OF_NAMES = {"male": Gender.MALE, "female": Gender.FEMALE}
NICKNAMES = (
    "Blue",
    "Harbour",
    "Lucky",
    "North",
    "Terrace",
    "Away",
    "Captain",
    "Row Z",
    "Rainy",
    "Salty",
    "West",
    "Loud",
)
ANIMALS = ("Heron", "Otter", "Orca", "Gull", "Bear", "Lynx", "Raven", "Seal", "Fox", "Moose", "Owl", "Falcon")
# Networks reserved for documentation.
NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
DAYS_A_YEAR = 365.2425
# The share of people with each kind of data.
HABITS = {
    "place": 0.93,
    "phone": 0.42,
    "mail beside the phone": 0.94,
    "birth date": 0.72,
    "display name": 0.34,
    "picture": 0.07,
    "confirmed mail": 0.61,
    "confirmed phone": 0.35,
}
# The share of people with a user key in each network.
NETWORK_SHARES = {"ticketing": 0.24, "app": 0.15, "shop": 0.11, "facebook": 0.04, "spotify": 0.02}


class DemoPerson(msgspec.Struct):
    """A fictional person in the stored form of fans; `identities` are user keys by network."""

    first_name: str
    last_name: str
    gender: str | None
    birth_date: date | None
    town: Town
    postal_code: str | None
    latitude: float | None
    longitude: float | None
    email: str | None
    phone: str | None
    display_name: str | None
    ip_address: str
    image_url: str | None
    is_confirmed: bool
    is_phone_confirmed: bool
    identities: dict[str, str]


class Crowd:
    """Generates people; no two share an email address, a phone number, a display name or an identity."""

    def __init__(self, seed: int, today: date) -> None:
        """`today` is the day on which ages are computed."""
        self.chance = Random(seed)  # noqa: S311 - reproducible sample data
        self.today = today
        self.towns = Shares((town.weight, town) for town in TOWNS)
        self.numbers = Numbers(self.chance)
        locales = {locale for shares in LOCALES.values() for locale in shares.values}
        self.names = {locale: Person(locale, seed=f"{seed} {locale}") for locale in sorted(locales, key=str)}
        self.mails: set[str] = set()
        self.display_names: set[str] = set()

    def people(self, count: int) -> Iterator[DemoPerson]:
        """Yield `count` people."""
        for number in range(1, count + 1):
            yield self._person(number)

    def _does(self, habit: str) -> bool:
        return self.chance.random() < HABITS[habit]

    def _person(self, number: int) -> DemoPerson:
        town, gender = self.towns.pick(self.chance), GENDERS.pick(self.chance)
        first_name, last_name = self._name(town, gender)
        has_place = self._does("place")
        phone = self.numbers.next_of(town) if self._does("phone") else None
        # Some have only a phone, like those who joined by text message.
        has_mail = phone is None or self._does("mail beside the phone")
        return DemoPerson(
            first_name=first_name,
            last_name=last_name,
            gender=gender,
            birth_date=self._birth_date() if self._does("birth date") else None,
            town=town,
            postal_code=postal_code(town, self.chance) if has_place else None,
            latitude=round(self.chance.gauss(town.latitude, 0.03), 5) if has_place else None,
            longitude=round(self.chance.gauss(town.longitude, 0.04), 5) if has_place else None,
            email=self._mail(first_name, last_name) if has_mail else None,
            phone=phone,
            display_name=self._display_name(first_name, last_name) if self._does("display name") else None,
            ip_address=f"{self.chance.choice(NETWORKS)}.{self.chance.randrange(1, 255)}",
            image_url=f"https://images.example.com/fans/{number}.jpg" if self._does("picture") else None,
            is_confirmed=has_mail and self._does("confirmed mail"),
            is_phone_confirmed=phone is not None and self._does("confirmed phone"),
            identities=self._identities(number),
        )

    def _name(self, town: Town, gender: str | None) -> tuple[str, str]:
        names = self.names[LOCALES[town.country_code].pick(self.chance)]
        name_gender = GENDERS_OF_NAMES.get(gender or "") or self.chance.choice((Gender.MALE, Gender.FEMALE))
        return names.first_name(gender=name_gender), names.last_name(gender=name_gender)

    def _birth_date(self) -> date:
        youngest, oldest = AGES.pick(self.chance)
        return self.today - timedelta(days=int(self.chance.uniform(youngest, oldest) * DAYS_A_YEAR))

    def _mail(self, first_name: str, last_name: str) -> str:
        first, last = _in_mail(first_name), _in_mail(last_name)
        forms = (f"{first}.{last}", f"{first}{last}", f"{first[0]}{last}", f"{first}_{last}", f"{first}.{last[0]}")
        local, host = self.chance.choice(forms), MAIL_HOSTS.pick(self.chance)
        address = f"{local}@{host}"
        while address in self.mails:
            address = f"{local}{self.chance.randrange(1, 10_000)}@{host}"
        self.mails.add(address)
        # A few capitalize their address, which is shown as written.
        return (
            address
            if self.chance.randrange(25)
            else f"{first_name[0]}{address[1:]}"
            if first_name.isascii()
            else address
        )

    def _display_name(self, first_name: str, last_name: str) -> str | None:
        figure = self.chance.choice(("", str(self.chance.randrange(2, 100)), f"_{self.chance.randrange(1, 1000)}"))
        stems = (
            first_name,
            f"{first_name} {last_name[0]}.",
            f"{self.chance.choice(NICKNAMES)}{self.chance.choice(ANIMALS)}",
            f"{self.chance.choice(NICKNAMES)} {first_name}",
        )
        name = f"{self.chance.choice(stems)}{figure}"
        if folding.fold(name) in self.display_names:
            return None
        try:
            name = accepted_name(name)
        except ValueError:
            return None
        self.display_names.add(folding.fold(name))
        return name

    def _identities(self, number: int) -> dict[str, str]:
        keys = {
            "ticketing": f"TK-{100_000 + number}",
            "app": f"app-{self.chance.getrandbits(40):010x}-{number}",
            "shop": f"{70_000_000 + number}",
            "facebook": f"{10**14 + number * 7919}",
            "spotify": f"listener{number:x}",
        }
        return {network: key for network, key in keys.items() if self.chance.random() < NETWORK_SHARES[network]}


@cache
def _in_mail(name: str) -> str:
    return fold(name).replace(" ", "") or "fan"
