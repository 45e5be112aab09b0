"""The states of a running search: what is stored and what the caller gets, wherever it ends."""

import uuid
from datetime import UTC, datetime

import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data.db import Db
from fanfare.search.actions.running import RunningSearch, State, complete_search
from fanfare.search.queries import fans
from fanfare.search.schemas.search import FanSearch, FoundFan
from tests.api import Api
from tests.search.crowd import many_fans


async def store(db: Db, account_id: int, search_uid: uuid.UUID) -> int:
    sql = "select count(*) from searches where account_id = $1 and search_uid = $2"
    count: int = await db.value(sql, account_id, search_uid)
    return count


async def test_a_search_returns_its_first_page_before_its_set_is_stored(api: Api, db: Db) -> None:
    fan_ids = await many_fans(db, api.account_id, 5, province="YT")
    account, now = await account_by_id(db, api.account_id), datetime.now(UTC)
    running = RunningSearch(db, account, FanSearch(fan_provinces=["YT"], limit=2), now, fans.rows)
    answer = await running.start()
    assert [fan.fan_id for fan in answer.data] == fan_ids[:2]
    assert running.state in (State.WRITING, State.COMPLETE)
    assert (await complete_search(db, account, running.search_uid, now)).rows == 5


async def test_a_search_needs_no_second_connection_of_the_pool(api: Api, db: Db, database_url: str) -> None:
    """Its first page is stored beside its transaction; ten searches with two connections each would wait."""
    await many_fans(db, api.account_id, 5, province="NU")
    account, now = await account_by_id(db, api.account_id), datetime.now(UTC)
    small = await Db.connect(database_url, size=1)
    running = RunningSearch(small, account, FanSearch(fan_provinces=["NU"], limit=2), now, fans.rows)
    assert len((await running.start()).data) == 2
    assert (await complete_search(small, account, running.search_uid, now)).rows == 5
    await small.close()


async def test_a_search_that_fails_before_its_first_page_stores_nothing(api: Api, db: Db) -> None:
    async def fails(*_: object) -> list[FoundFan]:
        raise LookupError

    account = await account_by_id(db, api.account_id)
    running = RunningSearch(db, account, FanSearch(limit=2), datetime.now(UTC), fails)
    with pytest.raises(LookupError):
        await running.start()
    assert running.state is State.DROPPED
    assert await store(db, api.account_id, running.search_uid) == 0


async def test_a_peek_stores_nothing(api: Api, db: Db) -> None:
    account = await account_by_id(db, api.account_id)
    running = RunningSearch(db, account, FanSearch(limit=1), datetime.now(UTC), fans.rows)
    await running.peek()
    assert await store(db, api.account_id, running.search_uid) == 0
