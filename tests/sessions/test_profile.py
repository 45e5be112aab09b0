"""What fans see and change of themselves."""

import asyncio
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.sessions.logins import PASSWORD, change, connect, fan_of, registered, try_connect

ALWAYS = {
    "fan_id", "account_id", "creation_timestamp", "is_subscribed", "is_phone_subscribed", "rating", "phone",
    "birth_date", "metro_area", "postal_code", "fields", "image_url", "gender", "tags",
}  # fmt: skip


async def test_a_fan_is_shown_without_what_is_unknown(api: Api) -> None:
    guest = await api.ok(await fan_of(api, (await connect(api))["session_uid"]))
    assert set(guest) - {"ip_address"} == ALWAYS
    assert {guest[name] for name in ("rating", "phone", "birth_date", "postal_code", "gender")} == {None}
    session = await registered(api, "ada@example.com", first_name="Ada", last_name="Lovelace")
    address = {"country_code": "CA", "province": "BC", "city": "Vancouver"}
    await api.ok(await api.post(f"/api/v1/crm/fans/{session['fan_id']}", **address, latitude=49, longitude=-123))
    fan = await api.ok(await fan_of(api, session["session_uid"]))
    names = {"name", "first_name", "last_name", "email", "ip_address", "latitude", "longitude", *address}
    assert set(fan) == ALWAYS | names
    assert fan["name"] == "Ada Lovelace"


async def test_a_fan_changes_the_profile(api: Api) -> None:
    session = await registered(api, "bea@example.com")
    await api.ok(
        await api.post("/api/v1/manage/fields", crm_field_key="size", field_type="choice", field_options=["S", "M"])
    )
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="Old", fan_ids=[session["fan_id"]]))
    saved = await change(
        api, session["session_uid"], first_name="Bea", birth_date="1990-02-28", is_subscribed="on",
        props_seat="A12", props_count=3, field_size="m", tag_Loud="true", tag_Old="off", tag_Unknown="false",
    )  # fmt: skip
    assert await api.ok(saved) == {"fan_id": session["fan_id"]}
    fan = await api.ok(await fan_of(api, session["session_uid"]))
    expected = {
        "first_name": "Bea",
        "birth_date": "1990-02-28",
        "is_subscribed": True,
        "fields": ["size=M"],
        "tags": ["Loud"],
    }
    assert {name: fan[name] for name in expected} == expected
    session_fan = await api.ok(await api.public_get(f"/api/v1/sessions/{session['session_uid']}"))
    assert session_fan["props"] == {"seat": "A12", "count": 3}
    await api.ok(await change(api, session["session_uid"], props_seat="", first_name=""))
    session_fan = await api.ok(await api.public_get(f"/api/v1/sessions/{session['session_uid']}"))
    assert session_fan["props"] == {"count": 3}
    assert "first_name" not in await api.ok(await fan_of(api, session["session_uid"]))


async def test_a_guest_without_a_name_may_give_one(api: Api) -> None:
    guest = await connect(api)
    await api.ok(await change(api, guest["session_uid"], first_name="Guest"))
    assert (await api.ok(await fan_of(api, guest["session_uid"])))["first_name"] == "Guest"


async def test_consent_that_a_fan_gives_is_in_the_ledger(api: Api) -> None:
    session = await registered(api, "cleo@example.com")
    await api.ok(await change(api, session["session_uid"], is_subscribed=True))
    rows = await api.ok(await api.get(f"/api/v1/manage/fans/{session['fan_id']}/consents"))
    assert [(row["channel"], row["is_granted"], row["consent_source"]) for row in rows] == [
        ("email", True, "sessions_fan_update")
    ]


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"email": "nonsense", "birth_date": "2199-01-01", "password": "short", "field_none": "x"},
         {"email", "birth_date", "password", "field_none"}),
        ({"phone": "12", "is_subscribed": "perhaps"}, {"phone", "is_subscribed"}),
        ({"props_long": "x" * 20_000}, {"props_*"}),
        ({f"props_{number}": 1 for number in range(101)}, {"props_*"}),
        ({f"tag_{number}": True for number in range(101)}, {"tag_*"}),
        ({"email": ""}, {"email"}),
    ],
)  # fmt: skip
async def test_every_wrong_field_is_named_and_nothing_written(
    api: Api, db: Db, values: dict[str, Any], fields: set[str]
) -> None:
    session = await registered(api, f"wrong{len(str(values))}@example.com")
    before = await db.value("select to_jsonb(f)::text from fans f where fan_id = $1", session["fan_id"])
    answer = await change(api, session["session_uid"], first_name="Changed", **values)
    assert answer.status_code == 422
    assert {each["field"] for each in answer.json()["errors"]} >= fields
    assert await db.value("select to_jsonb(f)::text from fans f where fan_id = $1", session["fan_id"]) == before


async def test_free_values_stay_within_their_bound_however_they_come(api: Api, db: Db) -> None:
    session = await registered(api, "many@example.com")
    writes = (change(api, session["session_uid"], **{f"props_{number}": "x" * 1000}) for number in range(24))
    statuses = [each.status_code for each in await asyncio.gather(*writes)]
    size = await db.value("select length(props::text) from fans where fan_id = $1", session["fan_id"])
    assert set(statuses) == {200, 422}
    assert size <= 17_000
    assert statuses.count(200) == 16


async def test_a_taken_address_is_refused_and_counted_as_a_check(api: Api, db: Db) -> None:
    await registered(api, "taken@example.com")
    session = await registered(api, "taker@example.com")
    count = "select coalesce(sum(used), 0) from attempts where account_id = $1 and budget = 'checks'"
    before = await db.value(count, api.account_id)
    answer = await change(api, session["session_uid"], email="TAKEN@example.com")
    assert (answer.status_code, answer.json()["code"]) == (409, "mail_taken")
    assert await db.value(count, api.account_id) == before + 1
    await api.ok(await change(api, session["session_uid"], email="free@example.com"))
    assert await db.value(count, api.account_id) == before + 1
    assert (await connect(api, "email", email="free@example.com", password=PASSWORD))["fan_id"] == session["fan_id"]
    assert (await try_connect(api, "email", email="taker@example.com", password=PASSWORD)).status_code == 422


@pytest.mark.parametrize(("name", "value"), [("email", "new@example.com"), ("phone", "+16045550199")])
async def test_what_is_changed_is_not_confirmed(api: Api, name: str, value: str) -> None:
    session = await registered(api, f"confirmed.{name}@example.com", phone="+16045550191" if name == "phone" else None)
    flag = "is_confirmed" if name == "email" else "is_phone_confirmed"
    await api.ok(await api.post(f"/api/v1/crm/fans/{session['fan_id']}", **{flag: True}))
    await api.ok(await change(api, session["session_uid"], **{name: value}))
    assert (await api.ok(await api.get(f"/api/v1/crm/fans/{session['fan_id']}")))[flag] is False


async def test_a_stranger_does_not_choose_its_address(api: Api) -> None:
    session = await registered(api, "dan@example.com", ip_address="192.0.2.77")
    await api.ok(await change(api, session["session_uid"], ip_address="192.0.2.78"))
    fan = await api.ok(await fan_of(api, session["session_uid"]))
    assert fan["ip_address"] == "127.0.0.1"
    created = await api.post(
        "/api/v1/sessions/connect", network="register", email="emil@example.com", ip_address="192.0.2.79"
    )
    fan = await api.ok(await fan_of(api, (await api.ok(created))["session_uid"]))
    assert fan["ip_address"] == "192.0.2.79"
