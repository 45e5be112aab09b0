"""A change of the time zone as it is asked for: it always has a job, can be withdrawn, and PostgreSQL has the zone."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from fanfare.account_settings.actions.accounts import change_zone, queue_again
from fanfare.accounts.actions import create_account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.wire import times
from tests.account_settings.test_zones import ACCOUNT, ZONE, ask
from tests.api import Api, new_api

JOBS = """
    select count(*) from jobs.pgqueuer
    where entrypoint = 'account_settings.change_zone' and (headers ->> 'account_id')::bigint = $1 and status = $2
"""
PICK = """
    update jobs.pgqueuer set status = 'picked'
    where entrypoint = 'account_settings.change_zone' and (headers ->> 'account_id')::bigint = $1
"""
FAIL = """
    delete from jobs.pgqueuer
    where entrypoint = 'account_settings.change_zone' and (headers ->> 'account_id')::bigint = $1
"""
WITHDRAW = f"{ACCOUNT}/time_zone/withdraw"
# A zone that this program has and PostgreSQL does not.
NEWER = "Mars/Olympus"


@pytest.fixture
async def api(base_url: str, db: Db) -> AsyncIterator[Api]:
    """An account for each test, for its time zone stays changed."""
    async with new_api(base_url, db, name=uuid.uuid4().hex) as client:
        yield client


async def test_a_change_has_a_job_while_that_of_the_one_before_ends(api: Api, db: Db) -> None:
    await ask(api)
    await change_zone(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    # The worker has not told the queue yet.
    await db.execute(PICK, api.account_id)
    await ask(api, "Asia/Tokyo")
    assert await db.value(JOBS, api.account_id, "queued") == 1


async def test_a_change_whose_job_failed_for_good_is_queued_again_once(api: Api, db: Db) -> None:
    await queue_again(db, api.account_id)
    assert await db.value(JOBS, api.account_id, "queued") == 0
    await ask(api)
    await queue_again(db, api.account_id)
    assert await db.value(JOBS, api.account_id, "queued") == 1
    await db.execute(FAIL, api.account_id)
    for _ in range(2):
        await queue_again(db, api.account_id)
    assert await db.value(JOBS, api.account_id, "queued") == 1


async def test_a_change_that_waits_can_be_withdrawn_until_its_job_counts(api: Api, db: Db) -> None:
    assert (await api.post(WITHDRAW)).json()["code"] == "no_zone_waits"
    await ask(api)
    async with db.transaction() as tx:
        # As the job holds it.
        await tx.rows("select * from zone_changes where account_id = $1 for update", api.account_id)
        assert (await api.post(WITHDRAW)).status_code == 409
        # A second job leaves it to the first.
        await change_zone(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    settings = await api.ok(await api.post(WITHDRAW))
    assert (settings["time_zone"], settings["zone_change"]) == ("America/Los_Angeles", None)
    await change_zone(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    assert (await api.ok(await api.get(ACCOUNT)))["time_zone"] == "America/Los_Angeles"
    assert (await ask(api, "Asia/Tokyo"))["zone_change"]["time_zone"] == "Asia/Tokyo"


async def test_a_zone_that_postgresql_lacks_is_refused(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "zone_names", lambda: {NEWER, ZONE})
    for answer in (
        await api.post(f"{ACCOUNT}/time_zone", time_zone=NEWER),
        await api.get(f"{ACCOUNT}/time_zone", time_zone=NEWER),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {"field": "time_zone", "message": "is missing in the PostgreSQL of this server"}
        ]
    assert await db.value("select count(*) from zone_changes where account_id = $1", api.account_id) == 0
    with pytest.raises(BadParameters, match="time_zone: is missing"):
        await create_account(db, "Olympus", datetime.now(UTC), time_zone=NEWER)
    assert await db.value("select count(*) from accounts where account_name = 'Olympus'") == 0
    assert (await ask(api))["zone_change"]["time_zone"] == ZONE
