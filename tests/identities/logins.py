"""How tests accept providers and log in with their tokens."""

from typing import Any

from tests.api import Answer, Api
from tests.identity_provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.sessions.logins import try_connect

PROVIDERS = "/api/v1/manage/identity_providers"


async def accept_provider(api: Api, provider: Provider, **values: Any) -> int:
    values = {"issuer": provider.url, "client_ids": [CLIENT_ID], "client_secret": CLIENT_SECRET, **values}
    saved: int = (await api.ok(await api.post(PROVIDERS, **values)))["provider_id"]
    return saved


async def try_login(api: Api, issuer: Provider, token: str, **values: Any) -> Answer:
    return await try_connect(api, "oidc", **{"provider": issuer.url, "id_token": token, **values})


async def login(api: Api, issuer: Provider, token: str | None = None, **values: Any) -> Any:
    return await api.ok(await try_login(api, issuer, token or issuer.token(), **values))


async def identities(api: Api, fan_id: int) -> Any:
    return await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/identities"))


def faults(answer: Answer) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {each["field"]: each["message"] for each in answer.json()["errors"]}
