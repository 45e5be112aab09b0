"""Identity providers: what an account says of them, that secrets stay secret, and where calls may go."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.identities.jobs import keep_identities
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings
from tests.api import Api, new_api
from tests.conftest import SECRET_KEY
from tests.identities.logins import PROVIDERS, accept_provider, faults, login, try_login
from tests.identity_provider import CLIENT_ID, CLIENT_SECRET, Provider

GOOGLE = {"preset": "google", "client_ids": [CLIENT_ID], "client_secret": CLIENT_SECRET}


async def listed(api: Api) -> Any:
    return await api.ok(await api.get(PROVIDERS))


async def test_a_provider_is_listed_changed_and_deleted_and_its_secret_never_shown(
    base_url: str, db: Db, other_api: Api
) -> None:
    async with new_api(base_url, db) as api:
        provider_id = (await api.ok(await api.post(PROVIDERS, **GOOGLE)))["provider_id"]
        (row,) = await listed(api)
        assert (row["title"], row["issuer"], row["is_email_trusted"]) == ("Google", "https://accounts.google.com", True)
        assert (row["has_client_secret"], row["is_enabled"], row["client_ids"]) == (True, True, [CLIENT_ID])
        assert CLIENT_SECRET not in repr(row)
        rows = await db.rows("select p::text as row from identity_providers p where account_id = $1", api.account_id)
        assert CLIENT_SECRET not in repr(rows)
        path = f"{PROVIDERS}/{provider_id}"
        assert (await other_api.post(path, is_enabled=False)).status_code == 404
        assert (await other_api.delete(path)).status_code == 404
        changes = {"title": "Login with G", "client_secret": "", "client_ids": ["a", "b"], "is_email_trusted": False}
        await api.ok(await api.post(path, **changes))
        (row,) = await listed(api)
        assert (row["title"], row["has_client_secret"], row["client_ids"]) == ("Login with G", False, ["a", "b"])
        assert (row["is_email_trusted"], row["is_enabled"]) == (False, True)
        await api.ok(await api.post(path, title="", is_enabled=False))
        assert [(each["title"], each["is_enabled"]) for each in await listed(api)] == [("Google", False)]
        assert (await api.post(PROVIDERS, **GOOGLE)).status_code == 409
        assert await api.ok(await api.delete(path)) is True
        assert await listed(api) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"issuer": None}, "issuer"),
        ({"client_ids": []}, "client_ids"),
        ({"client_ids": ["x"] * 21}, "client_ids"),
        ({"preset": "myspace"}, "preset"),
        ({"issuer": "id.example.com"}, "issuer"),
        ({"issuer": "http://id.example.com"}, "issuer"),
        ({"issuer": "https://10.0.0.1"}, "issuer"),
        ({"issuer": "https://id.example.com?x=y"}, "issuer"),
        ({"jwks_url": "https://169.254.169.254/latest"}, "jwks_url"),
        ({"token_url": "file:///etc/passwd"}, "token_url"),
        ({"userinfo_url": "https://user:pw@id.example.com"}, "userinfo_url"),
        ({"business_id": 999_999}, "business_id"),
    ],
)
async def test_a_wrong_provider_is_refused(api: Api, values: dict[str, Any], field: str) -> None:
    right = {"issuer": "https://id.example.com", "client_ids": [CLIENT_ID]}
    answer = await api.post(PROVIDERS, **{**right, **values})
    assert field in faults(answer)


async def test_a_provider_keeps_a_client_id(api: Api, provider_id: int) -> None:
    """The login page is asked for with the first of them."""
    assert set(faults(await api.post(f"{PROVIDERS}/{provider_id}", client_ids=[]))) == {"client_ids"}
    assert [each["client_ids"] for each in await listed(api) if each["provider_id"] == provider_id] == [[CLIENT_ID]]


async def test_a_disabled_or_deleted_provider_lets_nobody_in(api: Api, provider: Provider) -> None:
    provider_id = await accept_provider(api, provider)
    session = await login(api, provider)
    await api.ok(await api.post(f"{PROVIDERS}/{provider_id}", is_enabled=False))
    assert set(faults(await try_login(api, provider, provider.token()))) == {"provider"}
    await api.ok(await api.delete(f"{PROVIDERS}/{provider_id}"))
    assert set(faults(await try_login(api, provider, provider.token()))) == {"provider"}
    await accept_provider(api, provider)
    assert (await login(api, provider))["fan_id"] == session["fan_id"]


async def test_client_secrets_are_sealed_again_before_an_old_secret_key_ends(
    base_url: str, db: Db, provider: Provider
) -> None:
    async with new_api(base_url, db) as api:
        await accept_provider(api, provider)
        new = "another-made-up-secret-key-of-the-tests-01"
        purpose = "client secret of an identity provider"
        try:
            secret_keys.use(Settings(secret_key=(new, SECRET_KEY)))
            await keep_identities(db, api.account_id, datetime.now(UTC))
            secret_keys.use(Settings(secret_key=(new,)))
            text = await db.value("select sealed_secret from identity_providers where account_id = $1", api.account_id)
            assert secret_keys.unseal(purpose, text).decode() == CLIENT_SECRET
        finally:
            secret_keys.use(Settings(secret_key=(SECRET_KEY,)))


async def test_used_tokens_are_forgotten_when_they_have_expired(base_url: str, db: Db, provider: Provider) -> None:
    async with new_api(base_url, db) as api:
        await accept_provider(api, provider)
        await login(api, provider)
        statement = "select count(*) from used_tokens where account_id = $1"
        await keep_identities(db, api.account_id, datetime.now(UTC))
        assert await db.value(statement, api.account_id) == 1
        await db.execute("update used_tokens set expires_at = now() where account_id = $1", api.account_id)
        await keep_identities(db, api.account_id, datetime.now(UTC))
        assert await db.value(statement, api.account_id) == 0
