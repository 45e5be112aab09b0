"""Finds a fan by what people type, fans who may be the same person, and what keeps a fan from being reached."""

from typing import Any

import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data.db import Db
from fanfare.profiles.queries.finding import find_fans, lookalikes
from tests.api import Api
from tests.profiles.made import poster


async def got(api: Api, path: str, **query: Any) -> Any:
    return await api.ok(await api.get(f"/api/v1/manage/fans/{path}", **query))


@pytest.fixture(scope="module")
async def fans(api: Api) -> dict[str, int]:
    """Two fans who share a number, and one with the name and birth date of the first."""
    post = poster(api)
    person = {"first_name": "Maren", "last_name": "Castellane", "birth_date": "1991-05-09"}
    ada = (await post("crm/fans", email="maren@example.com", phone="604-555-0142", **person))["fan_id"]
    bea = (await post("crm/fans", email="bea@example.com"))["fan_id"]
    await post(f"crm/fans/{bea}", add_phone="604-555-0142")
    twin = (await post("crm/fans", email="m.castellane@example.net", **person))["fan_id"]
    return {"ada": ada, "bea": bea, "twin": twin}


@pytest.mark.parametrize("text", ["maren@example.com", " MAREN@example.com ", "604-555-0142", "+16045550142", "ID"])
async def test_found_by_id_address_and_number(api: Api, fans: dict[str, int], text: str) -> None:
    rows = await got(api, "find", text=str(fans["ada"]) if text == "ID" else text)
    assert rows[0]["fan_id"] == fans["ada"]
    assert (rows[0]["name"], rows[0]["phone"]) == ("Maren Castellane", "+16045550142")


async def test_found_by_part_of_the_name(api: Api, fans: dict[str, int]) -> None:
    assert [each["fan_id"] for each in await got(api, "find", text="castel")] == [fans["ada"], fans["twin"]]
    assert await got(api, "find", text="x") == []
    assert await got(api, "find", text="100%") == []
    assert await got(api, "find", text="9" * 30) == []


async def test_the_id_of_a_merged_fan_finds_who_remains(api: Api) -> None:
    post = poster(api)
    first, second = [(await post("crm/fans", email=f"old{number}@example.com"))["fan_id"] for number in range(2)]
    await post(f"manage/fans/{first}/merge", merged_fan_id=second)
    assert [each["fan_id"] for each in await got(api, "find", text=str(second))] == [first]


async def test_who_may_be_the_same_person(api: Api, fans: dict[str, int]) -> None:
    rows = await got(api, f"{fans['ada']}/lookalikes")
    assert [(each["fan_id"], each["reasons"]) for each in rows] == [
        (fans["bea"], ["contact"]), (fans["twin"], ["name"]),
    ]  # fmt: skip
    assert [each["fan_id"] for each in await got(api, f"{fans['bea']}/lookalikes")] == [fans["ada"]]


async def test_limited_people_find_fans_of_their_businesses(api: Api, db: Db, fans: dict[str, int]) -> None:
    post = poster(api)
    business_id = (await post("manage/businesses", business_name="Hall"))["business_id"]
    await post(f"crm/fans/{fans['twin']}", **{f"business_{business_id}": True})
    db = db.for_account(api.account_id)
    account = await account_by_id(db, api.account_id)
    assert [each.fan_id for each in await find_fans(db, account, "castellane", [business_id])] == [fans["twin"]]
    assert [each.fan_id for each in await lookalikes(db, api.account_id, fans["ada"], [business_id])] == [fans["twin"]]


async def test_what_keeps_a_fan_from_being_reached(api: Api, fans: dict[str, int]) -> None:
    post = poster(api)
    assert await got(api, f"{fans['twin']}/restrictions") == {
        "fan_id": fans["twin"], "suppressed": [], "shared_networks": [], "is_banned": False, "is_hidden": False,
    }  # fmt: skip
    await post("manage/suppressions", channel="email", recipient="Maren@example.com")
    await post("manage/suppressions", channel="sms", recipient="604-555-0142")
    await post(f"crm/fans/{fans['ada']}", ip_address="203.0.113.24")
    await post("crm/ip_addresses", ip_address="203.0.113.0/24", is_blocked=True)
    await post(f"manage/fans/{fans['ada']}/visibility", is_hidden=True)
    row = await got(api, f"{fans['ada']}/restrictions")
    assert [(each["channel"], each["recipient"], each["reason"]) for each in row["suppressed"]] == [
        ("email", "maren@example.com", "manual"), ("sms", "+16045550142", "manual"),
    ]  # fmt: skip
    assert (row["is_banned"], row["is_hidden"]) == (True, True)
    assert (await got(api, f"{fans['bea']}/restrictions"))["shared_networks"] == ["phone"]


async def test_nothing_of_another_account(other_api: Api, fans: dict[str, int]) -> None:
    assert await got(other_api, "find", text="castellane") == []
    for name in ("lookalikes", "restrictions"):
        assert (await other_api.get(f"/api/v1/manage/fans/{fans['ada']}/{name}")).status_code == 404
