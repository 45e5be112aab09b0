"""Workers on exports, killed with signal 9: the file has each row once."""

import sys

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import new_api
from tests.exports.test_exports import PATH, exported
from tests.running import Program
from tests.waits import until

WORKER = [sys.executable, "-P", "-m", "fanfare.cli.worker"]
ROWS = 120_000
FILL = """
    insert into activities (account_id, activity_id, fan_id, created_at)
    select $1, nextval('positions'), $2, now() from generate_series(1, $3)
"""


async def test_a_killed_worker_loses_and_repeats_no_row(base_url: str, db: Db, settings: Settings) -> None:
    async with new_api(base_url, db) as api:
        fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="busy@example.com")))["fan_id"]
        await db.execute(FILL, api.account_id, fan_id, ROWS)
        uid = (await api.ok(await api.post(PATH, table="activities", format="ndjson")))["export_uid"]

        async def has_begun() -> bool:
            return bool(await db.value("select row_count > 0 from exports where export_uid = $1", uid))

        async def is_complete() -> bool:
            return bool(await db.value("select export_state = 'completed' from exports where export_uid = $1", uid))

        first = Program(WORKER, **settings.environment())
        await until(has_begun)
        first.process.kill()
        second = Program(WORKER, **settings.environment())
        try:
            await until(is_complete)
        finally:
            second.end()
        killed = await api.ok(await api.get(f"{PATH}/{uid}"))
        expected, _ = await exported(api, db, table="activities", format="ndjson")
        assert killed["row_count"] == expected["row_count"] == ROWS
        await db.execute("delete from activities where account_id = $1", api.account_id)
        assert (killed["content_bytes"], killed["sha256"]) == (expected["content_bytes"], expected["sha256"])
