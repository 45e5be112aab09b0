"""The feed of changed fans: every change once, in order, from any key."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from fanfare.fans.actions.fans import change_fan
from fanfare.fans.schemas.fans import FanChanges
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from tests.api import Api

LATEST = "/api/v1/crm/fans/latest"


async def create(api: Api, name: str) -> int:
    answer = await api.post("/api/v1/crm/fans", email=f"{uuid.uuid4().hex}@example.com", first_name=name)
    return int((await api.ok(answer))["fan_id"])


async def page(api: Api, **query: Any) -> dict[str, Any]:
    answered: dict[str, Any] = await api.ok(await api.get(LATEST, **query))
    return answered


async def test_the_feed_goes_on_where_it_stopped(api: Api) -> None:
    fans = [await create(api, "first") for _ in range(3)]
    first = await page(api)
    assert [row["fan_id"] for row in first["data"]] == fans
    assert first["meta"]["count"] == 3
    key = first["meta"]["max_fan_time_key"]
    assert first["data"][-1]["fan_time_key"] == key
    # A client that has no key yet sends None.
    assert (await page(api, min_time_key="None"))["data"] == (await page(api))["data"]
    empty = await page(api, min_time_key=key)
    assert (empty["data"], empty["meta"]["max_fan_time_key"]) == ([], key)
    await api.ok(await api.post(f"/api/v1/crm/fans/{fans[0]}", first_name="changed"))
    (row,) = (await page(api, min_time_key=key))["data"]
    assert (row["fan_id"], row["first_name"]) == (fans[0], "changed")
    assert isinstance(row["creation_timestamp"], int)
    assert row["last_update_timestamp_iso"].endswith("Z")


async def test_a_key_holds_although_its_fan_changed_again(api: Api) -> None:
    fan_id = await create(api, "moves")
    second = await create(api, "stays")
    keys = {row["fan_id"]: row["fan_time_key"] for row in (await page(api))["data"]}
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}", first_name="moved"))
    rows = (await page(api, min_time_key=keys[fan_id]))["data"]
    assert [row["fan_id"] for row in rows] == [second, fan_id]


async def test_a_key_without_its_change_is_read_back_safely(api: Api, db: Db) -> None:
    fan_id = await create(api, "trimmed")
    key = (await page(api))["meta"]["max_fan_time_key"]
    later = await create(api, "later")
    await db.execute("delete from changes where account_id = $1", api.account_id)
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}", first_name="again"))
    await db.execute("delete from changes where account_id = $1", api.account_id)
    rows = (await page(api, min_time_key=key))["data"]
    assert {later, fan_id} <= {row["fan_id"] for row in rows}


async def test_a_late_commit_is_not_missed(api: Api, database_url: str) -> None:
    key = (await page(api))["meta"]["max_fan_time_key"]
    slow = await asyncpg.connect(database_url)
    try:
        transaction = slow.transaction()
        await transaction.start()
        slow_id = await slow.fetchval(
            "with hold as materialized (select hold_position($1) as held)"
            " insert into fans (account_id, first_name, created_at, updated_at, position)"
            " select $1, 'slow', now(), now(), nextval('positions') from hold returning fan_id",
            api.account_id,
        )
        quick_id = await create(api, "quick")
        during = await page(api, min_time_key=key)
        await transaction.commit()
    finally:
        await slow.close()
    new = await page(api, min_time_key=during["meta"]["max_fan_time_key"])
    observed = [row["fan_id"] for row in during["data"] + new["data"]]
    assert observed == [slow_id, quick_id]


async def test_changes_since_a_day(api: Api) -> None:
    await create(api, "today")
    assert (await page(api, last_update_date="2020-01-01"))["data"] != []
    assert (await page(api, last_update_date="2199-01-01"))["data"] == []
    bad = await api.get(LATEST, min_time_key="yesterday")
    assert bad.json()["errors"][0]["field"] == "min_time_key"


async def test_followers_of_the_feed_see_every_fan(api: Api) -> None:
    key = (await page(api))["meta"]["max_fan_time_key"]
    done = asyncio.Event()

    async def follow() -> list[int]:
        observed: list[int] = []
        moment, last = key, False
        while not last:
            last = done.is_set()
            got = await page(api, min_time_key=moment)
            observed += [row["fan_id"] for row in got["data"]]
            moment = got["meta"]["max_fan_time_key"]
        return observed

    followers = [asyncio.create_task(follow()) for _ in range(3)]
    fans = await asyncio.gather(*(create(api, "many") for _ in range(60)))
    done.set()
    for observed in await asyncio.gather(*followers):
        assert set(observed) >= set(fans)


async def test_two_changes_in_one_millisecond_are_two_keys(api: Api, db: Db) -> None:
    fan_id = await create(api, "none")
    account = Account(id=api.account_id, name="", time_zone="UTC", country_code=None, currency="USD")
    moment = datetime.now(UTC)
    timestamp = (await page(api))["meta"]["max_fan_time_key"]
    for name, now in (("one", moment), ("two", moment), ("by a slow clock", moment - timedelta(seconds=9))):
        await change_fan(db, account, FanChanges(fan_id=fan_id, first_name=name), now, source="test")
        got = await page(api, min_time_key=timestamp)
        assert [row["first_name"] for row in got["data"]] == [name]
        timestamp = got["meta"]["max_fan_time_key"]
    assert (await page(api, min_time_key=timestamp))["data"] == []
