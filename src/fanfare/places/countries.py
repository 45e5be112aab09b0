"""Maps names of countries to the two-letter codes of ISO 3166-1."""

from functools import cache
from importlib.resources import files

import msgspec

from fanfare.places.spelling import fold, tidy

# Names that ISO does not list: older, shorter and native ones, and parts of a country that stand for it.
# Kosovo has no ISO code; XK is used by the European Union, banks and phones.
ALIASES = {
    "AE": "UAE, Emirates",
    "AX": "Åland",
    "AT": "Österreich",
    "BA": "Bosnia",
    "BE": "Belgie, Belgique, Belgien",
    "BN": "Brunei",
    "BO": "Plurinational State of Bolivia",
    "BQ": "Caribbean Netherlands",
    "BR": "Brasil",
    "CD": "DR Congo, DRC, Democratic Republic of the Congo, Democratic Republic of Congo, Congo Kinshasa, Zaire",
    "CG": "Republic of the Congo, Republic of Congo, Congo Brazzaville",
    "CH": "Schweiz, Suisse, Svizzera",
    "CI": "Ivory Coast, Cote d Ivoire, République de Côte d'Ivoire",
    "CV": "Cape Verde",
    "CZ": "Czech Republic, Česko, Česká republika",
    "DE": "Deutschland",
    "DK": "Danmark",
    "EE": "Eesti",
    "ES": "España, Espana",
    "FI": "Suomi",
    "FK": "Falkland Islands, Falklands",
    "FM": "Micronesia",
    "GB": "UK, Great Britain, Britain, England, Scotland, Wales, Northern Ireland, Cymru, United Kingdom (UK)",
    "GR": "Hellas, Ellada",
    "HK": "Hong Kong SAR",
    "HR": "Hrvatska",
    "HU": "Magyarország",
    "IE": "Republic of Ireland, Eire",
    "IR": "Islamic Republic of Iran",
    "IS": "Ísland",
    "IT": "Italia",
    "KN": "Saint Kitts, St Kitts and Nevis",
    "KP": "DPRK, Korea North",
    "KR": "Korea, Republic of Korea, Korea South",
    "LC": "St Lucia",
    "LT": "Lietuva",
    "LU": "Luxemburg",
    "LV": "Latvija",
    "LY": "Libyan Arab Jamahiriya",
    "MD": "Republic of Moldova",
    "MF": "Saint Martin, St Martin",
    "MK": "Macedonia, FYROM, Former Yugoslav Republic of Macedonia",
    "MM": "Burma",
    "MO": "Macau, Macao SAR",
    "MX": "México",
    "NL": "Holland, The Netherlands, Nederland",
    "NO": "Norge, Noreg",
    "NZ": "Aotearoa",
    "PL": "Polska",
    "PM": "St Pierre and Miquelon",
    "PS": "Palestine, Palestinian Territory, Palestinian Territories, Occupied Palestinian Territory",
    "RO": "România",
    "RU": "Russia",
    "SE": "Sverige",
    "SH": "Saint Helena, St Helena",
    "SI": "Slovenija",
    "SK": "Slovensko, Slovak Republic",
    "ST": "Sao Tome",
    "SX": "Sint Maarten, St Maarten",
    "SZ": "Swaziland",
    "TL": "East Timor",
    "TR": "Turkey, Türkiye, Republic of Turkey",
    "TT": "Trinidad",
    "TW": "Republic of China",
    "US": "USA, US of A, America, United States of America, Etats Unis, Estados Unidos, Vereinigte Staaten",
    "VA": "Vatican, Vatican City, Vatican City State",
    "VC": "Saint Vincent, St Vincent and the Grenadines",
    "VG": "British Virgin Islands",
    "VI": "US Virgin Islands, United States Virgin Islands, Virgin Islands",
    "XK": "Kosovo, Republic of Kosovo, XKX",
}


class IsoCountry(msgspec.Struct):
    """A row of pycountry's list."""

    alpha_2: str
    alpha_3: str
    name: str
    common_name: str | None = None
    official_name: str | None = None


@cache
def _iso() -> list[IsoCountry]:
    # The package's own reader creates an object with a dictionary per row: 5.5 MB instead of 1 MB.
    data = files("pycountry").joinpath("databases", "iso3166-1.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, list[IsoCountry]])["3166-1"]


def _spellings(country: IsoCountry) -> list[str]:
    names = [country.alpha_3, country.name, country.common_name or "", country.official_name or ""]
    first, comma, rest = country.name.partition(", ")
    # `Moldova, Republic of` is also Moldova and Republic of Moldova; Korea and Congo would be ambiguous.
    if comma and rest.endswith((" of", " of the")) and first not in {"Korea", "Congo"}:
        names += [first, f"{rest} {first}"]
    if country.name.startswith("Saint "):
        names.append(country.name.replace("Saint ", "St ", 1))
    return [name for name in names if name]


@cache
def _codes() -> dict[str, str]:
    codes = {fold(name): country.alpha_2 for country in _iso() for name in _spellings(country)}
    codes |= {fold(name): code for code, names in ALIASES.items() for name in names.split(",")}
    # Last, so that codes override names.
    return codes | {fold(country.alpha_2): country.alpha_2 for country in _iso()} | {"xk": "XK"}


@cache
def country_codes() -> frozenset[str]:
    """Return the two-letter codes of all countries."""
    return frozenset(_codes().values())


def country_code(text: str | None) -> str | None:
    """Return the two-letter code of a country from a code, its English name or an alias; case is ignored.

    None and blank text give None. Raises ValueError for an unknown name.
    """
    name = tidy(text)
    if name is None:
        return None
    code = _codes().get(fold(name))
    if code is None:
        message = "must be a country: a two-letter code such as CA, or its English name"
        raise ValueError(message)
    return code


def country_name(code: str) -> str | None:
    """Return the short English name of the country with this two-letter code, or None."""
    if code == "XK":
        return "Kosovo"
    return next((iso.common_name or iso.name for iso in _iso() if iso.alpha_2 == code), None)
