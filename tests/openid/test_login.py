"""A fan logs in at a client: the request, the page, the code, the tokens, and what they open."""

import base64
import hashlib

from joserfc import jwt
from joserfc.jwk import KeySet

from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.openid.provider import (
    authorize,
    come_back,
    decide,
    fan_browser,
    get_tokens,
    new_client,
    new_fan,
    query_of,
    send_form,
    target_of,
    userinfo,
)
from tests.sessions.logins import PASSWORD, registered

BUSINESSES = "/api/v1/manage/businesses"


async def claims_of(api: Api, base: str, id_token: str) -> dict[str, object]:
    keys = (await api.client.get(f"{base}/jwks")).json()
    return dict(jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=["RS256"]).claims)


async def test_the_whole_way(api: Api, base_url: str) -> None:
    client = await new_client(api)
    fan = await new_fan(api, first_name="Maren", last_name="Holt")
    issuer = f"{base_url}/openid/{api.account_id}"
    async with fan_browser(api, fan["session_uid"]) as browser:
        parameters = await come_back(browser, client)
        assert (parameters["state"], parameters["iss"]) == ("st/ate &?", issuer)
        tokens = await get_tokens(api, browser, client)
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 900, "openid profile email")
    assert "refresh_token" not in tokens
    claims = await claims_of(api, client.base, tokens["id_token"])
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert {name: claims[name] for name in ("iss", "aud", "sub", "nonce")} == {
        "iss": issuer, "aud": client.client_id, "sub": str(fan["fan_id"]), "nonce": "n-1",
    }  # fmt: skip
    info = (await userinfo(api, client, tokens["access_token"])).json()
    assert (info["sub"], info["name"], info["email_verified"]) == (str(fan["fan_id"]), "Maren Holt", False)
    assert "phone_number" not in info


async def test_in_an_account_of_several_businesses(base_url: str, db: Db) -> None:
    """A client without a business, and one whose business was deleted, log fans in for the account."""
    async with new_api(base_url, db, "Several") as api:
        ids = []
        for name in ("Women", "Men", "Youth"):
            saved = await api.ok(await api.post(BUSINESSES, business_name=name, legal_terms="Be kind."))
            ids.append(saved["business_id"])
        clients = [await new_client(api, scopes=["openid"], **values) for values in ({}, {"business_id": ids[2]})]
        await api.ok(await api.delete(f"{BUSINESSES}/{ids[2]}"))
        email = "ola@example.com"
        await registered(api, email, business_id=ids[0], is_accepted=True)
        for client in clients:
            async with fan_browser(api) as browser:
                login = target_of(await authorize(browser, client, scope="openid"))
                page = await browser.get(login)
                assert page.status_code == 200, page.text
                location = target_of(await send_form(browser, page, contact=email, password=PASSWORD))
                page = await browser.get(location)
                assert "code" in query_of(target_of(await decide(browser, page)))
        async with fan_browser(api) as browser:
            for path in (f"{clients[0].base}/apps", f"/crm/my_data?account_id={api.account_id}"):
                login = target_of(await browser.get(path))
                assert (await browser.get(login)).status_code == 200
