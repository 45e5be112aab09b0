"""Ordinary clients of OpenID Connect, none of our own code, log fans in: Authlib's in Python, openid-client in Node.

The Node client runs where its package is: `make clients` installs it.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from authlib.common.security import generate_token  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.jwk import KeySet

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.openid.provider import (
    CALLBACK,
    Client,
    come_back,
    cookie_of,
    decide,
    fan_browser,
    new_client,
    new_fan,
    send_form,
    target_of,
)
from tests.sessions.logins import PASSWORD

SCOPES = ["openid", "profile", "email", "offline_access"]
BYE = "https://shop.example/bye"
NODE = shutil.which("node")
SCRIPT = Path(__file__).with_name("openid_client.mjs")
PACKAGES = Path(__file__).parents[2] / ".venv-clients" / "node_modules"


@pytest.fixture
async def fan(api: Api) -> dict[str, Any]:
    return await new_fan(api, first_name="Maren", last_name="Holt")


@pytest.fixture
async def browser(api: Api, fan: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    async with fan_browser(api, fan["session_uid"]) as browser:
        yield browser


def program_of(client: Client, method: str) -> AsyncOAuth2Client:
    return AsyncOAuth2Client(
        client_id=client.client_id,
        client_secret=client.secret,
        token_endpoint_auth_method=method,
        redirect_uri=CALLBACK,
        scope=" ".join(SCOPES),
        code_challenge_method="S256",
        timeout=60,
    )


async def document_of(api: Api, program: AsyncOAuth2Client) -> dict[str, str]:
    url = f"{str(api.client.base_url).rstrip('/')}/openid/{api.account_id}/.well-known/openid-configuration"
    document: dict[str, str] = (await program.request("GET", url, withhold_token=True)).json()
    return document


async def log_in(
    program: AsyncOAuth2Client, browser: httpx.AsyncClient, document: dict[str, str], login_hint: str = ""
) -> tuple[Any, str]:
    """Return the tokens of a fan who agrees, and the nonce of the request.

    With a hint, nobody is logged in: the fan of the hint types the password first.
    """
    verifier, nonce = generate_token(48), generate_token(20)
    url, state = program.create_authorization_url(
        document["authorization_endpoint"], code_verifier=verifier, nonce=nonce, login_hint=login_hint
    )
    page = await browser.get(target_of(await browser.get(url)))
    if login_hint:
        page = await browser.get(target_of(await send_form(browser, page, password=PASSWORD)))
    location = target_of(await decide(browser, page))
    options = {"authorization_response": location, "state": state, "code_verifier": verifier}
    return await program.fetch_token(document["token_endpoint"], **options), nonce


async def claims_of(program: AsyncOAuth2Client, document: dict[str, str], token: Any, nonce: str) -> CodeIDToken:
    """Return the claims of an ID token, which the library checks."""
    keys = (await program.request("GET", document["jwks_uri"], withhold_token=True)).json()
    id_token = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=["RS256"])
    expected = {"iss": {"value": document["issuer"]}, "aud": {"value": program.client_id}}
    values = {"nonce": nonce, "client_id": program.client_id, "access_token": token["access_token"]}
    claims = CodeIDToken(id_token.claims, id_token.header, expected, values)
    claims.validate(leeway=5)
    return claims


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_authlib(api: Api, fan: dict[str, Any], browser: httpx.AsyncClient, method: str) -> None:
    client = await new_client(api, scopes=SCOPES, client_type="public" if method == "none" else "confidential")
    async with program_of(client, method) as program:
        document = await document_of(api, program)
        token, nonce = await log_in(program, browser, document)
        claims = await claims_of(program, document, token, nonce)
        info = (await program.get(document["userinfo_endpoint"])).json()
        assert (info["sub"], info["name"]) == (claims["sub"], "Maren Holt") == (str(fan["fan_id"]), "Maren Holt")
        refreshed = await program.refresh_token(document["token_endpoint"])
        assert refreshed["refresh_token"] != token["refresh_token"]
        assert (await program.get(document["userinfo_endpoint"])).status_code == 200


async def test_the_whole_way_from_the_login_page_to_the_logout(api: Api, fan: dict[str, Any]) -> None:
    client = await new_client(api, scopes=SCOPES, post_logout_redirect_uris=[BYE])
    async with fan_browser(api) as browser, program_of(client, "client_secret_basic") as program:
        document = await document_of(api, program)
        token, nonce = await log_in(program, browser, document, fan["email"])
        claims = await claims_of(program, document, token, nonce)
        info = (await program.get(document["userinfo_endpoint"])).json()
        assert (info["sub"], info["email"]) == (claims["sub"], fan["email"]) == (str(fan["fan_id"]), fan["email"])
        # Logged in now, and agreed: the next time nothing is asked.
        assert "code" in await come_back(browser, client, prompt="none")
        hint = {"id_token_hint": token["id_token"], "post_logout_redirect_uri": BYE}
        assert target_of(await browser.get(document["end_session_endpoint"], params=hint)) == BYE
        assert (await come_back(browser, client, prompt="none"))["error"] == "login_required"
        # The scope offline_access outlives the logout.
        assert (await program.get(document["userinfo_endpoint"])).status_code == 200


@pytest.mark.skipif(
    NODE is None or not (PACKAGES / "openid-client").exists(), reason="needs node and the packages of `make clients`"
)
@pytest.mark.parametrize("client_type", ["confidential", "public"])
async def test_openid_client(
    api: Api, db: Db, base_url: str, tmp_path: Path, fan: dict[str, Any], client_type: str
) -> None:
    client: Client = await new_client(api, scopes=SCOPES, client_type=client_type)
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    shutil.copy(SCRIPT, tmp_path)
    cookie = f"{cookie_of(api)}={fan['session_uid']}"
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(
        *(NODE, str(tmp_path / SCRIPT.name), f"{base_url}{client.base}", client.client_id, client.secret or ""),
        *(CALLBACK, cookie),
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    answer = json.loads(output)
    subject = str(fan["fan_id"])
    assert answer["claims"]["sub"] == answer["refreshed"]["sub"] == answer["again"] == subject
    assert (answer["info"]["name"], answer["info"]["given_name"]) == ("Maren Holt", "Maren")
    assert answer["revoked"] == "OAUTH_WWW_AUTHENTICATE_CHALLENGE"
    assert answer["out"] == 200
    # Logged out, at once: the program sent the fan's own ID token.
    assert (await api.public_get(f"/api/v1/sessions/{fan['session_uid']}/fan")).status_code == 404
    # The second login is over with the session; its grant has offline access and goes on.
    count = await db.value(
        "select count(*) from openid_grants where account_id = $1 and fan_id = $2", api.account_id, fan["fan_id"]
    )
    assert count == 1
