"""Points: booked once, summed truly, ranked as the definition says."""

import asyncio
import random
import uuid

import pytest

from fanfare.kernel.data.db import Db
from fanfare.points.queries.points import RANKS
from tests.api import Api
from tests.points.bookings import award, some_fans, some_point
from tests.seeds import run_seed

WINDOW = {"start_date": "2020-01-01", "end_date": "2199-01-01"}


async def test_a_booking_is_listed_with_every_field(api: Api, db: Db) -> None:
    point_uid = await some_point(api, "Listed")
    (fan_id,) = await some_fans(db, api.account_id, 1)
    booked = await award(api, point_uid, fan_id, 7, props={"gate": "A"})
    rows = await api.ok(await api.get("/api/v1/crm/fan_points", **WINDOW, fan_id=fan_id))
    assert [row["fan_point_uid"] for row in rows] == [booked["fan_point_uid"]]
    assert rows[0]["point_name"] == "Listed"
    assert rows[0]["point_type"] == "points"
    assert rows[0]["props"] == {"gate": "A"}


async def test_balances_are_the_sums(api: Api, db: Db) -> None:
    point_uid = await some_point(api, "Balance")
    (fan_id,) = await some_fans(db, api.account_id, 1)
    for count in (10, -3, 5):
        await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/points", point_name="balance", point_count=count))
    balances = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}/points"))
    assert balances == [{"fan_id": fan_id, "point_uid": point_uid, "point_name": "Balance", "point_count": 12}]


async def test_racing_retries_of_one_award_key_book_once(api: Api, db: Db) -> None:
    point_uid = await some_point(api, "Once")
    (fan_id,) = await some_fans(db, api.account_id, 1)
    booked = await asyncio.gather(*(award(api, point_uid, fan_id, 5, award_key="match-1") for _ in range(100)))
    assert len({each["fan_point_uid"] for each in booked}) == 1
    balances = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}/points"))
    assert [each["point_count"] for each in balances] == [5]


async def test_an_award_key_stands_for_its_first_points(api: Api, db: Db) -> None:
    point_uid = await some_point(api, "Same key")
    (fan_id,) = await some_fans(db, api.account_id, 1)
    await award(api, point_uid, fan_id, 5, award_key="match-2")
    answer = await api.post(
        "/api/v1/crm/fan_points", point_uid=point_uid, fan_id=fan_id, point_count=6, award_key="match-2"
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "award_key_used")


@pytest.mark.parametrize(
    "values",
    [{"fan_id": 2**40}, {"page_tab_id": 2**40}, {"activity_id": 2**40}, {"performance_uid": str(uuid.UUID(int=5))}],
)
async def test_what_is_not_there_gets_no_points(api: Api, db: Db, values: dict[str, object]) -> None:
    point_uid = await some_point(api, f"Unknown {values}")
    (fan_id,) = await some_fans(db, api.account_id, 1)
    payload = {"point_uid": point_uid, "fan_id": fan_id, "point_count": 1, **values}
    answer = await api.post("/api/v1/crm/fan_points", **payload)
    assert answer.status_code == 404
    assert (
        await db.value(
            "select count(*) from fan_points where account_id = $1 and point_uid = $2", api.account_id, point_uid
        )
        == 0
    )


async def test_a_closed_category_takes_no_points(api: Api, db: Db) -> None:
    point_uid = await some_point(api, "Closed")
    (fan_id,) = await some_fans(db, api.account_id, 1)
    await api.ok(await api.post(f"/api/v1/manage/points/{point_uid}", is_active=False))
    answer = await api.post("/api/v1/crm/fan_points", point_uid=point_uid, fan_id=fan_id, point_count=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "point_closed")


async def test_other_accounts_see_nothing(api: Api, other_api: Api, db: Db) -> None:
    point_uid = await some_point(api, "Ours")
    (fan_id,) = await some_fans(db, api.account_id, 1)
    await award(api, point_uid, fan_id, 5)
    assert (await other_api.get(f"/api/v1/crm/fans/{fan_id}/points")).status_code == 404
    assert await other_api.ok(await other_api.get("/api/v1/crm/fan_points", **WINDOW)) == []
    answer = await other_api.post("/api/v1/crm/fan_points", point_uid=point_uid, fan_id=fan_id, point_count=1)
    assert answer.status_code == 404


async def test_ties_share_a_rank(api: Api, db: Db) -> None:
    point_uid = await some_point(api, "Ties")
    fans = await some_fans(db, api.account_id, 4)
    for fan_id, count in zip(fans, (30, 20, 20, 10), strict=True):
        await award(api, point_uid, fan_id, count)
    board = await api.ok(
        await api.get("/api/v1/crm/fan_points/leaderboard", point_name="Ties", start_date="2020-01-01")
    )
    assert [(row["fan_id"], row["rank"]) for row in board["data"]] == list(zip(fans, (1, 2, 2, 4), strict=True))
    ranked = await api.ok(await api.get("/api/v1/crm/fan_points", **WINDOW, point_uid=point_uid, leaderboard=True))
    assert [(row["fan_id"], row["rank"]) for row in ranked] == list(zip(fans, (1, 2, 2, 4), strict=True))
    standing = await api.ok(await api.get(f"/api/v1/manage/points/{point_uid}/standing", fan_id=fans[2], around=1))
    assert standing["rank"] == 2
    assert [(row["fan_id"], row["rank"]) for row in standing["around"]] == [(fans[1], 2), (fans[2], 2), (fans[3], 4)]


async def test_whoever_stands_around_a_fan_is_told(api: Api, db: Db) -> None:
    chance = random.Random(7)
    point_uid = await some_point(api, "Around")
    fans = await some_fans(db, api.account_id, 25)
    totals = {fan_id: chance.randrange(-2, 4) for fan_id in fans}
    for fan_id, total in totals.items():
        await award(api, point_uid, fan_id, total)
    order = sorted(fans, key=lambda fan_id: (-totals[fan_id], fan_id))
    ranked = [(1 + sum(totals[second] > totals[each] for second in fans), each, totals[each]) for each in order]
    for place in (0, 1, 5, 12, 23, 24):
        for around in (0, 1, 4, 50):
            path = f"/api/v1/manage/points/{point_uid}/standing"
            standing = await api.ok(await api.get(path, fan_id=order[place], around=around))
            near = [(row["rank"], row["fan_id"], row["point_count"]) for row in standing["around"]]
            assert near == ranked[max(0, place - around) : place + around + 1]
            assert standing["rank"] == ranked[place][0]


async def test_a_leaderboard_needs_a_day(api: Api) -> None:
    answer = await api.get("/api/v1/crm/fan_points/leaderboard", point_name="Ties")
    assert [each["field"] for each in answer.json()["errors"]] == ["start_date"]


async def test_a_campaign_board_leaves_hidden_fans_out(api: Api, db: Db) -> None:
    point_uid = await some_point(api, "Campaign")
    page_tab_id = await db.value(
        "insert into campaigns (account_id, title, created_at, updated_at) values ($1, 'Quiz', now(), now())"
        " returning page_tab_id",
        api.account_id,
    )
    fans = await some_fans(db, api.account_id, 3)
    for fan_id, count in zip(fans, (3, 2, 1), strict=True):
        await award(api, point_uid, fan_id, count, page_tab_id=page_tab_id)
    await award(api, point_uid, fans[1], 100)
    await api.ok(await api.post(f"/api/v1/manage/fans/{fans[0]}/visibility", is_hidden=True))
    path = f"/api/v1/crm/campaigns/{page_tab_id}/leaderboard"
    board = await api.ok(await api.get(path))
    assert [(row["rank"], row["fan_id"], row["points"], row["balance"]) for row in board] == [
        (1, fans[1], 2, 102),
        (2, fans[2], 1, 1),
    ]
    assert [row["is_hidden"] for row in await api.ok(await api.get(path, show_hidden="on"))] == [True, False, False]
    public = await api.ok(await api.public_get(f"/api/v1/campaigns/{page_tab_id}/leaderboard"))
    assert [row["fan_id"] for row in public] == fans[1:]
    assert set(public[0]) == {"fan_id", "display_name", "correct_answer_count", "points", "clicker_points"}
    total = await api.ok(await api.public_get(f"/api/v1/campaigns/{page_tab_id}/total_points"))
    assert total == {"total_points": 6}
    rows = await api.ok(await api.public_get(f"/api/v1/campaigns/{page_tab_id}/fan_points"))
    assert [(row["fan_id"], row["point_count"]) for row in rows] == [(fans[2], 1), (fans[1], 2)]


async def test_balances_and_ranks_equal_their_definitions_after_racing_awards(api: Api, db: Db) -> None:
    seed = run_seed(7)
    chance = random.Random(seed)
    point_uid = await some_point(api, "Random")
    fans = await some_fans(db, api.account_id, 60)
    criteria = [(chance.choice(fans), chance.choice((1, 5, -4, 900, 5000, -7000, 123456))) for _ in range(600)]
    for start in range(0, len(criteria), 100):
        await asyncio.gather(*(award(api, point_uid, fan_id, count) for fan_id, count in criteria[start : start + 100]))
    board = f"point:{point_uid}"
    truth = await db.rows(
        "select fan_id, sum(point_count)::bigint as total, rank() over (order by sum(point_count) desc) as rank"
        " from fan_points where account_id = $1 and point_uid = $2 group by fan_id order by fan_id",
        api.account_id,
        point_uid,
    )
    remaining = await db.rows(
        "select fan_id, total from standings where account_id = $1 and board = $2 order by fan_id",
        api.account_id,
        board,
    )
    assert [(row["fan_id"], row["total"]) for row in remaining] == [(row["fan_id"], row["total"]) for row in truth], (
        seed
    )
    ranks = await db.rows(RANKS, api.account_id, board, [row["total"] for row in truth])
    assert [int(row["rank"]) for row in ranks] == [row["rank"] for row in truth], seed
