"""Statements with named arguments, for those with more than a few.

    ADD = Sql("insert into seats (account_id, seat, row) select $1, :seat, :row::text")
    await db.execute(ADD, account_id, seat="A1", row=None)

The names become numbers when the module is imported, so the driver always caches the same text. The account stays `$1`,
as in every statement.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

# Skipped: strings, quoted names, comments, casts, `:=`; then a name, or a number.
TOKENS = re.compile(
    r"""
    [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
    | \$(?P<tag>[a-z_]*)\$.*?\$(?P=tag)\$ | --[^\n]* | /\*.*?\*/ | :: | :=
    | (?<![\w:]):(?P<name>[a-z_][a-z0-9_]*) | \$(?P<number>\d+)
    """,
    re.VERBOSE | re.DOTALL,
)


# Types whose arrays are sent as text, which msgspec writes and PostgreSQL reads in C. The driver looks at each entry of
# an array in Python: 100 texts cost it 20 µs in place of 2, 100 numerics 70, while PostgreSQL needs as long for both.
LITERALS = frozenset({"bigint", "boolean", "date", "integer", "numeric", "smallint", "text", "timestamptz", "uuid"})
ESCAPES = re.compile(r"\\(?:u([0-9a-f]{4})|(.))")
CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def array_literal(values: Sequence[object]) -> str:
    """Return an array of values without structure as PostgreSQL reads it: as JSON does, but for control characters."""
    text = f"{{{msgspec.json.encode(values)[1:-1].decode()}}}"
    return ESCAPES.sub(_unescaped, text) if "\\" in text else text


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else CONTROLS.get(escape[2], escape[0])


class Sql:
    """A statement with named arguments (`:name`); the account is `$1`, the only number.

    If the text is Heavy, the compiled text is too.
    """

    __slots__ = ("names", "text")

    def __init__(self, text: str) -> None:
        """Compile the text; raises ValueError for a numbered argument other than `$1`, and for a missing `$1`."""
        names: dict[str, str] = {}

        def number(token: re.Match[str]) -> str:
            if token["number"] and token["number"] != "1":
                message = f"{token[0]} stands among named arguments"
                raise ValueError(message)
            return names.setdefault(token["name"], f"${len(names) + 2}") if token["name"] else token[0]

        self.text = type(text)(TOKENS.sub(number, text))
        # In the order of the numbers, from $2 on.
        self.names = tuple(names)
        if "$1" not in self.text:
            message = "the account is not the first argument"
            raise ValueError(message)

    def arguments(self, account_id: object, named: Mapping[str, object]) -> tuple[object, ...]:
        """Return the arguments in the driver's order; raises TypeError for missing or unknown ones."""
        if len(named) != len(self.names) or any(name not in named for name in self.names):
            missing, unknown = set(self.names) - named.keys(), named.keys() - set(self.names)
            message = f"arguments missing: {sorted(missing)}, unknown: {sorted(unknown)}"
            raise TypeError(message)
        return (account_id, *(named[name] for name in self.names))


class Arrays:
    """Rows as arguments of a statement: one array per column, all of the same length."""

    def __init__(self, name: str, columns: Mapping[str, str]) -> None:
        """`name` is the prefix of the arguments; `columns` maps each column to its type."""
        self._name = name
        self._columns = columns

    def unnest(self, alias: str, *, place: str | None = None) -> str:
        """Return the text for `from`; `place` names an additional column that numbers the rows from 1."""
        arrays = ", ".join(
            f":{self._name}_{column}::{'text::' if kind in LITERALS else ''}{kind}[]"
            for column, kind in self._columns.items()
        )
        names = ", ".join([*self._columns, *([place] if place else [])])
        return f"unnest({arrays}){' with ordinality' if place else ''} as {alias} ({names})"

    def one(self, alias: str) -> str:
        """Return the text for `from` of a single row, whose arguments are those of `unnest` without the arrays."""
        columns = ", ".join(f":{self._name}_{column}::{kind} as {column}" for column, kind in self._columns.items())
        return f"(select {columns}) as {alias}"

    def one_arguments(self, row: Mapping[str, object]) -> dict[str, object]:
        """Return the arguments of `one`; raises KeyError if the row lacks a column."""
        return {f"{self._name}_{column}": row[column] for column in self._columns}

    def arguments(self, rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
        """Return the arguments; raises KeyError if a row lacks a column.

        A column without values is an empty array, which `unnest` fills with nulls. The first column has the length.
        """
        return self.column_arguments({column: [row[column] for row in rows] for column in self._columns})

    def column_arguments(self, arrays: Mapping[str, Sequence[object]]) -> dict[str, object]:
        """Return the arguments from the values of each column, as `arguments` does from rows."""
        result: dict[str, object] = {}
        for column, kind in self._columns.items():
            array = arrays[column]
            values = array if not result or array.count(None) < len(array) else []
            result[f"{self._name}_{column}"] = array_literal(values) if kind in LITERALS else values
        return result
