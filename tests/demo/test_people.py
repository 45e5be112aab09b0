import re
from datetime import date

from fanfare.demo.filling import SEED
from fanfare.demo.people import MAIL_HOSTS, Crowd
from fanfare.demo.towns import TOWNS
from fanfare.fans.contact import mail_address, phone_number
from fanfare.fans.display_names import accepted_name
from fanfare.kernel.folding import fold
from fanfare.places.addresses import Address, complete_address

TODAY = date(2026, 3, 1)
# 555-01xx in North America; what Ofcom, the Bundesnetzagentur, Arcep and the ACMA keep for films.
FICTION = re.compile(
    r"\+1\d{3}55501\d\d|\+44(?:20794|161496|113496|115496|116496|117496|118496|121496|131496|141496|151496|191498|292018)"
    r"\d{4,5}|\+49(?:3023125|4066969|8999998)\d{3}|\+33(?:19900|46571)\d{4}|\+61[237]5550\d{4}"
)


def test_people_are_in_the_forms_in_which_fans_are_stored() -> None:
    for person in Crowd(3, TODAY).people(1500):
        town = person.town
        row = Address(town.country_code, town.province, town.name, person.postal_code)
        assert complete_address(town.country_code, town.province, town.name, person.postal_code) == row
        assert person.email is None or mail_address(person.email) == person.email
        assert person.phone is None or phone_number(person.phone) == person.phone
        assert person.display_name is None or accepted_name(person.display_name) == person.display_name
        assert person.birth_date is None or date(1940, 1, 1) < person.birth_date < date(2011, 1, 1)


def test_nothing_sent_to_them_would_arrive() -> None:
    for person in Crowd(4, TODAY).people(3000):
        assert person.email or person.phone
        assert person.email is None or person.email.partition("@")[2] in MAIL_HOSTS.values
        assert person.phone is None or FICTION.fullmatch(person.phone)
        assert re.fullmatch(r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+", person.ip_address)


def test_no_two_are_taken_for_one() -> None:
    # Those of `make demo`: what they share, the database would refuse.
    people = list(Crowd(SEED, TODAY).people(20_000))
    for existing in (
        [person.email.lower() for person in people if person.email],
        [person.phone for person in people if person.phone],
        [fold(person.display_name) for person in people if person.display_name],
        [each for person in people for each in person.identities.items()],
    ):
        assert len(existing) == len(set(existing)) > 1000


def test_the_crowd_is_mixed() -> None:
    people = list(Crowd(6, TODAY).people(5000))
    assert {person.town for person in people} == set(TOWNS)
    assert {person.gender for person in people} == {"male", "female", "diverse", "other", None}
    assert len({person.first_name for person in people}) > 800
    assert len({person.last_name for person in people}) > 1500


def test_a_seed_makes_the_same_people_again() -> None:
    assert list(Crowd(7, TODAY).people(200)) == list(Crowd(7, TODAY).people(200))
    assert list(Crowd(7, TODAY).people(200)) != list(Crowd(8, TODAY).people(200))
