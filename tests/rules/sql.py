"""The SQL in the source: every text constant that is a statement or a piece of one, with where it stands."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.rules.project import Source

STATEMENT = re.compile(
    r"\s*(select|insert\s+into|update|delete\s+from|with|merge\s+into|copy|truncate|lock\s+table)\b", re.IGNORECASE
)
PIECE = re.compile(r"\b(?:from|join|into|update|using)\s+(?:only\s+)?(\w+)")
GAP = "…"


class Text(NamedTuple):
    """A text constant: its file, the function around it, and its words, with `…` for what is put in at run time."""

    place: str
    sql: str


def texts(source: Source) -> list[Text]:
    """Return the text constants of a file that read as SQL."""
    results = [Text(f"{source.name}:{name}", sql) for name, sql in constants(source.tree)]
    return [text for text in results if is_sql(text.sql)]


def is_sql(text: str) -> bool:
    """Say whether a text is a statement, or a piece that names a table."""
    return bool(STATEMENT.match(text) or re.search(r"\bselect\b[^.]*\bfrom\s+\w+", text, re.DOTALL | re.IGNORECASE))


def constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each text constant but the docstrings, with the name of the function or the module's around it."""
    yield from _below(tree, "module")


def _below(node: ast.AST, around: str) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.Constant | ast.JoinedStr | ast.BinOp) and (text := text_of(child)) is not None:
            yield around, text
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _below(child, child.name)
        else:
            yield from _below(child, around)


def text_of(node: ast.expr) -> str | None:
    """Return what a constant, an f-string or a sum of them says; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(GAP if isinstance(part, ast.FormattedValue) else str(text_of(part)) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        remaining, right = text_of(node.left), text_of(node.right)
        return None if remaining is None and right is None else (remaining or GAP) + (right or GAP)
    return None


def tables_of(sql: str) -> list[str]:
    """Return the tables that a statement reads or writes, once for each mention."""
    return PIECE.findall(sql)
