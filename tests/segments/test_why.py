"""Why a fan is in a segment: result and checked value of each criterion; together they agree with the search."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.search.crowd import activity, days_ago, fan, follow, search, tag
from tests.segments.live import FILTERS, saved, settle

ZONE = ZoneInfo("America/Los_Angeles")


@pytest.fixture(scope="module")
async def people(api: Api, db: Db) -> dict[str, int]:
    created = {
        "ada": await fan(
            db, api.account_id, first_name="Ada", province="BC", gender="female", is_subscribed=True, rating=4
        ),
        "bob": await fan(db, api.account_id, first_name="Bob", province="WA", postal_code="98101"),
    }
    await tag(db, api.account_id, "VIP", *created.values())
    await tag(db, api.account_id, "Early", created["bob"])
    await follow(db, api.account_id, "Northside FC", created["ada"])
    await activity(db, api.account_id, created["ada"], days_ago(40))
    return created


async def why(api: Api, kind: str, key: object, fan_id: int) -> dict[str, Any]:
    answer: dict[str, Any] = await api.ok(await api.get(f"/api/v1/manage/segments/{kind}/{key}/fans/{fan_id}"))
    return answer


async def test_each_criterion_has_its_result_and_checked_value(api: Api, people: dict[str, int]) -> None:
    lower = await saved(api, "lower", fan_gender="female")
    uid = await saved(
        api, "why", fan_tags="vip,early", fan_tag_relations="all", fan_provinces="BC", crm_active_days=30, fan_rating=3,
        fan_incl_segments=f"filter:{lower}", fan_is_optout=False, idol_names="Northside FC", fan_gender="male",
    )  # fmt: skip
    result = await why(api, "filter", uid, people["ada"])
    assert result["is_member"] is False
    verdicts = {each["criterion"]: (each["is_met"], each["seen"]) for each in result["criteria"]}
    active = verdicts.pop("crm_active_days")
    assert active[0] is False
    assert abs(active[1]["last_active_timestamp"] - days_ago(40).timestamp()) < 60
    assert verdicts == {
        "fan_tags": (False, ["VIP"]), "idol_names": (True, ["Northside FC"]), "fan_provinces": (True, "BC"),
        "fan_rating": (True, 4.0), "fan_incl_segments": (True, [f"filter:{lower}"]), "fan_is_optout": (True, False),
        "fan_gender": (False, "female"),
    }  # fmt: skip
    (tags,) = [each["wanted"] for each in result["criteria"] if each["criterion"] == "fan_tags"]
    assert tags == {"fan_tags": ["vip", "early"], "fan_tag_relations": "all"}


async def test_a_missing_value_is_null(api: Api, people: dict[str, int]) -> None:
    uid = await saved(api, "nothing", fan_gender="male", crm_inactive_days=7)
    result = await why(api, "filter", uid, people["bob"])
    assert [(each["criterion"], each["is_met"], each["seen"]) for each in result["criteria"]] == [
        ("fan_gender", False, None), ("crm_inactive_days", True, None),
    ]  # fmt: skip


async def test_tags_snapshots_and_everyone(api: Api, people: dict[str, int], db: Db) -> None:
    early = await db.value("select tag_id from tags where account_id = $1 and tag_name = 'Early'", api.account_id)
    frozen = await api.ok(await api.post("/api/v1/manage/snapshots", snapshot_name="Why", fan_ids=[people["ada"]]))
    for kind, key, members in (("tag", early, {"bob"}), ("snapshot", frozen["snapshot_uid"], {"ada"})):
        for name, fan_id in people.items():
            assert (await why(api, kind, key, fan_id))["is_member"] == (name in members)
    everyone = await saved(api, "everyone")
    assert (await why(api, "filter", everyone, people["ada"]))["criteria"] == []
    assert (await why(api, "filter", everyone, people["ada"]))["is_member"] is True


async def test_unknown_records_and_those_of_other_accounts_are_unknown(
    api: Api, other_api: Api, people: dict[str, int]
) -> None:
    uid = await saved(api, "known")
    theirs = await saved(other_api, "theirs")
    ada = people["ada"]
    for query, segment, fan_id in ((api, uid, 99_999_999), (api, theirs, ada), (other_api, theirs, ada)):
        answer = await query.get(f"/api/v1/manage/segments/filter/{segment}/fans/{fan_id}")
        assert answer.status_code == 404


async def test_the_results_together_agree_with_the_search(api: Api, people: dict[str, int]) -> None:
    several: tuple[dict[str, Any], ...] = (
        {"fan_tags": "early"}, {"fan_provinces": "BC,WA", "fan_is_subscribed": False}, {"idol_relations": "all"},
        {"crm_start_active_date": "2020-01-01", "crm_end_active_date": "2199-01-01"}, {"fan_postal_codes": "98101"},
        {"name": "bo"}, {"crm_active_days": 90}, {"fan_networks": "email"}, {"ticket_is_negative": True},
        {"fan_start_creation_date": "2020-01-01", "fan_end_creation_date": "2021-01-01"},
    )  # fmt: skip
    for number, expected in enumerate(several):
        uid = await saved(api, f"together {number}", **expected)
        result = {fan_id for fan_id in people.values() if (await why(api, "filter", uid, fan_id))["is_member"]}
        assert result == set(await search(api, **expected)), expected


async def test_members_on_a_past_day(api: Api, db: Db, people: dict[str, int]) -> None:
    ada, bob = people["ada"], people["bob"]
    noon = datetime(2026, 3, 2, 12, tzinfo=ZONE)

    async def tagged(moment: datetime, action: str, *fan_ids: int) -> None:
        values = {"tag_name": "then", "fan_ids": list(fan_ids), "action": action}
        await api.ok(await api.post("/api/v1/manage/tags/fans", **values))
        await settle(db, api.account_id, moment)

    async def on(day: int, **query: Any) -> list[int]:
        answer = await api.ok(await api.get(f"{FILTERS}/{uid}/members", day=f"2026-03-{day:02}", **query))
        assert answer["meta"]["count"] >= len(answer["data"])
        return [each["fan_id"] for each in answer["data"]]

    await tagged(noon, "add", ada)
    uid = await saved(api, "then", fan_tags="then")
    await settle(db, api.account_id, noon)
    await tagged(noon + timedelta(days=2), "add", bob)
    # 23:59 on the 6th in Los Angeles.
    await tagged(datetime(2026, 3, 6, 23, 59, tzinfo=ZONE), "delete", ada)
    await tagged(noon + timedelta(days=7), "add", ada)
    assert [await on(day) for day in (1, 2, 3, 4, 5, 6, 8, 9, 10)] == [
        [], [ada], [ada], [ada, bob], [ada, bob], [bob], [bob], [ada, bob], [ada, bob],
    ]  # fmt: skip
    first = await api.ok(await api.get(f"{FILTERS}/{uid}/members", day="2026-03-04", limit=1))
    assert first["meta"] == {"count": 2, "next_after_fan_id": ada, "has_more": True}
    assert first["data"] == [{
        "fan_id": ada, "entered_timestamp": int(noon.timestamp()),
        "left_timestamp": int(datetime(2026, 3, 6, 23, 59, tzinfo=ZONE).astimezone(UTC).timestamp()),
    }]  # fmt: skip
    assert await on(4, after_fan_id=ada) == [bob]
    assert (await api.get(f"{FILTERS}/{uuid.uuid4()}/members", day="2026-03-04")).status_code == 404
