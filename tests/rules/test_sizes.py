"""Functions of 30 lines, files of 400, six parameters; no module that is named for nothing."""

import ast
from collections.abc import Iterable, Iterator

from tests.rules import waivers
from tests.rules.project import CODE, PACKAGE, Source, functions, sources

MAX_FUNCTION_LINES = 30
MAX_FILE_LINES = 400
MAX_PARAMETERS = 6
# Of a command: whoever types them names each.
MAX_OPTIONS = 7
EMPTY_NAMES = frozenset(
    {"utils", "util", "helpers", "helper", "common", "services", "managers", "base", "core", "misc"}
)


def _height(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef, text: list[str]) -> int:
    """Count the lines of a function that say what it does: without its docstring, inner functions and SQL text."""
    counted = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner is not node:
            counted -= set(range(inner.lineno, (inner.end_lineno or inner.lineno) + 1))
        # A text over several lines (SQL, the docstring) counts as the line on which it begins.
        if isinstance(inner, ast.Constant | ast.JoinedStr) and inner.end_lineno:
            counted -= set(range(inner.lineno + 1, inner.end_lineno + 1))
    return sum(1 for number in counted if text[number - 1].strip())


def long_functions(code: Iterable[Source]) -> Iterator[tuple[str, str]]:
    for source in code:
        text = source.text.splitlines()
        for node in functions(source.tree):
            # Most are short with all their lines, which are not counted then.
            lines = 0 if _height(node) <= MAX_FUNCTION_LINES else lines_of(node, text)
            if lines > MAX_FUNCTION_LINES:
                yield f"{source.name}:{node.name}", f"{lines} lines, at most {MAX_FUNCTION_LINES}"


def long_files(code: Iterable[Source]) -> list[str]:
    counted = [(source.name, source.text.count("\n")) for source in code]
    return [f"{name}: {lines} lines, at most {MAX_FILE_LINES}" for name, lines in counted if lines > MAX_FILE_LINES]


def many_parameters(code: Iterable[Source]) -> Iterator[str]:
    for source in code:
        for node in functions(source.tree):
            values = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = sum(1 for argument in values if argument.arg not in ("self", "cls"))
            is_command = any(".command(" in ast.unparse(each) for each in node.decorator_list)
            limit = MAX_OPTIONS if is_command else MAX_PARAMETERS
            if count > limit:
                yield f"{source.name}:{node.name}: {count} parameters, at most {limit}"


def empty_names(names: Iterable[str]) -> list[str]:
    return [name for name in names if EMPTY_NAMES & set(name.removesuffix(".py").split("/"))]


def test_functions_are_short() -> None:
    assert waivers.without(long_functions(sources(*CODE)), waivers.FUNCTIONS) == []


def test_files_are_short() -> None:
    assert long_files(sources(*CODE)) == []


def test_functions_take_six_parameters_at_most() -> None:
    assert list(many_parameters(sources(PACKAGE))) == []


def test_names_say_something() -> None:
    assert empty_names(source.name for source in sources(*CODE)) == []


def test_sees_a_long_function() -> None:
    line = "    x = 1\n"
    code = [Source("a.py", "def short():\n" + line * 29), Source("a.py", "def long():\n" + line * 30)]
    assert list(long_functions(code)) == [("a.py:long", "31 lines, at most 30")]


def test_sql_and_docstring_count_as_one_line() -> None:
    sql = "    x = '''\n" + "    select 1\n" * 40 + "    '''\n"
    assert list(long_functions([Source("a.py", f'def short():\n    """Say.\n\n    More.\n    """\n{sql}')])) == []


def test_sees_a_long_file_a_crowd_of_parameters_and_an_empty_name() -> None:
    assert long_files([Source("a.py", "x = 1\n" * 401)]) == ["a.py: 401 lines, at most 400"]
    crowd = Source("a.py", "def f(a, b, c, d, e, f, *, g): ...\ndef ok(self, a, b, c, d, e, f): ...\n")
    assert list(many_parameters([crowd])) == ["a.py:f: 7 parameters, at most 6"]
    assert empty_names(["src/fanfare/fans/utils.py", "src/fanfare/core/x.py", "src/fanfare/fans/queries.py"]) == [
        "src/fanfare/fans/utils.py",
        "src/fanfare/core/x.py",
    ]
