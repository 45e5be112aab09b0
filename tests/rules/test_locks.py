"""What a server installs: one web framework, its own."""

import re

from tests.rules.project import ROOT

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
