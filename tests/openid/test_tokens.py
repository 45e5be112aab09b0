"""The token endpoint, userinfo and revocation: what is issued once, and every refusal."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import hash_secret
from tests.api import Api
from tests.openid.provider import (
    CLIENTS,
    Client,
    fan_browser,
    get_code,
    get_tokens,
    new_client,
    new_fan,
    post_token,
    refresh,
    userinfo,
)

OFFLINE = "openid email offline_access"
SCOPES = ["openid", "profile", "email", "phone", "offline_access"]


@pytest.fixture(scope="module")
async def client(api: Api) -> Client:
    return await new_client(api, scopes=SCOPES)


@pytest.fixture(scope="module")
async def public_client(api: Api) -> Client:
    return await new_client(api, client_type="public", scopes=SCOPES)


@pytest.fixture(scope="module")
async def other_client(api: Api) -> Client:
    return await new_client(api, scopes=SCOPES)


@pytest.fixture(scope="module")
async def browser(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with fan_browser(api, (await new_fan(api))["session_uid"]) as browser:
        yield browser


async def state(db: Db, api: Api) -> list[Any]:
    """Return what is stored of grants and tokens."""
    return [
        await db.value(f"select jsonb_agg(t order by t)::text from {name} t where account_id = $1", api.account_id)
        for name in ("openid_grants", "openid_tokens", "openid_consents")
    ]


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


# What is changed in the right exchange of a code, with the status and the error of RFC 6749.
EXCHANGES: dict[str, tuple[dict[str, Any], int, str]] = {
    "no grant_type": ({"grant_type": None}, 400, "invalid_request"),
    "a password": ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    "no code": ({"code": None}, 400, "invalid_request"),
    "an unknown code": ({"code": "x" * 43}, 400, "invalid_grant"),
    "a code that cannot be stored": ({"code": "a\0b"}, 400, "invalid_request"),
    "no redirect_uri": ({"redirect_uri": None}, 400, "invalid_request"),
    "another redirect_uri": ({"redirect_uri": "https://shop.example/callback/"}, 400, "invalid_grant"),
    "no verifier": ({"code_verifier": None}, 400, "invalid_grant"),
    "another verifier": ({"code_verifier": "v" * 43}, 400, "invalid_grant"),
    "a short verifier": ({"code_verifier": "v"}, 400, "invalid_grant"),
    "a client of another id": ({"client_id": "1"}, 400, "invalid_request"),
    "a second secret": ({"client_secret": "x"}, 400, "invalid_request"),
    "a code twice": ({"code": ["a", "b"]}, 400, "invalid_request"),
}


@pytest.mark.parametrize("name", EXCHANGES)
async def test_a_refused_exchange_changes_nothing(
    api: Api, db: Db, client: Client, browser: httpx.AsyncClient, name: str
) -> None:
    changes, status, error = EXCHANGES[name]
    code = await get_code(browser, client)
    before = await state(db, api)
    answer = await post_token(api, client, client.exchange(code, **changes))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert await state(db, api) == before
    assert (await post_token(api, client, client.exchange(code))).status_code == 200


@pytest.mark.parametrize("name", ["wrong secret", "no secret", "another", "unknown", "bearer", "not base64", "none"])
async def test_only_the_client_itself_gets_tokens(
    api: Api, db: Db, client: Client, other_client: Client, browser: httpx.AsyncClient, name: str
) -> None:
    assert client.secret
    assert other_client.secret
    wrong = client.secret[:-1] + ("a" if client.secret[-1] != "a" else "b")
    headers: dict[str, dict[str, str]] = {
        "wrong secret": basic(client.client_id, wrong),
        "no secret": basic(client.client_id, ""),
        "another": basic(client.client_id, other_client.secret),
        "unknown": basic("99999999", client.secret),
        "bearer": {"Authorization": f"Bearer {client.secret}"},
        "not base64": {"Authorization": "Basic %%%"},
        "none": {},
    }
    code = await get_code(browser, client)
    before = await state(db, api)
    answer = await post_token(api, client, client.exchange(code), auth=None, headers=headers[name])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    body = {"client_id": client.client_id, "client_secret": wrong}
    answer = await post_token(api, client, client.exchange(code, **body), auth=None)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert await state(db, api) == before


async def test_a_code_of_another_client(
    api: Api, client: Client, other_client: Client, public_client: Client, browser: httpx.AsyncClient
) -> None:
    code = await get_code(browser, client)
    for each in (other_client, public_client):
        fields = each.exchange(code, code_verifier=client.verifier)
        answer = await post_token(api, each, fields)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await post_token(api, client, client.exchange(code))).status_code == 200


async def test_secrets_in_the_body_and_none(
    api: Api, client: Client, public_client: Client, browser: httpx.AsyncClient
) -> None:
    body = {"client_id": client.client_id, "client_secret": client.secret}
    fields = client.exchange(await get_code(browser, client), **body)
    assert (await post_token(api, client, fields, auth=None)).status_code == 200
    fields = public_client.exchange(await get_code(browser, public_client))
    with_secret = await post_token(api, public_client, {**fields, "client_secret": "x"})
    assert (with_secret.status_code, with_secret.json()["error"]) == (401, "invalid_client")
    assert (await post_token(api, public_client, fields)).status_code == 200


async def test_other_forms_are_refused(api: Api, client: Client, browser: httpx.AsyncClient) -> None:
    fields = client.exchange(await get_code(browser, client))
    answer = await api.client.post(f"{client.base}/token", json=fields, auth=client.basic)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    # In a URL they would be in the logs of every proxy.
    answer = await api.client.post(f"{client.base}/token", params=fields, auth=client.basic)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await api.client.get(f"{client.base}/token")).status_code == 405


async def test_a_code_is_valid_for_a_minute(api: Api, db: Db, client: Client, browser: httpx.AsyncClient) -> None:
    code = await get_code(browser, client)
    row = await db.row(
        "select created_at, expires_at from openid_grants where account_id = $1 and code_hash = $2",
        api.account_id,
        hash_secret(code),
    )
    assert row is not None
    assert (row["expires_at"] - row["created_at"]).total_seconds() == 60
    await db.execute(
        "update openid_grants set expires_at = $3 where account_id = $1 and code_hash = $2",
        api.account_id,
        hash_secret(code),
        datetime.now(UTC) - timedelta(seconds=1),
    )
    answer = await post_token(api, client, client.exchange(code))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_a_code_sent_again_ends_what_it_gave(api: Api, client: Client, browser: httpx.AsyncClient) -> None:
    code = await get_code(browser, client, scope=OFFLINE)
    tokens = (await post_token(api, client, client.exchange(code))).json()
    assert (await userinfo(api, client, tokens["access_token"])).status_code == 200
    again = await post_token(api, client, client.exchange(code, code_verifier="w" * 43))
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await userinfo(api, client, tokens["access_token"])).status_code == 401
    assert (await refresh(api, client, tokens["refresh_token"])).status_code == 400


async def test_of_parallel_exchanges_one_wins(api: Api, db: Db, client: Client, browser: httpx.AsyncClient) -> None:
    code = await get_code(browser, client, scope=OFFLINE)
    answers = await asyncio.gather(*(post_token(api, client, client.exchange(code)) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 11
    # The others were reuse, which ended the tokens of the first.
    assert await db.value(
        "select count(*) from openid_grants where account_id = $1 and code_hash = $2", api.account_id, hash_secret(code)
    ) == 0  # fmt: skip


async def test_a_refresh_token_is_used_once(api: Api, client: Client, browser: httpx.AsyncClient) -> None:
    first = await get_tokens(api, browser, client, scope=OFFLINE)
    second = (await refresh(api, client, first["refresh_token"])).json()
    assert second["scope"] == OFFLINE
    third = (await refresh(api, client, second["refresh_token"])).json()
    for each in (first, second, third):
        assert (await userinfo(api, client, each["access_token"])).status_code == 200
    # Whoever sends the first again has a copy: the whole family ends.
    answer = await refresh(api, client, first["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await refresh(api, client, third["refresh_token"])).status_code == 400
    for each in (first, second, third):
        assert (await userinfo(api, client, each["access_token"])).status_code == 401


async def test_of_parallel_refreshes_one_wins(api: Api, client: Client, browser: httpx.AsyncClient) -> None:
    tokens = await get_tokens(api, browser, client, scope=OFFLINE)
    answers = await asyncio.gather(*(refresh(api, client, tokens["refresh_token"]) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 11


async def test_refreshing_can_ask_for_less(api: Api, client: Client, browser: httpx.AsyncClient) -> None:
    tokens = await get_tokens(api, browser, client, scope=OFFLINE)
    answer = await refresh(api, client, tokens["refresh_token"], scope="openid phone")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    less = (await refresh(api, client, tokens["refresh_token"], scope="openid")).json()
    assert less["scope"] == "openid"
    assert set((await userinfo(api, client, less["access_token"])).json()) == {"sub"}
    more = (await refresh(api, client, less["refresh_token"])).json()
    assert "email" in (await userinfo(api, client, more["access_token"])).json()


async def test_refused_refreshes(
    api: Api, client: Client, other_client: Client, public_client: Client, browser: httpx.AsyncClient
) -> None:
    tokens = await get_tokens(api, browser, client, scope=OFFLINE)
    for token in ("x", "0" * 32 + "." + "x" * 43, tokens["access_token"]):
        answer = await refresh(api, client, token)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    for each in (other_client, public_client):
        answer = await refresh(api, each, tokens["refresh_token"])
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    answer = await post_token(api, client, {"grant_type": "refresh_token"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await refresh(api, client, tokens["refresh_token"])).status_code == 200


async def test_userinfo_by_get_and_post(api: Api, client: Client, browser: httpx.AsyncClient) -> None:
    tokens = await get_tokens(api, browser, client, scope="openid profile email phone")
    url, headers = f"{client.base}/userinfo", {"Authorization": f"Bearer {tokens['access_token']}"}
    by_get = await api.client.get(url, headers=headers)
    by_post = await api.client.post(url, headers=headers)
    assert by_get.status_code == by_post.status_code == 200
    assert by_get.json() == by_post.json()
    missing = await api.client.get(url)
    assert (missing.status_code, missing.headers["www-authenticate"]) == (401, "Bearer")
    for wrong in ("x", "y" * 100, tokens["id_token"], "é"):
        answer = await api.client.get(url, headers={b"Authorization": f"Bearer {wrong}".encode()})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token"), wrong
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    # A token in a URL is none: it would be in the logs of every proxy.
    assert (await api.client.get(url, params={"access_token": tokens["access_token"]})).status_code == 401


async def test_an_access_token_expires(api: Api, db: Db, client: Client, browser: httpx.AsyncClient) -> None:
    tokens = await get_tokens(api, browser, client)
    await db.execute(
        "update openid_tokens set expires_at = now() - interval '1 second' where account_id = $1 and token_hash = $2",
        api.account_id,
        hash_secret(tokens["access_token"]),
    )
    assert (await userinfo(api, client, tokens["access_token"])).status_code == 401


async def test_a_token_of_one_account_opens_nothing_in_another(
    api: Api, other_api: Api, client: Client, browser: httpx.AsyncClient
) -> None:
    tokens = await get_tokens(api, browser, client)
    elsewhere = Client(f"/openid/{other_api.account_id}", client.client_id, client.secret)
    assert (await userinfo(api, elsewhere, tokens["access_token"])).status_code == 401
    answer = await post_token(api, elsewhere, client.exchange("x" * 43))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_revoking(api: Api, client: Client, other_client: Client, browser: httpx.AsyncClient) -> None:
    async def revoke(by: Client, token: str | None) -> httpx.Response:
        fields = {} if token is None else {"token": token, "token_type_hint": "access_token"}
        return await api.client.post(f"{by.base}/revoke", data=fields, auth=by.basic)

    tokens = await get_tokens(api, browser, client, scope=OFFLINE)
    answer = await revoke(other_client, tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    assert (await revoke(client, tokens["access_token"])).status_code == 200
    assert (await userinfo(api, client, tokens["access_token"])).status_code == 401
    again = (await refresh(api, client, tokens["refresh_token"])).json()
    assert (await revoke(client, again["refresh_token"])).status_code == 200
    assert (await userinfo(api, client, again["access_token"])).status_code == 401
    assert (await refresh(api, client, again["refresh_token"])).status_code == 400
    for unknown in ("x", again["refresh_token"]):
        assert (await revoke(client, unknown)).status_code == 200
    assert (await revoke(client, None)).json()["error"] == "invalid_request"
    wrong = await api.client.post(f"{client.base}/revoke", data={"token": "x"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


async def test_secrets_and_tokens_are_stored_as_hashes(
    api: Api, db: Db, client: Client, browser: httpx.AsyncClient
) -> None:
    code = await get_code(browser, client, scope=OFFLINE)
    tokens = (await post_token(api, client, client.exchange(code))).json()
    rows = "".join(str(each) for each in await state(db, api))
    hashes = await db.value(
        "select jsonb_agg(s)::text from openid_client_secrets s where account_id = $1", api.account_id
    )
    for secret in (code, tokens["access_token"], tokens["refresh_token"].partition(".")[2], client.secret):
        assert secret
        assert secret not in rows + hashes


async def test_a_rotated_secret_is_accepted_until_it_ends(api: Api, db: Db, browser: httpx.AsyncClient) -> None:
    client = await new_client(api)

    async def status(secret: str | None) -> int:
        fields = client.exchange(await get_code(browser, client))
        return (await post_token(api, Client(client.base, client.client_id, secret), fields)).status_code

    async def rotate(**values: Any) -> str:
        result: str = (await api.ok(await api.post(f"{CLIENTS}/{client.client_id}/secrets", **values)))["client_secret"]
        return result

    second = await rotate(overlap_hours=1)
    assert [await status(client.secret), await status(second)] == [200, 200]
    await db.execute(
        "update openid_client_secrets set expires_at = now() - interval '1 second'"
        " where account_id = $1 and expires_at is not null",
        api.account_id,
    )
    assert [await status(client.secret), await status(second)] == [401, 200]
    third = await rotate(overlap_hours=0)
    assert [await status(second), await status(third)] == [401, 200]
