"""R10: whatever dies, every committed change reaches its endpoint, under the same id each time.

Workers are killed with signal 9 as requests arrive, between the commit and the answer. FANFARE_FAULTS=full kills more.
"""

import asyncio
import os
import sys

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import new_api
from tests.running import Program
from tests.waits import until
from tests.webhooks.receivers import OK, Call, receiver, register, tag

IS_FULL = os.environ.get("FANFARE_FAULTS") == "full"
KILLS = 10 if IS_FULL else 1
TAGS = 20
WORKER = [sys.executable, "-P", "-m", "fanfare.cli.worker"]


async def test_a_killed_worker_loses_no_delivery(base_url: str, db: Db, settings: Settings) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        programs: list[Program] = []
        kills = 0

        async def kill(_: Call) -> bytes | None:
            nonlocal kills
            if kills < KILLS and len(got.calls) % 7 == 3:
                kills += 1
                programs[-1].process.kill()
                return None
            return OK

        async def is_delivered() -> bool:
            if programs[-1].process.poll() is not None:
                # Another worker takes over when the claim of the dead one has ended.
                await db.execute(
                    "update webhooks set lease_ends_at = '-infinity' where account_id = $1", api.account_id
                )
                programs.append(Program(WORKER, **settings.environment()))
            rows = await db.rows("select delivery_state from webhook_deliveries where account_id = $1", api.account_id)
            return len(rows) == TAGS and all(row["delivery_state"] == "delivered" for row in rows)

        got.answer = kill
        await register(api, got.url, "tag.created")
        programs.append(Program(WORKER, **settings.environment()))
        await asyncio.gather(*(tag(api, f"kept {number}") for number in range(TAGS)))
        try:
            await until(is_delivered)
        finally:
            programs[-1].end()
        assert kills == KILLS
        changes = (await api.get("/api/v1/manage/changes", topics="tag.created")).json()
        expected = {f"change_{row['position']}": row for row in changes}
        assert len(expected) == TAGS
        assert {call.message_id for call in got.calls} == expected.keys()
        assert all(call.event["data"] == expected[call.message_id] for call in got.calls)
