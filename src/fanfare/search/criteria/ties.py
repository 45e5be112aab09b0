"""Ties of a fan to some things, such as tags and idols: how they are named, asked for and planned."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold
from fanfare.kernel.wire import ChoiceForm, ListForm, TextForm
from fanfare.search.criteria.plans import NOBODY, AllOf, Having, Plan
from fanfare.search.criteria.where import Condition

Names = Annotated[list[str], ListForm(TextForm(), maximum=100)]
Relation = Annotated[str, ChoiceForm("any", "all")]
# So many of them are asked for one by one, as the planner knows how common each is; more would take it too long.
EACH_ALONE = 8


def folded(names: Iterable[str]) -> list[str]:
    """Return names as they are compared, each of them once."""
    return sorted({fold(name) for name in names})


async def ids_by_name(db: Db, account_id: int, sql: str, names: Sequence[str]) -> dict[str, Any]:
    """Return the id of each of some folded names that the account has, by a statement that returns `name` and `id`."""
    return {row["name"]: row["id"] for row in await db.rows(sql, account_id, names)}


def tied(sql: str, to_any: str, ids: Sequence[object | None], *, is_any: bool) -> list[Condition]:
    """Return that a fan is tied to one of some things, or to all of them; None is what nobody can be tied to.

    `sql` selects the ties of a fan, of what is read of them and of which things. No things at all ask for nothing.
    """
    if not ids:
        return []
    existing = [each for each in ids if each is not None]
    if not existing or (not is_any and len(existing) < len(ids)):
        return [Condition("false")]
    if is_any and len(existing) > 1:
        return [Condition("exists " + sql.format("", to_any), (existing,))]
    if len(existing) > EACH_ALONE:
        return [Condition(sql.format("count(*)", to_any) + " = {}", (existing, len(existing)))]
    return [Condition("exists " + sql.format("", "{}"), (each,)) for each in existing]


def tied_plan(facet: str, names: Iterable[str], ids: Mapping[str, Any], *, is_any: bool) -> Plan:
    """Return the plan of ties to one of some things, or to all of them, by their names."""
    matches = [ids.get(name) for name in {fold(name) for name in names}]
    keys: list[str | int] = [each if isinstance(each, int) else str(each) for each in matches if each is not None]
    if is_any and matches:
        return Having(facet, keys)
    if len(keys) < len(matches):
        return NOBODY
    return AllOf([Having(facet, [each]) for each in keys])


def unknown(kind: str, names: Iterable[str], ids: Container[str]) -> Iterator[str]:
    """Yield what is to be said of each name that the account does not have."""
    return (f"refers to an unknown {kind}: {each}" for each in dict.fromkeys(names) if fold(each) not in ids)
