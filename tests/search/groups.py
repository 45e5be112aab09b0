"""Random groups of criteria, and what is in groups."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from fanfare.kernel.parameters import Params
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Part
from fanfare.search.criteria.groups import GROUPS, MAX_LEVELS, RELATIONS, groups_of
from fanfare.search.criteria.uses import declarations

MODIFIERS = {name for each in declarations(Criteria) for name in each.modifiers}


def any_groups(chance: random.Random, any_criteria: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the parameter `groups` with one or two random groups of random criteria; mostly none at all."""
    if chance.random() < 0.5:
        return {}
    return {"groups": [_group(chance, any_criteria, 1) for _ in range(chance.choice((1, 1, 2)))]}


def _group(chance: random.Random, any_criteria: Callable[[], dict[str, Any]], level: int) -> dict[str, Any]:
    def member() -> dict[str, Any]:
        if level < MAX_LEVELS and chance.random() < 0.35:
            return _group(chance, any_criteria, level + 1)
        criteria: dict[str, Any] = {}
        while not criteria.keys() - MODIFIERS:
            criteria = {name: value for name, value in any_criteria().items() if value != []}
        return criteria

    return {chance.choice(RELATIONS): [member() for _ in range(chance.randint(1, 3 if level == 1 else 2))]}


def parts(criteria: Params) -> Iterator[Part]:
    """Yield the members of groups at any level."""
    yield from GROUPS.parts(groups_of(criteria))


def all_leaves(criteria: Criteria) -> list[Any]:
    """Return criteria and those in their groups."""
    return [criteria, *(member for _, member, _ in parts(criteria))]
