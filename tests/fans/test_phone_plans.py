"""Numbers that are recognised without the library: each is what the library makes of it, and most are."""

import random
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat

from fanfare.fans import contact
from fanfare.fans.contact import phone_number
from fanfare.fans.phone_plans import plain_number

FORMATS = (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL)
KINDS = range(11)
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def examples() -> Iterator[tuple[str, str | None]]:
    """Yield an example of each kind of number of each region as it is written there and abroad."""
    for region in REGIONS:
        for kind in KINDS:
            if example := phonenumbers.example_number_for_type(region, kind):
                for each in FORMATS:
                    yield phonenumbers.format_number(example, each), region if each != FORMATS[0] else None
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        if example := phonenumbers.example_number_for_non_geo_entity(code):
            yield phonenumbers.format_number(example, FORMATS[0]), None


def misspelled(texts: list[tuple[str, str | None]], count: int) -> Iterator[tuple[str, str | None]]:
    """Yield examples with a few wrong characters, and some in the wrong region."""
    chance = random.Random(7)
    for _ in range(count):
        text, region = chance.choice(texts)
        letters = list(text)
        for _ in range(chance.randint(0, 3)):
            place = chance.randrange(len(letters))
            letters[place : place + chance.randint(0, 1)] = chance.choice("0123456789 -().+")
        yield "".join(letters), chance.choice([region, region, chance.choice(REGIONS)])


def by_the_library(text: str, region: str | None) -> str | None:
    """Return what the library makes of a number, None if it is not valid."""
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    is_valid = phonenumbers.is_valid_number(parsed)
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164) if is_valid else None


def test_a_recognised_number_is_what_the_library_makes_of_it() -> None:
    texts = list(examples())
    recognised = 0
    for text, region in [*texts, *misspelled(texts, 10_000)]:
        number = plain_number(text, region)
        if number is not None:
            recognised += 1
            assert (text, region, number) == (text, region, by_the_library(text, region))
    assert recognised > len(texts) // 2


def as_floats(texts: list[tuple[str, str | None]]) -> Iterator[tuple[str, str | None]]:
    """Yield numbers as a spreadsheet writes them that takes them for floats, without and with their leading zero."""
    for text, region in texts:
        digits = "".join(filter(str.isdigit, text))
        yield from ((f"{each}.0", region) for each in (digits, digits.lstrip("0"), f"{digits} "))


def read(text: str, region: str | None) -> str | None:
    """Return what a call makes of a number, None if it refuses it."""
    try:
        return phone_number(text, region)
    except ValueError:
        return None


def test_a_number_is_the_same_whether_it_is_recognised_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*examples()]
    texts += [*as_floats(texts), *misspelled(texts, 3_000)]
    quick = [read(*each) for each in texts]
    monkeypatch.setattr(contact, "plain_number", lambda *_: None)
    slow = [read(*each) for each in texts]
    assert [each for each in zip(texts, quick, slow, strict=True) if each[1] != each[2]] == []


def test_a_number_that_a_spreadsheet_took_for_a_float_gains_no_digit() -> None:
    assert phone_number("664123456.0", "AT") == phone_number("664123456", "AT") == "+43664123456"


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("+16045550123", None),
        ("(604) 555-0123", "CA"),
        ("604.555.0123", "US"),
        ("+49 30 901820", "CA"),
        ("030 901820", "DE"),
        ("020 7946 0018", "GB"),
        ("06 12 34 56 78", "FR"),
        ("+39 06 6982", None),
    ],
)
def test_usual_spellings_are_recognised(text: str, region: str | None) -> None:
    assert plain_number(text, region) == by_the_library(text, region) == phone_number(text, region)


@pytest.mark.parametrize(
    "text",
    ["(+1) 6045550123", "-6045550123", "", "+", "604555012\uff13", "1-604-555-0123", "+1604555012", "+999123456"],
)
def test_others_are_left_to_the_library(text: str) -> None:
    assert plain_number(text, "CA") is None
