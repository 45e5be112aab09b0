"""Normalises postal codes."""

import re

from fanfare.kernel.wire import whole_number
from fanfare.places.spelling import tidy

LONGEST = 20
# Canada Post uses neither D, F, I, O, Q nor U, and starts no code with W or Z.
CANADIAN = re.compile(r"([ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z])([0-9][ABCEGHJ-NPRSTV-Z][0-9])?")
AMERICAN = re.compile(r"([0-9]{5})([0-9]{4})?")
BRITISH = re.compile(r"([A-Z]{1,2}[0-9][0-9A-Z]?|GIR)([0-9][ABD-HJLNP-UW-Z]{2})?")
DUTCH = re.compile(r"([1-9][0-9]{3})([A-Z]{2})?")
FORMS: dict[str, tuple[re.Pattern[str], str, str]] = {
    "CA": (CANADIAN, " ", "must be a Canadian postal code such as V6B 1A1"),
    "US": (AMERICAN, "-", "must be a ZIP code of five digits, or of nine such as 98101-1234"),
    "GB": (BRITISH, " ", "must be a British postcode such as SW1A 1AA"),
    "NL": (DUTCH, " ", "must be a Dutch postcode such as 1012 AB"),
}


def postal_key(text: str) -> str:
    """Return the key by which postal codes are compared: upper case, without spaces."""
    return "".join(whole_number(text).upper().split())


def normalized_postal_code(country: str | None, text: str | None) -> str | None:
    """Return the normalised postal code; None and blank text give None.

    In US, CA, GB and NL the format is checked; the first part alone is valid too, since some systems only disclose
    that. Elsewhere only case and spaces are normalised. Raises ValueError for an invalid code.
    """
    code = tidy(text and whole_number(text), LONGEST)
    if code is None:
        return None
    code = code.upper()
    if country not in FORMS:
        return code
    pattern, separator, hint = FORMS[country]
    match = pattern.fullmatch(re.sub(r"[\s.-]", "", code))
    if match is None:
        raise ValueError(hint)
    return separator.join(half for half in match.groups() if half)
