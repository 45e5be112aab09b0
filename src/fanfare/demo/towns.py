"""The towns of sample fans, with real postal codes and unassigned phone numbers."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

# Letters of each country's postal codes.
CANADIAN = "ABCEGHJKLMNPRSTVWXYZ"
BRITISH = "ABDEFGHJLNPQRSTUWXYZ"
DUTCH = "ABCDEGHJKLMNPRTVWXZ"


class Town(NamedTuple):
    """A town; `codes` are postal codes or their first halves, `calling` the area codes of its numbers."""

    weight: int
    country_code: str
    province: str
    name: str
    metro_area: str | None
    latitude: float
    longitude: float
    codes: str
    calling: str = ""


TOWNS = (
    Town(250, "CA", "BC", "Vancouver", "Vancouver, BC", 49.261, -123.114, "V5K V5N V5T V5Z V6B V6E V6K V6R", "604 778"),
    Town(90, "CA", "BC", "Burnaby", "Vancouver, BC", 49.249, -122.980, "V5A V5B V5C V5G V5H", "604 778"),
    Town(85, "CA", "BC", "Surrey", "Vancouver, BC", 49.104, -122.825, "V3R V3S V3T V4A", "604 236"),
    Town(60, "CA", "BC", "Richmond", "Vancouver, BC", 49.166, -123.134, "V6V V6X V6Y V7A", "604 672"),
    Town(45, "CA", "BC", "North Vancouver", "Vancouver, BC", 49.320, -123.073, "V7G V7H V7L V7M", "604 778"),
    Town(45, "CA", "BC", "Victoria", "Victoria, BC", 48.428, -123.365, "V8R V8T V8V V9A", "250 778"),
    Town(25, "CA", "BC", "Kelowna", "Kelowna, BC", 49.888, -119.496, "V1W V1X V1Y", "250 236"),
    Town(14, "CA", "BC", "Nanaimo", "Nanaimo, BC", 49.166, -123.940, "V9R V9S V9T", "250"),
    Town(30, "CA", "AB", "Calgary", "Calgary, AB", 51.045, -114.058, "T2E T2N T2P T3A", "403 587"),
    Town(24, "CA", "AB", "Edmonton", "Edmonton, AB", 53.546, -113.494, "T5J T5K T6E", "780 825"),
    Town(40, "CA", "ON", "Toronto", "Toronto, ON", 43.653, -79.383, "M4C M4Y M5V M6G M6K", "416 647"),
    Town(14, "CA", "ON", "Mississauga", "Toronto, ON", 43.589, -79.644, "L5A L5B L5M", "905 289"),
    Town(14, "CA", "ON", "Ottawa", "Ottawa - Gatineau, ON/QC", 45.421, -75.697, "K1N K1P K2P", "613 343"),
    Town(22, "CA", "QC", "Montréal", "Montréal, QC", 45.502, -73.567, "H2J H2T H2W H3B", "514 438"),
    Town(8, "CA", "MB", "Winnipeg", "Winnipeg, MB", 49.895, -97.138, "R2M R3C R3G", "204 431"),
    Town(7, "CA", "NS", "Halifax", "Halifax, NS", 44.649, -63.575, "B3H B3J B3K", "902 782"),
    Town(90, "US", "WA", "Seattle", "Seattle-Tacoma-Bellevue, WA", 47.606, -122.332, "98101 98103 98109 98115", "206"),
    Town(28, "US", "WA", "Bellingham", "Bellingham, WA", 48.751, -122.478, "98225 98226 98229", "360"),
    Town(22, "US", "WA", "Tacoma", "Seattle-Tacoma-Bellevue, WA", 47.253, -122.444, "98402 98405 98407", "253"),
    Town(14, "US", "WA", "Spokane", "Spokane-Spokane Valley, WA", 47.659, -117.426, "99201 99203 99205", "509"),
    Town(48, "US", "OR", "Portland", "Portland-Vancouver-Hillsboro, OR-WA", 45.515, -122.678, "97202 97209", "503"),
    Town(30, "US", "CA", "Los Angeles", "Los Angeles-Long Beach-Anaheim, CA", 34.052, -118.244, "90012 90026", "213"),
    Town(24, "US", "CA", "San Francisco", "San Francisco-Oakland-Fremont, CA", 37.775, -122.419, "94103 94110", "415"),
    Town(22, "US", "NY", "New York", "New York-Newark-Jersey City, NY-NJ", 40.713, -74.006, "10003 10011 10025", "212"),
    Town(10, "US", "NY", "Brooklyn", "New York-Newark-Jersey City, NY-NJ", 40.650, -73.950, "11201 11215 11238", "718"),
    Town(14, "US", "IL", "Chicago", "Chicago-Naperville-Elgin, IL-IN", 41.878, -87.630, "60607 60614 60647", "312 773"),
    Town(12, "US", "TX", "Austin", "Austin-Round Rock-San Marcos, TX", 30.267, -97.743, "78701 78704 78751", "512 737"),
    Town(10, "US", "CO", "Denver", "Denver-Aurora-Centennial, CO", 39.739, -104.990, "80202 80205 80211", "303 720"),
    Town(8, "US", "MA", "Boston", "Boston-Cambridge-Newton, MA-NH", 42.360, -71.059, "02108 02116 02130", "617 857"),
    Town(8, "US", "AZ", "Phoenix", "Phoenix-Mesa-Chandler, AZ", 33.448, -112.074, "85003 85014 85018", "602 480"),
    Town(6, "US", "TN", "Nashville", "Nashville-Davidson--Murfreesboro--Franklin, TN", 36.163, -86.781, "37203", "615"),
    Town(28, "GB", "England", "London", "Greater London", 51.507, -0.128, "E8 EC1V N1 NW5 SE15 SW9", "20 7946"),
    Town(16, "GB", "England", "Manchester", "Greater Manchester", 53.479, -2.245, "M1 M4 M14 M20", "161 496"),
    Town(8, "GB", "England", "Leeds", "West Yorkshire", 53.800, -1.549, "LS1 LS2 LS6", "113 496"),
    Town(7, "GB", "England", "Bristol", "Bristol", 51.454, -2.588, "BS1 BS3 BS6", "117 496"),
    Town(10, "GB", "Scotland", "Glasgow", "Glasgow City Region", 55.864, -4.252, "G1 G11 G41", "141 496"),
    Town(5, "GB", "Scotland", "Edinburgh", "Edinburgh City Region", 55.953, -3.188, "EH1 EH3 EH6", "131 496"),
    Town(4, "GB", "Wales", "Cardiff", "Cardiff Capital Region", 51.481, -3.179, "CF10 CF11 CF24", "29 2018"),
    Town(9, "IE", "Dublin", "Dublin", "Dublin", 53.349, -6.260, "D02|X285 D06|R2F8 D08|K4N3 D15|Y6P1"),
    Town(9, "DE", "Berlin", "Berlin", "Berlin/Brandenburg", 52.520, 13.405, "10115 10245 10437 12047", "30 23125"),
    Town(6, "DE", "Hamburg", "Hamburg", "Hamburg", 53.551, 9.994, "20095 20357 22767", "40 66969"),
    Town(5, "DE", "Bayern", "München", "München", 48.137, 11.575, "80331 80469 81667", "89 99998"),
    Town(6, "FR", "Île-de-France", "Paris", "Paris", 48.857, 2.352, "75003 75011 75018 75020", "1 9900"),
    Town(3, "FR", "Auvergne-Rhône-Alpes", "Lyon", "Lyon", 45.764, 4.836, "69001 69003 69007", "4 6571"),
    Town(7, "NL", "Noord-Holland", "Amsterdam", "Amsterdam", 52.373, 4.890, "1012 1016 1054 1073 1091"),
    Town(3, "NL", "Zuid-Holland", "Rotterdam", "Rotterdam", 51.924, 4.478, "3011 3023 3061"),
    Town(6, "AU", "New South Wales", "Sydney", "Greater Sydney", -33.869, 151.209, "2000 2010 2042 2204", "2 5550"),
    Town(6, "AU", "Victoria", "Melbourne", "Greater Melbourne", -37.814, 144.963, "3000 3053 3065 3182", "3 5550"),
    Town(3, "AU", "Queensland", "Brisbane", "Greater Brisbane", -27.470, 153.026, "4000 4101 4169", "7 5550"),
)  # fmt: skip
# If an area has no numbers left, use another area of the country.
FALLBACK = {
    "CA": "204 226 249 289 306 343 365 367 418 450 506 514 519 548 579 581 587 639 705 709 807 819 867 873 902",
    "US": "202 203 208 214 216 217 225 229 240 248 251 254 256 260 267 269 270 276 281 301 304 305 307 309 314 315"
    " 317 319 321 334 336 337 339 351 352 385 401 402 404 405 406 407 408 410 412 414 417 419 424 425 432 434 435",
    "GB": "161 496|115 496|116 496|118 496|121 496|151 496|191 498",
}
NORTH_AMERICA = ("CA", "US")
CALLING = {"CA": "+1", "US": "+1", "GB": "+44", "DE": "+49", "FR": "+33", "AU": "+61"}
# Numbers reserved for fiction: 555-01xx in North America; elsewhere blocks of a thousand or more.
LINES = {"CA": 100, "US": 100, "GB": 1000, "DE": 1000, "FR": 10_000, "AU": 10_000}


def postal_code(town: Town, chance: Random) -> str:
    """Return a postal code of the town in the country's format."""
    code = chance.choice(town.codes.split())
    pick, figure = chance.choice, chance.randrange
    if town.country_code == "CA":
        return f"{code} {figure(1, 10)}{pick(CANADIAN)}{figure(1, 10)}"
    if town.country_code == "GB":
        return f"{code} {figure(1, 10)}{pick(BRITISH)}{pick(BRITISH)}"
    if town.country_code == "NL":
        return f"{code} {pick(DUTCH)}{pick(DUTCH)}"
    return code.replace("|", " ")


class Numbers:
    """Hands out phone numbers reserved for fiction, each once, in random order."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.by_area: dict[str, Iterator[str]] = {}

    def next_of(self, town: Town) -> str | None:
        """Return a number of the town or its country in E.164, or None if none is left."""
        if not town.calling:
            return None
        for area in self._areas(town):
            key = f"{town.country_code} {area}"
            if key not in self.by_area:
                self.by_area[key] = self._numbers(town.country_code, area)
            number = next(self.by_area[key], None)
            if number is not None:
                return number
        return None

    def _areas(self, town: Town) -> Iterator[str]:
        codes = town.calling.split() if town.country_code in NORTH_AMERICA else [town.calling]
        yield from self.chance.sample(codes, len(codes))
        fallback = FALLBACK.get(town.country_code, "")
        yield from (
            fallback.split("|") if "|" in fallback else self.chance.sample(fallback.split(), len(fallback.split()))
        )

    def _numbers(self, country: str, area: str) -> Iterator[str]:
        count = LINES[country]
        lines = self.chance.sample(range(count), count)
        prefix = CALLING[country] + area.replace(" ", "") + ("55501" if country in NORTH_AMERICA else "")
        # Britain's block is 0000 to 0999 of ten thousand.
        width = 4 if country == "GB" else len(str(count - 1))
        return (f"{prefix}{line:0{width}}" for line in lines)
