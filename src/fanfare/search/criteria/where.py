"""The one place where SQL is composed: fixed fragments, every value a bind parameter.

Criteria ask by `Condition`s; only their text, written in the source, reaches the statement.
"""

from collections.abc import Iterable

import msgspec

from fanfare.kernel.data.db import Composed


class Condition(msgspec.Struct, frozen=True):
    """A condition on the fan `f` of account `$1`, with `{}` standing for each of its values in turn."""

    sql: str
    values: tuple[object, ...] = ()


class Where(msgspec.Struct, frozen=True):
    """A condition ready to stand in a statement whose first argument is the account, with all its arguments."""

    sql: str
    args: tuple[object, ...]

    def statement(self, sql: str, **parts: str) -> Composed:
        """Return a statement with this condition in the place of `{condition}`."""
        return Composed(sql.format(condition=self.sql, **parts))

    def with_arguments(self, *values: object) -> tuple[tuple[object, ...], list[str]]:
        """Return the arguments with further ones behind them, and the placeholders of those."""
        first = len(self.args) + 1
        return (*self.args, *values), [f"${number}" for number in range(first, first + len(values))]


def where(account_id: int, conditions: Iterable[Condition]) -> Where:
    """Return the condition that all conditions hold."""
    parts, args = numbered(account_id, conditions)
    return Where("\n  and ".join(parts) or "true", args)


def numbered(account_id: int, conditions: Iterable[Condition]) -> tuple[list[str], tuple[object, ...]]:
    """Return the text of each condition with its places in the arguments of one statement, and these arguments."""
    parts: list[str] = []
    args: list[object] = [account_id]
    for each in conditions:
        first = len(args) + 1
        parts.append(each.sql.format(*(f"${first + number}" for number in range(len(each.values)))))
        args += each.values
    return parts, tuple(args)
