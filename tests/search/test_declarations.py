"""Each parameter of the search is declared by exactly one criterion."""

import re
import uuid
from collections import Counter
from typing import Annotated

import pytest

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Uuids
from fanfare.search.criteria import Criteria, facts
from fanfare.search.criteria.criterion import Criterion, Joint
from fanfare.search.criteria.uses import Declaration, declarations, reference_forms

# What a fan's own columns are called in the change log.
OWN_FACTS = frozenset(
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
    counted = Counter(name for each in declarations(struct) for name in each.parameters)
    return [name for name in struct.__struct_fields__ if counted[name] != 1]


def unnamed(struct: type[Params]) -> list[list[str]]:
    """Return the criteria with lookups or ids that do not declare which records they refer to."""
    naming = {name for places in reference_forms(struct).values() for name in places}
    return [
        each.parameters
        for each in declarations(struct)
        if each.criterion.lookups
        or each.criterion.segments
        or any(re.search(r"_u?ids?$", name) for name in each.parameters)
        if naming.isdisjoint(each.parameters)
    ]


def test_every_parameter_of_the_search_has_its_declaration() -> None:
    assert undeclared(Criteria) == []


def test_only_a_joint_criterion_has_several_parameters() -> None:
    assert [each.parameters for each in declarations(Criteria) if len(each.parameters) > 1] == [
        each.parameters for each in declarations(Criteria) if isinstance(each.criterion, Joint)
    ]


@pytest.mark.parametrize("each", declarations(Criteria), ids=lambda each: each.parameters[0])
def test_what_a_criterion_reads_is_what_the_change_log_names(each: Declaration) -> None:
    assert each.criterion.reads
    assert set(each.criterion.reads) <= OWN_FACTS | FACTS


def test_what_criteria_name_is_declared() -> None:
    # What is looked up by a name, or has an id, is a record that may be deleted: filters keep it from that.
    assert unnamed(Criteria) == []


def test_sees_a_criterion_that_does_not_say_what_it_names() -> None:
    class Larger(Criteria):
        fan_seat_uids: Annotated[
            Uuids | None, Criterion[list[uuid.UUID]](condition=lambda *_: (), reads=(), shows="")
        ] = None

    assert unnamed(Larger) == [["fan_seat_uids"]]


def test_sees_a_parameter_without_a_declaration() -> None:
    class Larger(Criteria):
        fan_height: int | None = None

    assert undeclared(Larger) == ["fan_height"]
