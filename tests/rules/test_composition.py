"""S11: SQL has fixed parts: what is put into a statement is a constant, or chosen among constants.

A statement that is composed when its module is loaded cannot contain input. In a function each part of a statement is a
literal, a constant, or a local name or call made of these alone; where it is not, waivers.COMPOSITIONS has the reason.
ruff's S608 asks for a `noqa` at each composition, whatever its parts, and cannot tell these apart.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence

from tests.rules import waivers
from tests.rules.project import PACKAGE, Source, sources
from tests.rules.sql import STATEMENT, constants, is_sql, text_of

Function = ast.FunctionDef | ast.AsyncFunctionDef
Values = Mapping[str, list[ast.expr]]
MEND = (
    "composes SQL of parts that are not constants: pass them as arguments ($2, :name), or choose among constants; else"
    " add the function to COMPOSITIONS in tests/rules/waivers.py with its reason"
)


def module_names(source: Source) -> dict[str, bool]:
    """Return the names that a module assigns, and whether each is SQL."""
    return {
        name.id: any(is_sql(text) for _, text in constants(ast.Module([node], [])))
        for node in source.tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    }


def outer_functions(source: Source) -> Iterator[Function]:
    """Yield the functions of a module and the methods of its classes; inner functions share the names of theirs."""
    for node in source.tree.body:
        parts = node.body if isinstance(node, ast.ClassDef) else [node]
        yield from (each for each in parts if isinstance(each, Function))


def locals_of(function: Function) -> dict[str, list[ast.expr]]:
    """Return the values that a function assigns to each of its names; those of a loop are the values looped over."""
    result: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        pairs: list[tuple[ast.expr, ast.expr | None]] = []
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            pairs = [(node.target, node.iter)]
        for target, value in pairs:
            for name in ast.walk(target):
                if isinstance(name, ast.Name) and value is not None:
                    result.setdefault(name.id, []).append(value)
    return result


def is_fixed(node: ast.AST, values: Values, visited: frozenset[str] = frozenset()) -> bool:
    """Say whether an expression is made of constants alone; `values` are those of the local names."""
    if isinstance(node, ast.Attribute):
        return node.attr.isupper()
    if isinstance(node, ast.Name):
        assigned = values.get(node.id, [])
        is_known = node.id.isupper() or node.id in visited
        return is_known or (bool(assigned) and all(is_fixed(each, values, visited | {node.id}) for each in assigned))
    return isinstance(node, ast.expr | ast.comprehension) and all(
        is_fixed(each, values, visited) for each in parts(node)
    )


def parts(node: ast.expr | ast.comprehension) -> list[ast.AST]:
    """Return what the value of an expression is made of; what only chooses among values is no part."""
    match node:
        case ast.Call(func=ast.Name(id="len")):
            return []
        case ast.Call(func=ast.Name()):
            return [*node.args, *(keyword.value for keyword in node.keywords)]
        case ast.Call(func=ast.Attribute(value=owner)):
            return [owner, *node.args, *(keyword.value for keyword in node.keywords)]
        case ast.Subscript():
            return [node.value]
        case ast.IfExp():
            return [node.body, node.orelse]
        case _:
            return [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr | ast.comprehension)]


def compositions(function: Function, names: set[str]) -> Iterator[ast.expr]:
    """Yield the expressions of a function that compose SQL."""
    for node in ast.walk(function):
        if isinstance(node, ast.JoinedStr | ast.BinOp):
            text = text_of(node)
            if text and is_sql(text):
                yield node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            text = text_of(node.func.value)
            if ast.unparse(node.func.value) in names | {"sql", "statement"} or (text and STATEMENT.match(text)):
                yield node


def composition_faults(code: Sequence[Source]) -> Iterator[tuple[str, str]]:
    """Yield the functions that compose SQL of parts that are not fixed."""
    assigned = [module_names(source) for source in code]
    everywhere = {name for each in assigned for name, has_sql in each.items() if has_sql}
    for source, each in zip(code, assigned, strict=True):
        names = everywhere - {name for name, has_sql in each.items() if not has_sql}
        for function in outer_functions(source):
            values = locals_of(function)
            if any(not is_fixed(each, values) for each in compositions(function, names)):
                yield (
                    f"{source.name}:{function.name}",
                    MEND,
                )


def test_sql_is_composed_of_constants() -> None:
    assert waivers.without(composition_faults(sources(PACKAGE)), waivers.COMPOSITIONS) == []


GOOD = """
ROWS = "select tag_id from tags where account_id = $1"
async def choose(db, ascends):
    order, near = ("asc", "> $2") if ascends else ("desc", "< $2")
    extra = ""
    extra += f" and tag_id = ${len(extra)}"
    await db.rows(f"{ROWS}{extra} and tag_id {near} order by tag_id {order}")
    return f"select {', '.join(f'{name}::text' for name in COLUMNS)} from tags " + announce(TAG_CREATED, "made")
"""
BAD = """
ROWS = "select tag_id from tags where account_id = $1 and {}"
async def put(db, name):
    await db.rows(f"select tag_id from tags where tag_name = '{name}'")
async def add(db, query):
    await db.rows("select tag_id from tags order by " + query.order)
async def fill(db, name):
    await db.rows(ROWS.format(name))
async def hide(db, name):
    condition = "true"
    condition = f"tag_name = '{name}'"
    await db.rows(f"select tag_id from tags where {condition}")
"""


def test_sees_parts_that_are_not_constants() -> None:
    assert [place for place, _ in composition_faults([Source("a.py", GOOD), Source("b.py", BAD)])] == [
        "b.py:put", "b.py:add", "b.py:fill", "b.py:hide",
    ]  # fmt: skip
