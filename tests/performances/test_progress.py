"""Progress in quests: the same in any order of what fans do, and after crashes, merges and erasures."""

import asyncio
import random
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.campaigns.actions.activities import record_fan_activity
from fanfare.campaigns.schemas.activities import NewFanActivity
from fanfare.kernel.data.db import Db
from fanfare.performances.jobs import settle_quests
from fanfare.performances.queries.quests import accounts_with_due_quests
from tests.api import Api
from tests.performances.quests import (
    balance,
    completed,
    logged_in,
    quests_of,
    register,
    scan,
    settle_all,
    some_campaign,
    some_fan,
    some_performance,
    some_quest,
)
from tests.points.bookings import award, some_point
from tests.registrations.gates import some_passes
from tests.running import Program
from tests.waits import until, until_blocked

SEED = 20270703
FANS = 12
DID = """
import asyncio, sys
from datetime import UTC, datetime
import fanfare.app
from fanfare.campaigns.actions.activities import record_fan_activity
from fanfare.campaigns.schemas.activities import NewFanActivity
from fanfare.kernel.data.db import Db

async def main():
    db = await Db.connect(sys.argv[1], size=2)
    new = NewFanActivity(fan_id=int(sys.argv[3]), campaign_title=sys.argv[4])
    await record_fan_activity(db, int(sys.argv[2]), new, datetime.now(UTC))

asyncio.run(main())
"""


class Course:
    """A performance with a quest of each kind, some of which others or points open."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.name = uuid.uuid4().hex
        self.uid = self.point_uid = ""
        self.campaign = self.link = 0
        self.quests: list[int] = []

    async def begin(self) -> "Course":
        api, name = self.api, self.name
        self.uid = await some_performance(api, campaign_event_key=name)
        self.campaign = await some_campaign(api, name)
        self.point_uid = await some_point(api, name)
        paid = {"point_uid": self.point_uid}

        async def quest(*args: Any, **values: Any) -> int:
            self.quests.append(await some_quest(api, self.uid, *args, **values))
            return self.quests[-1]

        first = await quest("scan", scan_group_names=[name], fan_points_reward=10, **paid)
        second = await quest("campaign", target_page_tab_id=self.campaign, required_page_tab_ids=[first])
        third = await quest("registration", fan_points_reward=30, required_page_tab_ids=[second], **paid)
        await quest("check_in", fan_points_required=60, fan_points_reward=5, **paid)
        self.link = await quest("link", required_page_tab_ids=[first, third])
        await quest("points", fan_points_required=70, required_page_tab_ids=[third], fan_points_reward=1, **paid)
        # of which nothing comes
        await quest("points", fan_points_required=10_000, **paid)
        await quest("registration", fan_points_required=10_000, **paid)
        return self

    async def causes(self, fan_id: int, session_uid: str) -> list[Any]:
        """Return what a fan does, each as a function."""
        api, key = self.api, uuid.uuid4().hex
        (one,) = await some_passes(api, self.campaign, quantity=1, fan_id=fan_id, event_key=self.name)
        visit = f"/api/v1/sessions/{session_uid}/quests/{self.link}/visit"
        return [
            lambda: scan(api, key, self.name),
            lambda: api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title=self.name),
            lambda: register(api, fan_id, registration_key=key, event_key=self.name),
            lambda: scan(api, "", "Gate", pass_code=one["pass_code"]),
            lambda: api.public_post(visit),
            lambda: award(api, self.point_uid, fan_id, 25),
            lambda: award(api, self.point_uid, fan_id, -40),
        ]

    async def state(self, fan_id: int) -> Any:
        rows = await quests_of(self.api, self.uid, fan_id)
        rows_of_fan = [(row["progress_count"], row["is_open"], row["is_completed"]) for row in rows.values()]
        return rows_of_fan, await balance(self.api, fan_id, self.point_uid)


async def test_any_order_of_what_a_fan_does_leaves_the_same(api: Api, db: Db) -> None:
    course, chance = await Course(api).begin(), random.Random(SEED)
    fans = [await logged_in(api) for _ in range(FANS)]

    async def live(fan_id: int, session_uid: str, order: list[int], *, at_once: bool) -> None:
        causes = await course.causes(fan_id, session_uid)
        if at_once:
            await asyncio.gather(*(causes[place]() for place in order))
            return
        for place in order:
            await causes[place]()

    orders = [chance.sample(range(7), 7) for _ in fans]
    await asyncio.gather(
        *(
            live(*fan, order, at_once=number % 3 == 0)
            for number, (fan, order) in enumerate(zip(fans, orders, strict=True))
        )
    )
    states = [await course.state(fan_id) for fan_id, _ in fans]
    assert states == [states[0]] * FANS
    rows_of_fan, total = states[0]
    assert [is_completed for *_, is_completed in rows_of_fan] == [True] * 6 + [False] * 2
    assert total == 10 + 30 + 5 + 1 + 25 - 40
    await settle_all(db, api.account_id)
    assert [await course.state(fan_id) for fan_id, _ in fans] == states
    assert await db.value("select count(*) from quest_progresses where is_due") == 0


async def test_what_a_killed_process_left_is_settled_once(api: Api, db: Db, database_url: str) -> None:
    uid, fan_id, title = await some_performance(api), await some_fan(api), uuid.uuid4().hex
    point_uid = await some_point(api, uuid.uuid4().hex)
    target = await some_campaign(api, title)
    quest = await some_quest(api, uid, "campaign", target_page_tab_id=target, fan_points_reward=10, point_uid=point_uid)
    command = [sys.executable, "-c", DID, database_url, str(api.account_id), str(fan_id), title]
    async with db.transaction() as tx:
        # The activity is stored; what completes the quest waits for the fan's row.
        await tx.execute("select from fans where fan_id = $1 for no key update", fan_id)
        with Program(command) as program:
            await until_blocked(db, tx, count=1)
            program.kill()
    row = (await quests_of(api, uid, fan_id))[quest]
    assert (row["progress_count"], row["is_completed"]) == (1, False)
    assert api.account_id in await accounts_with_due_quests(db)
    await settle_quests(db, api.account_id, datetime.now(UTC))
    assert (await completed(api, uid, fan_id), await balance(api, fan_id, point_uid)) == ({quest}, 10)
    new = NewFanActivity(fan_id=fan_id, campaign_title=title)
    await record_fan_activity(db, api.account_id, new, datetime.now(UTC))
    await settle_quests(db, api.account_id, datetime.now(UTC))
    assert await balance(api, fan_id, point_uid) == 10


async def test_a_failure_to_settle_loses_no_activity(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    uid, fan_id, title = await some_performance(api), await some_fan(api), uuid.uuid4().hex
    quest = await some_quest(api, uid, "campaign", target_page_tab_id=await some_campaign(api, title))
    monkeypatch.setattr("fanfare.performances.actions.settling.BEGIN", "select $1::bigint / 0, $2::bigint[]")
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title=title))
    monkeypatch.undo()
    assert await completed(api, uid, fan_id) == set()
    await settle_all(db, api.account_id)
    assert await completed(api, uid, fan_id) == {quest}


async def test_a_merge_keeps_progress_pays_nothing_twice_and_can_be_undone(api: Api, db: Db) -> None:
    uid, title, point_uid = await some_performance(api), uuid.uuid4().hex, await some_point(api, uuid.uuid4().hex)
    target, paid = await some_campaign(api, title), {"fan_points_reward": 10, "point_uid": point_uid}
    first = await some_quest(api, uid, "campaign", target_page_tab_id=target, **paid)
    second = await some_quest(api, uid, "points", fan_points_required=100, point_uid=point_uid)
    third = await some_quest(api, uid, "scan", scan_group_names=[title], required_page_tab_ids=[first], **paid)
    fan_id, absorbed = await some_fan(api), await some_fan(api)
    key = await register(api, fan_id)
    await scan(api, key, title)
    await award(api, point_uid, fan_id, 45)
    await award(api, point_uid, absorbed, 45)
    await api.ok(await api.post(f"/api/v1/crm/fans/{absorbed}/activities", campaign_title=title))
    assert (await completed(api, uid, fan_id), await completed(api, uid, absorbed)) == (set(), {first})
    before = await quests_of(api, uid, fan_id), await quests_of(api, uid, absorbed)
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/merge", merged_fan_id=absorbed))
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/unmerge", merged_fan_id=absorbed))
    assert (await quests_of(api, uid, fan_id), await quests_of(api, uid, absorbed)) == before
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/merge", merged_fan_id=absorbed))
    await settle_all(db, api.account_id)
    assert await completed(api, uid, fan_id) == {first, second, third}
    assert await balance(api, fan_id, point_uid) == 45 + 45 + 10 + 10
    for _ in range(2):
        await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title=title))
    assert await balance(api, fan_id, point_uid) == 45 + 45 + 10 + 10


async def test_a_merge_that_is_undone_pays_no_quest_again(api: Api, db: Db) -> None:
    uid, title, fan_id, absorbed = await some_performance(api), uuid.uuid4().hex, *[await some_fan(api) for _ in "ab"]
    quest = await some_quest(
        api, uid, "campaign", target_page_tab_id=await some_campaign(api, title), fan_points_reward=10
    )
    await api.ok(await api.post(f"/api/v1/crm/fans/{absorbed}/activities", campaign_title=title))
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/merge", merged_fan_id=absorbed))
    await settle_all(db, api.account_id)
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/unmerge", merged_fan_id=absorbed))
    await api.ok(await api.post(f"/api/v1/crm/fans/{absorbed}/activities", campaign_title=title))
    await settle_all(db, api.account_id)
    paid_keys = await db.rows(
        "select award_key from fan_points where account_id = $1 and page_tab_id = $2", api.account_id, quest
    )
    assert sorted(row["award_key"] for row in paid_keys) == [f"quest:{quest}:{absorbed}"]


async def test_progress_is_exported_and_erased(api: Api, db: Db) -> None:
    uid, fan_id, title = await some_performance(api), await some_fan(api), uuid.uuid4().hex
    quest = await some_quest(api, uid, "campaign", target_page_tab_id=await some_campaign(api, title))
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title=title))
    export = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/export"))
    assert [row["page_tab_id"] for row in export["tables"]["quest_progresses"]] == [quest]
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    assert await db.value("select count(*) from quest_progresses where fan_id = $1", fan_id) == 0


async def test_fans_are_merged_and_erased_while_they_take_part(api: Api, db: Db) -> None:
    uid, title, point_uid = await some_performance(api), uuid.uuid4().hex, await some_point(api, uuid.uuid4().hex)
    quest = await some_quest(api, uid, "scan", scan_group_names=[title], fan_points_reward=1, point_uid=point_uid)
    for number in range(6):
        fan_id, other = await some_fan(api), await some_fan(api)
        key = await register(api, other)
        end = (
            api.post(f"/api/v1/manage/fans/{fan_id}/merge", merged_fan_id=other)
            if number % 2
            else api.post(f"/api/v1/manage/fans/{other}/erase")
        )
        ended, *_ = await asyncio.gather(end, *(scan(api, key, title) for _ in range(3)))
        assert ended.status_code == 200, ended.text
        if number % 2:
            await settle_all(db, api.account_id)
            assert await completed(api, uid, fan_id) == {quest}
            assert await balance(api, fan_id, point_uid) == 1
        else:
            assert await db.value("select count(*) from quest_progresses where fan_id = $1", other) == 0


async def test_a_quest_that_requires_another_waits_for_scans_that_complete_it(api: Api, db: Db) -> None:
    uid, fan_id, group = await some_performance(api), await some_fan(api), uuid.uuid4().hex
    key = await register(api, fan_id)
    first = await some_quest(api, uid, "scan", scan_group_names=[group])
    async with db.transaction() as tx:
        await tx.execute("select from fans where fan_id = $1 for no key update", fan_id)
        # The scan completes the first quest and waits for the fan, the second quest for the scan.
        scanning = asyncio.create_task(scan(api, key, group))
        await until_blocked(db, tx, scanning)
        creating = asyncio.create_task(
            some_quest(api, uid, "scan", scan_group_names=[f"{group} two"], required_page_tab_ids=[first])
        )
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        await until(lambda: db.value(waiting))
    await scanning
    second = await creating
    await scan(api, key, f"{group} two")
    assert await completed(api, uid, fan_id) == {first, second}


async def test_a_scan_of_a_fan_who_is_merged_meanwhile_counts_for_the_one_who_remains(api: Api, db: Db) -> None:
    uid, group = await some_performance(api), uuid.uuid4().hex
    fan_id, absorbed = await some_fan(api), await some_fan(api)
    key = await register(api, absorbed)
    quest = await some_quest(api, uid, "scan", scan_group_names=[group])
    async with db.transaction() as tx:
        await tx.execute("select from fans where fan_id = $1 for no key update", fan_id)
        merging = asyncio.create_task(api.post(f"/api/v1/manage/fans/{fan_id}/merge", merged_fan_id=absorbed))
        await until_blocked(db, tx, merging)
        scanning = asyncio.create_task(scan(api, key, group))
    await api.ok(await merging)
    await scanning
    assert await completed(api, uid, fan_id) == {quest}
    sql = "select count(*) from quest_progresses where account_id = $1 and fan_id = $2"
    assert await db.value(sql, api.account_id, absorbed) == 0
