"""Workers on imports: killed with signal 9, and several at once; each row is written once."""

import sys
from contextlib import ExitStack

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import new_api
from tests.imports.files import PATH, upload
from tests.running import Program
from tests.waits import until

WORKER = [sys.executable, "-P", "-m", "fanfare.cli.worker"]
ROWS = 12_000
FAULTS = "select count(*) from import_faults join imports using (account_id, import_id) where import_uid = $1"
COMPLETED = "select data from changes where account_id = $1 and topic = 'import.completed'"


async def test_a_killed_worker_loses_and_repeats_no_row(base_url: str, db: Db, settings: Settings) -> None:
    async with new_api(base_url, db) as api:
        lines = (
            f"w{number}@example.com,Name {number}" if number % 100 else f"wrong {number},x" for number in range(ROWS)
        )
        content = "\n".join(["email,first_name", *lines]).encode()
        uids = [await upload(api, content.replace(b"@", b"+%d@" % number)) for number in range(2)]

        async def are(state: str) -> bool:
            sql = "select count(*) from imports where account_id = $1 and import_state = $2"
            return bool(await db.value(sql, api.account_id, state) == len(uids))

        async def has_begun() -> bool:
            return bool(
                await db.value("select sum(row_count) > 2000 from imports where account_id = $1", api.account_id)
            )

        with ExitStack() as stack:
            programs = [Program(WORKER, **settings.environment()) for _ in range(2)]
            stack.callback(lambda: [each.end() for each in programs])
            for uid in uids:
                await api.ok(await api.post(f"{PATH}/{uid}/run"))
            await until(has_begun)
            programs[0].process.kill()
            programs[1].process.kill()
            programs.append(Program(WORKER, **settings.environment()))
            await until(lambda: are("completed"))
        for uid in uids:
            result = await api.ok(await api.get(f"{PATH}/{uid}"))
            counts = (result["row_count"], result["created_count"], result["error_count"])
            assert counts == (ROWS, ROWS * 99 // 100, ROWS // 100)
            assert await db.value(FAULTS, uid) == ROWS // 100
        assert await db.value("select count(*) from fans where account_id = $1", api.account_id) == 2 * ROWS * 99 // 100
        completed = await db.rows(COMPLETED, api.account_id)
        assert [row["data"]["row_count"] for row in completed] == [ROWS, ROWS]
