"""Everything that is held on a fan, as one answer."""

import uuid
from typing import Any

from fanfare.fans.queries.export import exported_tables
from tests import calls
from tests.api import Api

MANAGE = "/api/v1/manage"


async def export(api: Api, fan_id: int) -> dict[str, Any]:
    result: dict[str, Any] = await api.ok(await api.get(f"{MANAGE}/fans/{fan_id}/export"))
    return result


async def test_everything_on_a_fan_is_told(api: Api, other_api: Api) -> None:
    values = await calls.made_values(api)
    fan_id = values["fan_id"]
    keys = {"user_key": "yz-1", "push_token": "t" * 40, "device_network": "ios"}
    await api.ok(await api.post("/api/v1/yinzcam/push_tokens", **keys))
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}", password="secret-word", is_subscribed=True))
    result = await export(api, fan_id)
    assert (result["account_id"], result["fan_id"]) == (api.account_id, fan_id)
    assert set(result["tables"]) == {*exported_tables(), "push_tokens", "merged_rows"}
    counted = {name: len(rows) for name, rows in result["tables"].items() if rows}
    assert {name: counted[name] for name in ("fans", "activities", "tickets", "fan_points", "push_tokens")} == {
        "fans": 1, "activities": 2, "tickets": 2, "fan_points": 1, "push_tokens": 1,
    }  # fmt: skip
    (fan,) = result["tables"]["fans"]
    assert fan["email"] == "ada@example.com"
    assert not {"account_id", "password_hash", "search_text"} & {
        name for rows in result["tables"].values() for row in rows for name in row
    }
    former = [each["row"]["email"] for each in result["tables"]["merged_rows"] if each["table_name"] == "fans"]
    assert "ada.old@example.com" in former
    # By an old id the same, of another account nothing.
    assert (await export(api, values["merged_fan_id"]))["tables"] == result["tables"]
    assert (await other_api.get(f"{MANAGE}/fans/{fan_id}/export")).status_code == 404


async def test_amounts_are_exact_and_others_are_left_out(api: Api) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    fan = await api.ok(await api.post("/api/v1/crm/fans", email=email))
    keys = {name: uuid.uuid4().hex for name in ("purchase_key", "order_key", "merchant_key", "customer_key")}
    amounts = {"gross_sale_amount": "123456789012.3456", "net_sale_amount": 4, "order_timestamp": "2026-05-01 17:30:00"}
    await api.ok(await api.post("/api/v1/crm/purchases", network="shop", email=email, **keys, **amounts))
    answer = await api.get(f"{MANAGE}/fans/{fan['fan_id']}/export")
    assert '"gross_sale_amount": 123456789012.3456' in answer.text
    assert [row["purchase_key"] for row in answer.json()["tables"]["purchases"]] == [keys["purchase_key"]]
