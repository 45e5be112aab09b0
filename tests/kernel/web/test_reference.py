"""The reference page: whole without the internet, and with no script but ours."""

import asyncio
import gzip
import hashlib
import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from fanfare import app
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.web import reference
from fanfare.kernel.web.http import Service, application
from tests.kernel.counted import Counted
from tests.running import PATIENCE


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    created = application(Service(Db(), system_clock), ())
    reference.add_routes(created)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", created)), base_url="http://localhost"
    ) as client:
        yield client


async def test_the_way_in(client: httpx.AsyncClient) -> None:
    home = await client.get("/")
    assert (home.status_code, home.headers["location"]) == (302, "/docs")


async def test_the_page_loads_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert [each for each in loaded if not each.startswith(("/", "data:"))] == []
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert "http" not in page.headers["content-security-policy"]


async def test_the_page_has_no_script_of_its_own(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    assert [body for _, body in scripts] == [""]
    assert not re.search(r"\son\w+=", page)
    result = re.search(r'data-configuration="([^"]*)"', page)
    assert result
    assert json.loads(html.unescape(result[1]))["url"] == "/openapi.json"


async def test_the_bundle_is_the_one_we_know(client: httpx.AsyncClient) -> None:
    for encoding in ("gzip", "identity"):
        script = await client.get(reference.SCRIPT, headers={"Accept-Encoding": encoding})
        assert script.headers["content-type"].startswith("text/javascript")
        assert "immutable" in script.headers["cache-control"]
        assert hashlib.sha256(script.content).hexdigest() == reference.CHECKSUM
    assert (await client.head(reference.SCRIPT)).status_code == 200


async def test_the_bundle_is_read_and_packed_once(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    read, packed, unpacked = Counted(reference._read_bundle), Counted(gzip.compress), Counted(gzip.decompress)  # noqa: SLF001
    monkeypatch.setattr(reference, "_read_bundle", read)
    monkeypatch.setattr(gzip, "compress", packed)
    monkeypatch.setattr(gzip, "decompress", unpacked)
    for encoding in ("gzip", "identity"):
        requests = [client.head(reference.SCRIPT, headers={"Accept-Encoding": encoding}) for _ in range(10)]
        assert {each.status_code for each in await asyncio.gather(*requests)} == {200}
    # Once for each form.
    assert read.count <= 2
    assert (packed.count, unpacked.count) == (1, 0)


async def test_another_bundle_is_refused() -> None:
    created = application(Service(Db(), system_clock), [])
    created.add_route(reference.SCRIPT, reference.Script(checksum="0" * 64))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", created)), base_url="http://localhost"
    ) as client:
        refused = await client.get(reference.SCRIPT)
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"


async def test_the_server_serves_page_and_document() -> None:
    created = app.create(Settings(database_url="postgresql://nobody@localhost:1/none"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", created)), base_url="http://localhost"
    ) as client:
        for path in ("/docs", "/docs/", "/openapi.json", "/favicon.ico", reference.SCRIPT):
            assert (await client.get(path)).status_code == 200
        result = (await client.get("/openapi.json")).json()
        assert {call.call_id for call in app.endpoints()} == {
            operation["operationId"] for item in result["paths"].values() for operation in item.values()
        }


def test_the_page_brings_no_flask_into_the_server() -> None:
    code = "import sys, fanfare.app; print([name for name in sys.modules if 'flask' in name])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium, which .ci/run installs")
def test_a_browser_without_the_internet_shows_the_calls(base_url: str, tmp_path: Path) -> None:
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += [f"--user-data-dir={tmp_path}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    # Milliseconds of the page's own time, which passes as fast as there is work to do.
    command += ["--virtual-time-budget=60000", "--dump-dom", f"{base_url}/docs"]
    page = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
    assert "/api/v1/crm/fans" in page
    assert "/api/v1/crm/fan_points" in page
    # Where its own examples of secrets would stand.
    assert "YOUR_SECRET_TOKEN" not in page
    assert "YOUR_API_KEY" in page
    assert "YOUR_API_SECRET" in page
