"""Statements with named arguments, for those with more than a few.

    ADD = Sql("insert into seats (account_id, seat, row) select $1, :seat, :row::text")
    await db.execute(ADD, account_id, seat="A1", row=None)

The names become numbers when the module is loaded, so the text that the driver keeps is one. The account stays `$1`,
as in every statement.
"""

import re
from collections.abc import Mapping, Sequence

# What is passed over: texts, quoted names, comments, casts, `:=`; then a name, or a number.
TOKENS = re.compile(
    r"""
    [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
    | \$(?P<tag>[a-z_]*)\$.*?\$(?P=tag)\$ | --[^\n]* | /\*.*?\*/ | :: | :=
    | (?<![\w:]):(?P<name>[a-z_][a-z0-9_]*) | \$(?P<number>\d+)
    """,
    re.VERBOSE | re.DOTALL,
)


class Sql:
    """A statement whose arguments have names (`:name`); the account is `$1`, and no other number is there.

    Of a Heavy text the compiled one is Heavy too.
    """

    __slots__ = ("_names", "text")

    def __init__(self, text: str) -> None:
        """Compile the text; raises ValueError for an argument by number, and for a text without the account."""
        names: dict[str, str] = {}

        def number(token: re.Match[str]) -> str:
            if token["number"] and token["number"] != "1":
                message = f"{token[0]} stands among named arguments"
                raise ValueError(message)
            return names.setdefault(token["name"], f"${len(names) + 2}") if token["name"] else token[0]

        self.text = type(text)(TOKENS.sub(number, text))
        self._names = tuple(names)
        if "$1" not in self.text:
            message = "the account is not the first argument"
            raise ValueError(message)

    def arguments(self, account_id: object, named: Mapping[str, object]) -> tuple[object, ...]:
        """Return the arguments as the driver takes them; raises TypeError for one that is missing or unknown."""
        if len(named) != len(self._names) or any(name not in named for name in self._names):
            missing, unknown = set(self._names) - named.keys(), named.keys() - set(self._names)
            message = f"arguments missing: {sorted(missing)}, unknown: {sorted(unknown)}"
            raise TypeError(message)
        return (account_id, *(named[name] for name in self._names))


class Arrays:
    """Rows that a statement takes as arrays of one length, an argument for each column."""

    def __init__(self, name: str, columns: Mapping[str, str]) -> None:
        """Take what the names of the arguments begin with, and the type of each column."""
        self._name = name
        self._columns = columns

    def unnest(self, alias: str, *, place: str | None = None) -> str:
        """Return what stands behind `from`; `place` names a further column that counts the rows from 1."""
        arrays = ", ".join(f":{self._name}_{column}::{kind}[]" for column, kind in self._columns.items())
        names = ", ".join([*self._columns, *([place] if place else [])])
        return f"unnest({arrays}){' with ordinality' if place else ''} as {alias} ({names})"

    def arguments(self, rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
        """Return the arguments; raises KeyError for a row without one of the columns."""
        return {f"{self._name}_{column}": [row[column] for row in rows] for column in self._columns}
