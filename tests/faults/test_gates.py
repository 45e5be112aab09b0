"""R7 with kill -9: servers die while gates let passes in; each pass is let in once, by the gate that was told so.

The seed is printed; FANFARE_SEED repeats one. `make faults` (FANFARE_FAULTS=full) kills fifty times.
"""

import asyncio
import os
import random
from datetime import UTC, datetime
from pathlib import Path

import httpx

from fanfare.accounts.actions import create_account
from fanfare.kernel.data.db import Db
from tests import announcements
from tests.api import Api
from tests.kernel.running.test_up import running_up
from tests.registrations.gates import Gate, check_admissions, some_campaign, some_passes
from tests.running import PATIENCE
from tests.seeds import run_seed

SEED = run_seed(5)
KILLS, PASSES, GATES = (50, 4000, 8) if os.environ.get("FANFARE_FAULTS") == "full" else (2, 60, 8)


async def test_gates_whose_server_is_killed_let_each_pass_in_once(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with running_up(tmp_path / "data") as up:
        db = await Db.connect(up.facts["database_url"], size=2)
        created = await create_account(db, "Killed", datetime.now(UTC), country_code="CA")
        await db.execute("update api_keys set rate_limit = 1000000000 where account_id = $1", created.account_id)
        async with httpx.AsyncClient(base_url=up.facts["url"], timeout=PATIENCE) as client:
            api = Api(client, created.account_id, created.api_key, created.api_secret)
            page_tab_id = await some_campaign(api)
            passes = [each for _ in range(PASSES // 20) for each in await some_passes(api, page_tab_id, quantity=20)]
            gates = [Gate(client, api.keys, page_tab_id, f"gate {n}", random.Random(n)) for n in range(GATES)]
            asking = asyncio.gather(*(gate.try_all(passes) for gate in gates))
            for kill in range(KILLS):
                # Spread over the run by what is told, so that each falls while gates ask.
                while sum(len(gate.answers) for gate in gates) < (kill + chance.uniform(0.2, 0.8)) * PASSES * GATES / (
                    KILLS + 1
                ):
                    assert not asking.done()
                    await asyncio.sleep(0.005)
                up.child("fanfare.cli.server").kill()
            await asyncio.wait_for(asking, 1200)
        await check_admissions(gates, passes, db, created.account_id)
        await announcements.check(db)
        await db.close()
