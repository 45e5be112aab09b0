"""An activity with the fan who did it: one statement finds or makes the fan, the campaign and the consents."""

import asyncio
from typing import Any

import pytest

from fanfare.campaigns.actions import followers
from fanfare.kernel.data.db import Db
from tests.api import Api

PATH = "/api/v1/crm/activities"


async def record(api: Api, email: str, **extra: Any) -> tuple[int, int]:
    answer = await api.ok(await api.post(PATH, email=email, **extra))
    assert len(answer) == 1
    assert list(answer[0]) == ["fan_id", "activity_id"]
    return answer[0]["fan_id"], answer[0]["activity_id"]


async def counted(db: Db, account_id: int, table: str) -> int:
    return int(await db.value(f"select count(*) from {table} where account_id = $1", account_id))


async def feed(api: Api, activity_id: int, **query: Any) -> dict[str, Any]:
    page = await api.ok(await api.get(PATH, min_activity_id=activity_id - 1, limit=1, **query))
    assert page["data"][0]["activity_id"] == activity_id
    result: dict[str, Any] = page["data"][0]
    return result


async def test_a_new_fan_is_made_and_the_next_time_found(api: Api) -> None:
    fan_id, first = await record(
        api, "Ann.Bo@Example.com", first_name="Ann", campaign_title="Gate", field_seat="A1", is_subscribed=True
    )
    again, second = await record(
        api, " ann.bo@example.COM ", first_name="Other", last_name="Bo", campaign_title="GATE", country_code="Canada",
        province="British Columbia", postal_code="v6b1a1",
    )  # fmt: skip
    assert again == fan_id
    assert second > first
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}"))
    result = {name: fan[name] for name in ("first_name", "last_name", "country_code", "province", "postal_code")}
    assert result == {
        "first_name": "Ann", "last_name": "Bo", "country_code": "CA", "province": "BC", "postal_code": "V6B 1A1",
    }  # fmt: skip
    assert (fan["is_subscribed"], fan["is_phone_subscribed"]) == (True, False)
    row = await feed(api, first)
    assert (row["name"], row["campaign_title"], row["details"]) == ("Ann Bo", "Gate", {"seat": "A1"})
    assert len(await api.ok(await api.get("/api/v1/crm/campaigns", q="gate"))) == 1


async def test_a_word_on_consent_is_noted_only_when_said(api: Api, db: Db) -> None:
    fan_id, _ = await record(
        api, "words@example.com", is_subscribed=True, is_phone_subscribed="off", phone="6045550123"
    )
    await record(api, "words@example.com", campaign_title="Silent")
    words = await db.rows(
        "select channel, is_granted, consent_source from consents where account_id = $1 and fan_id = $2"
        " order by channel",
        api.account_id,
        fan_id,
    )
    assert [tuple(row) for row in words] == [
        ("email", True, "crm_activities_create"), ("phone", False, "crm_activities_create"),
    ]  # fmt: skip
    await record(api, "words@example.com", is_subscribed=False)
    assert (await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}")))["is_subscribed"] is False


async def test_an_activity_needs_no_campaign(api: Api) -> None:
    _, activity_id = await record(api, "bare@example.com")
    row = await feed(api, activity_id)
    assert (row["campaign_title"], row["page_tab_id"], row["app_type"], row["details"]) == (None, None, None, {})


async def test_the_same_by_query_form_and_json(api: Api) -> None:
    values = {"email": "ways@example.com", "campaign_title": "Ways", "field_a": "1", "is_subscribed": "true"}
    answers = [
        await api.client.post(PATH, params=values, headers=api.keys),
        await api.client.post(PATH, data=values, headers=api.keys),
        await api.client.post(PATH, json=values, headers=api.keys),
        await api.client.post(PATH, data={**values, **{k.lower().replace("-", "_"): v for k, v in api.keys.items()}}),
    ]
    rows = [(await api.ok(answer))[0] for answer in answers]
    assert len({row["fan_id"] for row in rows}) == 1
    assert len({row["activity_id"] for row in rows}) == 4
    assert [(await feed(api, row["activity_id"]))["details"] for row in rows] == [{"a": "1"}] * 4


async def test_everything_wrong_is_named_and_nothing_is_written(api: Api, db: Db) -> None:
    old = [await counted(db, api.account_id, table) for table in ("fans", "activities", "campaigns", "changes")]
    refused = await api.post(PATH, email="nobody", phone="12", campaign_title="Never", country_code="Atlantis")
    assert refused.status_code == 422
    assert {error["field"] for error in refused.json()["errors"]} == {"email", "phone", "country_code"}
    assert (await api.post(PATH, campaign_title="Never")).status_code == 422
    new = [await counted(db, api.account_id, table) for table in ("fans", "activities", "campaigns", "changes")]
    assert new == old


async def test_many_at_once_are_one_fan_in_one_campaign(api: Api, db: Db) -> None:
    spellings = ["rush@example.com", "RUSH@example.com", " rush@EXAMPLE.com", "Rush@Example.Com"] * 6
    result = await asyncio.gather(
        *[record(api, each, campaign_title=f"ruSH {n % 2}") for n, each in enumerate(spellings)]
    )
    assert len({fan_id for fan_id, _ in result}) == 1
    assert len({activity_id for _, activity_id in result}) == 24
    assert len(await api.ok(await api.get("/api/v1/crm/campaigns", q="RUSH "))) == 2
    created = "select count(*) from changes where account_id = $1 and topic = 'fan.created' and fan_id = $2"
    assert await db.value(created, api.account_id, result[0][0]) == 1


async def test_a_retry_under_its_key_is_one_activity(api: Api, db: Db) -> None:
    old = await counted(db, api.account_id, "activities")
    head = {"Idempotency-Key": "retry-1"}
    answers = [await api.post(PATH, head, email="retry@example.com", campaign_title="R") for _ in range(3)]
    assert len({answer.text for answer in answers}) == 1
    assert await counted(db, api.account_id, "activities") == old + 1


async def test_another_account_makes_its_own_fan(api: Api, other_api: Api) -> None:
    mine, _ = await record(api, "shared@example.com", campaign_title="Shared")
    theirs, _ = await record(other_api, "shared@example.com", campaign_title="Shared")
    assert mine != theirs
    assert (await other_api.get(f"/api/v1/crm/fans/{mine}/activities")).status_code == 404


async def test_details_are_added_on_request(api: Api, db: Db) -> None:
    fan_id, activity_id = await record(api, "details@example.com", first_name="Dee", campaign_title="D")
    await db.execute(
        "insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)"
        " values ($1, 'spotify', 'dee1', $2, now())",
        api.account_id,
        fan_id,
    )
    await api.ok(await api.post("/api/v1/crm/fans", email="details@example.com", idol_names="The Larks"))
    row = await feed(api, activity_id, include_details="true")
    assert row["networks"] == [{"network": "spotify", "identifier_value": "dee1"}]
    assert row["idol_names"] == ["The Larks"]
    assert row["fan"] == await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}"))
    bare = await feed(api, activity_id)
    assert (bare["fan"], bare["networks"], bare["idol_names"]) == (None, None, None)


async def test_a_deleted_fans_activities_stay_without_the_person(api: Api) -> None:
    fan_id, activity_id = await record(
        api, "gone@example.com", first_name="Gone", campaign_title="Gone", field_word="secret", user_key="u-gone"
    )
    campaign = (await api.ok(await api.get("/api/v1/crm/campaigns", q="Gone")))[0]["page_tab_id"]
    await api.ok(await api.post(f"/api/v1/manage/campaigns/{campaign}/close", winner_fan_id=fan_id))
    await api.ok(await api.delete(f"/api/v1/crm/fans/{fan_id}"))
    row = await feed(api, activity_id, include_details="true")
    assert (row["name"], row["details"], row["user_key"], row["is_subscribed"]) == (None, {}, None, False)
    assert (row["fan"], row["networks"], row["idol_names"]) == (None, [], [])
    assert (await api.ok(await api.get("/api/v1/crm/campaigns", q="Gone")))[0]["winner_fan_id"] is None
    assert (await api.ok(await api.get(f"/api/v1/campaigns/{campaign}/stats")))["total_entries"] == 1


# What counts activities is looked at below: it names no campaign.
@pytest.mark.parametrize("table", [table for table in followers.TABLES if table != "fan_activity"])
async def test_whatever_a_fan_did_moves_to_another(api: Api, db: Db, table: str) -> None:
    old, _ = await record(api, f"old-{table}@example.com", campaign_title=f"Moving {table}")
    new, _ = await record(api, f"new-{table}@example.com")
    page_tab_id = (await api.ok(await api.get("/api/v1/crm/campaigns", q=f"Moving {table}")))[0]["page_tab_id"]
    manage = f"/api/v1/manage/campaigns/{page_tab_id}"
    item = await api.ok(await api.post(f"{manage}/items", title="Item"))
    await api.ok(await api.post(f"{manage}/wagers", fan_id=old, **item))
    await api.ok(await api.post(f"{manage}/events", events=[{"target": "chat_history", "fan_id": old}]))
    await api.ok(await api.post(f"{manage}/close", winner_fan_id=old))
    await followers.move_fan(db, api.account_id, old, new)
    column = "winner_fan_id" if table == "campaigns" else "fan_id"
    locked = f"select array_agg({column}) from {table} where account_id = $1 and page_tab_id = $2"
    assert set(await db.value(locked, api.account_id, page_tab_id)) == {new}


async def test_the_count_of_activities_moves_along(api: Api, db: Db) -> None:
    old, _ = await record(api, "count-old@example.com", campaign_title="Count")
    new, _ = await record(api, "count-new@example.com", campaign_title="Count")
    await followers.move_fan(db, api.account_id, old, new)
    rows = await db.rows(
        "select fan_id, activity_count from fan_activity where account_id = $1 and fan_id = any($2::bigint[])",
        api.account_id,
        [old, new],
    )
    assert [(row["fan_id"], row["activity_count"]) for row in rows] == [(new, 2)]
