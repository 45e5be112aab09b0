"""Browsers get a page at every address, programs and calls of the API get JSON."""

import httpx
import pytest

from tests.running import PATIENCE

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


async def opened(base_url: str, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as client:
        return await client.request(method, path, headers=headers)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/crm/nowhere", 404),
        ("/nowhere", 404),
        ("/assets/none", 404),
        ("/openid/nowhere", 404),
        ("/trk/one/two/three", 404),
        # Ended, or never made.
        ("/exports/x.y", 404),
        # There, but not for GET.
        ("/hooks/messages/1", 405),
    ],
)
async def test_a_browser_gets_a_page_where_none_is(base_url: str, path: str, status: int) -> None:
    answer = await opened(base_url, path, **BROWSER, **{"Accept-Language": "de"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), answer.text
    assert '<html lang="de"' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_the_page_of_a_wrong_method_says_which_is_right(base_url: str) -> None:
    answer = await opened(base_url, "/docs", "DELETE", **BROWSER)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/v1/nowhere", "/api/nowhere", "/api"])
async def test_a_call_is_answered_as_a_call(base_url: str, path: str) -> None:
    answer = await opened(base_url, path, **BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "unknown"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html;q=0"])
async def test_a_program_gets_json(base_url: str, accept: str) -> None:
    for path in ("/crm/nowhere", "/exports/x.y"):
        answer = await opened(base_url, path, Accept=accept)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
