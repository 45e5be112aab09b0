"""Exports of large rows: memory is bounded by bytes, not by rows."""

import tracemalloc

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.exports.test_exports import PATH, work_all

FILLS_TABLES = True
LARGE_ROWS = """
    insert into activities (account_id, activity_id, fan_id, created_at, props)
    select $1, nextval('positions'), $2, now(), jsonb_build_object('text', repeat(md5(number::text), 2000), 'n', number)
    from generate_series(1, 1500) as number
"""


@pytest.mark.parametrize("file_format", ["csv", "ndjson"])
async def test_large_rows_are_written_in_little_memory(api: Api, db: Db, file_format: str) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="large@example.com")))["fan_id"]
    await db.execute(LARGE_ROWS, api.account_id, fan_id)
    count = await db.value("select count(*) from activities where account_id = $1", api.account_id)
    uid = (await api.ok(await api.post(PATH, table="activities", format=file_format)))["export_uid"]
    tracemalloc.start()
    try:
        await work_all(api, db)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    result = await api.ok(await api.get(f"{PATH}/{uid}"))
    assert (result["state"], result["row_count"]) == ("completed", count)
    assert result["content_bytes"] > 90 * 1024 * 1024
    # A piece of rows is 6 MB, in a batch of 4 MB; the copies are its lines, their bytes and those compressed.
    assert peak < 60 * 1024 * 1024
