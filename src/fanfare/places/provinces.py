"""Normalises provinces, states and regions of a country, from codes, names and abbreviations."""

import re
from functools import cache, lru_cache
from importlib.resources import files

import msgspec

from fanfare.places.countries import country_codes
from fanfare.places.spelling import LONGEST, fold, tidy

# Countries whose list of provinces is complete: other values are rejected.
CLOSED = ("US", "CA", "AU")
# Countries where provinces are written by code in postal addresses, and so in other systems.
BY_CODE = ("US", "CA")
HOME_NATIONS = ("ENG", "SCT", "WLS", "NIR")
SHORTEST_CODE = 2
# The US military postal regions, which are not in ISO 3166-2.
MILITARY_REGIONS = {"AA": "Armed Forces Americas", "AE": "Armed Forces Europe", "AP": "Armed Forces Pacific"}
ALIASES = {
    "US": {
        "AL": "Ala",
        "AZ": "Ariz",
        "AR": "Ark",
        "CA": "Calif, Cal",
        "CO": "Colo, Col",
        "CT": "Conn",
        "DC": "Washington DC, Washington D C, Dist of Columbia",
        "DE": "Del",
        "FL": "Fla, Flor",
        "HI": "Hawai'i",
        "ID": "Ida",
        "IL": "Ill",
        "IN": "Ind",
        "KS": "Kan, Kans",
        "KY": "Kent, Ken",
        "MA": "Mass",
        "MI": "Mich",
        "MN": "Minn",
        "MS": "Miss",
        "MT": "Mont",
        "NC": "N Carolina, N Car",
        "ND": "N Dakota, N Dak",
        "NE": "Neb, Nebr",
        "NH": "N Hampshire",
        "NJ": "N Jersey",
        "NM": "N Mexico, N Mex",
        "NV": "Nev",
        "NY": "New York State, N York",
        "OK": "Okla",
        "OR": "Ore, Oreg",
        "PA": "Penn, Penna",
        "RI": "R Island",
        "SC": "S Carolina, S Car",
        "SD": "S Dakota, S Dak",
        "TN": "Tenn",
        "TX": "Tex",
        "VA": "Virg",
        "VI": "US Virgin Islands, Virgin Islands",
        "VT": "Verm",
        "WA": "Wash, Washington State",
        "WI": "Wis, Wisc",
        "WV": "W Virginia, W Va",
        "WY": "Wyo",
    },
    "CA": {
        "AB": "Alta",
        "BC": "Brit Columbia, Colombie-Britannique, Brit Col",
        "MB": "Man",
        "NB": "Nouveau-Brunswick, New Bruns",
        "NL": "Newfoundland, NFLD, Labrador, NF, Newfoundland & Labrador, Terre-Neuve-et-Labrador",
        "NS": "Nouvelle-Écosse",
        "NT": "NWT, Northwest Territory, Territoires du Nord-Ouest",
        "ON": "Ont",
        "PE": "PEI, Île-du-Prince-Édouard",
        "QC": "Que, PQ, Québec",
        "SK": "Sask",
        "YT": "YK, YU, Yukon Territory",
    },
    "AU": {"NSW": "N S Wales", "QLD": "Queens", "SA": "S Australia", "TAS": "Tassie", "WA": "W Australia"},
    "GB": {"ENG": "Eng", "SCT": "Scot, SCO", "WLS": "Cymru, WAL", "NIR": "NI, N Ireland, Ulster"},
    "DE": {
        "BY": "Bavaria",
        "HE": "Hesse",
        "MV": "Mecklenburg-Western Pomerania",
        "NI": "Lower Saxony",
        "NW": "North Rhine-Westphalia, NRW",
        "RP": "Rhineland-Palatinate",
        "SN": "Saxony",
        "ST": "Saxony-Anhalt",
        "TH": "Thuringia",
    },
    "NL": {"NB": "North Brabant", "NH": "North Holland", "ZH": "South Holland", "FR": "Friesland"},
}


class IsoProvince(msgspec.Struct):
    """A row of pycountry's list; the code consists of the country's, a hyphen and the province's."""

    code: str
    name: str


def _clean(name: str) -> tuple[str, list[str]]:
    """Return the name in its usual form, and the aliases in the list's entry.

    The list inverts names (`Madrid, Comunidad de`) and adds others in brackets (`Wales [Cymru GB-CYM]`).
    """
    aliases = re.findall(r"[\[(]([^\])]*?)(?: [A-Z]{2}-\w+)?[\])]", name)
    plain = re.sub(r"\s*[\[(].*", "", name).strip("/ ")
    first, comma, rest = plain.partition(", ")
    if comma and not re.search(", | and | y ", rest):
        # London is not an alias of the City of London, which is one square mile of it.
        return f"{rest} {first}", [plain, *([] if rest == "City of" else [first]), *aliases]
    return plain, aliases


@cache
def _iso_provinces() -> dict[str, list[IsoProvince]]:
    """Return the rows of pycountry's list by country."""
    data = files("pycountry").joinpath("databases", "iso3166-2.json").read_bytes()
    result: dict[str, list[IsoProvince]] = {}
    for row in msgspec.json.decode(data, type=dict[str, list[IsoProvince]])["3166-2"]:
        result.setdefault(row.code[:2], []).append(row)
    return result


@cache
def _provinces(country: str) -> dict[str, tuple[str, str]]:
    """Return {folded code, name or alias: (code, name)} of a country's provinces."""
    result: dict[str, tuple[str, str]] = {}
    by_code: dict[str, tuple[str, str]] = {}
    for row in _iso_provinces().get(country, ()):
        code = row.code[3:]
        name, aliases = _clean(row.name)
        by_code[code] = (code, name)
        for spelling in (name, *aliases):
            result.setdefault(fold(spelling), (code, name))
    if country == "US":
        by_code |= {code: (code, name) for code, name in MILITARY_REGIONS.items()}
        result |= {fold(name): (code, name) for code, name in MILITARY_REGIONS.items()}
    for code, names in ALIASES.get(country, {}).items():
        result |= {fold(name): by_code[code] for name in names.split(", ")}
    result |= {fold(f"{country}-{code}"): row for code, row in by_code.items()}
    return result | {fold(code): row for code, row in by_code.items()}


def _find(country: str, text: str) -> tuple[str, str] | None:
    if len(text) > LONGEST:
        return None
    spelling = fold(text)
    provinces = _provinces(country)
    return provinces.get(spelling) or provinces.get(re.sub("^(?:county|co) ", "", spelling))


def province_code(country: str, text: str) -> str | None:
    """Return the code of the province within its country, such as BC or NSW, or None if unknown.

    `country` is a two-letter code; `text` a code, with or without the country's, a name or an abbreviation.
    """
    province = _find(country, text)
    return province and province[0]


def province_name(country: str, text: str) -> str | None:
    """Return the name of the province in the country's spelling, or None if unknown."""
    province = _find(country, text)
    return province and province[1]


@lru_cache(4096)
def normalized_province(country: str | None, text: str | None) -> str | None:
    """Return the normalised province: the code in the US and Canada, elsewhere the name.

    None and blank text give None. Raises ValueError for an unknown province of the US, Canada or Australia; in other
    countries people use counties and regions that no list has, so unknown ones are kept as they are.
    """
    name = tidy(text)
    if name is None or country is None:
        return name
    province = _find(country, name)
    if province is None and country in CLOSED:
        example = "such as BC or British Columbia" if country == "CA" else "by its code or name"
        message = f"must be a province or state of {country}, {example}"
        raise ValueError(message)
    if province is None:
        return name
    return province[0] if country in BY_CODE else province[1]


@cache
def _country_by_province() -> dict[str, str | None]:
    countries: dict[str, str | None] = {}
    for country in (*CLOSED, "GB"):
        for spelling, (code, _) in _provinces(country).items():
            if country != "GB" or code in HOME_NATIONS:
                countries[spelling] = None if spelling in countries else country
    return countries


def country_of_province(text: str) -> str | None:
    """Return the country of a province, or None if the name is ambiguous or unknown.

    A two-letter code that is also a country's is ambiguous: DE is Delaware and Germany.
    """
    spelling = fold(text[:LONGEST])
    if len(spelling) == SHORTEST_CODE and spelling.upper() in country_codes():
        return None
    return _country_by_province().get(spelling)


def venue_province(country: str | None, text: str | None) -> str | None:
    """Return the normalised province of a venue, or the text as it is if it is unknown.

    `country` is the venue's country when it cannot be derived from the province.
    """
    if not text:
        return None
    try:
        return normalized_province(country_of_province(text) or country, text)
    except ValueError:
        return text
