"""External identities: whose a login is, what it links and confirms, and that one person stays one fan."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.identities.logins import PROVIDERS, accept_provider, faults, identities, login, try_login
from tests.identity_provider import CLIENT_ID, KEYS, Provider
from tests.sessions.logins import CONNECT, PASSWORD, connect, fan_of, registered, try_connect, writes_held
from tests.waits import until

pytestmark = pytest.mark.usefixtures("provider_id")
MAIL: dict[str, Any] = {"email_verified": True, "given_name": "Ada", "family_name": "Lovelace"}


@pytest.fixture
async def trusting(api: Api, provider_id: int) -> None:
    await api.ok(await api.post(f"{PROVIDERS}/{provider_id}", is_email_trusted=True))


async def test_a_first_login_makes_a_fan_and_the_next_finds_it(api: Api, provider: Provider) -> None:
    first = await login(api, provider, provider.token(given_name="Ada", family_name="Lovelace"))
    assert set(first) == {"session_uid", "fan_id", "account_id", "props", "expiration_timestamp"}
    second = await login(api, provider, provider.token(given_name="Augusta"))
    other = await login(api, provider, provider.token(sub="person-2"))
    assert first["fan_id"] == second["fan_id"] != other["fan_id"]
    fan = await api.ok(await fan_of(api, second["session_uid"]))
    assert (fan["first_name"], fan["last_name"]) == ("Ada", "Lovelace")
    sessions = await api.ok(await api.get(f"/api/v1/manage/fans/{first['fan_id']}/sessions"))
    assert [each["login_method"] for each in sessions] == ["oidc", "oidc"]
    (linked,) = await identities(api, first["fan_id"])
    assert (linked["issuer"], linked["subject"]) == (provider.url, "person-1")


async def test_a_provider_whose_clock_is_behind_says_of_a_login_that_it_is_new(
    api: Api, db: Db, provider: Provider
) -> None:
    before = datetime.now(UTC)
    moments = []
    for seconds in (30, 300):
        claims: dict[str, Any] = {"sub": f"late-{seconds}", "auth_time": int(before.timestamp()) - seconds}
        session = await login(api, provider, provider.token(**claims))
        sql = "select authenticated_at from sessions where account_id = $1 and fan_id = $2"
        moments.append(await db.value(sql, api.account_id, session["fan_id"]))
    assert moments[0] >= before.replace(microsecond=0)
    assert moments[1] <= before - timedelta(seconds=240)


async def test_parallel_first_logins_of_one_person_make_one_fan(api: Api, db: Db, provider: Provider) -> None:
    tokens = [provider.token(sub="racer", email="racer@example.com", **MAIL) for _ in range(6)]
    async with writes_held(db, "used_tokens", 4):
        logins = [asyncio.create_task(try_login(api, provider, token)) for token in tokens]
    sessions = [await api.ok(await each) for each in logins]
    assert len({each["fan_id"] for each in sessions}) == 1
    statement = "select count(*) from fan_identities where account_id = $1 and subject = 'racer'"
    assert await db.value(statement, api.account_id) == 1


async def test_one_token_at_once_logs_in_once(api: Api, db: Db, provider: Provider) -> None:
    token = provider.token(sub="once")
    async with writes_held(db, "used_tokens", 4):
        logins = [asyncio.create_task(try_login(api, provider, token)) for _ in range(6)]
    statuses = sorted([(await each).status_code for each in logins])
    assert statuses == [200, *[422] * 5]


@pytest.mark.usefixtures("trusting")
async def test_a_verified_address_logs_in_its_fan_and_ends_what_its_registration_began(
    api: Api, provider: Provider
) -> None:
    stranger = await registered(api, "ada@example.com")
    session = await login(api, provider, provider.token(sub="ada", email="Ada@Example.com", **MAIL))
    assert session["fan_id"] == stranger["fan_id"]
    assert (await fan_of(api, stranger["session_uid"])).status_code == 404
    assert (await try_connect(api, "email", email="ada@example.com", password=PASSWORD)).status_code == 422
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{session['fan_id']}"))
    assert fan["is_confirmed"] is True
    # The second time nothing ends.
    await login(api, provider, provider.token(sub="ada", email="ada@example.com", **MAIL))
    assert (await fan_of(api, session["session_uid"])).status_code == 200


@pytest.mark.usefixtures("trusting")
async def test_who_is_in_keeps_password_and_session(api: Api, provider: Provider) -> None:
    present = await registered(api, "bea@example.com")
    other = await connect(api, "email", email="bea@example.com", password=PASSWORD)
    token = provider.token(sub="bea", email="bea@example.com", **MAIL)
    session = await login(api, provider, token, session_uid=present["session_uid"])
    assert session["fan_id"] == present["fan_id"]
    assert (await fan_of(api, other["session_uid"])).status_code == 200
    assert (await connect(api, "email", email="bea@example.com", password=PASSWORD))["fan_id"] == present["fan_id"]


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False}, {"email_verified": None}, {"email_verified": "false"}, {"email_verified": 1},
        {"email_verified": "True"}, {"email_verified": ["true"]},
        {"email_verified": True, "email": "no address"}, {"email_verified": True, "email": ["cleo@example.com"]},
        {"email_verified": True, "email": {"x": 1}}, {"email_verified": True, "email": "cleo@example.com\nx"},
        {"email_verified": True, "email": "c" * 300 + "@example.com"},
    ],
)  # fmt: skip
@pytest.mark.usefixtures("trusting")
async def test_an_address_that_is_not_verified_finds_nobody(
    api: Api, db: Db, provider: Provider, claims: dict[str, Any]
) -> None:
    exists = "select fan_id from fans where account_id = $1 and email = 'cleo@example.com'"
    if not await db.value(exists, api.account_id):
        await registered(api, "cleo@example.com")
    cleo = await db.value(exists, api.account_id)
    session = await login(api, provider, provider.token(**{"sub": "cleo", "email": "cleo@example.com", **claims}))
    assert session["fan_id"] != cleo
    assert "email" not in await api.ok(await fan_of(api, session["session_uid"]))


async def test_an_account_that_does_not_trust_addresses_links_nobody_by_them(api: Api, provider: Provider) -> None:
    dora = await registered(api, "dora@example.com")
    session = await login(api, provider, provider.token(sub="dora", email="dora@example.com", **MAIL))
    assert session["fan_id"] != dora["fan_id"]
    assert (await fan_of(api, dora["session_uid"])).status_code == 200


@pytest.mark.usefixtures("trusting")
async def test_apple_writes_verified_as_text(api: Api, provider: Provider) -> None:
    session = await login(api, provider, provider.token(sub="eve", email="eve@example.com", email_verified="true"))
    assert (await api.ok(await fan_of(api, session["session_uid"])))["email"] == "eve@example.com"


async def test_a_guest_becomes_the_fan(api: Api, provider: Provider) -> None:
    guest = await connect(api)
    session = await login(api, provider, provider.token(sub="guest"), session_uid=guest["session_uid"])
    assert session["fan_id"] == guest["fan_id"]
    again = await connect(api)
    session = await login(api, provider, provider.token(sub="guest"), session_uid=again["session_uid"])
    assert session["fan_id"] == guest["fan_id"]


async def test_terms_are_accepted_before_the_token_is_used(base_url: str, db: Db, provider: Provider) -> None:
    async with new_api(base_url, db) as api:
        await accept_provider(api, provider)
        await api.ok(await api.post("/api/v1/manage/businesses", business_name="A", legal_terms="Be kind."))
        token = provider.token()
        answer = await login(api, provider, token)
        assert answer["status"] == "terms_required"
        session = await login(api, provider, token, is_accepted=True)
        assert (await login(api, provider))["fan_id"] == session["fan_id"]


async def test_a_merge_moves_an_erasure_removes_and_an_export_shows(api: Api, db: Db, provider: Provider) -> None:
    first = await login(api, provider, provider.token(sub="moved"))
    second = await login(api, provider, provider.token(sub="staying", given_name="Fay"))
    merge = f"/api/v1/manage/fans/{second['fan_id']}/merge"
    await api.ok(await api.post(merge, merged_fan_id=first["fan_id"]))
    assert (await login(api, provider, provider.token(sub="moved")))["fan_id"] == second["fan_id"]
    export = await api.ok(await api.get(f"/api/v1/manage/fans/{second['fan_id']}/export"))
    assert {each["subject"] for each in export["tables"]["fan_identities"]} == {"moved", "staying"}
    unmerge = f"/api/v1/manage/fans/{second['fan_id']}/unmerge"
    await api.ok(await api.post(unmerge, merged_fan_id=first["fan_id"]))
    assert (await login(api, provider, provider.token(sub="moved")))["fan_id"] == first["fan_id"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{second['fan_id']}/erase"))
    statement = "select count(*) from fan_identities where account_id = $1 and subject = 'staying'"
    assert await db.value(statement, api.account_id) == 0
    assert (await login(api, provider, provider.token(sub="staying")))["fan_id"] != second["fan_id"]


async def test_a_link_that_is_removed_finds_nobody(api: Api, other_api: Api, provider: Provider) -> None:
    session = await login(api, provider, provider.token(sub="unlinked"))
    (linked,) = await identities(api, session["fan_id"])
    path = f"/api/v1/manage/fans/{session['fan_id']}/identities/{linked['identity_id']}"
    assert (await other_api.delete(path)).status_code == 404
    assert await api.ok(await api.delete(path)) is True
    assert (await api.delete(path)).status_code == 404
    assert await identities(api, session["fan_id"]) == []
    assert (await fan_of(api, session["session_uid"])).status_code == 200
    assert (await login(api, provider, provider.token(sub="unlinked")))["fan_id"] != session["fan_id"]


async def test_the_same_person_of_another_provider_is_another_until_addresses_say_so(
    api: Api, provider: Provider
) -> None:
    await accept_provider(api, provider, issuer=f"{provider.url}/b", jwks_url=f"{provider.url}/keys")
    first = await login(api, provider, provider.token(sub="two"))
    token = provider.token(sub="two", iss=f"{provider.url}/b")
    second = await api.ok(await try_connect(api, "oidc", provider=f"{provider.url}/b", id_token=token))
    assert first["fan_id"] != second["fan_id"]


async def test_a_provider_of_a_business_is_for_its_fans_alone(base_url: str, db: Db, provider: Provider) -> None:
    async with new_api(base_url, db) as api:
        saved = [await api.ok(await api.post("/api/v1/manage/businesses", business_name=name)) for name in ("A", "B")]
        ids = [each["business_id"] for each in saved]
        await accept_provider(api, provider, business_id=ids[0])
        assert (await login(api, provider, business_id=ids[0]))["fan_id"]
        answer = await try_login(api, provider, provider.token(), business_id=ids[1])
        assert set(faults(answer)) == {"provider"}


async def test_an_idempotency_key_holds_no_connection_while_the_provider_is_asked(
    api: Api, db: Db, provider: Provider
) -> None:
    statement = """
        select count(*) from pg_stat_activity
        where datname = current_database() and state = 'idle in transaction' and pid <> pg_backend_pid()
    """
    provider.waits.set()
    values = {"network": "oidc", "provider": provider.url, "id_token": provider.token(sub="slow")}
    headers = {"Api-Key": api.keys["Api-Key"], "Idempotency-Key": "slow-1"}
    call = asyncio.create_task(api.client.post(CONNECT, json=values, headers=headers))

    async def waits_without_transaction() -> bool:
        return bool(provider.requests) and await db.value(statement) == 0

    await until(waits_without_transaction)
    assert not call.done()
    provider.waits.clear()
    provider.release.set()
    assert (await call).status_code == 200
    repeated = await api.client.post(CONNECT, json=values, headers=headers)
    assert (repeated.status_code, repeated.json()["code"]) == (409, "answer_not_stored")


async def test_who_repeats_a_login_gets_its_outcome_while_the_provider_is_down(
    api: Api, provider: Provider, provider_id: int
) -> None:
    values = {"network": "oidc", "provider": provider.url, "id_token": provider.token(sub="repeated")}
    headers = {"Api-Key": api.keys["Api-Key"], "Idempotency-Key": "repeated-1"}
    assert (await api.client.post(CONNECT, json=values, headers=headers)).status_code == 200
    provider.replies = {KEYS: (500, b"")}
    # Keys at another address are read anew.
    await api.ok(await api.post(f"{PROVIDERS}/{provider_id}", jwks_url=f"{provider.url}{KEYS}"))
    repeated = await api.client.post(CONNECT, json=values, headers=headers)
    assert (repeated.status_code, repeated.json()["code"]) == (409, "answer_not_stored")
    answer = await api.client.post(CONNECT, json={**values, "id_token": "x"}, headers=headers)
    assert set(faults(answer)) == {"Idempotency-Key"}


async def test_spotify_is_asked_who_has_the_token(base_url: str, db: Db, provider: Provider) -> None:
    async with new_api(base_url, db) as api:
        provider.people["one"] = {"id": "listener", "email": "listener@example.com", "display_name": "L"}
        spotify = {"preset": "spotify", "client_ids": [CLIENT_ID], "userinfo_url": f"{provider.url}/userinfo"}
        saved = await api.ok(await api.post(PROVIDERS, **spotify))
        answer = await try_connect(api, "spotify", access_token="one")
        assert "is_access_token_accepted" in faults(answer)["access_token"]
        path = f"{PROVIDERS}/{saved['provider_id']}"
        await api.ok(await api.post(path, is_access_token_accepted=True))
        assert "refused" in faults(await try_connect(api, "spotify", access_token="two"))["access_token"]
        session = await connect(api, "spotify", access_token="one")
        assert "was used" in faults(await try_connect(api, "spotify", access_token="one"))["access_token"]
        provider.people["three"] = provider.people["one"]
        assert (await connect(api, "spotify", access_token="three"))["fan_id"] == session["fan_id"]
        assert "email" not in await api.ok(await fan_of(api, session["session_uid"]))
        answer = await try_connect(api, "oidc", provider=str(saved["provider_id"]), id_token="x")
        assert set(faults(answer)) == {"provider"}
        provider.replies["/userinfo"] = (200, b"[]")
        assert (await try_connect(api, "spotify", access_token="four")).status_code == 503


async def test_a_preset_is_found_by_its_name_and_takes_googles_two_issuers(
    base_url: str, db: Db, provider: Provider
) -> None:
    async with new_api(base_url, db) as api:
        google = {"preset": "google", "client_ids": [CLIENT_ID], "jwks_url": f"{provider.url}/keys"}
        await api.ok(await api.post(PROVIDERS, **google))
        sessions = [
            await connect(api, "google", id_token=provider.token(iss=issuer, email="gil@example.com", **MAIL))
            for issuer in ("https://accounts.google.com", "accounts.google.com")
        ]
        assert sessions[0]["fan_id"] == sessions[1]["fan_id"]
        assert (await api.ok(await fan_of(api, sessions[0]["session_uid"])))["email"] == "gil@example.com"
        answer = await try_connect(api, "google", id_token=provider.token(iss=provider.url))
        assert "iss" in faults(answer)["id_token"]
