"""Activities: recorded once, read both ways, never passed by a late commit."""

import asyncio
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fanfare.campaigns.actions.activities import count_activities
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.campaigns.fans import moment_of, some_activities, some_fan
from tests.waits import until_blocked

# Rows are written without their totals.
FILLS_TABLES = True

FEED = "/api/v1/crm/activities"
FIELDS = [
    "activity_id", "account_id", "fan_id", "creation_date", "campaign_title", "app_type", "page_tab_id",
    "opted_in_business_ids", "is_subscribed", "is_phone_subscribed", "creation_timestamp", "stream_key", "ip_address",
    "user_key", "name", "details", "fan", "networks", "idol_names",
]  # fmt: skip


async def record(api: Api, fan_id: int, title: str = "Quiz", **values: Any) -> int:
    created = await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title=title, **values))
    assert created["fan_id"] == fan_id
    return int(created["activity_id"])


async def page(api: Api, **query: Any) -> tuple[dict[str, Any], list[int]]:
    answer = await api.ok(await api.get(FEED, **query))
    return answer["meta"], [row["activity_id"] for row in answer["data"]]


async def test_an_activity_is_listed_with_every_field(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id, "Ann Bo", mail=True)
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name="North"))
    remaining = await api.ok(await api.post("/api/v1/manage/businesses", business_name="South"))
    await db.execute(
        "insert into fan_businesses (account_id, fan_id, business_id, is_opted_in, updated_at)"
        " values ($1, $2, $3, true, now()), ($1, $2, $4, false, now())",
        api.account_id,
        fan_id,
        business["business_id"],
        remaining["business_id"],
    )
    activity_id = await record(api, fan_id, "Poll", field_team="blue", field_score=3, user_key="u-1", ip_address="::1")
    answer = await api.ok(await api.get(FEED, max_activity_id=activity_id + 1, limit=1))
    row = answer["data"][0]
    assert list(row) == FIELDS
    assert row["creation_timestamp"].endswith("Z")
    moment = moment_of(row["creation_timestamp"][:-1])
    assert row["creation_date"] == moment.astimezone(ZoneInfo("America/Los_Angeles")).date().isoformat()
    result = {name: row[name] for name in FIELDS if name not in ("creation_date", "creation_timestamp", "page_tab_id")}
    assert result == {
        "activity_id": activity_id, "account_id": api.account_id, "fan_id": fan_id, "campaign_title": "Poll",
        "app_type": "custom", "opted_in_business_ids": [business["business_id"]], "is_subscribed": True,
        "is_phone_subscribed": False, "stream_key": None, "ip_address": "::1", "user_key": "u-1", "name": "Ann Bo",
        "details": {"team": "blue", "score": 3}, "fan": None, "networks": None, "idol_names": None,
    }  # fmt: skip


async def test_flags_are_the_fans_present_ones(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    activity_id = await record(api, fan_id)
    await db.execute(
        "update fans set is_subscribed = true where account_id = $1 and fan_id = $2", api.account_id, fan_id
    )
    row = (await api.ok(await api.get(FEED, min_activity_id=activity_id - 1, limit=1)))["data"][0]
    assert (row["is_subscribed"], row["is_phone_subscribed"]) == (True, False)


async def test_both_walks_see_each_activity_once(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    first = await record(api, fan_id)
    await some_activities(db, api.account_id, fan_id, None, *[moment_of("2024-05-01")] * 450)
    meta, ids = await page(api, min_activity_id=first - 1)
    assert (meta["order"], len(ids)) == ("asc", 200)
    upward = ids
    while ids and len(upward) <= 451:
        ends = {"min_activity_id": ids[0], "max_activity_id": ids[-1]}
        assert meta == {"order": "asc", **ends, "has_more": len(upward) < 451}
        meta, ids = await page(api, min_activity_id=meta["max_activity_id"])
        upward += ids
    meta, ids = await page(api)
    assert (meta["order"], len(ids)) == ("desc", 200)
    downward = ids
    while ids and first not in downward and len(downward) < 2000:
        ends = {"min_activity_id": ids[-1], "max_activity_id": ids[0]}
        assert meta == {"order": "desc", **ends, "has_more": True}
        meta, ids = await page(api, max_activity_id=meta["min_activity_id"])
        downward += ids
    assert len(upward) == 451
    assert upward == sorted(set(upward))
    assert [each for each in downward if each >= first] == upward[::-1]


async def test_bounds_are_exclusive_and_the_page_has_a_limit(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    await db.execute(
        "insert into activities (account_id, activity_id, fan_id, props, created_at)"
        " select $1, nextval('positions'), $2, '{}', now() from generate_series(1, 200)",
        api.account_id,
        fan_id,
    )
    await count_activities(db, api.account_id)
    a, b, c = [await record(api, fan_id) for _ in range(3)]
    assert (await page(api, min_activity_id=a))[1][:2] == [b, c]
    assert (await page(api, min_activity_id=a, max_activity_id=c))[1] == [b]
    assert (await page(api, max_activity_id=c, limit=2))[1] == [b, a]
    assert (await page(api, min_activity_id=a, limit=1))[1] == [b]
    assert len((await page(api, limit=5000))[1]) == 200
    assert (await api.get(FEED, limit=0)).status_code == 422


async def test_an_empty_page_repeats_what_it_was_asked_with(api: Api, db: Db) -> None:
    last = await record(api, await some_fan(db, api.account_id))
    assert (await page(api, min_activity_id=last))[0] == {
        "order": "asc", "min_activity_id": last, "max_activity_id": last, "has_more": False,
    }  # fmt: skip
    assert (await page(api, max_activity_id=1))[0] == {
        "order": "desc", "min_activity_id": 1, "max_activity_id": 1, "has_more": False,
    }  # fmt: skip
    narrow = {"min_activity_id": last - 1, "max_activity_id": last}
    assert await page(api, **narrow) == ({"order": "asc", **narrow, "has_more": False}, [])


@pytest.mark.parametrize("nothing", ["None", "null", ""])
async def test_none_as_text_means_not_given(api: Api, nothing: str) -> None:
    assert (await page(api, min_activity_id=nothing, max_activity_id=nothing))[0]["order"] == "desc"


async def test_a_new_account_has_an_empty_feed(other_api: Api) -> None:
    meta, ids = await page(other_api)
    assert (meta, ids) == ({"order": "desc", "min_activity_id": 0, "max_activity_id": 0, "has_more": False}, [])


async def test_a_day_is_the_accounts_and_may_have_25_hours(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    moments = ["2025-11-02T06:59:59", "2025-11-02T07:00:00", "2025-11-03T07:59:59", "2025-11-03T08:00:00"]
    await some_activities(db, api.account_id, fan_id, None, *map(moment_of, moments))
    for order in ({"min_activity_id": 1}, {}):
        answer = await api.ok(await api.get(FEED, activity_date="2025-11-02", **order))
        assert sorted(row["creation_timestamp"] for row in answer["data"]) == [f"{each}Z" for each in moments[1:3]]
        assert {row["creation_date"] for row in answer["data"]} == {"2025-11-02"}


async def test_a_campaigns_page_is_full_of_its_own(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    expected = (await api.ok(await api.post("/api/v1/manage/campaigns", title="Wanted", app_type="quiz")))[
        "page_tab_id"
    ]
    for _ in range(3):
        await some_activities(db, api.account_id, fan_id, expected, *[moment_of("2024-06-01")] * 90)
        await some_activities(db, api.account_id, fan_id, None, *[moment_of("2024-06-01")] * 90)
    sizes, meta = [], {"max_activity_id": 1}
    for _ in range(3):
        meta, ids = await page(api, page_tab_id=expected, min_activity_id=meta["max_activity_id"])
        sizes.append(len(ids))
    assert sizes == [200, 70, 0]
    assert len((await page(api, page_tab_id=expected, activity_date="2024-05-31", min_activity_id=1))[1]) == 200


async def test_a_late_commit_is_not_passed(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    old = await record(api, fan_id)
    async with db.transaction() as slow:
        await slow.execute("select hold_position($1)", api.account_id)
        await some_activities(slow, api.account_id, fan_id, None, moment_of("2025-01-01"))
        # Positions far ahead of the slow writer's, each committed at once.
        new = [await record(api, fan_id) for _ in range(70)]
        observed = (await page(api, min_activity_id=old))[1]
        newest = (await page(api, limit=1))[1][0]
        assert newest < new[-1]
        assert observed == [] or max(observed) <= newest
    await count_activities(db, api.account_id)
    later = (await page(api, min_activity_id=max(observed, default=old)))[1]
    ids = observed + later
    assert len(ids) == 71
    assert ids == sorted(ids)
    assert ids[-70:] == new


async def test_an_activity_announces_itself_and_a_new_campaign(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    activity_id = await record(api, fan_id, "Announced once")
    await record(api, fan_id, "ANNOUNCED ONCE")
    result = await db.rows(
        "select topic, position, subject_id, fan_id, data from changes where account_id = $1 and position >= $2"
        " order by position",
        api.account_id,
        activity_id,
    )
    topics = [row["topic"] for row in result]
    assert topics.count("activity.created") == 2
    assert topics.count("campaign.created") == 1
    first = next(row for row in result if row["topic"] == "activity.created")
    assert (first["position"], first["subject_id"], first["fan_id"]) == (activity_id, str(activity_id), fan_id)
    assert list(first["data"]) == ["page_tab_id"]


async def test_a_new_title_used_by_many_at_once_makes_one_campaign(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    titles = ["Rush", "rush", "RUSH", "rUSH"] * 6
    created = await asyncio.gather(*[record(api, fan_id, title) for title in titles])
    assert len(set(created)) == 24
    result = await api.ok(await api.get("/api/v1/crm/campaigns", q="rush"))
    assert [campaign["app_type"] for campaign in result] == ["custom"]


async def test_who_loses_the_race_for_a_title_joins_the_winners_campaign(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    async with db.transaction() as winner:
        page_tab_id = await winner.value(
            "insert into campaigns (account_id, title, created_at, updated_at) values ($1, 'Won', now(), now())"
            " returning page_tab_id",
            api.account_id,
        )
        loser = asyncio.create_task(record(api, fan_id, "WON"))
        await until_blocked(db, winner, loser)
    row = (await api.ok(await api.get(FEED, min_activity_id=await loser - 1, limit=1)))["data"][0]
    assert (row["page_tab_id"], row["campaign_title"]) == (page_tab_id, "Won")


async def test_one_fans_activities(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    first = await record(api, fan_id, "One", field_a="x")
    second = await record(api, fan_id, "Two")
    path = f"/api/v1/crm/fans/{fan_id}/activities"
    rows = await api.ok(await api.get(path))
    assert [row["activity_id"] for row in rows] == [second, first]
    assert {name: rows[1][name] for name in ("account_id", "fan_id", "campaign_title", "props")} == {
        "account_id": api.account_id, "fan_id": fan_id, "campaign_title": "One", "props": {"a": "x"},
    }  # fmt: skip
    assert [row["activity_id"] for row in await api.ok(await api.get(path, campaign_title="one"))] == [first]
    assert [row["activity_id"] for row in await api.ok(await api.get(path, limit=1))] == [second]
    assert [row["activity_id"] for row in await api.ok(await api.get(path, max_activity_id=second))] == [first]
    assert await api.ok(await api.get(f"/api/v1/crm/fans/{await some_fan(db, api.account_id)}/activities")) == []


async def test_another_accounts_fan_is_unknown(api: Api, other_api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    await record(api, fan_id)
    path = f"/api/v1/crm/fans/{fan_id}/activities"
    assert (await other_api.get(path)).status_code == 404
    assert (await other_api.post(path, campaign_title="Quiz")).status_code == 404
    assert await other_api.ok(await other_api.get("/api/v1/crm/campaigns")) == []
    assert (await page(other_api))[1] == []


async def test_a_title_is_required(api: Api, db: Db) -> None:
    refused = await api.post(f"/api/v1/crm/fans/{await some_fan(db, api.account_id)}/activities", field_a="x")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "campaign_title"


async def test_counters_have_one_row_for_each_value(api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    for team in ("blue", "blue", "red", None):
        await record(api, fan_id, "Counted", field_shirt=team, field_tags=["a", "b"])
    await record(api, fan_id, "Other", field_shirt="blue")
    path = "/api/v1/crm/activities/counters"
    rows = await api.ok(await api.get(path, campaign_title="counted", property_name="shirt"))
    assert rows[0] == {
        "account_id": api.account_id, "campaign_title": "Counted", "property_name": "shirt", "counter": 2,
        "property_value": "blue",
    }  # fmt: skip
    assert [(row["property_value"], row["counter"]) for row in rows] == [("blue", 2), ("red", 1), (None, 1)]
    rows = await api.ok(await api.get(path, campaign_title="Counted", property_name="tags"))
    assert [(row["property_value"], row["counter"]) for row in rows] == [("a", 4), ("b", 4)]
    assert len(await api.ok(await api.get(path, campaign_title="Counted"))) == 5
    assert len(await api.ok(await api.get(path, property_name="shirt"))) == 4


async def test_a_campaigns_activities_are_public_by_id_alone(api: Api, other_api: Api, db: Db) -> None:
    fan_id = await some_fan(db, api.account_id)
    ids = [await record(api, fan_id, "Open", field_secret="x") for _ in range(3)]
    page_tab_id = (await api.ok(await api.get("/api/v1/crm/campaigns", q="Open")))[0]["page_tab_id"]
    path = f"/api/v1/campaigns/{page_tab_id}/fan_activities"
    rows = await api.ok(await api.public_get(path))
    assert [row["activity_id"] for row in rows] == ids[::-1]
    assert {frozenset(row) for row in rows} == {frozenset({"fan_id", "activity_id", "creation_timestamp"})}
    forward = await api.ok(await api.public_get(path, min_activity_id=ids[0], limit=1))
    assert [row["activity_id"] for row in forward] == [ids[1]]
    assert (await other_api.public_get(path)).status_code == 404


async def test_first_and_last_activity_are_kept_with_every_door(api: Api, db: Db) -> None:
    values = {"email": "counted@example.com", "campaign_title": "Counted"}
    created = await asyncio.gather(*(api.post("/api/v1/crm/activities", **values) for _ in range(8)))
    fan_id = (await api.ok(created[0]))[0]["fan_id"]
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title="Counted"))
    remaining = await db.row(
        "select first_active_at, last_active_at, activity_count from fan_activity"
        " where account_id = $1 and fan_id = $2",
        api.account_id,
        fan_id,
    )
    truth = await db.row(
        "select min(created_at) as first_active_at, max(created_at) as last_active_at, count(*) as activity_count"
        " from activities where account_id = $1 and fan_id = $2",
        api.account_id,
        fan_id,
    )
    assert remaining == truth
