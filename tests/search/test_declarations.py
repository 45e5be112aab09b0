"""Each criterion is declared once: every parameter of the search has its declaration, and none is shared by chance."""

from collections import Counter

import pytest

from fanfare.kernel.parameters import Params
from fanfare.search.criteria import Criteria, facts
from fanfare.search.criteria.criterion import Joint
from fanfare.search.criteria.uses import Declared, declared

# What a fan's own columns are called in the change log.
OWN = frozenset(
    [
        "first_name",
        "last_name",
        "email",
        "phone",
        "add_phone",
        "birth_date",
        "gender",
        "postal_code",
        "province",
        "metro_area",
        "is_subscribed",
        "is_optout",
        "is_phone_subscribed",
        "rating",
        "fan_source",
        "created_at",
    ]
)
FACTS = frozenset({facts.ACTIVITY, facts.TAG, facts.IDENTITY, facts.IDOL, facts.SNAPSHOT, facts.TICKET})


def undeclared(struct: type[Params]) -> list[str]:
    """Return the parameters of a struct that have no declaration, or more than one."""
    counted = Counter(name for each in declared(struct) for name in each.names)
    return [name for name in struct.__struct_fields__ if counted[name] != 1]


def test_every_parameter_of_the_search_has_its_declaration() -> None:
    assert undeclared(Criteria) == []


def test_only_a_joint_criterion_has_several_parameters() -> None:
    assert [each.names for each in declared(Criteria) if len(each.names) > 1] == [
        each.names for each in declared(Criteria) if isinstance(each.criterion, Joint)
    ]


@pytest.mark.parametrize("each", declared(Criteria), ids=lambda each: each.names[0])
def test_what_a_criterion_reads_is_what_the_change_log_names(each: Declared) -> None:
    assert each.criterion.reads
    assert set(each.criterion.reads) <= OWN | FACTS


def test_sees_a_parameter_without_a_declaration() -> None:
    class Larger(Criteria):
        fan_height: int | None = None

    assert undeclared(Larger) == ["fan_height"]
