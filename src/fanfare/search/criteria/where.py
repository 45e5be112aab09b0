"""Composes SQL, here alone: fixed fragments of the source code, and every value a bind parameter."""

from collections.abc import Iterable, Sequence

import msgspec

from fanfare.kernel.data.db import Composed


class Condition(msgspec.Struct, frozen=True):
    """A condition on the fan `f` of the account `$1`, with one `{}` for each of its values."""

    sql: str
    values: tuple[object, ...] = ()


class Where(msgspec.Struct, frozen=True):
    """A condition with numbered placeholders and all arguments of its statement; the account is the first."""

    sql: str
    args: tuple[object, ...]

    def statement(self, sql: str, **parts: str) -> Composed:
        """Return a statement with this condition in place of `{condition}` and other parts in theirs."""
        return Composed(sql.format(condition=self.sql, **parts))

    def with_arguments(self, *values: object) -> tuple[tuple[object, ...], list[str]]:
        """Return the arguments followed by `values`, and the placeholders of these."""
        first = len(self.args) + 1
        return (*self.args, *values), [f"${number}" for number in range(first, first + len(values))]


def joined(parts: Sequence[Condition], operator: str, default: str) -> Condition:
    """Return conditions joined by an operator, such as ` and `; `default` is the condition without parts."""
    values = tuple(value for each in parts for value in each.values)
    return Condition(f"({operator.join(each.sql for each in parts) or default})", values)


def where(account_id: int, conditions: Iterable[Condition]) -> Where:
    """Return the conjunction of conditions."""
    parts, args = numbered(account_id, conditions)
    return Where("\n  and ".join(parts) or "true", args)


def numbered(account_id: int, conditions: Iterable[Condition]) -> tuple[list[str], tuple[object, ...]]:
    """Return the SQL of each condition with numbered placeholders, and the arguments of the whole statement."""
    parts: list[str] = []
    args: list[object] = [account_id]
    for each in conditions:
        first = len(args) + 1
        parts.append(each.sql.format(*(f"${first + number}" for number in range(len(each.values)))))
        args += each.values
    return parts, tuple(args)
