import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfare.places.countries import country_code, country_codes, country_name


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("CA", "CA"),
        (" ca ", "CA"),
        ("can", "CA"),
        ("USA", "US"),
        ("u.s.a.", "US"),
        ("U. S.", "US"),
        ("united states", "US"),
        ("The United States of America", "US"),
        ("U.K.", "GB"),
        ("uk", "GB"),
        ("Great Britain", "GB"),
        ("Scotland", "GB"),
        ("Holland", "NL"),
        ("the netherlands", "NL"),
        ("South Korea", "KR"),
        ("Korea, Republic of", "KR"),
        ("Korea, North", "KP"),
        ("Côte d'Ivoire", "CI"),
        ("COTE D\u2019IVOIRE", "CI"),
        ("Co\u0302te d'Ivoire", "CI"),
        ("Ivory Coast", "CI"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Czech Republic", "CZ"),
        ("Bosnia & Herzegovina", "BA"),
        ("São Tomé and Príncipe", "ST"),
        ("Vietnam", "VN"),
        ("Moldova", "MD"),
        ("Russia", "RU"),
        ("Curacao", "CW"),
        ("St. Lucia", "LC"),
        ("Kosovo", "XK"),
        ("Deutschland", "DE"),
        ("Brunei", "BN"),
    ],
)
def test_a_country_is_known_by_the_names_that_people_write(written: str, code: str) -> None:
    assert country_code(written) == code


def test_every_code_and_name_of_the_iso_list_is_known() -> None:
    for country in pycountry.countries:
        for attribute in ("alpha_2", "alpha_3", "name", "common_name", "official_name"):
            name = getattr(country, attribute, country.alpha_2)
            assert country_code(name) == country.alpha_2
            assert country_code(name.upper()) == country.alpha_2
        assert country_name(country.alpha_2) == getattr(country, "common_name", country.name)
    assert len(country_codes()) == len(pycountry.countries) + 1


@pytest.mark.parametrize("blank", [None, "", "  \t"])
def test_nothing_written_is_no_country(blank: str | None) -> None:
    assert country_code(blank) is None


@pytest.mark.parametrize("wrong", ["Atlantis", "ZZ", "X", "12", "...", "Congo Rep", "U" * 1_000_000, "\x00", "ca\x00"])
def test_what_is_no_country_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="must"):
        country_code(wrong)


@given(st.text())
def test_any_text_gives_a_code_nothing_or_a_refusal(text: str) -> None:
    try:
        code = country_code(text)
    except ValueError:
        return
    assert (code in country_codes()) == bool(text.split())


def test_a_name_of_no_country_has_no_name() -> None:
    assert country_name("XK") == "Kosovo"
    assert country_name("ZZ") is None
