"""Draws of winners: committed before, replayed afterwards by the program of docs/draws.md, once whoever asks."""

import asyncio
import hashlib
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.console.people import add_person
from tests.draws.entries import campaign_with, complete, enter, entrants, list_text, new_draw, steps

DOCS = Path(__file__).parents[2] / "docs" / "draws.md"
NAMES = [f"fan{number}" for number in range(12)]


@pytest.fixture
async def api(base_url: str, db: Db) -> AsyncIterator[Api]:
    """An account for each test: its winners are left out of nobody else's draws."""
    async with new_api(base_url, db) as api:
        yield api


def replay(folder: Path, seed: str, text: str, count: int, *public: str) -> list[str]:
    """Return the lines that the program of the documentation prints."""
    match = re.search(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert match
    program, file = folder / "replay.py", folder / "list.csv"
    program.write_text(match[1], "utf-8")
    file.write_text(text, "utf-8")
    command = [sys.executable, str(program), seed, str(file), str(count), *public]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


async def test_anybody_can_replay_a_draw(api: Api, tmp_path: Path) -> None:
    campaign = await campaign_with(api, "Shirt", *NAMES)
    created = await api.ok(
        await api.post("/api/v1/manage/draws", page_tab_id=campaign, winner_count=3, reserve_count=2, draw_name="Shirt")
    )
    draw_uid = created["draw_uid"]
    waiting = await api.ok(await api.get(f"/api/v1/manage/draws/{draw_uid}"))
    assert (waiting["draw_state"], waiting["seed"], waiting["list_hash"]) == ("waiting", None, None)
    assert waiting["seed_hash"] == created["seed_hash"]
    assert await entrants(api, draw_uid) == []
    draw = await complete(api, draw_uid)
    rows = await entrants(api, draw_uid)
    assert len(rows) == draw["entrant_count"] == draw["entry_count"] == 12
    lines = await asyncio.to_thread(replay, tmp_path, draw["seed"], list_text(rows), 5)
    decided = await steps(api, draw_uid)
    assert lines[:2] == [f"seed hash {created['seed_hash']}", f"list hash {draw['list_hash']}"]
    assert lines[2:] == [f"{step['draw_place']} {step['activity_id']}" for step in decided]
    assert [step["winner_kind"] for step in decided] == ["winner"] * 3 + ["reserve"] * 2
    # Fans without a gap in the numbers, and each of them once.
    assert len({step["fan_id"] for step in decided}) == 5


async def test_every_entry_is_a_chance_and_a_fan_wins_once(api: Api, tmp_path: Path) -> None:
    campaign = await campaign_with(api, "Scarf", "ann", "ann", "bob", "ann", "cid", "bob")
    draw_uid = await new_draw(api, campaign, winner_count=3, entry_rule="every_entry", public_source="Lottery")
    draw = await complete(api, draw_uid, public_value="4 8 15 16 23 42")
    rows = await entrants(api, draw_uid)
    assert (draw["entry_count"], draw["entrant_count"], len(rows)) == (6, 3, 6)
    assert [first for _, first in rows] == [rows[0][0], rows[0][0], rows[2][0], rows[0][0], rows[4][0], rows[2][0]]
    lines = await asyncio.to_thread(replay, tmp_path, draw["seed"], list_text(rows), 3, "4 8 15 16 23 42")
    decided = await steps(api, draw_uid)
    assert lines[2:] == [f"{step['draw_place']} {step['activity_id']}" for step in decided]
    assert len({step["fan_id"] for step in decided}) == 3


async def test_a_draw_takes_place_once_whoever_asks_at_the_same_time(api: Api) -> None:
    campaign = await campaign_with(api, "Ball", *NAMES)
    draw_uid = await new_draw(api, campaign, winner_count=4)
    answers = await asyncio.gather(*(complete(api, draw_uid) for _ in range(6)))
    assert all(answer == answers[0] for answer in answers)
    assert len(await steps(api, draw_uid)) == 4
    # Draws of one campaign at the same time have different winners, since the second sees those of the first.
    uids = [await new_draw(api, campaign, winner_count=2) for _ in range(4)]
    await asyncio.gather(*(complete(api, uid) for uid in uids))
    fans = [step["fan_id"] for uid in (draw_uid, *uids) for step in await steps(api, uid)]
    assert len(fans) == len(set(fans)) == 12


async def test_who_is_left_out(api: Api, db: Db) -> None:
    await api.post("/api/v1/crm/ip_addresses", ip_address="192.0.2.0/24", is_blocked=True)
    campaign = await campaign_with(api, "Cap", "ann", "bob", "cid", "dan", "eve")
    await enter(api, "Cap", "fay", ip_address="192.0.2.7")
    await enter(api, "Cap", "eve", ip_address="192.0.2.7")
    await add_person(db, api.account_id, "ANN@example.com")
    # The key by which addresses are compared is in lower case.
    await db.execute("update staff set email_key = 'ann@example.com' where email = 'ANN@example.com'")
    fans = {name: (await enter(api, "Elsewhere", name))["fan_id"] for name in ("bob", "cid", "dan", "eve")}
    await api.ok(await api.post(f"/api/v1/manage/fans/{fans['bob']}/visibility", is_hidden=True))
    await api.ok(await api.post(f"/api/v1/manage/campaigns/{campaign}/close", winner_fan_id=fans["cid"]))
    draw_uid = await new_draw(api, campaign, winner_count=5)
    preview = await api.ok(await api.get(f"/api/v1/manage/draws/{draw_uid}/preview"))
    assert preview == {
        "entry_count": 7, "entrant_count": 2, "excluded_staff_count": 1, "excluded_winner_count": 1,
        "excluded_blocked_count": 2,
    }  # fmt: skip
    draw = await complete(api, draw_uid)
    assert {name: draw[name] for name in preview} == preview
    assert {step["fan_id"] for step in await steps(api, draw_uid)} == {fans["dan"], fans["eve"]}
    every = {"is_staff_excluded": False, "winners_excluded": "none", "is_blocked_excluded": False}
    draw = await complete(api, await new_draw(api, campaign, winner_count=9, **every))
    assert draw["entrant_count"] == 6


async def test_winners_of_other_campaigns_are_left_out_where_that_is_asked_for(api: Api) -> None:
    first = await campaign_with(api, "Glove", "ann", "bob")
    other = await campaign_with(api, "Sock", "ann", "bob", "cid", "dan")
    await complete(api, await new_draw(api, first, winner_count=2))
    near, far = [
        await new_draw(api, other, winners_excluded=scope, is_blocked_excluded=False)
        for scope in ("campaign", "account")
    ]
    for uid, count in ((near, 4), (far, 2)):
        assert (await api.ok(await api.get(f"/api/v1/manage/draws/{uid}/preview")))["entrant_count"] == count
    empty = await new_draw(api, first, winners_excluded="account")
    assert (await api.post(f"/api/v1/manage/draws/{empty}/complete")).json()["code"] == "no_entrants"


async def test_entries_in_time_take_part(api: Api) -> None:
    campaign = await campaign_with(api, "Early", "ann", "bob")
    late = await new_draw(api, campaign, start_timestamp="2199-01-01 00:00:00")
    assert (await api.ok(await api.get(f"/api/v1/manage/draws/{late}/preview")))["entry_count"] == 0
    wrong = {"start_timestamp": "2026-02-01 00:00:00", "end_timestamp": "2026-01-01 00:00:00"}
    answer = await api.post("/api/v1/manage/draws", page_tab_id=campaign, winner_count=1, **wrong)
    assert answer.json()["errors"][0]["field"] == "end_timestamp"
    answer = await api.post("/api/v1/manage/draws", page_tab_id=2**40, winner_count=1)
    assert answer.json()["errors"][0]["field"] == "page_tab_id"


async def test_a_winner_is_replaced_with_a_reason_and_nothing_is_removed(api: Api) -> None:
    campaign = await campaign_with(api, "Flag", "ann", "bob", "cid", "dan")
    draw_uid = await new_draw(api, campaign, winner_count=1, reserve_count=1)
    path = f"/api/v1/manage/draws/{draw_uid}/replace"
    assert (await api.post(path, winner_number=1, reason="Too early")).json()["code"] == "no_winner"
    await complete(api, draw_uid)
    first, reserve = await steps(api, draw_uid)
    answers = await asyncio.gather(*(api.post(path, winner_number=1, reason="No answer") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    decided = await steps(api, draw_uid)
    assert decided[0] == {**first, "is_valid": False}
    assert decided[1] == {**reserve, "is_valid": False}
    assert [(step["winner_kind"], step["target_number"]) for step in decided[2:]] == [("strike", 1), ("replacement", 1)]
    assert (decided[2]["fan_id"], decided[2]["reason"]) == (first["fan_id"], "No answer")
    assert (decided[3]["fan_id"], decided[3]["is_valid"]) == (reserve["fan_id"], True)
    # Only a winner can be struck, and once.
    for number in (1, 2, 3, 99):
        assert (await api.post(path, winner_number=number, reason="x")).json()["code"] == "no_winner"
    # Whoever is erased meanwhile is passed over.
    order = await _order(api, draw_uid)
    await api.ok(await api.post(f"/api/v1/manage/fans/{order[2]}/erase"))
    answer = await api.ok(await api.post(path, winner_number=4, reason="No answer"))
    assert answer["fan_id"] == order[3]
    assert [step["winner_kind"] for step in (await steps(api, draw_uid))[4:]] == ["strike", "pass", "replacement"]
    answer = await api.ok(await api.post(path, winner_number=7, reason="No answer"))
    assert answer == {"strike_number": 8, "winner_number": None, "fan_id": None}


async def _order(api: Api, draw_uid: str) -> list[int]:
    """Return the fans of a draw in its order, computed here."""
    draw = await api.ok(await api.get(f"/api/v1/manage/draws/{draw_uid}"))
    rows = await entrants(api, draw_uid)
    key = hashlib.sha256(bytes.fromhex(draw["seed"] + draw["list_hash"])).digest()
    entries = sorted((entry for entry, _ in rows), key=lambda entry: hashlib.sha256(key + str(entry).encode()).digest())
    activities = (await api.ok(await api.get("/api/v1/crm/activities")))["data"]
    fans = {row["activity_id"]: row["fan_id"] for row in activities}
    return [fans[entry] for entry in entries]


async def test_an_erasure_leaves_the_proof_and_takes_the_person(api: Api, tmp_path: Path) -> None:
    campaign = await campaign_with(api, "Mug", "ann", "bob", "cid")
    draw_uid = await new_draw(api, campaign, winner_count=2)
    draw = await complete(api, draw_uid)
    await api.ok(await api.post(f"/api/v1/manage/draws/{draw_uid}/replace", winner_number=1, reason="Moved away"))
    before = await steps(api, draw_uid)
    text = list_text(await entrants(api, draw_uid))
    export = await api.ok(await api.get(f"/api/v1/manage/fans/{before[0]['fan_id']}/export"))
    assert {row["winner_kind"] for row in export["tables"]["draw_winners"]} == {"winner", "strike"}
    await api.ok(await api.post(f"/api/v1/manage/fans/{before[0]['fan_id']}/erase"))
    assert list_text(await entrants(api, draw_uid)) == text
    assert hashlib.sha256(text.encode()).hexdigest() == draw["list_hash"]
    after = await steps(api, draw_uid)
    assert [step["activity_id"] for step in after] == [step["activity_id"] for step in before]
    assert [(step["fan_id"], step["reason"]) for step in after if step["draw_place"] == 1] == [(None, None)] * 2
    lines = await asyncio.to_thread(replay, tmp_path, draw["seed"], text, 2)
    assert lines[2:] == [f"{step['draw_place']} {step['activity_id']}" for step in after[:2]]


async def test_merged_fans_win_once(api: Api) -> None:
    campaign = await campaign_with(api, "Pin", "ann", "bob", "cid")
    draw_uid = await new_draw(api, campaign, winner_count=1)
    await complete(api, draw_uid)
    order = await _order(api, draw_uid)
    # The winner turns out to be the next in the order, too.
    await api.ok(await api.post(f"/api/v1/manage/fans/{order[1]}/merge", merged_fan_id=order[0]))
    assert (await steps(api, draw_uid))[0]["fan_id"] == order[1]
    answer = await api.ok(await api.post(f"/api/v1/manage/draws/{draw_uid}/replace", winner_number=1, reason="Twice"))
    assert answer["fan_id"] == order[2]
    assert [step["reason"] for step in await steps(api, draw_uid) if step["winner_kind"] == "pass"] == ["has won"]


async def test_a_draw_can_be_withdrawn_and_stays_in_the_list(api: Api) -> None:
    campaign = await campaign_with(api, "Bag", "ann", "bob")
    first, second = await new_draw(api, campaign), await new_draw(api, campaign)
    withdrawn = await api.ok(await api.post(f"/api/v1/manage/draws/{first}/withdraw"))
    assert withdrawn["draw_state"] == "withdrawn"
    assert hashlib.sha256(bytes.fromhex(withdrawn["seed"])).hexdigest() == withdrawn["seed_hash"]
    assert await api.ok(await api.post(f"/api/v1/manage/draws/{first}/withdraw")) == withdrawn
    assert (await api.post(f"/api/v1/manage/draws/{first}/complete")).json()["code"] == "draw_withdrawn"
    await complete(api, second)
    assert (await api.post(f"/api/v1/manage/draws/{second}/withdraw")).json()["code"] == "draw_completed"
    rows = await api.ok(await api.get("/api/v1/manage/draws", page_tab_id=campaign))
    assert [(row["draw_number"], row["draw_state"]) for row in rows] == [(2, "completed"), (1, "withdrawn")]


async def test_a_public_value_is_the_one_that_was_announced(api: Api) -> None:
    campaign = await campaign_with(api, "Cup", "ann")
    announced_draw, plain = await new_draw(api, campaign, public_source="Lottery"), await new_draw(api, campaign)
    answer = await api.post(f"/api/v1/manage/draws/{announced_draw}/complete")
    assert answer.json()["errors"] == [{"field": "public_value", "message": "is required"}]
    answer = await api.post(f"/api/v1/manage/draws/{plain}/complete", public_value="7")
    assert answer.json()["errors"][0]["field"] == "public_value"


async def test_draws_are_in_both_logs_and_no_seed_is_before_its_draw(api: Api, db: Db) -> None:
    campaign = await campaign_with(api, "Hat", "ann", "bob")
    draw_uid = await new_draw(api, campaign)
    draw = await complete(api, draw_uid)
    await api.ok(await api.post(f"/api/v1/manage/draws/{draw_uid}/replace", winner_number=1, reason="Ann moved away"))
    sql = "select topic, data from changes where account_id = $1 and topic like 'draw.%' order by position"
    rows: list[Any] = await db.rows(sql, api.account_id)
    assert [row["topic"] for row in rows] == ["draw.created", "draw.completed", "draw.won", "draw.struck", "draw.won"]
    assert rows[0]["data"] == {"page_tab_id": campaign, "seed_hash": draw["seed_hash"]}
    assert rows[1]["data"]["seed"] == draw["seed"]
    entries = await api.ok(await api.get("/api/v1/manage/audit_entries"))
    names = [entry["action_name"] for entry in entries["data"] if entry["action_name"].startswith("manage_draws")]
    assert names == ["manage_draws_replace", "manage_draws_complete", "manage_draws_create"]
    assert "Ann" not in str(entries)
    assert "Ann" not in str(rows)
