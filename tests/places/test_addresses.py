import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfare.places.addresses import Address, WrongAddressError, complete_address
from fanfare.places.postal_codes import normalized_postal_code


@pytest.mark.parametrize(
    ("country", "written", "stored_name"),
    [
        ("CA", "v6b1a1", "V6B 1A1"),
        ("CA", "V6B-1A1", "V6B 1A1"),
        ("CA", "V6B", "V6B"),
        ("US", "98101", "98101"),
        ("US", "981011234", "98101-1234"),
        ("US", "98101 - 1234", "98101-1234"),
        ("GB", "sw1a1aa", "SW1A 1AA"),
        ("GB", "M1 1AE", "M1 1AE"),
        ("GB", "gir0aa", "GIR 0AA"),
        ("NL", "1012ab", "1012 AB"),
        ("NL", "1012", "1012"),
        ("DE", "10115", "10115"),
        ("JP", "100-0001", "100-0001"),
        ("IE", " d02  x285 ", "D02 X285"),
        (None, "v6b 1a1", "V6B 1A1"),
        ("CA", "", None),
        ("CA", None, None),
    ],
)
def test_a_postal_code_takes_the_form_of_its_country(
    country: str | None, written: str | None, stored_name: str | None
) -> None:
    assert normalized_postal_code(country, written) == stored_name


@pytest.mark.parametrize(
    ("country", "wrong"),
    [
        ("CA", "D6B 1A1"),
        ("CA", "V6B 1O1"),
        ("CA", "98101"),
        ("US", "9810"),
        ("US", "V6B 1A1"),
        ("US", "98101-12"),
        ("GB", "12345"),
        ("NL", "0012 AB"),
        ("NL", "1012 A"),
        ("DE", "1" * 21),
        ("DE", "1\x002"),
        ("US", "\u0661\u0662\u0663\u0664\u0665"),
    ],
)
def test_a_postal_code_that_the_country_has_not_is_refused(country: str, wrong: str) -> None:
    with pytest.raises(ValueError, match="must"):
        normalized_postal_code(country, wrong)


def test_an_address_is_completed_part_by_part() -> None:
    assert complete_address("canada", "british columbia", "  Vancouver ", "v6b1a1") == Address(
        "CA", "BC", "Vancouver", "V6B 1A1"
    )
    assert complete_address() == Address()
    assert complete_address("", " ", "", "") == Address()


def test_a_province_fills_in_the_country() -> None:
    assert complete_address(None, "Ont.", "Ottawa", "k1a0b1") == Address("CA", "ON", "Ottawa", "K1A 0B1")
    assert complete_address(None, "DE", "Berlin", "10115") == Address(None, "DE", "Berlin", "10115")


def test_every_wrong_part_is_named() -> None:
    with pytest.raises(WrongAddressError) as refused:
        complete_address("Canada", "Texas", "a\x00b", "98101")
    assert [field for field, _ in refused.value.errors] == ["province", "city", "postal_code"]
    with pytest.raises(WrongAddressError) as refused:
        complete_address("Atlantis", "Texas", None, "98101")
    assert [field for field, _ in refused.value.errors] == ["country_code"]
    with pytest.raises(WrongAddressError) as refused:
        complete_address("US", None, "x" * 1_000_000, None)
    assert [field for field, _ in refused.value.errors] == ["city"]


@given(st.sampled_from(["US", "CA", "GB", "NL", "FR", None]), st.text(), st.text(), st.text())
def test_a_completed_address_is_complete(country: str | None, province: str, city: str, postal_code: str) -> None:
    try:
        address = complete_address(country, province, city, postal_code)
    except WrongAddressError:
        return
    again = complete_address(address.country_code, address.province, address.city, address.postal_code)
    assert again == address


@given(st.from_regex(r"\A[A-Z][0-9][A-Z][ -]?[0-9][A-Z][0-9]\Z"))
def test_a_canadian_code_in_any_spelling_is_one_code(written: str) -> None:
    try:
        remaining = normalized_postal_code("CA", written)
    except ValueError:
        assert set(written) & set("DFIOQUWZ")
        return
    assert remaining == normalized_postal_code("CA", written.lower().replace(" ", "").replace("-", ""))
