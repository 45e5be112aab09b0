import unicodedata
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.provisional import domains

from fanfare.fans.contact import mail_address, mail_key, phone_number
from tests.yardstick import cpu_seconds, takes_longer


@pytest.mark.parametrize(
    ("written", "display"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada.Lovelace@EXAMPLE.com\t", "Ada.Lovelace@example.com"),
        ("o'brien+fans@example.co.uk", "o'brien+fans@example.co.uk"),
        ("jose\u0301@example.org", "jos\u00e9@example.org"),
        ("fan@xn--bcher-kva.example.com", "fan@b\u00fccher.example.com"),
        ("fan@B\u00dcCHER.example.com", "fan@b\u00fccher.example.com"),
        ("\u7528\u6237@example.com", "\u7528\u6237@example.com"),
    ],
)
def test_a_mail_address_has_one_shown_form(written: str, display: str) -> None:
    assert mail_address(written) == display
    assert mail_address(display) == display


def test_two_spellings_of_an_address_have_one_key() -> None:
    assert mail_key("Ada@Example.COM") == mail_key(" aDA@example.com ") == "ada@example.com"
    assert mail_key("JOSE\u0301@example.org") == mail_key("jos\u00e9@example.org")
    assert mail_key("a@xn--bcher-kva.example.com") == mail_key("A@B\u00fccher.example.com")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        " ",
        "ada",
        "@example.com",
        "ada@",
        "ada@@example.com",
        "ada@example",
        "ada@localhost",
        "ada@example..com",
        ".ada@example.com",
        "ada @example.com",
        "Ada <ada@example.com>",
        "ada@example.com, bob@example.com",
        "ada@[192.0.2.1]",
        '"ada b"@example.com',
        "ada\x00@example.com",
        "ada\n@example.com",
        "ada@exa\u202emple.com",
        "ada@" + "x" * 64 + ".com",
        "a" * 65 + "@example.com",
        "ada@192.0.2.1",
        "ada@example.invalid",
    ],
)
def test_what_no_mail_could_be_sent_to_is_refused_with_the_reason(wrong: str) -> None:
    with pytest.raises(ValueError, match="must be an email address"):
        mail_address(wrong)


def refused(read: Callable[..., str], *arguments: str | None) -> None:
    with suppress(ValueError):
        read(*arguments)


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 1_000_000 + "@example.com",
        "a@" + "a." * 500_000 + "com",
        "@" * 254,
        "a@" + "\u0130" * 252,
        "a@" + "xn--" * 63,
        "\ufdfa" * 254,
        " " * 1_000_000,
        "a@" + "\u0301" * 252,
        '"' * 254,
        "(" * 200 + "a@example.com",
    ],
)
def test_hostile_addresses_are_refused_at_once(hostile: str) -> None:
    mail_address("warm@example.com")
    with pytest.raises(ValueError, match="must be"):
        mail_address(hostile)
    assert not takes_longer(1000, lambda: cpu_seconds(refused, mail_address, hostile))


LOCAL = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F), min_size=1, max_size=30)


@given(LOCAL, domains(max_length=60))
@example("\u0130", "example.com")
@example("\u1e9e", "example.com")
def test_a_shown_address_and_its_key_come_back_unchanged(local: str, domain: str) -> None:
    try:
        display = mail_address(f"{local}@{domain}")
    except ValueError:
        return
    assert mail_address(display) == display
    assert unicodedata.is_normalized("NFC", display)
    key = mail_key(display)
    assert mail_key(f" {key} ") == key


@given(st.text(max_size=300))
def test_any_text_is_a_mail_address_or_refused(text: str) -> None:
    try:
        assert "@" in mail_address(text)
    except ValueError as wrong:
        assert str(wrong).startswith("must be an email address")  # noqa: PT017 - both ends are right


@pytest.mark.parametrize(
    ("written", "region", "number"),
    [
        ("604-555-0123", "CA", "+16045550123"),
        ("(604) 555-0123", "US", "+16045550123"),
        ("604 555 0123", "ca", "+16045550123"),
        ("604.555.0123", "CA", "+16045550123"),
        ("1 604 555 0123", "CA", "+16045550123"),
        ("+1 604 555 0123", None, "+16045550123"),
        ("+1 604 555 0123", "GB", "+16045550123"),
        ("tel:+1-604-555-0123", None, "+16045550123"),
        ("604 555 0123 x12", "CA", "+16045550123"),
        ("604 555 0123 ext. 12", "CA", "+16045550123"),
        ("604 555 0123, extension 12", "CA", "+16045550123"),
        ("+16045550123;ext=12", None, "+16045550123"),
        ("604\u00a0555\u20110123", "CA", "+16045550123"),
        ("\uff0b\uff11\uff16\uff10\uff14\uff15\uff15\uff15\uff10\uff11\uff12\uff13", None, "+16045550123"),
        ("\u0666\u0660\u0664\u0665\u0665\u0665\u0660\u0661\u0662\u0663", "CA", "+16045550123"),
        ("07700 900123", "GB", "+447700900123"),
        ("0044 7700 900123", None, "+447700900123"),
        ("0044 7700 900123", "US", "+447700900123"),
        ("00447700900123", "GB", "+447700900123"),
        ("011 44 7700 900123", "CA", "+447700900123"),
        ("+44 (0)20 7946 0123", None, "+442079460123"),
        ("020 7946 0123", "GB", "+442079460123"),
        ("01 99 00 12 34", "FR", "+33199001234"),
        ("030/23125-123", "DE", "+493023125123"),
        ("06 6982 0123", "IT", "+390669820123"),
        ("0491 570 156", "AU", "+61491570156"),
    ],
)
def test_a_phone_number_is_read_as_people_write_it(written: str, region: str | None, number: str) -> None:
    assert phone_number(written, region) == number
    assert phone_number(number) == number


@pytest.mark.parametrize(
    ("wrong", "region"),
    [
        ("", "CA"),
        ("abc", "CA"),
        ("call 604 555 0123", "CA"),
        ("1-800-FLOWERS", "US"),
        ("555-0123", "CA"),
        ("12345", "US"),
        ("911", "US"),
        ("0000000000", "US"),
        ("0000000000", "GB"),
        ("1111111111", "DE"),
        ("604 155 0123", "CA"),
        ("604-555-0123", None),
        ("604-555-0123", "ZZ"),
        ("+999 604 555 0123", None),
        ("+", None),
        ("++16045550123", None),
        ("+1604555012345678901", None),
        ("604 555 0123\x00", "CA"),
        ("(" * 64, "CA"),
        ("1" * 1_000_000, "CA"),
        ("+49 " + "1" * 60, "DE"),
    ],
)
def test_what_is_no_phone_number_is_refused(wrong: str, region: str | None) -> None:
    phone_number("+16045550123")
    with pytest.raises(ValueError, match=r"phone number|must start with"):
        phone_number(wrong, region)
    assert not takes_longer(1000, lambda: cpu_seconds(refused, phone_number, wrong, region))


REGIONS = st.sampled_from(["CA", "US", "GB", "DE", "FR", "IT", "BR", "JP", "AR", "MX", "FI", "ZZ", None])


@given(st.text("0123456789 ()+-./x", max_size=70) | st.text(max_size=70), REGIONS)
def test_a_number_in_normal_form_is_read_alike_everywhere(text: str, region: str | None) -> None:
    try:
        number = phone_number(text, region)
    except ValueError:
        return
    assert number[0] == "+"
    assert number[1:].isascii()
    assert number[1:].isdigit()
    assert len(number) <= 16
    assert phone_number(number) == phone_number(number, "CA") == number


@given(st.integers(200, 999), st.integers(200, 999), st.integers(0, 9999), st.sampled_from(" -./"))
def test_every_spelling_of_a_number_is_the_same_number(area: int, office: int, line: int, joint: str) -> None:
    parts = (str(area), str(office), f"{line:04}")
    try:
        number = phone_number("+1" + "".join(parts))
    except ValueError:
        return
    assert phone_number(joint.join(parts), "US") == number
    assert phone_number(f"({area}) {office}-{line:04}", "CA") == number
    assert phone_number("001" + joint.join(("", *parts)), "GB") == number
