import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfare.places.provinces import country_of_province, normalized_province, province_code, province_name


@pytest.mark.parametrize(
    ("country", "written", "stored_name"),
    [
        ("CA", "BC", "BC"),
        ("CA", "b.c.", "BC"),
        ("CA", "CA-BC", "BC"),
        ("CA", "british columbia", "BC"),
        ("CA", "Québec", "QC"),
        ("CA", "Que.", "QC"),
        ("CA", "P.E.I.", "PE"),
        ("CA", "Newfoundland", "NL"),
        ("CA", "Yukon Territory", "YT"),
        ("US", "Calif.", "CA"),
        ("US", "Washington, D.C.", "DC"),
        ("US", "washington", "WA"),
        ("US", "N. Dakota", "ND"),
        ("US", "Mass", "MA"),
        ("US", "puerto rico", "PR"),
        ("US", "AP", "AP"),
        ("AU", "nsw", "New South Wales"),
        ("AU", "Tassie", "Tasmania"),
        ("GB", "Wales", "Wales"),
        ("GB", "ENG", "England"),
        ("GB", "essex", "Essex"),
        ("GB", "London", "London"),
        ("GB", "  Greater   Manchester ", "Greater Manchester"),
        ("IE", "Co. Cork", "Cork"),
        ("DE", "Bavaria", "Bayern"),
        ("DE", "by", "Bayern"),
        ("FR", "ile de france", "Île-de-France"),
        ("ES", "Madrid, Comunidad de", "Comunidad de Madrid"),
        ("NL", "North Holland", "Noord-Holland"),
        ("JP", "tokyo", "Tokyo"),
        ("ZZ", "Anywhere", "Anywhere"),
        (None, "BC", "BC"),
        ("CA", " ", None),
        ("CA", None, None),
    ],
)
def test_a_province_is_kept_as_other_systems_write_it(
    country: str | None, written: str | None, stored_name: str | None
) -> None:
    assert normalized_province(country, written) == stored_name


@pytest.mark.parametrize(
    ("country", "written"), [("CA", "Texas"), ("US", "BC"), ("US", "Bavaria"), ("AU", "Auckland"), ("US", "x" * 121)]
)
def test_what_is_no_province_of_a_country_with_few_is_refused(country: str, written: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        normalized_province(country, written)


def test_every_code_of_the_iso_list_is_known_and_names_of_small_lists_lead_back() -> None:
    for province in pycountry.subdivisions:
        country, _, code = province.code.partition("-")
        assert province_code(country, province.code) == code
        if country in {"US", "CA", "AU"}:
            assert province_code(country, province.name) == code
            assert province_code(country, province_name(country, code) or "") == code


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("BC", "CA"),
        ("British Columbia", "CA"),
        ("texas", "US"),
        ("TX", "US"),
        ("Queensland", "AU"),
        ("Scotland", "GB"),
        ("DE", None),
        ("CA", None),
        ("WA", None),
        ("NT", None),
        ("Essex", None),
        ("Nowhere", None),
        ("", None),
    ],
)
def test_a_province_tells_its_country_only_where_no_other_could_be_meant(written: str, country: str | None) -> None:
    assert country_of_province(written) == country


@given(st.sampled_from(["US", "CA", "AU", "GB", "FR", "ZZ", None]), st.text())
def test_what_is_kept_once_stays_as_it_is(country: str | None, text: str) -> None:
    try:
        remaining = normalized_province(country, text)
    except ValueError:
        return
    assert normalized_province(country, remaining) == remaining
