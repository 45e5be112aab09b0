"""What a statement returns is read by the names of its columns: no place of a column, and no row taken apart."""

import ast
import re
from collections.abc import Iterable, Iterator

from tests.rules.project import PACKAGE, Source, sources

# The methods of a database handle or a connection, by what they return.
# The handle, whose `value` is the first column, and what hands rows over in order when it has looked at the names.
BELOW = ("src/fanfare/kernel/data/db.py", "src/fanfare/kernel/data/rows.py")
MANY, ONE = "many", "one"
GIVES = {"rows": MANY, "fetch": MANY, "row": ONE, "fetchrow": ONE}


class Rows(ast.NodeVisitor):
    """Finds the rows of a module that are read by place: what `db.rows` and `db.row` give, and what is typed Record."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        functions = [node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        self.returns = {each.name: _typed(each.returns) for each in functions}
        self.names: dict[str, str | None] = {}
        self.around = "module"
        self.faults: list[str] = []
        self.visit(source.tree)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        names, around = self.names, self.around
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        self.names = names | {each.arg: _typed(each.annotation) for each in every}
        self.around = node.name
        for line in node.body:
            self.visit(line)
        self.names, self.around = names, around

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            self._bind(target, self._kind(node.value))

    def visit_For(self, node: ast.For) -> None:
        self._bind(node.target, self._each(node.iter))
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        # What a comprehension makes stands before what it goes through.
        for each in getattr(node, "generators", ()):
            self._bind(each.target, self._each(each.iter))
        super().generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        if isinstance(node.ctx, ast.Load) and self._kind(node.value) == ONE:
            self._fault(node)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        place = node.slice.operand if isinstance(node.slice, ast.UnaryOp) else node.slice
        is_place = isinstance(place, ast.Slice) or (isinstance(place, ast.Constant) and isinstance(place.value, int))
        if is_place and self._kind(node.value) == ONE:
            self._fault(node)
        self.generic_visit(node)

    def _bind(self, target: ast.expr, kind: str | None) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = kind
        elif isinstance(target, ast.Tuple | ast.List):
            if kind == ONE:
                self._fault(target)
            for each in target.elts:
                is_rest = isinstance(each, ast.Starred)
                inner = each.value if isinstance(each, ast.Starred) else each
                self._bind(inner, (MANY if is_rest else ONE) if kind == MANY else None)

    def _each(self, node: ast.expr) -> str | None:
        return ONE if self._kind(node) == MANY else None

    def _kind(self, node: ast.expr) -> str | None:
        """Say whether an expression is one row, many, or neither."""
        kind: str | None = None
        match node:
            case ast.Await():
                kind = self._kind(node.value)
            case ast.Name():
                kind = self.names.get(node.id)
            case ast.Attribute(attr="rows"):
                kind = MANY
            case ast.Call(func=ast.Attribute(attr=called)):
                kind = GIVES.get(called)
            case ast.Call(func=ast.Name(id=called)):
                kind = self.returns.get(called)
            case ast.Subscript() if self._kind(node.value) == MANY:
                kind = MANY if isinstance(node.slice, ast.Slice) else ONE
        return kind

    def _fault(self, node: ast.expr) -> None:
        fault = f"{self.name}:{self.around}: {ast.unparse(node)} reads a row by place"
        if fault not in self.faults:
            self.faults.append(fault)


def _typed(annotation: ast.expr | None) -> str | None:
    text = ast.unparse(annotation) if annotation else ""
    if re.match(r"Record\b", text):
        return ONE
    return MANY if re.match(r"(list|Sequence|Iterable)\[Record\]", text) else None


def rows_by_place(code: Iterable[Source]) -> Iterator[str]:
    """Yield the places where a row is indexed by a number, taken apart, or handed over in the order of its columns."""
    for source in code:
        yield from Rows(source).faults


def test_rows_are_read_by_name() -> None:
    code = [source for source in sources(PACKAGE) if source.name not in BELOW]
    assert list(rows_by_place(code)) == []


BAD = """
async def one(db):
    row = await db.row("select")
    return Fan(*row), row["fan_id"], row[0], Page(*ends(row))
async def many(db):
    rows = await db.rows("select")
    for fan_id, name in rows:
        pass
    return [Fan(*each) for each in rows[:10]], {each[0]: each["name"] for each in rows}, rows[0], rows[-1][0]
def typed(row: Record | None, others: Sequence[Record], part) -> list[Record]:
    fan_id, name = row
    return [row[1:] for row in others], [[*row, 1] for row in part.rows]
async def returned(db):
    first, *rest = typed(None, [], [])
    return first[0], [each[1] for each in rest]
async def good(db):
    row = await db.row("select")
    words = "a b".split()
    return words[0], Fan(**row), read_rows(Fan, await db.rows("select")), Page(*words)
"""


def test_sees_rows_that_are_read_by_place() -> None:
    results = [
        fault.removeprefix("a.py:").removesuffix(" reads a row by place")
        for fault in rows_by_place([Source("a.py", BAD)])
    ]
    assert results == [
        "one: *row",
        "one: row[0]",
        "many: (fan_id, name)",
        "many: *each",
        "many: each[0]",
        "many: rows[-1][0]",
        "typed: (fan_id, name)",
        "typed: row[1:]",
        "typed: *row",
        "returned: first[0]",
        "returned: each[1]",
    ]
