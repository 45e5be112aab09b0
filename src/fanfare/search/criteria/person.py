"""Criteria on the person: name, gender, age, networks."""

from datetime import date
from typing import Annotated

from fanfare.fans.contact import mail_address
from fanfare.kernel.folding import fold, like_pattern
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import NOTHING, ChoiceForm, Form, IntegerForm, Text, text_of
from fanfare.search.criteria.criterion import Criterion, Phrase
from fanfare.search.criteria.facts import IDENTITY
from fanfare.search.criteria.links import Names, folded
from fanfare.search.criteria.plans import HasValue, InRange
from fanfare.search.criteria.where import Condition

Gender = Annotated[str, ChoiceForm("male", "female", "diverse", "other", "empty")]
Age = Annotated[int, IntegerForm(0, 150)]


class DomainForm(Form):
    """The domain of an email address, with or without `@`, normalised like the addresses of fans."""

    nothing = NOTHING

    def read(self, raw: object) -> str:
        """Return the domain in lower case and Unicode."""
        domain = text_of(raw).strip().removeprefix("@")
        try:
            return mail_address(f"fan@{domain}").partition("@")[2]
        except ValueError:
            message = "must be the domain of an email address, such as example.com"
            raise ValueError(message) from None

    def schema(self) -> dict[str, object]:
        """Describe the domain as a string."""
        return {"type": "string", "examples": ["example.com"]}


Domain = Annotated[str, DomainForm()]


def years_before(day: date, years: int) -> date:
    """Return the latest birth date of a person who is at least `years` old on `day`.

    For 29 February it is 28 February in a year without 29 February: a person born on 1 March is not that old yet.
    """
    year = max(day.year - years, 1)
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)


NAME = Criterion[str](
    condition=lambda name, _: Condition("f.search_text like {}", (like_pattern(name),)),
    reads=("first_name", "last_name", "email"),
    shows="to_jsonb(concat_ws(' ', f.first_name, f.last_name, f.email))",
    is_person=True,
)
GENDER = Criterion[str](
    condition=lambda gender, _: Condition("f.gender = {}", (gender,)),
    reads=("gender",),
    shows="to_jsonb(f.gender)",
    plan=lambda gender, _: HasValue("gender", [gender]),
)
YOUNGEST_AGE = Criterion[int](
    condition=lambda age, context: Condition("f.birth_date <= {}", (years_before(context.today, age),)),
    reads=("birth_date",),
    shows="to_jsonb(f.birth_date)",
    plan=lambda age, context: InRange("born", end=years_before(context.today, age).toordinal() + 1),
)
OLDEST_AGE = Criterion[int](
    condition=lambda age, context: Condition("f.birth_date > {}", (years_before(context.today, age + 1),)),
    reads=("birth_date",),
    shows="to_jsonb(f.birth_date)",
    plan=lambda age, context: InRange("born", first=years_before(context.today, age + 1).toordinal() + 1),
)
NETWORKS = Criterion[list[str]](
    condition=lambda networks, _: Condition(
        """exists (select from fan_identifiers i
            where i.account_id = $1 and i.fan_id = f.fan_id and i.network = any({}::text[]))""",
        (folded(networks),),
    ),
    reads=(IDENTITY, "email", "phone", "add_phone"),
    shows="""(select coalesce(jsonb_agg(distinct i.network), '[]') from fan_identifiers i
        where i.account_id = $1 and i.fan_id = f.fan_id)""",
    plan=lambda networks, _: HasValue("network", [fold(network) for network in networks]),
)

EMAIL_DOMAIN = Criterion[str](
    condition=lambda domain, _: Condition("split_part(f.email, '@', 2) = {}", (domain,)),
    reads=("email",),
    shows="to_jsonb(split_part(f.email, '@', 2))",
)


GENDER_WORDS = {
    "male": "male",
    "female": "female",
    "diverse": "diverse",
    "other": "another one",
    "empty": "none that they tell",
}


class PersonCriteria(Params):
    """The criteria on the person."""

    name: Annotated[
        Text | None,
        "Part of the name or email address; case and accents are ignored",
        NAME,
        Phrase("have {} in their name or email address"),
    ] = None
    fan_gender: Annotated[Gender | None, "This gender", GENDER, Phrase("are of the gender {}", GENDER_WORDS)] = None
    fan_youngest_age: Annotated[
        Age | None, "At least this many years old today", YOUNGEST_AGE, Phrase("are at least {} years old")
    ] = None
    fan_oldest_age: Annotated[
        Age | None, "At most this many years old today", OLDEST_AGE, Phrase("are at most {} years old")
    ] = None
    fan_networks: Annotated[
        Names | None,
        "Has an external identity in one of these networks",
        NETWORKS,
        Phrase("have an identity in the network {}"),
    ] = None
    fan_email_domain: Annotated[
        Domain | None,
        "Has an email address of this domain, such as example.com; case is ignored",
        EMAIL_DOMAIN,
        Phrase("have an email address of {}"),
    ] = None
