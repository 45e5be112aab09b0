"""What is kept for a while only goes away, and nothing else with it."""

import uuid
from datetime import UTC, datetime, timedelta

from fanfare.accounts.jobs import forget_calls, trim_log
from fanfare.kernel.db import Db
from tests.api import Api


async def test_answers_and_counts_are_forgotten_in_time(api: Api, db: Db) -> None:
    key = {"Idempotency-Key": "kept"}
    body = {"business_name": uuid.uuid4().hex}
    first = await api.ok(await api.post("/api/v1/manage/businesses", key, **body))
    now = datetime.now(UTC)
    await forget_calls(db, now + timedelta(hours=23))
    assert await api.ok(await api.post("/api/v1/manage/businesses", key, **body)) == first
    await forget_calls(db, now + timedelta(hours=25))
    assert await db.value("select count(*) from idempotency_keys where account_id = $1", api.account_id) == 0
    assert await db.value("select count(*) from rate_windows where account_id = $1", api.account_id) == 0


async def test_only_old_changes_are_trimmed(api: Api, db: Db) -> None:
    now = datetime.now(UTC)
    await db.execute("delete from changes where account_id = $1", api.account_id)
    await db.execute(
        "insert into changes (account_id, position, topic, subject_id, occurred_at)"
        " select $1, nextval('positions'), 'test.made', n::text, $2::timestamptz - n * interval '1 day'"
        " from generate_series(199, 0, -1) n",
        api.account_id,
        now,
    )
    await trim_log(db, now)
    oldest = await db.value("select min(occurred_at) from changes where account_id = $1", api.account_id)
    assert oldest == now - timedelta(days=90)
    assert await db.value("select count(*) from changes where account_id = $1", api.account_id) == 91
