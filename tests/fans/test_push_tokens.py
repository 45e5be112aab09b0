"""Push tokens: of four platforms, listed with their fan, and taken along by a merge."""

import json
from typing import Any

import pytest

from tests.api import Api

SAVE = "/api/v1/yinzcam/push_tokens"
SUBSCRIPTION = {"endpoint": "https://push.example.com/a", "expirationTime": None, "keys": {"p256dh": "BN", "auth": "k"}}
TOKENS = {"ios": "a1" * 32, "android": "cX:APA91b-_", "huawei": "IQAA_b-1", "web": json.dumps(SUBSCRIPTION)}


async def fan_with_key(api: Api, user_key: str) -> int:
    new = {"email": f"{user_key}@example.com"}
    fan_id: int = (await api.ok(await api.post("/api/v1/crm/fans", **new)))["fan_id"]
    key = {"network": "yinzcam", "identifier_value": user_key}
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/identifiers", **key))
    return fan_id


async def listed(api: Api, fan_id: int) -> list[str]:
    rows = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/push_tokens"))
    return [row["device_network"] for row in rows]


async def test_tokens_of_each_platform_follow_their_fan(api: Api) -> None:
    first, second = await fan_with_key(api, "yz-a"), await fan_with_key(api, "yz-b")
    for network, token in TOKENS.items():
        user_key = "yz-a" if network in ("ios", "web") else "yz-b"
        await api.ok(await api.post(SAVE, user_key=user_key, push_token=token, device_network=network))
    assert await listed(api, first) == ["ios", "web"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{first}/merge", merged_fan_id=second))
    assert await listed(api, first) == ["ios", "android", "huawei", "web"]
    export = await api.ok(await api.get(f"/api/v1/manage/fans/{first}/export"))
    assert len(export["tables"]["push_tokens"]) == 4


@pytest.mark.parametrize(
    ("network", "token"),
    [
        ("ios", "a b"), ("android", "a\nb"), ("huawei", "\u00e9"), ("web", "abc"), ("web", "{}"), ("web", "[" * 2000),
        ("web", json.dumps({**SUBSCRIPTION, "endpoint": "http://push.example.com"})),
        ("web", json.dumps({**SUBSCRIPTION, "keys": {"auth": 1}})),
    ],
)  # fmt: skip
async def test_a_token_that_is_none_of_its_platform_is_refused(api: Api, network: str, token: str) -> None:
    answer: Any = await api.post(SAVE, user_key="yz-x", push_token=token, device_network=network)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["push_token"])


async def test_a_device_is_once_whoever_logs_in_there(api: Api) -> None:
    first, second = await fan_with_key(api, "yz-c"), await fan_with_key(api, "yz-d")
    endpoint = f"https://push.example.com/{'e' * 3500}"
    subscription = {**SUBSCRIPTION, "endpoint": endpoint}
    texts = [json.dumps(subscription), json.dumps({**subscription, "keys": {"p256dh": "C", "auth": "l"}}, indent=1)]
    for user_key, text in zip(("yz-c", "yz-d"), texts, strict=True):
        await api.ok(await api.post(SAVE, user_key=user_key, push_token=text, device_network="web"))
    await api.ok(await api.post(SAVE, user_key="yz-c", push_token="0" * 64, device_network="ios"))
    await api.ok(await api.post(SAVE, user_key="yz-d", push_token="0" * 64, device_network="ios"))
    assert [await listed(api, fan_id) for fan_id in (first, second)] == [[], ["web", "ios"]]
    rows = await api.ok(await api.get(f"/api/v1/manage/fans/{second}/push_tokens"))
    assert rows[0]["push_token"] == texts[1]


async def test_a_token_ends_when_its_user_logs_out(api: Api, other_api: Api) -> None:
    path = "/api/v1/manage/push_tokens"
    fan_id = await fan_with_key(api, "yz-e")
    texts = [json.dumps({**SUBSCRIPTION, "endpoint": "https://push.example.com/e"}), "1" * 64]
    for text, network in zip(texts, ("web", "android"), strict=True):
        await api.ok(await api.post(SAVE, user_key="yz-e", push_token=text, device_network=network))
    assert (await other_api.delete(path, push_token=texts[1])).status_code == 404
    for text in texts:
        await api.ok(await api.delete(path, push_token=text))
        assert (await api.delete(path, push_token=text)).json()["code"] == "unknown"
    assert await listed(api, fan_id) == []
    changes = await api.ok(await api.get("/api/v1/manage/changes", topics="push_token.deleted"))
    assert [row["fan_id"] for row in changes] == [fan_id, fan_id]
