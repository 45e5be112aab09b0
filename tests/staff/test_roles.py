"""Roles: what each may do in each area, written once more by hand and compared with the table of the code."""

import pytest

from fanfare.staff.schemas.roles import AREA_NAMES, RIGHTS, ROLES, rights_of

WORK = [
    *("home", "fans", "segments", "campaigns", "streams", "performances"),
    *("tickets", "purchases", "points", "links", "messages", "reports"),
]
# The letters of rights by role: for the areas of work, and for the others where the role has any.
EXPECTED = {
    "full": ("rwep", dict.fromkeys(["transfers", "settings", "keys", "staff", "audit"], "rwep")),
    "editor": ("rwep", {"transfers": "rw"}),
    "analyst": ("re", {}),
    "legal": ("rp", {"fans": "rwep", "settings": "rw", "audit": "re"}),
}
CELLS = [(role, area) for role in EXPECTED for area in AREA_NAMES]


def letters(role: str, area: str, *, is_limited: bool = False) -> str:
    rights = rights_of(role, {}, is_limited=is_limited).get(area, frozenset())
    return "".join(right[0] for right in RIGHTS if right in rights)


@pytest.mark.parametrize(("role", "area"), CELLS)
def test_each_cell(role: str, area: str) -> None:
    work, others = EXPECTED[role]
    expected = others.get(area, work if area in WORK else "")
    assert letters(role, area) == expected
    assert letters(role, area, is_limited=True) == (expected if area in WORK else "")


def test_every_role_has_its_expectation() -> None:
    assert {*EXPECTED, "custom"} == set(ROLES)


def test_a_custom_role_has_what_is_stored_and_nothing_unknown() -> None:
    rights = {"fans": ["read", "sing"], "moon": ["read"], "keys": []}
    assert rights_of("custom", rights, is_limited=False) == {"fans": {"read"}}
    assert rights_of("custom", {"keys": ["read"]}, is_limited=True) == {}
