"""What is kept for a while only goes away, and nothing else with it."""

import uuid
from datetime import UTC, datetime, timedelta

from fanfare.accounts.jobs import forget_calls
from fanfare.kernel.data.db import Db
from tests.api import Api


async def test_answers_and_counts_are_forgotten_in_time(api: Api, db: Db) -> None:
    key = {"Idempotency-Key": "kept"}
    body = {"business_name": uuid.uuid4().hex}
    first = await api.ok(await api.post("/api/v1/manage/businesses", key, **body))
    now = datetime.now(UTC)
    await forget_calls(db, api.account_id, now + timedelta(hours=23))
    assert await api.ok(await api.post("/api/v1/manage/businesses", key, **body)) == first
    await forget_calls(db, api.account_id, now + timedelta(hours=25))
    assert await db.value("select count(*) from idempotency_keys where account_id = $1", api.account_id) == 0
    assert await db.value("select count(*) from rate_windows where account_id = $1", api.account_id) == 0
