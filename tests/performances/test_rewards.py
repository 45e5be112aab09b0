"""Rewards: claimed as often as there are and as one can, never for points that a fan does not have, and undone."""

import asyncio
import uuid
from collections import Counter
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Answer, Api
from tests.performances.quests import (
    PERFORMANCES,
    balance,
    completed,
    logged_in,
    register,
    some_fan,
    some_performance,
    some_quest,
)
from tests.points.bookings import award, some_point


async def some_reward(api: Api, uid: str | None = None, price: int = 0, **extra: Any) -> str:
    values = {"reward_title": "Scarf", "reward_type": "custom", "fan_points_required": price, **extra}
    path = f"{PERFORMANCES}/{uid or await some_performance(api)}/rewards"
    return str((await api.ok(await api.post(path, **values)))["reward_uid"])


async def claim(api: Api, fan_id: int, reward_uid: str, **extra: Any) -> Answer:
    return await api.post(f"/api/v1/manage/fans/{fan_id}/rewards/{reward_uid}/claim", **extra)


def outcomes(answers: list[Answer]) -> Counter[str]:
    """Count the answers by `ok` and the code of the refusal."""
    return Counter("ok" if answer.status_code == 200 else answer.json()["code"] for answer in answers)


async def listed(api: Api, uid: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = await api.ok(await api.get(f"{PERFORMANCES}/{uid}/rewards"))
    return rows


async def test_a_reward_is_listed_with_every_field_and_removed(api: Api, db: Db) -> None:
    uid, point_uid = await some_performance(api), await some_point(api, uuid.uuid4().hex)
    vendor = {
        "atvenu_sales_event_key": "a1", "atvenu_promo_key": "a2", "bestring_location_group_id": "b1",
        "bestring_promotion_id": "b2",
    }  # fmt: skip
    reward = await some_reward(
        api, uid, 5, reward_type="Bestring", point_uid=point_uid, stock=3, claim_limit=2, **vendor
    )
    (row,) = await listed(api, uid)
    assert {name: value for name, value in row.items() if name != "creation_timestamp"} == {
        "reward_uid": reward, "performance_uid": uid, "reward_title": "Scarf", "reward_type": "bestring",
        "fan_points_required": 5, "point_uid": point_uid, "stock": 3, "claim_limit": 2, "code_type": "none",
        "claim_count": 0, "available_count": 3, **vendor,
    }  # fmt: skip
    answer = await api.delete(f"{PERFORMANCES}/{uid}/rewards", reward_uid=reward)
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await api.delete(f"{PERFORMANCES}/{uid}/rewards", reward_uid=reward)).status_code == 404
    assert await listed(api, uid) == []
    topics = await db.rows("select topic from changes where subject_id = $1 order by position", reward)
    assert [row["topic"] for row in topics] == ["reward.created", "reward.deleted"]


async def test_a_claim_is_paid_once_listed_and_undone(api: Api, db: Db) -> None:
    uid, fan_id, point_uid = await some_performance(api), await some_fan(api), await some_point(api, uuid.uuid4().hex)
    reward = await some_reward(api, uid, 30, point_uid=point_uid, stock=1)
    assert outcomes([await claim(api, fan_id, reward)]) == {"not_enough_points": 1}
    await award(api, point_uid, fan_id, 50)
    saved = await api.ok(await claim(api, fan_id, reward, claim_key="k"))
    assert (saved["point_count"], saved["reward_code"], saved["undo_timestamp"]) == (30, None, None)
    assert await api.ok(await claim(api, fan_id, reward, claim_key="k")) == saved
    assert outcomes([await claim(api, fan_id, reward), await claim(api, fan_id, reward, claim_key="l")]) == {
        "reward_claimed": 2
    }
    assert await balance(api, fan_id, point_uid) == 20
    for path in (f"/api/v1/manage/rewards/{reward}/claims", f"/api/v1/manage/fans/{fan_id}/reward_claims"):
        assert await api.ok(await api.get(path)) == [saved]
    undo = f"/api/v1/manage/reward_claims/{saved['reward_claim_id']}"
    answers = await asyncio.gather(*(api.delete(undo) for _ in range(4)))
    assert outcomes(list(answers)) == {"ok": 1, "unknown": 3}
    assert await balance(api, fan_id, point_uid) == 50
    (row,) = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/reward_claims"))
    assert row["undo_timestamp"] is not None
    assert [row["available_count"] for row in await listed(api, uid) if row["reward_uid"] == reward] == [1]
    assert outcomes([await claim(api, fan_id, reward)]) == {"ok": 1}
    topics = await db.rows(
        "select topic from changes where account_id = $1 and fan_id = $2 and topic like 'reward%' order by position",
        api.account_id,
        fan_id,
    )
    assert [row["topic"] for row in topics] == [
        "reward_claim.created", "reward_claim.deleted", "reward_claim.created",
    ]  # fmt: skip


async def test_claims_at_once_spend_no_point_twice(api: Api) -> None:
    """The fan has points for two of the rewards, and spends others meanwhile."""
    uid, fan_id, point_uid = await some_performance(api), await some_fan(api), await some_point(api, uuid.uuid4().hex)
    rewards = [await some_reward(api, uid, 10, point_uid=point_uid, claim_limit=9) for _ in range(3)]
    await award(api, point_uid, fan_id, 29)
    answers = await asyncio.gather(*(claim(api, fan_id, reward) for reward in rewards * 4))
    assert outcomes(list(answers)) == {"ok": 2, "not_enough_points": 10}
    assert await balance(api, fan_id, point_uid) == 9
    spent, *answers = await asyncio.gather(
        api.post("/api/v1/crm/fan_points", point_uid=point_uid, fan_id=fan_id, point_count=1),
        *(claim(api, fan_id, rewards[0]) for _ in range(6)),
    )
    assert spent.status_code == 200
    assert await balance(api, fan_id, point_uid) == 10 - 10 * outcomes(list(answers))["ok"]


async def test_claims_at_once_exceed_neither_stock_nor_limit(api: Api) -> None:
    uid, fans = await some_performance(api), [await some_fan(api) for _ in range(6)]
    reward = await some_reward(api, uid, stock=5)
    answers = await asyncio.gather(*(claim(api, fan_id, reward) for fan_id in fans * 3))
    assert outcomes(list(answers))["ok"] == 5
    assert [(row["claim_count"], row["available_count"]) for row in await listed(api, uid)] == [(5, 0)]
    rows = await api.ok(await api.get(f"/api/v1/manage/rewards/{reward}/claims"))
    assert len({row["fan_id"] for row in rows}) == 5
    twice = await some_reward(api, uid, claim_limit=2)
    answers = await asyncio.gather(*(claim(api, fans[0], twice) for _ in range(6)))
    assert outcomes(list(answers)) == {"ok": 2, "reward_claimed": 4}
    keyed = await some_reward(api, uid)
    answers = await asyncio.gather(*(claim(api, fans[0], keyed, claim_key="tap") for _ in range(6)))
    assert len({(await api.ok(answer))["reward_claim_id"] for answer in answers}) == 1


async def test_each_uploaded_code_goes_to_one_claim(api: Api) -> None:
    uid, fans = await some_performance(api), [await some_fan(api) for _ in range(6)]
    reward = await some_reward(api, uid, code_type="uploaded")
    codes = f"/api/v1/manage/rewards/{reward}/codes"
    assert await api.ok(await api.post(codes, codes=["A", "B", "B"])) == {"saved_count": 2, "available_count": 2}
    assert await api.ok(await api.post(codes, codes=["B", "C", "D"])) == {"saved_count": 2, "available_count": 4}
    answers = await asyncio.gather(*(claim(api, fan_id, reward) for fan_id in fans))
    assert outcomes(list(answers)) == {"ok": 4, "sold_out": 2}
    claims = [answer.json() for answer in answers if answer.status_code == 200]
    assert sorted(row["reward_code"] for row in claims) == ["A", "B", "C", "D"]
    assert await api.ok(await api.post(codes, codes=["A"])) == {"saved_count": 0, "available_count": 0}
    # The code of a claim that is undone goes to nobody else, unless that is said.
    path = "/api/v1/manage/reward_claims"
    await api.ok(await api.delete(f"{path}/{claims[0]['reward_claim_id']}"))
    late = await some_fan(api)
    assert outcomes([await claim(api, late, reward)]) == {"sold_out": 1}
    await api.ok(await api.delete(f"{path}/{claims[1]['reward_claim_id']}", is_code_returned=True))
    assert (await api.ok(await claim(api, late, reward)))["reward_code"] == claims[1]["reward_code"]
    other = await some_reward(api, uid)
    refused = await api.post(f"/api/v1/manage/rewards/{other}/codes", codes=["A"])
    assert (refused.status_code, refused.json()["code"]) == (409, "reward_without_codes")


async def test_the_code_of_a_claim_is_not_uploaded_again_after_an_erasure(api: Api) -> None:
    reward, fan_id, late = await some_reward(api, code_type="uploaded"), await some_fan(api), await some_fan(api)
    codes = f"/api/v1/manage/rewards/{reward}/codes"
    await api.ok(await api.post(codes, codes=["A"]))
    assert (await api.ok(await claim(api, fan_id, reward)))["reward_code"] == "A"
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    assert await api.ok(await api.post(codes, codes=["A"])) == {"saved_count": 0, "available_count": 0}
    assert outcomes([await claim(api, late, reward)]) == {"sold_out": 1}


@pytest.mark.parametrize("prefix", ["quest:", "reward:", "reward-return:", " quest:", "QUEST:"])
async def test_callers_cannot_use_the_keys_of_quests_and_rewards(api: Api, prefix: str) -> None:
    uid, fan_id, name = await some_performance(api), await some_fan(api), uuid.uuid4().hex
    point_uid = await some_point(api, name)
    quest = await some_quest(api, uid, "registration", fan_points_reward=10, point_uid=point_uid)
    used = {"award_key": f"{prefix}{quest}:{fan_id}", "fan_id": fan_id, "point_count": 1}
    answers = [
        await api.post("/api/v1/crm/fan_points", point_uid=point_uid, **used),
        await api.post(
            f"/api/v1/crm/fans/{fan_id}/points", point_name=name, **{**used, "award_key": f"{used['award_key']}x"}
        ),
    ]
    is_free = prefix == "QUEST:"
    expected = (200, []) if is_free else (422, ["award_key"])
    for answer in answers:
        fields = [error["field"] for error in answer.json().get("errors", [])]
        assert (answer.status_code, fields) == expected
    await register(api, fan_id, event_name=(await api.get(f"/api/v1/performances/{uid}")).json()["performance_name"])
    assert await completed(api, uid, fan_id) == {quest}
    assert await balance(api, fan_id, point_uid) == 10 + 2 * is_free


async def test_generated_codes_differ(api: Api) -> None:
    reward = await some_reward(api, code_type="generated", claim_limit=5)
    fan_id = await some_fan(api)
    codes = {(await api.ok(await claim(api, fan_id, reward)))["reward_code"] for _ in range(5)}
    assert (len(codes), {len(code) for code in codes}) == (5, {12})


async def test_a_fan_claims_in_a_session(api: Api) -> None:
    uid, point_uid = await some_performance(api), await some_point(api, uuid.uuid4().hex)
    fan_id, session_uid = await logged_in(api)
    quest = await some_quest(api, uid, is_required=True, fan_points_reward=10, point_uid=point_uid)
    reward = await some_reward(api, uid, 10, point_uid=point_uid, code_type="generated")
    path = f"/api/v1/sessions/{session_uid}"

    async def state() -> tuple[int, int, bool]:
        (row,) = await api.ok(await api.public_get(f"{path}/rewards", performance_uid=uid))
        assert row["reward_uid"] == reward
        return row["balance"], row["fan_claim_count"], row["can_claim"]

    await award(api, point_uid, fan_id, 5)
    assert await state() == (5, 0, False)
    refused = await api.public_post(f"{path}/rewards/{reward}/claim")
    assert (refused.status_code, refused.json()["code"]) == (409, "quests_incomplete")
    await api.ok(await api.public_post(f"{path}/quests/{quest}/visit"))
    assert await state() == (15, 0, True)
    saved = await api.ok(await api.public_post(f"{path}/rewards/{reward}/claim"))
    assert await state() == (5, 1, False)
    assert await api.ok(await api.public_get(f"{path}/reward_claims")) == [saved]
    assert (await api.public_post(f"/api/v1/sessions/{uuid.uuid4()}/rewards/{reward}/claim")).status_code == 404
    # a fan finds no claim of another by its key
    _, other_session = await logged_in(api)
    answer = await api.public_post(f"/api/v1/sessions/{other_session}/rewards/{reward}/claim", claim_key="k")
    assert answer.status_code == 409


async def test_the_price_of_a_reward_and_its_return_are_no_gain(api: Api) -> None:
    uid, point_uid = await some_performance(api), await some_point(api, uuid.uuid4().hex)
    fan_id, session_uid = await logged_in(api)
    quest = await some_quest(api, uid, fan_points_required=100, point_uid=point_uid)
    await api.ok(await api.public_post(f"/api/v1/sessions/{session_uid}/quests/{quest}/visit"))
    reward = await some_reward(api, uid, 40, point_uid=point_uid, claim_limit=9)
    await award(api, point_uid, fan_id, 60)
    for _ in range(3):
        saved = await api.ok(await claim(api, fan_id, reward))
        await api.ok(await api.delete(f"/api/v1/manage/reward_claims/{saved['reward_claim_id']}"))
    (row,) = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/quests", performance_uid=uid))
    assert (row["is_open"], row["is_completed"], await balance(api, fan_id, point_uid)) == (False, False, 60)


async def test_a_closed_category_takes_nothing_and_gives_back(api: Api) -> None:
    uid, fan_id, point_uid = await some_performance(api), await some_fan(api), await some_point(api, uuid.uuid4().hex)
    reward = await some_reward(api, uid, 10, point_uid=point_uid, claim_limit=2, stock=2)
    await award(api, point_uid, fan_id, 20)
    saved = await api.ok(await claim(api, fan_id, reward))
    await api.ok(await api.post(f"/api/v1/manage/points/{point_uid}", is_active=False))
    assert outcomes([await claim(api, fan_id, reward)]) == {"point_closed": 1}
    assert [row["claim_count"] for row in await listed(api, uid)] == [1]
    await api.ok(await api.delete(f"/api/v1/manage/reward_claims/{saved['reward_claim_id']}"))
    assert await balance(api, fan_id, point_uid) == 20


async def test_a_reward_is_removed_while_fans_claim_it(api: Api) -> None:
    fans, point_uid = [await some_fan(api) for _ in range(8)], await some_point(api, uuid.uuid4().hex)
    for fan_id in fans:
        await award(api, point_uid, fan_id, 100)
    uid = await some_performance(api)
    for number in range(3):
        reward = await some_reward(api, uid, 10, point_uid=point_uid)
        end = (
            api.delete(f"{PERFORMANCES}/{uid}")
            if number == 2
            else api.delete(f"{PERFORMANCES}/{uid}/rewards", reward_uid=reward)
        )
        gone, *answers = await asyncio.gather(end, *(claim(api, fan_id, reward) for fan_id in fans))
        assert gone.status_code == 200
        assert outcomes(list(answers)).keys() <= {"ok", "unknown", "sold_out"}
        claims = await api.ok(await api.get(f"/api/v1/manage/rewards/{reward}/claims"))
        assert len(claims) == outcomes(list(answers))["ok"]
        for row in claims:
            await api.ok(await api.delete(f"/api/v1/manage/reward_claims/{row['reward_claim_id']}"))
    assert [await balance(api, fan_id, point_uid) for fan_id in fans] == [100] * 8


async def test_claims_follow_a_merge_and_an_erasure(api: Api, db: Db) -> None:
    point_uid, fan_id, absorbed = await some_point(api, uuid.uuid4().hex), await some_fan(api), await some_fan(api)
    reward = await some_reward(api, None, 10, point_uid=point_uid, code_type="generated")
    for each in (fan_id, absorbed):
        await award(api, point_uid, each, 10)
        await api.ok(await claim(api, each, reward, claim_key="k"))
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/merge", merged_fan_id=absorbed))
    claims = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/reward_claims"))
    assert len(claims) == 2
    assert outcomes([await claim(api, fan_id, reward)]) == {"reward_claimed": 1}
    export = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/export"))
    assert len(export["tables"]["reward_claims"]) == 2
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    rows = await db.rows("select reward_code, claim_key from reward_claims where fan_id = $1", fan_id)
    assert [tuple(row) for row in rows] == [(None, None)] * 2
    # The stock is given back; there is nobody to pay.
    await api.ok(await api.delete(f"/api/v1/manage/reward_claims/{claims[0]['reward_claim_id']}"))


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, ["reward_title", "reward_type", "fan_points_required"]),
        ({"reward_title": "x", "reward_type": "cash", "fan_points_required": -1, "stock": 0, "claim_limit": 0,
          "code_type": "any"}, ["reward_type", "fan_points_required", "stock", "claim_limit", "code_type"]),
        ({"reward_title": "x", "reward_type": "custom", "point_uid": str(uuid.UUID(int=1))},
         ["fan_points_required", "point_uid"]),
    ],
)  # fmt: skip
async def test_wrong_fields_are_named(api: Api, values: dict[str, Any], fields: list[str]) -> None:
    answer = await api.post(f"{PERFORMANCES}/{await some_performance(api)}/rewards", **values)
    assert answer.status_code == 422
    assert sorted(error["field"] for error in answer.json()["errors"]) == sorted(fields)


async def test_other_accounts_see_no_reward_and_claim_none(api: Api, other_api: Api) -> None:
    uid, theirs = await some_performance(api), await some_performance(other_api)
    reward, fan_id, stranger = await some_reward(api, uid), await some_fan(api), await some_fan(other_api)
    saved = await api.ok(await claim(api, fan_id, reward))
    for answer in (
        await other_api.get(f"{PERFORMANCES}/{uid}/rewards"),
        await other_api.delete(f"{PERFORMANCES}/{theirs}/rewards", reward_uid=reward),
        await claim(other_api, stranger, reward),
        await claim(api, stranger, reward),
        await other_api.get(f"/api/v1/manage/rewards/{reward}/claims"),
        await other_api.post(f"/api/v1/manage/rewards/{reward}/codes", codes=["A"]),
        await other_api.get(f"/api/v1/manage/fans/{fan_id}/reward_claims"),
        await other_api.delete(f"/api/v1/manage/reward_claims/{saved['reward_claim_id']}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown")
    assert (await api.public_post(f"/api/v1/manage/fans/{fan_id}/rewards/{reward}/claim")).status_code == 403
