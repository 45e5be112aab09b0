"""Why a fan is in a segment or not: the result of each criterion for the fan, and the value that it checks.

The conditions are those of the search, so the results together agree with the search.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Composed, Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.parameters import Params
from fanfare.search.criteria.criterion import Context
from fanfare.search.criteria.groups import ANY_OF, NONE_OF, Member, groups_of
from fanfare.search.criteria.uses import Use, leaf_uses
from fanfare.search.criteria.where import Condition, numbered
from fanfare.search.queries import stored
from fanfare.search.queries.conditions import checked_context, evaluate
from fanfare.segments.queries.segments import criteria_of
from fanfare.segments.schemas.segments import Branch, OneMember, Verdict, Why

# A criterion, whether the fan meets it, and the value that it checked.
Result = tuple[Use, bool, Any]

ONE = "select {columns} from fans f where f.account_id = $1 and {condition}"


async def why(db: Db, account: Account, target: OneMember, now: datetime) -> Why:
    """Return the result of each criterion of a segment for a fan; Unknown (404) segment or fan."""
    criteria = await criteria_of(db, account.id, target)
    context = await checked_context(db, account, criteria, now)
    parts = list(leaf_uses(criteria))
    conditions = await evaluate(
        account.id,
        context,
        lambda: [_verdict(each, context) for each in parts] + [each.value_sql(context) for each in parts],
    )
    answers = await _evaluate(db, account.id, target.fan_id, conditions)
    results = [(each, answers[place], answers[len(parts) + place]) for place, each in enumerate(parts)]
    verdicts = _verdicts(criteria, "", results)
    branches = [_branch(each, f"groups[{place}]", results) for place, each in enumerate(groups_of(criteria))]
    is_member = all(each.is_met for each in verdicts) and all(each.is_met for each in branches)
    return Why(target.fan_id, target.segment_type, target.segment_id, is_member, verdicts, branches)


def _verdicts(criteria: Params, path: str, results: Iterable[Result]) -> list[Verdict]:
    """Return the verdicts of the criteria at a path, which ends with a dot or is empty."""
    values = stored.set_values(criteria)
    return [
        Verdict(each.name.removeprefix(path), {name: values[name] for name in each.parameters}, is_met, value)
        for each, is_met, value in results
        if each.path == path
    ]


def _branch(member: Member, path: str, results: Sequence[Result]) -> Branch:
    """Return the result of a group, or of a member of one, with what is in it."""
    verdicts = _verdicts(member, f"{path}.", results)
    relation, members = next(member.relations(), (None, []))
    branches = [_branch(each, f"{path}.{relation}[{place}]", results) for place, each in enumerate(members)]
    results_met = [each.is_met for each in branches]
    is_met = (
        any(results_met) if relation == ANY_OF else not any(results_met) if relation == NONE_OF else all(results_met)
    )
    return Branch(path, relation, is_met and all(each.is_met for each in verdicts), verdicts, branches)


def _verdict(use: Use, context: Context) -> Condition:
    parts = use.conditions(context)
    values = tuple(value for part in parts for value in part.values)
    return Condition(f"({' and '.join(part.sql for part in parts) or 'true'}) is true", values)


async def _evaluate(db: Db, account_id: int, fan_id: int, conditions: Sequence[Condition]) -> list[Any]:
    """Return the values of SQL expressions for a fan; Unknown (404) fan."""
    columns, args = numbered(account_id, [*conditions, Condition("f.fan_id = {}", (fan_id,))])
    row = await db.row(Composed(ONE.format(columns=", ".join(columns[:-1]) or "true", condition=columns[-1])), *args)
    if row is None:
        raise Unknown(fan=fan_id)
    return list(row)
