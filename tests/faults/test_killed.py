"""R1, R2 and R3: kill -9 and stops under write load; what was acknowledged is there, whole, and nothing else happens.

The short form kills a few times; FANFARE_FAULTS=full kills as often as the promises say. The seed is printed, and
FANFARE_SEED repeats its run.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import httpx
import psutil
import pytest

from fanfare.accounts.actions import create_account
from fanfare.kernel.data.db import Db
from fanfare.trackers.verdicts.rules import COUNT_COLUMNS
from tests import announcements
from tests.kernel.running.test_up import Up, running_up
from tests.running import PATIENCE
from tests.seeds import run_seed
from tests.trackers.links import SAFARI, TARGET, query_of

IS_FULL = os.environ.get("FANFARE_FAULTS") == "full"
SEED = run_seed(4)
KILLS = {"fanfare.cli.server": 200 if IS_FULL else 3, "fanfare.cli.worker": 20 if IS_FULL else 1}
DATABASE_KILLS = 50 if IS_FULL else 2
RED_SECONDS = 5 if IS_FULL else PATIENCE
WRITERS = 6
# What is promised; the short form runs beside other tests on a busy machine.
BACK_SECONDS = 10 if IS_FULL else PATIENCE
NUMBERS = count(1)


class Load:
    """Writers who note what was acknowledged, and every answer that was neither that nor a promise to come back."""

    def __init__(self, up: Up, keys: dict[str, str], point_uid: str) -> None:
        self.up = up
        self.keys = keys
        self.point_uid = point_uid
        self.fans: dict[str, int] = {}
        self.activities: set[int] = set()
        self.awards: set[str] = set()
        self.clicks: set[int] = set()
        self.strange: list[str] = []
        self.acknowledged = 0
        self.is_over = False

    async def write(self) -> None:
        """Add a fan with an activity and a booking, again and again, each step once more when it was not answered."""
        async with httpx.AsyncClient(base_url=self.up.facts["url"], headers=self.keys, timeout=PATIENCE) as client:
            while not self.is_over:
                number = next(NUMBERS)
                created = await self._post(
                    client, "activities", email=f"k{number}@example.com", campaign_title="Killed"
                )
                if created is None:
                    continue
                ((fan_id, activity_id),) = [(row["fan_id"], row["activity_id"]) for row in created]
                self.fans[f"k{number}@example.com"] = fan_id
                self.activities.add(activity_id)
                values = {"point_uid": self.point_uid, "fan_id": fan_id, "point_count": 3, "award_key": f"a{number}"}
                if await self._post(client, "fan_points", **values) is not None:
                    self.awards.add(f"a{number}")
                await self._click(client, f"{SAFARI} [{number}]")

    async def _click(self, client: httpx.AsyncClient, agent: str) -> None:
        """Follow a link, in a browser that was never there; one that redirects has stored the click."""
        with suppress(httpx.TransportError):
            answer = await client.get("/trk/killed", headers={"User-Agent": agent, "Cookie": ""})
            if answer.status_code == 302:
                self.clicks.add(int(query_of(answer)["trk_click"].partition("-")[0]))

    async def _post(self, client: httpx.AsyncClient, kind: str, **values: object) -> list[dict[str, int]] | None:
        try:
            answer = await client.post(f"/api/v1/crm/{kind}", json=values)
        except httpx.TransportError:
            await asyncio.sleep(0.05)
            return None
        if answer.status_code == 200:
            self.acknowledged += 1
            written: list[dict[str, int]] = answer.json()
            return written
        # What a dying database causes is an outage, and no fault of the server's own.
        is_outage = answer.status_code == 503 and "retry-after" in answer.headers and "went wrong" not in answer.text
        if not is_outage:
            self.strange.append(f"{kind}: {answer.status_code} {answer.text}")
        await asyncio.sleep(0.05)
        return None

    async def outlives(self, word: str) -> float:
        """Kill a process, and wait until writes are acknowledged with its successor; return how long it took."""
        killed, started = self.up.child(word), time.monotonic()
        killed.kill()
        # Until its successor runs a dead PostgreSQL may go on in some of its processes for a moment.
        while self.up.children(word) in ([], [killed]) or await asyncio.to_thread(self.up.status) != 200:
            assert time.monotonic() - started < BACK_SECONDS * 2, f"{word} did not come back, seed {SEED}"
            await asyncio.sleep(0.02)
        await self.goes_on()
        return time.monotonic() - started

    async def goes_on(self) -> float:
        """Wait until writes are acknowledged again; return how long it took."""
        old, started = self.acknowledged, time.monotonic()
        while self.acknowledged < old + WRITERS * 2:
            assert time.monotonic() - started < BACK_SECONDS * 2, f"no write for long, seed {SEED}"
            await asyncio.sleep(0.02)
        return time.monotonic() - started


@pytest.fixture
async def load(tmp_path: Path) -> AsyncIterator[Load]:
    with running_up(tmp_path / "data") as up:
        db = await Db.connect(up.facts["database_url"], size=2)
        account = await create_account(db, "Killed", datetime.now(UTC), country_code="CA")
        await db.execute("update api_keys set rate_limit = 1000000000 where account_id = $1", account.account_id)
        keys = {"Api-Key": str(account.api_key), "Api-Secret": account.api_secret}
        async with httpx.AsyncClient(base_url=up.facts["url"], headers=keys, timeout=PATIENCE) as client:
            created = await client.post("/api/v1/manage/points", json={"point_name": "Loyalty"})
            link = {"virtual_domain": "localhost", "target_url": TARGET, "tracker_key": "killed"}
            names = {"tracker_name": "Killed", "tracker_group_name": "Killed"}
            (await client.post("/api/v1/trackers", json={**link, **names})).raise_for_status()
        load = Load(up, keys, created.json()["point_uid"])
        writers = [asyncio.create_task(load.write()) for _ in range(WRITERS)]
        yield load
        load.is_over = True
        await asyncio.gather(*writers)
        await _check(load, up, account.account_id)
        await db.close()


async def _backends(up: Up) -> list[psutil.Process]:
    """Wait for PostgreSQL's connections and return their processes.

    A write may be acknowledged after a backend was killed and before the others end: for a moment there is none then.
    """
    started = time.monotonic()
    while not (backends := [each for each in up.child("postgres").children() if _is_backend(each)]):
        assert time.monotonic() - started < PATIENCE, f"no connection for long, seed {SEED}"
        await asyncio.sleep(0.02)
    return backends


def _is_backend(process: psutil.Process) -> bool:
    try:
        return any("fanfare fanfare" in word for word in process.cmdline()[:1])
    except psutil.NoSuchProcess:
        return False


async def _check(load: Load, up: Up, account_id: int) -> None:
    """Hold what is stored against what was acknowledged, and its halves against each other."""
    started = time.monotonic()
    while await asyncio.to_thread(up.status) != 200:
        assert time.monotonic() - started < PATIENCE, f"no database for long, seed {SEED}"
    db = await Db.connect(up.facts["database_url"], size=2)
    fans = await db.rows(
        "select identifier_value, fan_id from fan_identifiers where account_id = $1 and network = 'email'", account_id
    )
    rows = {row["identifier_value"]: row["fan_id"] for row in fans}
    assert {mail: rows.get(mail) for mail in load.fans} == load.fans, f"lost fans, seed {SEED}"
    activities = await db.rows("select activity_id from activities where account_id = $1", account_id)
    assert load.activities <= {row["activity_id"] for row in activities}, f"lost activities, seed {SEED}"
    awards = await db.rows("select award_key from fan_points where account_id = $1", account_id)
    assert load.awards <= {row["award_key"] for row in awards}, f"lost bookings, seed {SEED}"
    clicks = await db.rows("select click_id from tracker_clicks where account_id = $1", account_id)
    assert load.clicks <= {row["click_id"] for row in clicks}, f"lost clicks, seed {SEED}"
    halves = await db.row(HALVES, account_id)
    assert halves is not None
    assert dict(halves) == dict.fromkeys(halves.keys(), 0), f"half-written, seed {SEED}"
    await announcements.check(db)
    await db.close()
    assert load.strange == []
    assert load.acknowledged > 0
    assert load.clicks


# What must come together: a count for each way in which one half is there without the other.
HALVES = f"""
    select (select count(*) from activities a where account_id = $1 and not exists (
                select from changes c where c.account_id = $1 and c.position = a.activity_id)) as untold_activities,
           (select count(*) from changes c where account_id = $1 and topic = 'activity.created' and not exists (
                select from activities a where a.account_id = $1 and a.activity_id = c.position)) as told_for_nothing,
           (select count(*) from fans f where account_id = $1 and not exists (
                select from fan_identifiers i where i.account_id = $1 and i.fan_id = f.fan_id)) as nameless_fans,
           (select count(*) from standings s where account_id = $1 and s.total <> (
                select sum(p.point_count) from fan_points p
                where p.account_id = $1 and p.fan_id = s.fan_id and s.board = 'point:' || p.point_uid))
               as wrong_balances,
           (select count(*) from fan_activity f where account_id = $1 and activity_count <> (
                select count(*) from activities a where a.account_id = $1 and a.fan_id = f.fan_id)) as wrong_counts,
           (select count(*) from tracker_clicks where account_id = $1)
               - (select coalesce(sum({" + ".join(COUNT_COLUMNS.values())}), 0)::bigint from tracker_click_days
                  where account_id = $1)
               as uncounted_clicks
"""


@pytest.mark.parametrize("word", KILLS)
async def test_killed_processes_lose_nothing(load: Load, word: str) -> None:
    chance = random.Random(SEED)
    await load.goes_on()
    for _ in range(KILLS[word]):
        await asyncio.sleep(chance.uniform(0.05, 0.6))
        assert await load.outlives(word) < BACK_SECONDS


async def test_a_killed_database_loses_nothing_and_comes_back(load: Load) -> None:
    chance = random.Random(SEED)
    await load.goes_on()
    for _ in range(DATABASE_KILLS):
        await asyncio.sleep(chance.uniform(0.2, 0.8))
        assert await load.outlives("postgres") < BACK_SECONDS


@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGKILL])
async def test_killed_backends_lose_nothing(load: Load, word: signal.Signals) -> None:
    chance = random.Random(SEED)
    await load.goes_on()
    # The database ends one that was told to; after one that was killed it starts anew.
    for _ in range(DATABASE_KILLS * (5 if word == signal.SIGTERM else 1)):
        await asyncio.sleep(chance.uniform(0.1, 0.4))
        backends = await _backends(load.up)
        for backend in chance.sample(backends, min(len(backends), 3)):
            _signal(backend, word)
        assert await load.goes_on() < BACK_SECONDS


async def test_a_database_that_hangs_turns_readyz_red_and_everything_recovers(load: Load) -> None:
    await load.goes_on()
    postgres = load.up.child("postgres")
    frozen = [postgres, *postgres.children(recursive=True)]
    for process in frozen:
        _signal(process, signal.SIGSTOP)
    try:
        started = time.monotonic()
        while await asyncio.to_thread(load.up.status) != 503:
            assert time.monotonic() - started < RED_SECONDS, "/readyz stayed green"
            await asyncio.sleep(0.1)
        assert await asyncio.to_thread(load.up.status, "/healthz") == 200
        await asyncio.sleep(60 if IS_FULL else 3)
    finally:
        for process in frozen:
            _signal(process, signal.SIGCONT)
    assert await load.goes_on() < BACK_SECONDS
    assert load.up.status() == 200


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
