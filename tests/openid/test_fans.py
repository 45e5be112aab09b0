"""What becomes of consents and tokens when fans are merged or erased, log out, or change their minds."""

import asyncio
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from fanfare.fans.actions.merging import merge_fans
from fanfare.fans.schemas.merges import MergeOther
from fanfare.hosted.browser_sessions import BrowserSession, session_by_uid
from fanfare.kernel.data.db import Db
from fanfare.openid.actions import authorization
from fanfare.openid.actions.clients import delete_client
from fanfare.openid.schemas.authorization import AuthorizationRequest
from fanfare.sessions.actions.opening import end_fan_sessions
from tests.api import Api
from tests.hosted.pages import token_in
from tests.identities.logins import accept_provider, identities
from tests.identities.logins import login as login_by_token
from tests.identity_provider import identity_provider
from tests.openid.provider import (
    Client,
    authorize,
    come_back,
    fan_browser,
    get_tokens,
    new_client,
    new_fan,
    query_of,
    refresh,
    send_form,
    target_of,
    userinfo,
)
from tests.sessions.logins import PASSWORD, change, connect
from tests.waits import until_blocked

OFFLINE = "openid email offline_access"
SCOPES = ["openid", "email", "offline_access"]


@pytest.fixture(scope="module")
async def client(api: Api) -> Client:
    return await new_client(api, scopes=SCOPES)


async def login(api: Api, client: Client, session: dict[str, Any], scope: str = OFFLINE) -> dict[str, Any]:
    """Return the tokens of a fan at a client."""
    async with fan_browser(api, session["session_uid"]) as browser:
        return await get_tokens(api, browser, client, scope=scope)


async def subject(api: Api, client: Client, tokens: dict[str, Any]) -> str:
    answer = await userinfo(api, client, tokens["access_token"])
    assert answer.status_code == 200, answer.text
    result: str = answer.json()["sub"]
    return result


async def merge(api: Api, into: dict[str, Any], absorbed: dict[str, Any], action: str = "merge") -> None:
    path = f"/api/v1/manage/fans/{into['fan_id']}/{action}"
    await api.ok(await api.post(path, merged_fan_id=absorbed["fan_id"]))


async def test_the_subject_of_a_merged_fan_stays(api: Api, client: Client) -> None:
    both, ours, fresh = client, await new_client(api, scopes=SCOPES), await new_client(api)
    first, second = await new_fan(api), await new_fan(api)
    names = [str(first["fan_id"]), str(second["fan_id"])]
    tokens = {each: [await login(api, client, each_fan) for each_fan in fans]
              for each, client, fans in (("both", both, (first, second)), ("ours", ours, (second,)))}  # fmt: skip
    await merge(api, first, second)
    # Tokens go on, with the subject that their ID token has.
    assert [await subject(api, both, each) for each in tokens["both"]] == names
    assert await subject(api, ours, tokens["ours"][0]) == names[1]
    refreshed = (await refresh(api, ours, tokens["ours"][0]["refresh_token"])).json()
    assert await subject(api, ours, refreshed) == names[1]
    # The next login: a client that knew both sees the fan who stays, one that knew only the other sees no change.
    assert await subject(api, both, await login(api, both, second)) == names[0]
    assert await subject(api, ours, await login(api, ours, second)) == names[1]
    assert await subject(api, ours, await login(api, ours, first)) == names[1]
    assert await subject(api, fresh, await login(api, fresh, second, "openid")) == names[0]
    # The subject is an id that the API knows, before and after.
    answer = await api.get(f"/api/v1/crm/fans/{names[1]}")
    assert (await api.ok(answer))["fan_id"] == first["fan_id"]
    await merge(api, first, second, "unmerge")
    assert await subject(api, both, await login(api, both, second)) == names[1]
    assert await subject(api, ours, await login(api, ours, second)) == names[1]
    assert await subject(api, ours, await login(api, ours, first)) == names[0]


async def test_a_subject_is_never_of_two_fans(api: Api, db: Db, client: Client) -> None:
    first, second = await new_fan(api), await new_fan(api)
    await login(api, client, first)
    # As a merge that was undone can leave it.
    await db.execute(
        "update openid_consents set subject = $2 where account_id = $1 and fan_id = $3",
        api.account_id,
        str(second["fan_id"]),
        first["fan_id"],
    )
    other = await subject(api, client, await login(api, client, second))
    assert other not in (str(first["fan_id"]), str(second["fan_id"]))
    assert await subject(api, client, await login(api, client, second)) == other


async def test_an_erased_fan_leaves_nothing(api: Api, db: Db, client: Client) -> None:
    fan = await new_fan(api)
    tokens = await login(api, client, fan)
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan['fan_id']}/erase"))
    assert (await userinfo(api, client, tokens["access_token"])).status_code == 401
    assert (await refresh(api, client, tokens["refresh_token"])).json()["error"] == "invalid_grant"
    for table in ("openid_consents", "openid_grants"):
        sql = f"select count(*) from {table} where account_id = $1 and fan_id = $2"
        assert await db.value(sql, api.account_id, fan["fan_id"]) == 0


async def test_the_export_has_consents_and_no_secrets(api: Api, client: Client) -> None:
    fan = await new_fan(api)
    await login(api, client, fan)
    exported = await api.ok(await api.get(f"/api/v1/manage/fans/{fan['fan_id']}/export"))
    (consent,) = exported["tables"]["openid_consents"]
    assert (consent["client_id"], set(consent["scopes"])) == (int(client.client_id), set(OFFLINE.split()))
    (grant,) = exported["tables"]["openid_grants"]
    assert not {"code_hash", "refresh_hash", "code_challenge"} & grant.keys()


# How a session ends, and whether offline access ends with it.
async def log_out(api: Api, fan: dict[str, Any]) -> None:
    headers = {"Api-Key": api.keys["Api-Key"]}
    answer = await api.client.delete(f"/api/v1/sessions/{fan['session_uid']}", headers=headers)
    assert answer.status_code == 200


async def end_all(api: Api, fan: dict[str, Any]) -> None:
    await api.ok(await api.delete(f"/api/v1/manage/fans/{fan['fan_id']}/sessions"))


async def new_password(api: Api, fan: dict[str, Any]) -> None:
    email = (await api.ok(await api.get(f"/api/v1/crm/fans/{fan['fan_id']}")))["email"]
    other = await connect(api, "password", email=email, password=PASSWORD)
    await api.ok(await change(api, other["session_uid"], password="another horse"))


async def everywhere(api: Api, fan: dict[str, Any]) -> None:
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan['fan_id']}", is_confirmed=True))
    async with fan_browser(api, fan["session_uid"]) as browser:
        page = await browser.get("/crm/my_data/consents", params={"account_id": api.account_id})
        fields = {"account_id": api.account_id, "form_token": token_in(page)}
        assert (await browser.post("/crm/my_data/sessions", data=fields)).status_code == 303


ENDS = [(log_out, False), (end_all, True), (new_password, True), (everywhere, True)]


@pytest.mark.parametrize(("end", "is_offline_ended"), ENDS)
async def test_tokens_end_with_the_session(api: Api, client: Client, end: Any, *, is_offline_ended: bool) -> None:
    fan = await new_fan(api)
    online, offline = await login(api, client, fan, "openid"), await login(api, client, fan)
    await end(api, fan)
    assert (await userinfo(api, client, online["access_token"])).status_code == 401
    assert (await userinfo(api, client, offline["access_token"])).status_code == (401 if is_offline_ended else 200)
    refreshed = await refresh(api, client, offline["refresh_token"])
    assert refreshed.status_code == (400 if is_offline_ended else 200)


async def test_the_session_in_which_a_password_was_set_goes_on(api: Api, client: Client) -> None:
    fan = await new_fan(api)
    tokens = await login(api, client, fan)
    await api.ok(await change(api, fan["session_uid"], password="another horse"))
    assert (await refresh(api, client, tokens["refresh_token"])).status_code == 200


async def test_a_consent_can_be_withdrawn(api: Api, db: Db, client: Client) -> None:
    fan = await new_fan(api)
    tokens = await login(api, client, fan)
    path = f"{client.base}/apps"
    async with fan_browser(api, fan["session_uid"]) as browser:
        page = await browser.get(path)
        assert "Fan shop" in page.text
        fields = {"client_id": client.client_id, "form_token": token_in(page)}
        assert (await browser.post(path, data=fields)).status_code == 303
        assert "Fan shop" not in (await browser.get(path)).text
        assert (await userinfo(api, client, tokens["access_token"])).status_code == 401
        assert (await refresh(api, client, tokens["refresh_token"])).status_code == 400
        assert "/continue?" in target_of(await authorize(browser, client, scope="openid"))
        parameters = query_of(target_of(await authorize(browser, client, scope="openid", prompt="none")))
        assert parameters["error"] == "consent_required"
        assert "code" in await come_back(browser, client, scope="openid")
    topics = await db.rows(
        "select topic from changes where account_id = $1 and fan_id = $2 and topic like 'openid%' order by position",
        api.account_id,
        fan["fan_id"],
    )
    assert [row["topic"] for row in topics] == [
        "openid_consent.created", "openid_consent.deleted", "openid_consent.created",
    ]  # fmt: skip


async def test_my_data_leads_to_the_programs_and_back(api: Api, client: Client) -> None:
    my_data, link = (
        f"/crm/my_data?account_id={api.account_id}",
        re.compile(r'href="(/openid/[^"]+)">Verbundene Programme'),
    )
    fan = await new_fan(api)
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan['fan_id']}", is_confirmed=True))
    async with fan_browser(api, fan["session_uid"]) as browser:
        browser.headers["Accept-Language"] = "de"
        assert not link.search((await browser.get(my_data)).text)
        await come_back(browser, client, scope="openid")
        match = link.search((await browser.get(my_data)).text)
        assert match
        browser.headers["Accept-Language"] = "fr"
        page = await browser.get(match[1])
        assert "Verbundene Programme" in page.text
        assert "Fan shop" in page.text
        assert f'href="{my_data.replace("&", "&amp;")}&amp;language=de">Meine Daten' in page.text
        await send_form(browser, page)
        browser.headers["Accept-Language"] = "de"
        assert not link.search((await browser.get(my_data)).text)


async def test_programs_are_shown_to_who_is_logged_in(api: Api, client: Client) -> None:
    async with fan_browser(api) as browser:
        answer: httpx.Response = await browser.get(f"{client.base}/apps")
        assert answer.headers["location"].startswith("/crm/oauth?")


async def test_the_first_proof_of_an_address_ends_all_that_let_somebody_else_in(api: Api, client: Client) -> None:
    with identity_provider() as provider:
        await accept_provider(api, provider, is_email_trusted=True)
        eve = await login_by_token(api, provider, provider.token(sub="eve"))
        await api.ok(await change(api, eve["session_uid"], email="victim@example.org"))
        tokens = await login(api, client, eve)
        link = await api.ok(await api.post(f"/api/v1/crm/fans/{eve['fan_id']}", reset_uid=True))
        proof: dict[str, Any] = {"email": "victim@example.org", "email_verified": True}
        owner = await login_by_token(api, provider, provider.token(sub="victim", **proof))
        assert owner["fan_id"] == eve["fan_id"]
        assert (await refresh(api, client, tokens["refresh_token"])).status_code == 400
        async with fan_browser(api) as browser:
            query = {"account_id": api.account_id, "reset_uid": link["reset_uid"]}
            assert (await browser.get("/crm/reset", params=query)).status_code == 404
        assert [each["subject"] for each in await identities(api, owner["fan_id"])] == ["victim"]
        again = await login_by_token(api, provider, provider.token(sub="eve"))
        assert again["fan_id"] != owner["fan_id"]
        # What the owner has since then stays at the next proof.
        tokens = await login(api, client, owner)
        await login_by_token(api, provider, provider.token(sub="another", **proof))
        assert (await refresh(api, client, tokens["refresh_token"])).status_code == 200
        assert len(await identities(api, owner["fan_id"])) == 2


async def test_who_withdrew_does_not_agree_again_by_a_merge(api: Api, client: Client) -> None:
    first, second = await new_fan(api), await new_fan(api)
    tokens = await login(api, client, second)
    await login(api, client, first)
    await withdraw(api, client, first)
    await merge(api, first, second)
    assert (await userinfo(api, client, tokens["access_token"])).status_code == 401
    assert (await refresh(api, client, tokens["refresh_token"])).status_code == 400


async def test_a_merged_fan_sees_all_that_is_agreed(api: Api, db: Db, client: Client) -> None:
    first, second = await new_fan(api), await new_fan(api)
    await login(api, client, first, "openid")
    tokens = await login(api, client, second)
    await merge(api, first, second)
    scopes = await db.value(
        "select scopes from openid_consents where account_id = $1 and fan_id = $2", api.account_id, first["fan_id"]
    )
    assert set(scopes) == set(OFFLINE.split())
    assert (await refresh(api, client, tokens["refresh_token"])).status_code == 200


async def withdraw(api: Api, client: Client, fan: dict[str, Any]) -> None:
    path = f"{client.base}/apps"
    async with fan_browser(api, fan["session_uid"]) as browser:
        fields = {"client_id": client.client_id, "form_token": token_in(await browser.get(path))}
        assert (await browser.post(path, data=fields)).status_code == 303


async def request_of(db: Db, api: Api, client: Client, fan: dict[str, Any]) -> tuple[Any, BrowserSession]:
    """Return a request of a client to whom the fan has agreed, and the fan's session."""
    await login(api, client, fan)
    session = await session_by_uid(db, api.account_id, uuid.UUID(fan["session_uid"]), datetime.now(UTC))
    assert session
    uri = client.redirect_uri
    return AuthorizationRequest(api.account_id, int(client.client_id), uri, OFFLINE.split()), session


async def end_all_in(tx: Db, api: Api, _: Client, fan: dict[str, Any]) -> None:
    await end_fan_sessions(tx, api.account_id, fan["fan_id"], datetime.now(UTC))


async def withdraw_in(tx: Db, api: Api, client: Client, fan: dict[str, Any]) -> None:
    await authorization.withdraw(tx, api.account_id, int(client.client_id), fan["fan_id"], datetime.now(UTC))


async def delete_client_in(tx: Db, api: Api, client: Client, _: dict[str, Any]) -> None:
    await delete_client(tx, api.account_id, int(client.client_id), datetime.now(UTC))


ENDINGS = [end_all_in, withdraw_in, delete_client_in]


@pytest.mark.parametrize("end", ENDINGS)
async def test_no_code_is_issued_while_what_it_stands_on_ends(api: Api, db: Db, end: Any) -> None:
    client, fan = await new_client(api, scopes=SCOPES), await new_fan(api)
    request, session = await request_of(db, api, client, fan)
    async with db.transaction() as tx:
        await end(tx, api, client, fan)
        code = asyncio.create_task(authorization.issue_code(db, request, session, datetime.now(UTC)))
        await until_blocked(db, tx, code)
    assert await code is None


@pytest.mark.parametrize("end", ENDINGS)
async def test_what_ends_takes_a_code_with_it_that_is_issued_meanwhile(api: Api, db: Db, end: Any) -> None:
    client, fan = await new_client(api, scopes=SCOPES), await new_fan(api)
    request, session = await request_of(db, api, client, fan)
    async with db.transaction() as tx:
        assert await authorization.issue_code(tx, request, session, datetime.now(UTC))
        ending = asyncio.create_task(end(db, api, client, fan))
        await until_blocked(db, tx, ending)
    await ending
    sql = "select count(*) from openid_grants where account_id = $1 and fan_id = $2"
    assert await db.value(sql, api.account_id, fan["fan_id"]) == 0


async def test_who_was_merged_meanwhile_logs_in_again(api: Api, db: Db) -> None:
    client, fan, other = await new_client(api, scopes=SCOPES), await new_fan(api), await new_fan(api)
    request, session = await request_of(db, api, client, fan)
    async with db.transaction() as tx:
        change = MergeOther(fan_id=other["fan_id"], merged_fan_id=fan["fan_id"])
        await merge_fans(tx, api.account_id, change, datetime.now(UTC), source="test")
        code = asyncio.create_task(authorization.issue_code(db, request, session, datetime.now(UTC)))
        await until_blocked(db, tx, code)
    assert await code is None
