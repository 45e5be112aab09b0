"""Criteria on links of a fan to named records, such as tags and idols: conditions, plans, unknown names."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold
from fanfare.kernel.wire import ChoiceForm, ListForm, TextForm
from fanfare.search.criteria.plans import NO_FANS, AllOf, HasValue, Plan
from fanfare.search.criteria.where import Condition

Names = Annotated[list[str], ListForm(TextForm(), maximum=100)]
RELATION_WORDS = {"any": "any", "all": "all"}
Relation = Annotated[str, ChoiceForm("any", "all")]
# Up to this many links are separate conditions, since the planner knows how common each is. More take it too long.
MAX_SEPARATE = 8


def folded(names: Iterable[str]) -> list[str]:
    """Return names in the form in which they are compared, sorted, without duplicates."""
    return sorted({fold(name) for name in names})


async def ids_by_name(db: Db, account_id: int, sql: str, names: Sequence[str]) -> dict[str, Any]:
    """Return ids by folded name, for names that the account has. `sql` returns `name` and `id` for an array `$2`."""
    return {row["name"]: row["id"] for row in await db.rows(sql, account_id, names)}


def link_conditions(sql: str, any_sql: str, ids: Sequence[object | None], *, is_any: bool) -> list[Condition]:
    """Return the conditions that a fan has a link to one of some records (`is_any`), or to all of them.

    An id of None stands for a record that does not exist. Without ids there is no condition. `sql` selects links; its
    two `{}` are for the columns and for the id, or `any_sql`, that the link's id equals.
    """
    if not ids:
        return []
    existing = [each for each in ids if each is not None]
    if not existing or (not is_any and len(existing) < len(ids)):
        return [Condition("false")]
    if is_any and len(existing) > 1:
        return [Condition("exists " + sql.format("", any_sql), (existing,))]
    if len(existing) > MAX_SEPARATE:
        return [Condition(sql.format("count(*)", any_sql) + " = {}", (existing, len(existing)))]
    return [Condition("exists " + sql.format("", "{}"), (each,)) for each in existing]


def link_plan(facet: str, names: Iterable[str], ids: Mapping[str, Any], *, is_any: bool) -> Plan:
    """Return the plan for links to one of some records (`is_any`), or to all of them, by their names."""
    matches = [ids.get(name) for name in {fold(name) for name in names}]
    keys: list[str | int] = [each if isinstance(each, int) else str(each) for each in matches if each is not None]
    if is_any and matches:
        return HasValue(facet, keys)
    if len(keys) < len(matches):
        return NO_FANS
    return AllOf([HasValue(facet, [each]) for each in keys])


def unknown_names(kind: str, names: Iterable[str], ids: Container[str]) -> Iterator[str]:
    """Yield an error message for each name that the account does not have."""
    return (f"refers to an unknown {kind}: {each}" for each in dict.fromkeys(names) if fold(each) not in ids)
