"""A fan logs in at a client: the request, the page, the code, the tokens, and what they open."""

import base64
import hashlib

from joserfc import jwt
from joserfc.jwk import KeySet

from tests.api import Api
from tests.openid.provider import (
    come_back,
    fan_browser,
    get_tokens,
    new_client,
    new_fan,
    userinfo,
)


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
