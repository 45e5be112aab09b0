"""The normal forms of email addresses and phone numbers, by which a fan is recognised, and what else may identify one.

Both libraries are loaded at the first address, to keep short commands short. A server loads them before it serves.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fanfare.kernel.folding import fold
from fanfare.kernel.wire import whole_number
from fanfare.places.addresses import Address, WrongAddressError, complete_address

LONGEST_MAIL = 254
LONGEST_PHONE = 64
# The columns of a fan that hold a number.
PHONES = ("phone", "add_phone")
# Those of an address, in the order in which they are read.
ADDRESS = ("country_code", "province", "city", "postal_code")
NOWHERE = Address()
# In these networks a mail address or number identifies its fan, so only what was read as contact data may claim one:
# a shop that calls its network `email` must not hand a stranger's address to a buyer.
OWN_NETWORKS = ("email", "phone")
NORTH_AMERICA = 1
# The plan of E.164 ends here; some countries have longer numbers, which no gateway abroad takes.
LONGEST_E164 = 15
WRITTEN_NUMBER = re.compile(
    r"(?:tel:)?\s*(?P<number>[+(\d][\d\s()./\u2010-\u2015\u2212-]*)"
    r"(?:(?:[;,]?\s*ext(?:n|ension)?|x|#)[\s.:=]*\d{1,7})?",
    re.IGNORECASE,
)


# What nearly every address looks like, under domains that no standard sets aside: right without asking the library,
# which takes fifty times as long.
PLAIN_MAIL = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!local\b|localhost\b|test\b|invalid\b|onion\b|arpa\b)[a-z]{2,24}",
    re.ASCII,
)


def load() -> None:
    """Load both libraries with their tables: else a server's first fan would hold the loop for 0.1 seconds."""
    import phonenumbers  # noqa: PLC0415 - see the module's docstring

    mail_address("first@bücher.example.com")
    phonenumbers.PhoneMetadata.load_all()


def mail_address(text: str) -> str:
    """Return the address as it is shown: composed letters, domain in small letters and its own script, no blanks.

    The part before the @ keeps its case. Nothing is looked up in the DNS. Raises ValueError with the reason for what
    no mail could be sent to.
    """
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - see the module's docstring

    address = text.strip()
    # Before anything that takes time by the length.
    if len(address) > LONGEST_MAIL:
        message = f"must be an email address of at most {LONGEST_MAIL} characters"
        raise ValueError(message)
    if PLAIN_MAIL.fullmatch(address) and "xn--" not in address and "--" not in address:
        return address
    try:
        return validate_email(address, check_deliverability=False, strict=True).normalized
    except EmailNotValidError as wrong:
        message = f"must be an email address. {wrong}"
        raise ValueError(message) from None


def mail_key(text: str) -> str:
    """Return what an address is compared by: the small letters of its shown form. Raises as `mail_address` does."""
    return shown_key(mail_address(text))


def shown_key(address: str) -> str:
    """Return the key of an address in its shown form, as `mail_address` returns it."""
    return unicodedata.normalize("NFC", address.lower())


def phone_number(text: str, region: str | None = None) -> str:
    """Return the number in E.164, such as +16045550123, without its extension.

    `region` is the two-letter country of a number written as at home; +, 00 and 011 say the country themselves.
    Raises ValueError for what cannot be a number, or when the country is not known.
    """
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
    """Return what the number may mean, the likeliest first: as at home, then with the prefixes used abroad."""
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
        # New ranges, and those kept for films, are in the library's tables late or never. North America's plan is
        # fixed by its form alone, so there the tables have the last word.
        length = phonenumbers.is_possible_number_with_reason(parsed)
        is_plausible = len(set(str(parsed.national_number))) > 1 and length == phonenumbers.ValidationResult.IS_POSSIBLE
        if parsed.country_code == NORTH_AMERICA or not is_plausible:
            return None
    formatted = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return formatted if len(formatted) <= LONGEST_E164 + 1 else None


class Contact(NamedTuple):
    """Contact data in normal forms, and every field that is wrong with its message."""

    mail: str | None
    phone: str | None
    address: Address
    faults: list[tuple[str, str]]


def read_contact(contact: Mapping[str, Any], home_country: str | None) -> Contact:
    """Read email, phone, country_code, province, city and postal_code as they came.

    `home_country` is the country of a number written as at home when the person's own is not known.
    """
    faults: list[tuple[str, str]] = []

    def part(name: str, read: Callable[[str], str]) -> str | None:
        try:
            return read(contact[name]) if contact.get(name) else None
        except ValueError as wrong:
            faults.append((name, str(wrong)))
            return None

    address = NOWHERE
    try:
        if any(map(contact.get, ADDRESS)):
            address = complete_address(*(contact.get(name) for name in ADDRESS))
    except WrongAddressError as wrong:
        faults += wrong.errors
    home = address.country_code or home_country
    return Contact(part("email", mail_address), part("phone", lambda text: phone_number(text, home)), address, faults)


def names_people(network: str) -> bool:
    """Say whether what somebody is called in this network may identify the person."""
    return fold(network) not in ("", *OWN_NETWORKS)


def people_named(network: str) -> str:
    """Return `names_people` in SQL, of an expression that holds a network."""
    return f"fold_text({network}) not in ('', {', '.join(map(repr, OWN_NETWORKS))})"


def leads_to_one(row: str) -> str:
    """Return in SQL whether an outside key, a row of fan_identifiers of that name, leads to its fan.

    Outside keys are unique in a shop or at an event at best: what two people came with leads to nobody.
    """
    return (
        f"not exists (select from shared_identifiers o where o.account_id = $1 and o.network = {row}.network"
        f" and o.identifier_value = {row}.identifier_value and o.fan_id <> {row}.fan_id)"
    )


def identities(fan: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return how a fan is recognised, each (network, value) with the column that it comes from."""
    pairs = (
        ("email", "email", fan["email"] and mail_key(fan["email"])),
        *(("phone", name, fan[name]) for name in PHONES),
    )
    return {(network, value): column for network, column, value in reversed(pairs) if value}
