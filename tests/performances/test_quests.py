"""Quests: each kind is fulfilled by what its fan does, completed once, and paid once."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.trackers.actions.redirects import fan_token
from tests.api import Api
from tests.performances.quests import (
    DAY,
    PERFORMANCES,
    balance,
    completed,
    logged_in,
    quests_of,
    register,
    scan,
    some_campaign,
    some_fan,
    some_performance,
    some_quest,
)
from tests.points.bookings import award, some_point
from tests.registrations.gates import some_passes
from tests.trackers.links import click, new_tracker


async def test_a_quest_is_listed_with_every_field(api: Api) -> None:
    uid = await some_performance(api)
    point_uid = await some_point(api, "Listed")
    first = await some_quest(api, uid)
    values = {
        "quest_type": "scan", "quest_title": "Pier", "scan_group_names[]": ["Pier", "Quay"], "site_name": "Harbour",
        "is_required": "on", "required_page_tab_ids[]": [first], "reward_type": "ATVENU", "fan_points_reward": 5,
        "bestring_location_group_id": "b1", "bestring_promotion_id": "b2", "atvenu_sales_event_key": "a1",
        "atvenu_promo_key": "a2", "button_text": "Go", "quest_description": "Walk there", "start_date": "2027-07-01",
        "end_date": "2027-07-03", "point_uid": point_uid, "link_url": "https://map.example",
    }  # fmt: skip
    created = await api.ok(await api.post(f"{PERFORMANCES}/{uid}/quests", **values))
    second = created["page_tab_id"]
    rows = await api.ok(await api.get(f"{PERFORMANCES}/{uid}/quests"))
    assert [row["page_tab_id"] for row in rows] == [first, second]
    assert {name: value for name, value in rows[1].items() if name != "creation_timestamp"} == {
        "page_tab_id": second, "performance_uid": uid, "quest_type": "scan", "target_page_tab_id": None,
        "scan_group_names": ["Pier", "Quay"], "is_required": True, "access_restriction_type": "quests",
        "fan_points_required": None, "quest_title": "Pier", "button_text": "Go", "quest_description": "Walk there",
        "reward_type": "atvenu", "fan_points_reward": 5, "atvenu_sales_event_key": "a1", "atvenu_promo_key": "a2",
        "bestring_location_group_id": "b1", "bestring_promotion_id": "b2", "required_page_tab_ids": [first],
        "link_url": "https://map.example", "start_date": "2027-07-01", "end_date": "2027-07-03",
        "point_uid": point_uid, "site_name": "Harbour",
    }  # fmt: skip


async def test_a_quest_is_a_campaign_that_its_removal_closes(api: Api, db: Db) -> None:
    uid = await some_performance(api)
    first = await some_quest(api, uid)
    second = await some_quest(api, uid, required_page_tab_ids=[first], quest_title="Pier")
    campaign = await api.ok(await api.get(f"/api/v1/campaigns/{second}"))
    assert (campaign["name"], campaign["app_type"], campaign["is_active"]) == ("Pier", "quest", True)
    refused = await api.delete(f"{PERFORMANCES}/{uid}/quests", page_tab_id=first)
    assert (refused.status_code, refused.json()["code"]) == (409, "quest_required")
    for quest in (second, first):
        answer = await api.delete(f"{PERFORMANCES}/{uid}/quests", page_tab_id=quest)
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await api.delete(f"{PERFORMANCES}/{uid}/quests", page_tab_id=quest)).status_code == 404
    assert await api.ok(await api.get(f"{PERFORMANCES}/{uid}/quests")) == []
    assert (await api.ok(await api.get(f"/api/v1/campaigns/{second}")))["is_active"] is False
    topics = await db.rows("select topic from changes where subject_id = $1 order by position", str(second))
    assert [row["topic"] for row in topics] == ["campaign.created", "quest.created", "quest.deleted"]


async def test_a_campaign_is_taken_part_in(api: Api) -> None:
    uid, fan_id, title = await some_performance(api), await some_fan(api), uuid.uuid4().hex
    quest = await some_quest(api, uid, "campaign", target_page_tab_id=await some_campaign(api, title))
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title=uuid.uuid4().hex))
    assert await completed(api, uid, fan_id) == set()
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title=title.upper()))
    assert await completed(api, uid, fan_id) == {quest}
    # found by the address, and by a site for a fan who is new
    email = f"{uuid.uuid4().hex}@example.com"
    (saved,) = await api.ok(await api.post("/api/v1/crm/activities", campaign_title=title, email=email))
    assert await completed(api, uid, saved["fan_id"]) == {quest}
    entry = {"email": f"{uuid.uuid4().hex}@example.com", "campaign_name": title, "is_unique_activity": True}
    await api.ok(await api.public_post("/api/v1/sessions/activity", **entry))
    row = await api.ok(await api.get("/api/v1/sessions/lookup", email=entry["email"]))
    assert await completed(api, uid, row["fan_id"]) == {quest}


async def test_a_scan_in_a_group_and_at_a_site_counts_when_it_lets_in(api: Api) -> None:
    uid, fan_id = await some_performance(api), await some_fan(api)
    key = await register(api, fan_id)
    group = await some_quest(api, uid, "scan", scan_group_names=["Pier", "Quay"])
    site = await some_quest(api, uid, "scan", site_name="Harbour")
    both = await some_quest(api, uid, "scan", scan_group_names=["Pier"], site_name="Harbour")
    await scan(api, key, "Beach", site_name="Inland")
    await scan(api, key, "quay", is_success=False)
    assert await completed(api, uid, fan_id) == set()
    await scan(api, key, "QUAY", site_name="Inland")
    assert await completed(api, uid, fan_id) == {group}
    await scan(api, key, "Beach", site_name="harbour")
    assert await completed(api, uid, fan_id) == {group, site}
    await scan(api, key, "Pier", site_name="Harbour")
    assert await completed(api, uid, fan_id) == {group, site, both}


async def test_a_scan_before_its_registration_counts_with_it(api: Api) -> None:
    uid, fan_id = await some_performance(api), await some_fan(api)
    quest = await some_quest(api, uid, "scan", scan_group_names=["Early"])
    by_key, by_barcode = uuid.uuid4().hex, uuid.uuid4().hex
    await scan(api, by_key, "Early")
    await register(api, fan_id, registration_key=by_key)
    assert await completed(api, uid, fan_id) == {quest}
    other = await some_fan(api)
    await scan(api, "", "Early", barcode=by_barcode)
    await register(api, other, barcode=by_barcode)
    assert await completed(api, uid, other) == {quest}


async def test_a_registration_for_the_performance_counts(api: Api) -> None:
    key = uuid.uuid4().hex
    uid, fan_id = await some_performance(api, campaign_event_key=key), await some_fan(api)
    quest = await some_quest(api, uid, "registration")
    await register(api, fan_id, event_key="another")
    assert await completed(api, uid, fan_id) == set()
    await register(api, fan_id, event_key=key)
    assert await completed(api, uid, fan_id) == {quest}


@pytest.mark.parametrize("way", ["online", "scan"])
async def test_a_pass_of_the_campaign_or_of_the_event_is_checked_in(api: Api, way: str) -> None:
    key, page_tab_id = uuid.uuid4().hex, await some_campaign(api)
    uid = await some_performance(api, campaign_event_key=key)
    of_campaign = await some_quest(api, uid, "check_in", target_page_tab_id=page_tab_id)
    of_event = await some_quest(api, uid, "check_in")
    first, second = await some_fan(api), await some_fan(api)
    passes = [
        *await some_passes(api, page_tab_id, quantity=1, fan_id=first),
        *await some_passes(api, await some_campaign(api), quantity=1, fan_id=second, event_key=key),
        *await some_passes(api, page_tab_id, quantity=1),
    ]
    for each in passes:
        if way == "scan":
            await scan(api, "", "Gate", pass_code=each["pass_code"])
        else:
            path = f"/api/v1/campaigns/{each['page_tab_id']}/passes/check_in"
            await api.ok(await api.post(path, pass_uid=each["pass_uid"]))
    assert await completed(api, uid, first) == {of_campaign}
    assert await completed(api, uid, second) == {of_event}


async def test_points_are_gained_from_the_creation_on(api: Api) -> None:
    uid, fan_id, point_uid = await some_performance(api), await some_fan(api), await some_point(api, uuid.uuid4().hex)
    await award(api, point_uid, fan_id, 1000)
    quest = await some_quest(api, uid, "points", fan_points_required=100, point_uid=point_uid)
    for count, sum_of_gains in [(40, 40), (-500, 40), (59, 99)]:
        await award(api, point_uid, fan_id, count)
        row = (await quests_of(api, uid, fan_id))[quest]
        assert (row["progress_count"], row["target_count"], row["is_completed"]) == (sum_of_gains, 100, False)
    await award(api, point_uid, fan_id, 1)
    row = (await quests_of(api, uid, fan_id))[quest]
    assert (row["progress_count"], row["is_completed"]) == (100, True)


async def test_a_link_is_followed_by_the_fan_of_a_session(api: Api) -> None:
    uid = await some_performance(api)
    fan_id, session_uid = await logged_in(api)
    quest = await some_quest(api, uid, link_url="https://sponsor.example/a")
    path = f"/api/v1/sessions/{session_uid}/quests"
    (row,) = await api.ok(await api.public_get(path, performance_uid=uid))
    assert (row["page_tab_id"], row["is_open"], row["is_completed"]) == (quest, True, False)
    for _ in range(2):
        target = await api.ok(await api.public_post(f"{path}/{quest}/visit"))
        assert target == {"link_url": "https://sponsor.example/a"}
    assert await completed(api, uid, fan_id) == {quest}
    assert (await api.public_post(f"{path}/{quest + 1000}/visit")).status_code == 404
    assert (await api.public_post(f"/api/v1/sessions/{uuid.uuid4()}/quests/{quest}/visit")).status_code == 404


async def test_a_click_on_a_tracker_that_is_the_link_or_leads_to_it_counts(api: Api, base_url: str) -> None:
    uid, fan_id = await some_performance(api), await some_fan(api)
    tracker = await new_tracker(api, target_url="https://sponsor.example/clicked")
    same_page = await some_quest(api, uid, link_url="https://sponsor.example/clicked")
    direct = await some_quest(api, uid, link_url=f"https://fans.example/trk/{tracker['tracker_key']}")
    await some_quest(api, uid, link_url="https://sponsor.example/clicked/not")
    link = f"?trk_fan={fan_token(api.account_id, fan_id)}"
    await click(base_url, tracker["tracker_key"], link, agent="curl/8.5.0")
    assert await completed(api, uid, fan_id) == set()
    await click(base_url, tracker["tracker_key"], link)
    assert await completed(api, uid, fan_id) == {same_page, direct}


async def test_a_quest_opens_with_others_and_then_counts_what_was_done(api: Api) -> None:
    uid = await some_performance(api)
    fan_id, session_uid = await logged_in(api)
    first, second = await some_quest(api, uid), await some_quest(api, uid)
    third = await some_quest(api, uid, required_page_tab_ids=[first, second], fan_points_reward=7)
    fourth = await some_quest(api, uid, required_page_tab_ids=[third])
    visit = f"/api/v1/sessions/{session_uid}/quests/{{}}/visit"
    for quest in (fourth, third, first):
        await api.ok(await api.public_post(visit.format(quest)))
    assert await completed(api, uid, fan_id) == {first}
    assert [row["is_open"] for row in (await quests_of(api, uid, fan_id)).values()] == [True, True, False, False]
    await api.ok(await api.public_post(visit.format(second)))
    assert await completed(api, uid, fan_id) == {first, second, third, fourth}
    point_uid = (await quests_of(api, uid, fan_id))[third]["point_uid"]
    assert await balance(api, fan_id, point_uid) == 7


async def test_points_ever_gained_open_a_quest_and_spending_closes_none(api: Api) -> None:
    uid, point_uid = await some_performance(api), await some_point(api, uuid.uuid4().hex)
    fan_id, session_uid = await logged_in(api)
    quest = await some_quest(api, uid, fan_points_required=50, point_uid=point_uid)
    await api.ok(await api.public_post(f"/api/v1/sessions/{session_uid}/quests/{quest}/visit"))
    await award(api, point_uid, fan_id, 30)
    await award(api, point_uid, fan_id, -30)
    assert await completed(api, uid, fan_id) == set()
    await award(api, point_uid, fan_id, 20)
    assert await completed(api, uid, fan_id) == {quest}


async def test_only_the_time_of_the_quest_counts(api: Api) -> None:
    uid, fan_id = await some_performance(api), await some_fan(api)
    key = await register(api, fan_id)
    before = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S")
    quest = await some_quest(api, uid, "scan", scan_group_names=["Timed"])
    later = await some_quest(api, uid, "scan", scan_group_names=["Timed"], start_date="2099-01-01")
    over = await some_quest(api, uid, "scan", scan_group_names=["Timed"], end_date="2020-01-01")
    await scan(api, key, "Timed", scan_timestamp=before)
    assert await completed(api, uid, fan_id) == set()
    await scan(api, key, "Timed")
    assert await completed(api, uid, fan_id) == {quest}
    assert {later, over} <= set(await quests_of(api, uid, fan_id))


async def test_a_quest_completed_at_once_many_times_is_paid_once(api: Api, db: Db) -> None:
    uid, fan_id, title = await some_performance(api), await some_fan(api), uuid.uuid4().hex
    key, target = await register(api, fan_id), await some_campaign(api, title)
    point_uid = await some_point(api, uuid.uuid4().hex)
    paid = {"fan_points_reward": 10, "point_uid": point_uid}
    first = await some_quest(api, uid, "campaign", target_page_tab_id=target, **paid)
    second = await some_quest(api, uid, "scan", scan_group_names=[title], **paid)
    third = await some_quest(api, uid, "points", fan_points_required=20, required_page_tab_ids=[first, second], **paid)
    causes = [
        *(api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title=title) for _ in range(6)),
        *(scan(api, key, title) for _ in range(6)),
    ]
    await asyncio.gather(*causes)
    assert await completed(api, uid, fan_id) == {first, second, third}
    assert await balance(api, fan_id, point_uid) == 30
    topics = await db.rows(
        "select subject_id from changes where account_id = $1 and topic = 'quest.completed' and fan_id = $2",
        api.account_id,
        fan_id,
    )
    assert sorted(int(row["subject_id"]) for row in topics) == [first, second, third]
    rows = await api.ok(await api.get(f"/api/v1/manage/performances/{uid}/quests"))
    assert [(row["page_tab_id"], row["fan_count"], row["completed_count"]) for row in rows] == [
        (first, 1, 1), (second, 1, 1), (third, 1, 1),
    ]  # fmt: skip


async def test_a_batch_of_scans_completes_quests_of_many_fans(api: Api) -> None:
    uid, group = await some_performance(api), uuid.uuid4().hex
    quest = await some_quest(api, uid, "scan", scan_group_names=[group], fan_points_reward=3)
    fans = [await some_fan(api) for _ in range(5)]
    keys = [await register(api, fan_id) for fan_id in fans]
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    lines = [
        {"source_key": uuid.uuid4().hex, "network": "festival", "scan_group_name": group, "scan_timestamp": now,
         "registration_key": key}
        for key in keys * 3
    ]  # fmt: skip
    answers = await asyncio.gather(
        *(api.post("/api/v1/manage/registrations/scans", scans=lines[::step]) for step in (1, -1))
    )
    assert {answer.status_code for answer in answers} == {200}
    completions = f"/api/v1/manage/quests/{quest}/completions"
    first = await api.get(completions, limit=3)
    second = await api.get(completions, limit=3, cursor=first.headers["X-Next-Cursor"])
    assert sorted(row["fan_id"] for row in [*first.json(), *second.json()]) == sorted(fans)
    point_uid = (await quests_of(api, uid, fans[0]))[quest]["point_uid"]
    assert [await balance(api, fan_id, point_uid) for fan_id in fans] == [3] * 5


async def test_quests_of_a_performance_share_a_category(api: Api) -> None:
    uid = await some_performance(api, performance_name="Sharing", performance_date="2027-07-03")
    first = await some_quest(api, uid, fan_points_reward=1)
    second = await some_quest(api, uid, fan_points_reward=2)
    third = await some_quest(api, uid)
    rows = await api.ok(await api.get(f"{PERFORMANCES}/{uid}/quests"))
    uids = {row["page_tab_id"]: row["point_uid"] for row in rows}
    assert uids[first] == uids[second]
    assert uids[third] is None
    names = {row["point_uid"]: row["point_name"] for row in await api.ok(await api.get("/api/v1/manage/points"))}
    assert names[uids[first]] == "Sharing 2027-07-03"


async def test_a_closed_category_pays_nothing_and_stops_nobody(api: Api) -> None:
    uid, point_uid = await some_performance(api), await some_point(api, uuid.uuid4().hex)
    fan_id, session_uid = await logged_in(api)
    quest = await some_quest(api, uid, fan_points_reward=5, point_uid=point_uid)
    await api.ok(await api.post(f"/api/v1/manage/points/{point_uid}", is_active=False))
    await api.ok(await api.public_post(f"/api/v1/sessions/{session_uid}/quests/{quest}/visit"))
    assert await completed(api, uid, fan_id) == {quest}
    assert await balance(api, fan_id, point_uid) == 0


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, ["quest_title", "quest_type"]),
        ({"quest_title": "x", "quest_type": "nap"}, ["quest_type"]),
        ({"quest_title": "x", "quest_type": "campaign"}, ["target_page_tab_id"]),
        ({"quest_title": "x", "quest_type": "scan"}, ["scan_group_names"]),
        ({"quest_title": "x", "quest_type": "link", "link_url": "http://x.example"}, ["link_url"]),
        ({"quest_title": "x", "quest_type": "link"}, ["link_url"]),
        ({"quest_title": "x", "quest_type": "points", "access_restriction_type": "points"},
         ["fan_points_required", "access_restriction_type"]),
        ({"quest_title": "x", "quest_type": "check_in", "access_restriction_type": "quests"},
         ["required_page_tab_ids", "target_page_tab_id"]),
        ({"quest_title": "x", "quest_type": "registration", "fan_points_reward": 0, "start_date": "2027-01-02",
          "end_date": "2027-01-01"}, ["fan_points_reward", "end_date"]),
        ({"quest_title": "x", "quest_type": "registration", "fan_points_required": 1, "required_page_tab_ids": [1]},
         ["access_restriction_type", "required_page_tab_ids"]),
        ({"quest_title": "x", "quest_type": "registration", "fan_points_required": 1,
          "access_restriction_type": "none"}, ["fan_points_required"]),
        ({"quest_title": "", "quest_type": "registration", "target_page_tab_id": 10**9, "required_page_tab_ids": [1],
          "point_uid": str(uuid.UUID(int=1))},
         ["quest_title", "target_page_tab_id", "required_page_tab_ids", "point_uid"]),
    ],
)  # fmt: skip
async def test_wrong_fields_are_named(api: Api, values: dict[str, Any], fields: list[str]) -> None:
    answer = await api.post(f"{PERFORMANCES}/{await some_performance(api)}/quests", **values)
    assert answer.status_code == 422
    assert sorted(error["field"] for error in answer.json()["errors"]) == sorted(fields)


async def test_no_circle_of_quests_can_be_made(api: Api) -> None:
    uid = await some_performance(api)
    first = await some_quest(api, uid)
    # Whoever guesses the ids of what is created next, in the same moment or not, cannot name them.
    ahead = [first + number for number in range(1, 6)]
    values = {"quest_title": "x", "quest_type": "link", "link_url": "https://x.example"}
    answers = await asyncio.gather(
        *(api.post(f"{PERFORMANCES}/{uid}/quests", **values, required_page_tab_ids=[each]) for each in ahead)
    )
    assert {answer.status_code for answer in answers} == {422}
    elsewhere = await some_quest(api, await some_performance(api))
    answer = await api.post(f"{PERFORMANCES}/{uid}/quests", **values, required_page_tab_ids=[elsewhere])
    assert [error["field"] for error in answer.json()["errors"]] == ["required_page_tab_ids"]


async def test_other_accounts_see_no_quest_and_none_counts_for_them(api: Api, other_api: Api) -> None:
    title = uuid.uuid4().hex
    uid, theirs = await some_performance(api), await some_performance(other_api)
    quest = await some_quest(api, uid, "campaign", target_page_tab_id=await some_campaign(api, title))
    fan_id, stranger = await some_fan(api), await some_fan(other_api)
    await other_api.ok(await other_api.post(f"/api/v1/crm/fans/{stranger}/activities", campaign_title=title))
    for answer in (
        await other_api.get(f"{PERFORMANCES}/{uid}/quests"),
        await other_api.post(f"{PERFORMANCES}/{uid}/quests", quest_title="x", quest_type="registration"),
        await other_api.delete(f"{PERFORMANCES}/{uid}/quests", page_tab_id=quest),
        await other_api.delete(f"{PERFORMANCES}/{theirs}/quests", page_tab_id=quest),
        await other_api.get(f"/api/v1/manage/performances/{uid}/quests"),
        await other_api.get(f"/api/v1/manage/quests/{quest}/completions"),
        await other_api.get(f"/api/v1/manage/fans/{fan_id}/quests", performance_uid=theirs),
        await api.get(f"/api/v1/manage/fans/{stranger}/quests", performance_uid=uid),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown")
    values = {"quest_title": "x", "quest_type": "campaign"}
    for name, id_ in (("target_page_tab_id", quest), ("required_page_tab_ids", [quest])):
        answer = await other_api.post(
            f"{PERFORMANCES}/{theirs}/quests", **{**values, "target_page_tab_id": None, name: id_}
        )
        assert name in [error["field"] for error in answer.json()["errors"]]


async def test_a_performance_is_deleted_with_its_quests_while_fans_take_part(api: Api) -> None:
    title = uuid.uuid4().hex
    target = await some_campaign(api, title)
    fans = [await some_fan(api) for _ in range(4)]
    for _ in range(3):
        uid = await some_performance(api)
        first = await some_quest(api, uid, "campaign", target_page_tab_id=target, fan_points_reward=1)
        await some_quest(api, uid, "campaign", target_page_tab_id=target, required_page_tab_ids=[first])
        activities = (api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title=title) for fan_id in fans)
        gone, *answers = await asyncio.gather(api.delete(f"{PERFORMANCES}/{uid}"), *activities)
        assert {gone.status_code, *(answer.status_code for answer in answers)} == {200}
        assert (await api.ok(await api.get(f"/api/v1/campaigns/{first}")))["is_active"] is False


def test_the_day_of_the_tests_is_a_day() -> None:
    assert datetime.strptime(DAY, "%Y-%m-%d").replace(tzinfo=UTC) <= datetime.now(UTC)
