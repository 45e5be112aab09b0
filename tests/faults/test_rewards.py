"""Rewards with kill -9: servers die while fans claim; each claim is paid once, and no code or piece goes to two.

The seed is printed; FANFARE_SEED repeats one. `make faults` (FANFARE_FAULTS=full) kills fifty times.
"""

import asyncio
import os
import random
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from fanfare.accounts.actions import create_account
from fanfare.kernel.data.db import Db
from tests import announcements
from tests.api import Api
from tests.kernel.running.test_up import running_up
from tests.performances.quests import some_fan, some_performance
from tests.points.bookings import award, some_point
from tests.running import PATIENCE
from tests.seeds import run_seed

SEED = run_seed(2)
KILLS, FANS, TRIES = (50, 400, 12) if os.environ.get("FANFARE_FAULTS") == "full" else (2, 20, 6)
AT_ONCE, PRICE, LIMIT = 8, 10, 3
UNDONE = "/api/v1/manage/reward_claims"


class Claimant:
    """A fan who claims until the points are spent, and repeats what got no answer under the same key."""

    def __init__(self, api: Api, fan_id: int, reward_uid: str, chance: random.Random) -> None:
        self.api, self.fan_id, self.reward_uid, self.chance = api, fan_id, reward_uid, chance
        self.claims: list[dict[str, Any]] = []
        self.undone: set[int] = set()
        self.refusals: Counter[str] = Counter()

    async def claim_all(self, turns: asyncio.Semaphore) -> None:
        path = f"/api/v1/manage/fans/{self.fan_id}/rewards/{self.reward_uid}/claim"
        for _ in range(TRIES):
            async with turns:
                answer = await self._ask("post", path, claim_key=uuid.UUID(int=self.chance.getrandbits(128)).hex)
                if answer.status_code != 200:
                    self.refusals[answer.json()["code"]] += 1
                    continue
                self.claims.append(answer.json())
                if self.chance.random() < 0.3:
                    claim_id = answer.json()["reward_claim_id"]
                    answer = await self._ask("delete", f"{UNDONE}/{claim_id}", is_code_returned=True)
                    # 404: it was undone before the server died.
                    assert answer.status_code in (200, 404)
                    self.undone.add(claim_id)

    async def _ask(self, method: str, path: str, **values: Any) -> Any:
        while True:
            try:
                answer = await getattr(self.api, method)(path, **values)
            except httpx.TransportError:
                await asyncio.sleep(0.02)
                continue
            if answer.status_code != 503:
                return answer
            await asyncio.sleep(0.02)


async def check(db: Db, account_id: int, reward_uid: str, fans: list[Claimant], codes: list[str]) -> None:
    """Compare what was answered with what is stored."""
    rows = await db.rows("select * from reward_claims where account_id = $1", account_id)
    answered = {row["reward_claim_id"] for fan in fans for row in fan.claims}
    undone = set.union(*(fan.undone for fan in fans))
    assert {row["reward_claim_id"] for row in rows} == answered
    assert {row["reward_claim_id"] for row in rows if row["undone_at"]} == undone
    valid = [row for row in rows if not row["undone_at"]]
    unused = await db.rows("select reward_code from reward_codes where account_id = $1", account_id)
    assert sorted([*(row["reward_code"] for row in valid), *(row["reward_code"] for row in unused)]) == codes
    count = "select claim_count from rewards where account_id = $1 and reward_uid = $2"
    assert await db.value(count, account_id, uuid.UUID(reward_uid)) == len(valid)
    of_fan = Counter(row["fan_id"] for row in valid)
    totals = await db.rows("select fan_id, total from standings where account_id = $1", account_id)
    assert {row["fan_id"]: row["total"] for row in totals} == {
        fan.fan_id: PRICE * LIMIT - PRICE * of_fan[fan.fan_id] for fan in fans
    }
    assert set().union(*(fan.refusals for fan in fans)) <= {"reward_claimed", "not_enough_points", "sold_out"}


async def prepare(api: Api, codes: list[str]) -> tuple[str, list[Claimant]]:
    """Make a reward with codes, and fans with points for a part of what they try."""
    point_uid, performance_uid = await some_point(api, "Loyalty"), await some_performance(api)
    reward = {
        "reward_title": "Scarf", "reward_type": "custom", "fan_points_required": PRICE, "point_uid": point_uid,
        "claim_limit": LIMIT, "code_type": "uploaded", "stock": len(codes),
    }  # fmt: skip
    path = f"/api/v1/performances/{performance_uid}/rewards"
    reward_uid = (await api.ok(await api.post(path, **reward)))["reward_uid"]
    for begin in range(0, len(codes), 500):
        part = codes[begin : begin + 500]
        await api.ok(await api.post(f"/api/v1/manage/rewards/{reward_uid}/codes", codes=part))
    fans = [Claimant(api, await some_fan(api), reward_uid, random.Random(n)) for n in range(FANS)]
    for fan in fans:
        await award(api, point_uid, fan.fan_id, PRICE * LIMIT)
    return reward_uid, fans


async def test_fans_whose_server_is_killed_pay_each_claim_once(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with running_up(tmp_path / "data") as up:
        db = await Db.connect(up.facts["database_url"], size=2)
        created = await create_account(db, "Killed", datetime.now(UTC), country_code="CA")
        await db.execute("update api_keys set rate_limit = 1000000000 where account_id = $1", created.account_id)
        async with httpx.AsyncClient(base_url=up.facts["url"], timeout=PATIENCE) as client:
            api = Api(client, created.account_id, created.api_key, created.api_secret)
            codes = sorted(f"C{number:04}" for number in range(FANS * 2))
            reward_uid, fans = await prepare(api, codes)
            turns = asyncio.Semaphore(AT_ONCE)
            asking = asyncio.gather(*(fan.claim_all(turns) for fan in fans))
            for kill in range(KILLS):
                # Spread over the run by what is answered, so that each falls while fans claim.
                place = (kill + chance.uniform(0.2, 0.8)) * FANS * TRIES / (KILLS + 1)
                while sum(len(fan.claims) + fan.refusals.total() for fan in fans) < place:
                    assert not asking.done()
                    await asyncio.sleep(0.005)
                up.child("fanfare.cli.server").kill()
            await asyncio.wait_for(asking, 1200)
        await check(db, created.account_id, reward_uid, fans, codes)
        await announcements.check(db)
        await db.close()
