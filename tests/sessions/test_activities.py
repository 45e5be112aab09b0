"""What apps report of fans who did not log in: entries, sign-ups, wifi; and the look-up before a login."""

import asyncio
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Answer, Api
from tests.sessions.logins import writes_held

ACTIVITY = "/api/v1/sessions/activity"


async def record(api: Api, **values: Any) -> Answer:
    return await api.public_post(ACTIVITY, **values)


async def counts(db: Db, account_id: int) -> dict[str, int]:
    tables = ("fans", "activities", "tags", "fan_tags", "idols", "consents", "campaigns", "fan_fields")
    return {name: await db.value(f"select count(*) from {name} where account_id = $1", account_id) for name in tables}


async def test_an_activity_brings_all_that_is_told(api: Api) -> None:
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Northside"))
    await api.ok(await api.post("/api/v1/manage/fields", crm_field_key="seat", field_type="text"))
    saved = await api.ok(
        await record(
            api, email="ada@example.com", phone="604 555 0123", first_name="Ada", birth_date="1990-02-28",
            country_code="Canada", province="British Columbia", city="Vancouver", campaign_name="Half-time quiz",
            tag_name=["Loud", "Early"], tag_names="Away, Early", field_seat="A12", idol_name="The Band",
            device_id="hardware-1", device_network="ios", **business,
        )
    )  # fmt: skip
    assert set(saved) == {"fan_id", "activity_id"}
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{saved['fan_id']}"))
    expected = {
        "email": "ada@example.com", "phone": "+16045550123", "first_name": "Ada", "birth_date": "1990-02-28",
        "country_code": "CA", "city": "Vancouver", "tags": ["Away", "Early", "Loud"], "fields": ["seat=A12"],
        "opted_in_business_ids": [business["business_id"]], "last_campaign_name": "Half-time quiz",
        "ip_address": "127.0.0.1",
    }  # fmt: skip
    assert {name: fan[name] for name in expected} == expected
    idols = await api.ok(await api.get(f"/api/v1/crm/fans/{saved['fan_id']}/idols"))
    assert [row["idol_name"] for row in idols] == ["The Band"]
    (activity,) = await api.ok(await api.get(f"/api/v1/crm/fans/{saved['fan_id']}/activities"))
    assert activity["activity_id"] == saved["activity_id"]
    assert activity["props"] == {"seat": "A12", "device_network": "ios"}


async def test_a_known_fan_is_found_and_never_overwritten(api: Api) -> None:
    bea = await api.ok(await api.post("/api/v1/crm/fans", email="bea@example.com", first_name="Bea"))
    saved = await api.ok(await record(api, email="BEA@example.com", first_name="Eve", last_name="Ng"))
    assert saved["fan_id"] == bea["fan_id"]
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{saved['fan_id']}"))
    assert fan["name"] == "Bea Ng"


@pytest.mark.parametrize("way", ["campaign_name", "page_tab_id"])
async def test_a_fan_enters_once_however_many_try_at_once(api: Api, db: Db, way: str) -> None:
    title = f"Once by {way}"
    campaign: dict[str, Any] = {"campaign_name": title}
    if way == "page_tab_id":
        campaign = await api.ok(await api.post("/api/v1/manage/campaigns", title=title))
        campaign["campaign_name"] = "page_tab_id wins"
    entry = {**campaign, "email": f"{way}@example.com", "is_unique_activity": True}
    # Of a known fan nothing is filled, so nobody waits for another's write; an account has half of ten connections.
    await api.ok(await api.post("/api/v1/crm/fans", email=entry["email"], ip_address="192.0.2.7"))
    async with writes_held(db, "activities", 4):
        tasks = [asyncio.create_task(record(api, **entry, tag_name=f"{way}{number}")) for number in range(12)]
    answers = await asyncio.gather(*tasks)
    assert sorted(each.status_code for each in answers) == [200] + [409] * 11
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"entered_already"}
    (first,) = [each.json() for each in answers if each.status_code == 200]
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{first['fan_id']}"))
    # What was refused left nothing, not even a tag.
    assert len(fan["tags"]) == 1
    assert fan["last_campaign_name"] == title
    count = "select count(*) from activities where account_id = $1 and fan_id = $2"
    assert await db.value(count, api.account_id, first["fan_id"]) == 1
    again = await record(api, **{**entry, "is_unique_activity": False})
    assert again.status_code == 200


async def test_every_wrong_field_is_named_and_nothing_written(api: Api, db: Db) -> None:
    before = await counts(db, api.account_id)
    answer = await record(
        api, email="nonsense", phone="12", birth_date="2199-01-01", city="Oslo", page_tab_id=10**12,
        business_id=10**12, field_none="x", is_unique_activity="perhaps", device_network="nokia", tag_name="new one",
    )  # fmt: skip
    assert answer.status_code == 422
    assert {each["field"] for each in answer.json()["errors"]} == {
        "email", "phone", "birth_date", "city", "page_tab_id", "business_id", "field_none", "is_unique_activity",
        "device_network",
    }  # fmt: skip
    assert {each["field"] for each in (await record(api, is_unique_activity=True)).json()["errors"]} == {
        "email",
        "is_unique_activity",
    }
    # Each fault of the store alone undoes all.
    for values in ({"page_tab_id": 10**12}, {"business_id": 10**12}, {"field_none": "x"}):
        alone = await record(api, email="fresh@example.com", tag_name="fresh", idol_name="Fresh", **values)
        assert [each["field"] for each in alone.json()["errors"]] == list(values)
    assert await counts(db, api.account_id) == before


async def test_wifi_records_a_visit(api: Api, db: Db) -> None:
    values = {"network": "email", "email": "wifi@example.com", "first_name": "Will", "activity_name": "Arena wifi"}
    for _ in range(2):
        assert await api.ok(await api.public_post("/api/v1/sessions/wifi", **values)) is True
    rows = await db.rows(
        "select f.first_name, c.title from activities a join fans f using (account_id, fan_id)"
        " join campaigns c using (account_id, page_tab_id) where a.account_id = $1 and f.email = 'wifi@example.com'",
        api.account_id,
    )
    assert [tuple(row.values()) for row in rows] == [("Will", "Arena wifi")] * 2
    wrong = await api.public_post("/api/v1/sessions/wifi", network="facebook", email="x")
    assert {each["field"] for each in wrong.json()["errors"]} == {"network", "email"}


async def test_a_fan_is_looked_up(api: Api, other_api: Api) -> None:
    fan = await api.ok(
        await api.post("/api/v1/crm/fans", email="look@example.com", phone="+16045550144", first_name="Lou")
    )
    expected = {**fan, "first_name": "Lou", "last_name": None}
    for values in ({"email": "LOOK@example.com"}, {"phone": "604 555 0144"}):
        assert await api.ok(await api.get("/api/v1/sessions/lookup", **values)) == expected
        assert (await other_api.get("/api/v1/sessions/lookup", **values)).status_code == 404
    assert (await api.public_get("/api/v1/sessions/lookup", email="look@example.com")).status_code == 403
    missing = await api.get("/api/v1/sessions/lookup", email="nobody@example.com")
    assert (missing.status_code, missing.json()["detail"]) == (404, "No fan has this email address or phone number")
    assert [each["field"] for each in (await api.get("/api/v1/sessions/lookup")).json()["errors"]] == ["email"]
