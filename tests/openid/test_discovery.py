"""What programs read before they log anybody in, from any site."""

import pytest

from tests.api import Api
from tests.openid.provider import fan_browser, new_client

PATHS = (".well-known/openid-configuration", "jwks", "token", "userinfo", "revoke")


async def test_the_document_names_what_is_served(api: Api, base_url: str) -> None:
    answer = await api.client.get(f"/openid/{api.account_id}/.well-known/openid-configuration")
    document = answer.json()
    issuer = f"{base_url}/openid/{api.account_id}"
    assert document["issuer"] == issuer
    assert answer.headers["cache-control"] == "public, max-age=3600"
    for name, url in document.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert url.startswith(f"{issuer}/")
            async with fan_browser(api) as browser:
                assert (await browser.options(url)).status_code in (204, 200), name
    assert (document["response_types_supported"], document["code_challenge_methods_supported"]) == (["code"], ["S256"])


async def test_an_unknown_account_has_no_provider(api: Api) -> None:
    for account_id in ("99999999", "0", "x", "9" * 40):
        for path in PATHS[:2]:
            answer = await api.client.get(f"/openid/{account_id}/{path}")
            assert answer.status_code == 404, (account_id, path)


@pytest.mark.parametrize("path", PATHS)
async def test_browsers_of_any_site_may_call(api: Api, path: str) -> None:
    client = await new_client(api)
    url, origin = f"{client.base}/{path}", {"Origin": "https://app.example"}
    preflight = await api.client.options(
        url,
        headers={**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"},
    )
    assert preflight.status_code == 204
    methods = {"token": "POST, OPTIONS", "revoke": "POST, OPTIONS", "userinfo": "GET, POST, HEAD, OPTIONS"}
    assert preflight.headers["allow"] == methods.get(path, "GET, HEAD, OPTIONS")
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    method = "GET" if path in PATHS[:2] else "POST"
    answer = await api.client.request(method, url, headers=origin)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["authorize", "continue", "end_session", "apps"])
async def test_pages_are_of_no_use_to_other_sites(api: Api, path: str) -> None:
    async with fan_browser(api) as browser:
        answer = await browser.get(f"/openid/{api.account_id}/{path}", headers={"Origin": "https://app.example"})
    assert "access-control-allow-origin" not in answer.headers
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
