"""Workers on actions on many fans, killed with signal 9: each fan gets the points once."""

import sys
import uuid

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import new_api
from tests.fan_jobs.test_fan_jobs import PATH, job, start
from tests.running import Program
from tests.waits import until

WORKER = [sys.executable, "-P", "-m", "fanfare.cli.worker"]
FANS, POINTS = 6000, 7
FILL = """
    insert into fans (account_id, created_at, updated_at, position)
    select $1, now(), now(), nextval('positions') from generate_series(1, $2)
"""


async def test_a_killed_worker_leaves_out_and_repeats_nobody(base_url: str, db: Db, settings: Settings) -> None:
    async with new_api(base_url, db) as api:
        await db.execute(FILL, api.account_id, FANS)
        row = await api.ok(await api.post("/api/v1/manage/points", point_name=f"Once {uuid.uuid4()}"))
        uid = await start(api, action="award", point_uid=row["point_uid"], point_count=POINTS, is_everyone=True)

        async def has_begun() -> bool:
            return bool((await job(api, uid))["done_count"])

        async def is_complete() -> bool:
            return bool((await job(api, uid))["state"] == "completed")

        first = Program(WORKER, **settings.environment())
        await until(has_begun)
        first.process.kill()
        assert (await job(api, uid))["state"] == "running"
        second = Program(WORKER, **settings.environment())
        try:
            await until(is_complete)
        finally:
            second.end()
        result = await job(api, uid)
        assert (result["fan_count"], result["done_count"], result["changed_count"]) == (FANS, FANS, FANS)
        sql = "select count(*), count(distinct fan_id), sum(point_count) from fan_points where account_id = $1"
        assert [tuple(row) for row in await db.rows(sql, api.account_id)] == [(FANS, FANS, FANS * POINTS)]
        assert (await api.ok(await api.get(PATH)))["meta"]["count"] == 1
