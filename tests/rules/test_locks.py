"""What a server installs: one web framework, its own."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.rules.project import PACKAGE, ROOT

FRAMEWORKS = frozenset(
    (
        *("aiohttp", "blacksheep", "bottle", "cherrypy", "django", "falcon", "fastapi", "flask"),
        *("flask-openapi", "litestar", "pyramid", "quart", "robyn", "sanic", "starlette", "tornado", "werkzeug"),
    )
)
PINNED = re.compile(r"^([a-z0-9-]+)==", re.MULTILINE)


def test_a_server_installs_no_second_web_framework() -> None:
    for name in ("requirements.lock", "requirements-places.lock"):
        packages = set(PINNED.findall((ROOT / name).read_text("utf-8")))
        assert "uvicorn" in packages
        assert packages & FRAMEWORKS == set(), name


def _imports() -> dict[str, str]:
    """Return the modules of others that the code imports, each with a file that does."""
    result: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for name in names:
                result.setdefault(name.partition(".")[0], str(path.relative_to(PACKAGE)))
    return {name: path for name, path in result.items() if name not in {*sys.stdlib_module_names, "fanfare"}}


def test_each_library_that_the_code_imports_is_a_dependency_of_its_own() -> None:
    """A library that is there by way of another goes when that one does."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]
    declared = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower().replace("_", "-") for line in lines}
    distributions = packages_distributions()
    missing = {
        name: path
        for name, path in _imports().items()
        if not declared & {each.lower().replace("_", "-") for each in distributions.get(name, [name])}
    }
    assert missing == {}
