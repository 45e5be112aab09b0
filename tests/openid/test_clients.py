"""Registering clients: what is accepted, and what the account sees."""

from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.openid.actions.clients import MAX_CLIENTS, MAX_SECRETS
from tests.api import Api, new_api
from tests.openid.provider import CALLBACK, CLIENTS, new_client


async def test_a_client_is_registered_changed_and_deleted(api: Api) -> None:
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Harbour City FC"))
    client = await api.ok(
        await api.post(
            CLIENTS,
            client_name="Fan shop",
            redirect_uris=[CALLBACK],
            business_id=business["business_id"],
            post_logout_redirect_uris=["https://shop.example/bye"],
        )
    )
    assert client["issuer"].endswith(f"/openid/{api.account_id}")
    (row,) = [each for each in await api.ok(await api.get(CLIENTS)) if each["client_id"] == client["client_id"]]
    assert (row["scopes"], row["client_type"]) == (["openid", "profile", "email", "phone"], "confidential")
    assert row["secret_prefixes"] == [client["client_secret"][:8]]
    path = f"{CLIENTS}/{client['client_id']}"
    await api.ok(await api.post(path, client_name="Shop", business_id="", scopes=["openid"]))
    (row,) = [each for each in await api.ok(await api.get(CLIENTS)) if each["client_id"] == client["client_id"]]
    assert (row["client_name"], row["business_id"], row["scopes"]) == ("Shop", None, ["openid"])
    assert row["redirect_uris"] == [CALLBACK]
    await api.ok(await api.post(f"{path}/secrets"))
    assert len((await api.ok(await api.get(CLIENTS)))[-1]["secret_prefixes"]) == 2
    await api.ok(await api.delete(path))
    for answer in (await api.delete(path), await api.post(path, client_name="x"), await api.post(f"{path}/secrets")):
        assert answer.status_code == 404


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no uri": ({"redirect_uris": []}, "redirect_uris"),
    "http": ({"redirect_uris": ["http://shop.example/callback"]}, "redirect_uris"),
    "a fragment": ({"redirect_uris": [f"{CALLBACK}#x"]}, "redirect_uris"),
    "a user": ({"redirect_uris": ["https://a@shop.example/"]}, "redirect_uris"),
    "a script": ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
    "no host": ({"redirect_uris": ["https:///callback"]}, "redirect_uris"),
    "a quote": ({"redirect_uris": ['https://shop.example/"']}, "redirect_uris"),
    "a line end": ({"redirect_uris": ["https://shop.example/\r\nX: y"]}, "redirect_uris"),
    "a port of letters": ({"redirect_uris": ["https://shop.example:x/"]}, "redirect_uris"),
    "a long uri": ({"redirect_uris": [f"{CALLBACK}?{'a' * 1000}"]}, "redirect_uris"),
    "many uris": ({"redirect_uris": [CALLBACK] * 21}, "redirect_uris"),
    "a wrong uri after logout": ({"post_logout_redirect_uris": ["ftp://shop.example"]}, "post_logout_redirect_uris"),
    "empty scopes": ({"scopes": []}, "scopes"),
    "no openid": ({"scopes": ["email"]}, "scopes"),
    "an unknown scope": ({"scopes": ["openid", "address"]}, "scopes"),
    "an unknown type": ({"client_type": "trusted"}, "client_type"),
    "a public client without PKCE": ({"client_type": "public", "is_pkce_required": False}, "is_pkce_required"),
    "no name": ({"client_name": ""}, "client_name"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_named(api: Api, name: str) -> None:
    changes, field = WRONG[name]
    before = await api.ok(await api.get(CLIENTS))
    answer = await api.post(CLIENTS, **{"client_name": "Shop", "redirect_uris": [CALLBACK], **changes})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert await api.ok(await api.get(CLIENTS)) == before


@pytest.mark.parametrize(
    "uri", ["http://localhost:3000/cb", "http://127.0.0.1/cb", "http://[::1]:1/", "https://a.b/?c=d"]
)
async def test_uris_of_devices_and_with_a_query(api: Api, uri: str) -> None:
    assert (await new_client(api, redirect_uris=[uri])).redirect_uri == uri


async def test_a_public_client_has_no_secret_and_keeps_pkce(api: Api) -> None:
    client = await new_client(api, client_type="public")
    assert client.secret is None
    path = f"{CLIENTS}/{client.client_id}"
    assert (await api.post(f"{path}/secrets")).status_code == 409
    assert (await api.post(path, is_pkce_required=False)).json()["code"] == "public_client"
    await api.ok(await api.post(path, is_pkce_required=True))


async def test_an_unknown_business(api: Api, other_api: Api) -> None:
    business = await other_api.ok(await other_api.post("/api/v1/manage/businesses", business_name="Southside"))
    client = await new_client(api)
    values = {"client_name": "Shop", "redirect_uris": [CALLBACK], "business_id": business["business_id"]}
    assert (await api.post(CLIENTS, **values)).status_code == 404
    answer = await api.post(f"{CLIENTS}/{client.client_id}", business_id=business["business_id"])
    assert answer.status_code == 404


async def test_a_secret_is_returned_once(api: Api) -> None:
    values = {"client_name": "Shop", "redirect_uris": [CALLBACK]}
    first = await api.post(CLIENTS, {"Idempotency-Key": "client-1"}, **values)
    again = await api.post(CLIENTS, {"Idempotency-Key": "client-1"}, **values)
    assert first.json()["client_secret"].startswith("ffs_")
    assert (again.status_code, again.json()["code"]) == (409, "answer_not_stored")


async def test_scopes_cannot_be_emptied(api: Api) -> None:
    client = await new_client(api)
    for scopes in ([], [""], "", None):
        answer = await api.post(f"{CLIENTS}/{client.client_id}", scopes=scopes)
        assert answer.status_code == 422, scopes
        assert "scopes" in answer.text


async def test_clients_and_secrets_are_bounded(base_url: str, db: Db) -> None:
    async with new_api(base_url, db, "Many clients") as api:
        client = await new_client(api)
        secrets = [client.secret]
        for _ in range(MAX_SECRETS):
            path = f"{CLIENTS}/{client.client_id}/secrets"
            secrets.append((await api.ok(await api.post(path, overlap_hours=2000)))["client_secret"])
        statuses = []
        for each in secrets:
            auth = (client.client_id, str(each))
            answer = await api.client.post(f"{client.base}/revoke", auth=auth, data={"token": "x"})
            statuses.append(answer.status_code)
        assert statuses == [401] + [200] * MAX_SECRETS
        await db.execute(
            """
            insert into openid_clients (account_id, client_id, client_name, client_type, redirect_uris, scopes,
                                        created_at, updated_at)
            select $1, nextval('positions'), 'Shop', 'public', '{https://shop.example/}', '{openid}', now(), now()
            from generate_series(2, $2)
            """,
            api.account_id,
            MAX_CLIENTS,
        )
        answer = await api.post(CLIENTS, client_name="Shop", redirect_uris=[CALLBACK])
        assert (answer.status_code, "200 clients" in answer.text) == (409, True)
