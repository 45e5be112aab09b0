"""What a merge and its undoing would do, beside what they do; a fan in numbers, rows and segments."""

from typing import Any

import pytest

from tests.api import Api
from tests.profiles.made import made_fan, poster


async def got(api: Api, path: str, **query: Any) -> Any:
    return await api.ok(await api.get(f"/api/v1/{path}", **query))


@pytest.fixture(scope="module")
async def pair(api: Api) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two fans who may be one person: the second has a number and a later no to email."""
    first = await made_fan(api, "maren.one@example.com")
    second = await made_fan(api, "maren.two@example.com", phone="+16045550142", country_code="CA", city="Vancouver")
    await poster(api)(f"crm/fans/{second['fan_id']}", is_subscribed=False)
    return first, second


async def test_a_fan_in_numbers(api: Api, pair: Any) -> None:
    fan_id = pair[0]["fan_id"]
    figures = await got(api, f"manage/fans/{fan_id}/figures")
    counts = {
        name: figures[name] for name in ("activity_count", "ticket_count", "seat_count", "purchase_count", "pass_count")
    }
    assert counts == {"activity_count": 1, "ticket_count": 1, "seat_count": 2, "purchase_count": 1, "pass_count": 1}
    assert figures["spending"] == [{"currency": "USD", "ticket_amount": 76, "purchase_amount": 25}]
    assert figures["last_active_timestamp"] >= figures["first_active_timestamp"]
    rows = await got(api, f"manage/fans/{fan_id}/rows")
    tables = {each["table_name"]: each["row_count"] for each in rows["tables"]}
    assert tables["tickets"] == tables["purchases"] == tables["registrations"] == tables["passes"] == 1
    assert rows["row_count"] == sum(tables.values())
    exported = (await got(api, f"manage/fans/{fan_id}/export"))["tables"]
    assert {name: len(exported[name]) for name in tables if name in exported} == {
        name: count for name, count in tables.items() if name in exported
    }
    segments = await got(api, f"manage/fans/{fan_id}/segments")
    assert [(each["segment_type"], each["segment_name"]) for each in segments] == [("tag", "early bird")]


async def test_the_comparison_is_what_the_merge_does(api: Api, pair: Any) -> None:
    first, second = pair[0]["fan_id"], pair[1]["fan_id"]
    compared = await got(api, f"manage/fans/{first}/comparison", merged_fan_id=second)
    assert (compared["fan"]["email"], compared["merged_fan"]["phone"]) == ("maren.one@example.com", "+16045550142")
    assert compared["agreements"] == ["name", "birth_date"]
    tables = {each["table_name"]: each["row_count"] for each in compared["tables"]}
    assert (tables["tickets"], tables["purchases"]) == (1, 1)
    await poster(api)(f"manage/fans/{first}/merge", merged_fan_id=second)
    merged = await got(api, f"crm/fans/{first}")
    named = {name: value for name, value in compared["outcome"].items() if name in merged}
    assert {name: merged[name] for name in named} == named
    assert named.items() >= {"phone": "+16045550142", "city": "Vancouver", "is_subscribed": False}.items()
    unchanged = {name for name in merged if name in compared["fan"] and name not in named} - {
        "fields", "field_values", "tags", "opted_in_business_ids", "last_page_tab_id", "last_campaign_name", "rating",
    }  # fmt: skip
    assert {name: merged[name] for name in unchanged} == {name: compared["fan"][name] for name in unchanged}

    preview = await got(api, f"manage/fans/{first}/unmerge", merged_fan_id=second)
    assert (preview["name"], preview["email"]) == ("Maren Castellane", "maren.two@example.com")
    assert preview["later_fan_id"] is None
    returning = {each["table_name"]: each["row_count"] for each in preview["tables"]}
    await poster(api)(f"manage/fans/{first}/unmerge", merged_fan_id=second)
    tables = {
        each["table_name"]: each["row_count"] for each in (await got(api, f"manage/fans/{second}/rows"))["tables"]
    }
    assert {name: tables[name] for name in ("tickets", "purchases", "activities", "registrations", "passes")} == {
        name: returning[name] for name in ("tickets", "purchases", "activities", "registrations", "passes")
    }


async def test_a_deleted_row_does_not_go_back(api: Api) -> None:
    post = poster(api)
    fans = [(await post("crm/fans", email=f"gone{number}@example.com"))["fan_id"] for number in range(3)]
    for fan_id in fans:
        await post(f"crm/fans/{fan_id}/activities", campaign_title="Old", creation_timestamp="2026-01-05 10:00:00")
    for fan_id in fans[1:]:
        await post(f"manage/fans/{fans[0]}/merge", merged_fan_id=fan_id)
    preview = await got(api, f"manage/fans/{fans[0]}/unmerge", merged_fan_id=fans[1])
    assert preview["later_fan_id"] == fans[2]
    assert {"table_name": "activities", "row_count": 1} in preview["tables"]


async def test_what_cannot_be_compared(api: Api, other_api: Api, pair: Any) -> None:
    first, second = pair[0]["fan_id"], pair[1]["fan_id"]
    path = f"/api/v1/manage/fans/{first}"
    assert (await api.get(f"{path}/comparison", merged_fan_id=first)).status_code == 422
    assert (await api.get(f"{path}/comparison", merged_fan_id=2**40)).status_code == 404
    assert (await api.get(f"{path}/unmerge", merged_fan_id=2**40)).status_code == 404
    for name in ("figures", "rows", "segments"):
        assert (await other_api.get(f"{path}/{name}")).status_code == 404
    assert (await other_api.get(f"{path}/comparison", merged_fan_id=second)).status_code == 404
