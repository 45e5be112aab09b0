"""Normalisation of email addresses and phone numbers, which identify fans, and rules for external keys.

The libraries for both are imported on first use, since short commands rarely need them; a server calls `load` first.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from fanfare.fans.phone_plans import LONGEST_E164, plain_number
from fanfare.kernel.folding import fold
from fanfare.kernel.wire import whole_number
from fanfare.places.addresses import Address, WrongAddressError, complete_address

LONGEST_MAIL = 254
LONGEST_PHONE = 64
# The columns of `fans` with a phone number.
PHONES = ("phone", "add_phone")
# The columns of a postal address, in the order of `complete_address`.
ADDRESS = ("country_code", "province", "city", "postal_code")
NOWHERE = Address()
# Networks of email addresses and phone numbers. Only contact data may add identifiers in them: a shop that names its
# network `email` must not assign somebody else's address to a buyer.
OWN_NETWORKS = ("email", "phone")
NORTH_AMERICA = 1
WRITTEN_NUMBER = re.compile(
    r"(?:tel:)?\s*(?P<number>[+(\d][\d\s()./\u2010-\u2015\u2212-]*)"
    r"(?:(?:[;,]?\s*ext(?:n|ension)?|x|#)[\s.:=]*\d{1,7})?",
    re.IGNORECASE,
)


# Matches nearly every address, outside reserved domains: valid without calling the library, which takes 50 times as
# long.
PLAIN_MAIL = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!local\b|localhost\b|test\b|invalid\b|onion\b|arpa\b)[a-z]{2,24}",
    re.ASCII,
)


def load() -> None:
    """Import both libraries and load their tables: else the first fan would block a server's event loop for 0.1 s."""
    import phonenumbers  # noqa: PLC0415 - see the module's docstring

    mail_address("first@bücher.example.com")
    phonenumbers.PhoneMetadata.load_all()


# Read with the parameters, and again with the fan.
@lru_cache(maxsize=64)
def mail_address(text: str) -> str:
    """Return the address for display: NFC, the domain in lower case and decoded from punycode, no surrounding spaces.

    The local part keeps its case. There is no DNS lookup. Raises ValueError with the reason for an invalid address.
    """
    address = text.strip()
    # Checked first, to bound the time of everything below.
    if len(address) > LONGEST_MAIL:
        message = f"must be an email address of at most {LONGEST_MAIL} characters"
        raise ValueError(message)
    if PLAIN_MAIL.fullmatch(address) and "xn--" not in address and "--" not in address:
        return address
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - see the module's docstring

    try:
        return validate_email(address, check_deliverability=False, strict=True).normalized
    except EmailNotValidError as error:
        message = f"must be an email address. {error}"
        raise ValueError(message) from None


def mail_key(text: str) -> str:
    """Return the key by which addresses are compared: `mail_address` in lower case. Raises as that does."""
    return normalized_mail_key(mail_address(text))


def normalized_mail_key(address: str) -> str:
    """Return the key of an address that `mail_address` returned."""
    return unicodedata.normalize("NFC", address.lower())


def phone_number(text: str, region: str | None = None) -> str:
    """Return the number in E.164, such as +16045550123, without its extension.

    `region` is the two-letter country of numbers in national format; +, 00 and 011 precede a country code. Raises
    ValueError for an invalid number, or when the country is unknown.
    """
    if len(text) <= LONGEST_PHONE and (plain := plain_number(text, region.upper() if region else None)):
        return plain
    digits = whole_number(unicodedata.normalize("NFKC", text[: LONGEST_PHONE + 1]).strip())
    match = WRITTEN_NUMBER.fullmatch(digits) if len(text) <= LONGEST_PHONE else None
    if match is None:
        message = "must be a phone number of digits, such as +1 604 555 0123"
        raise ValueError(message)
    number = match["number"]
    for candidate, home in _readings(number, region.upper() if region else None):
        parsed = _e164(candidate, home)
        if parsed:
            return parsed
    if region is None and not number.startswith(("+", "00")):
        message = "must start with + and the country code, such as +1 604 555 0123, or be sent with country_code"
        raise ValueError(message)
    message = "is not a phone number of its country; write it with + and the country code"
    raise ValueError(message)


def _readings(number: str, region: str | None) -> list[tuple[str, str | None]]:
    """Return possible readings as (number, region), likeliest first: national, then with an international prefix."""
    if number.startswith("+"):
        return [(number, None)]
    digits = re.sub(r"\D", "", number)
    abroad: list[tuple[str, str | None]] = [
        ("+" + digits[len(prefix) :], None) for prefix in ("00", "011") if digits.startswith(prefix)
    ]
    return [(number, region), *abroad] if region else abroad


def _e164(number: str, region: str | None) -> str | None:
    import phonenumbers  # noqa: PLC0415 - see the module's docstring

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        # The library's tables get new ranges, and those for fiction, late or never. North America's plan is defined by
        # its format, so there the tables decide.
        length = phonenumbers.is_possible_number_with_reason(parsed)
        is_plausible = len(set(str(parsed.national_number))) > 1 and length == phonenumbers.ValidationResult.IS_POSSIBLE
        if parsed.country_code == NORTH_AMERICA or not is_plausible:
            return None
    formatted = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return formatted if len(formatted) <= LONGEST_E164 + 1 else None


class Contact(NamedTuple):
    """Normalised contact data, and the errors as (name, message)."""

    mail: str | None
    phone: str | None
    address: Address
    faults: list[tuple[str, str]]


def read_contact(contact: Mapping[str, Any], home_country: str | None) -> Contact:
    """Validate and normalise the parameters email, phone, country_code, province, city and postal_code.

    `home_country` is the country of a national phone number when there is no country_code.
    """
    faults: list[tuple[str, str]] = []
    address = NOWHERE
    try:
        if any(map(contact.get, ADDRESS)):
            address = complete_address(*(contact.get(name) for name in ADDRESS))
    except WrongAddressError as error:
        faults += error.errors
    home = address.country_code or home_country
    mail = _part("email", contact.get("email"), mail_address, faults)
    number = _part("phone", contact.get("phone"), lambda text: phone_number(text, home), faults)
    return Contact(mail, number, address, faults)


def _part(name: str, text: str | None, read: Callable[[str], str], faults: list[tuple[str, str]]) -> str | None:
    try:
        return read(text) if text else None
    except ValueError as error:
        faults.append((name, str(error)))
        return None


def identifies_people(network: str) -> bool:
    """Return whether keys of this network may identify a person."""
    return fold(network) not in ("", *OWN_NETWORKS)


def identifies_people_sql(network: str) -> str:
    """Return the SQL of `identifies_people` for an expression with the network."""
    return f"fold_text({network}) not in ('', {', '.join(map(repr, OWN_NETWORKS))})"


def is_unambiguous_sql(row: str) -> str:
    """Return the SQL condition that an external key identifies its fan; `row` is the alias of fan_identifiers.

    External keys may be unique only within a shop or an event, so a key that two fans sent identifies nobody.
    """
    return (
        f"not exists (select from shared_identifiers o where o.account_id = $1 and o.network = {row}.network"
        f" and o.identifier_value = {row}.identifier_value and o.fan_id <> {row}.fan_id)"
    )


def identities(fan: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return the identities of a fan's row: {(network, value): column}."""
    pairs = (
        ("email", "email", fan["email"] and mail_key(fan["email"])),
        *(("phone", name, fan[name]) for name in PHONES),
    )
    return {(network, value): column for network, column, value in reversed(pairs) if value}
