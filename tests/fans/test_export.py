"""Everything that is held on a fan, as one answer."""

import json
import uuid
from typing import Any

from fanfare.fans.queries.export import exported_tables
from fanfare.kernel.data.db import Db
from tests import calls
from tests.api import Api
from tests.registrations.gates import some_campaign, some_fan, some_passes

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
        "fans": 1, "activities": 3, "tickets": 2, "fan_points": 1, "push_tokens": 1,
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


async def test_who_gave_a_pass_away_gets_no_code_of_it(api: Api) -> None:
    """Nor the id of whom it went to; of a campaign that a fan won its title alone."""
    old, holder, heir = [await some_fan(api, f"{name}.pass@example.org") for name in ("old", "holder", "heir")]
    page_tab_id = await some_campaign(api, "Passes to give away")
    transferred, remaining = await some_passes(api, page_tab_id, quantity=2, fan_id=old)
    transfer = await api.ok(await api.post(f"{MANAGE}/passes/{transferred['pass_uid']}/transfer", fan_id=holder))
    passes = {row["pass_uid"]: row for row in (await export(api, old))["tables"]["passes"]}
    assert passes[remaining["pass_uid"]]["pass_code"] == remaining["pass_code"]
    assert "pass_code" not in passes[transferred["pass_uid"]]
    assert passes[transferred["pass_uid"]]["page_tab_id"] == page_tab_id
    (row,) = (await export(api, holder))["tables"]["passes"]
    assert row["pass_code"] == transfer["pass_code"]
    assert str(old) not in {str(value) for value in row.values()}
    # Nor by the rows that a merge recorded.
    await api.ok(await api.post(f"{MANAGE}/fans/{heir}/merge", merged_fan_id=old))
    text = json.dumps(await export(api, heir))
    assert transfer["pass_code"] not in text
    assert f'"claim_fan_id": {holder}' not in text
    assert remaining["pass_code"] in text


async def test_a_winner_gets_the_title_of_the_campaign_alone(api: Api, db: Db) -> None:
    winner = await some_fan(api, "winner.title@example.org")
    page_tab_id = await some_campaign(api, "Win a shirt")
    sql = "update campaigns set winner_fan_id = $3, stream_key = 'secret' where account_id = $1 and page_tab_id = $2"
    await db.execute(sql, api.account_id, page_tab_id, winner)
    campaigns = (await export(api, winner))["tables"]["campaigns"]
    assert campaigns == [{"page_tab_id": page_tab_id, "title": "Win a shirt"}]
