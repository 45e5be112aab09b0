"""R5 with an index process: its set is that of the tables, whole before the first response, and fixed from then on."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fanfare.audience import client
from fanfare.audience.process.server import IndexProcess
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import Api, new_api
from tests.audience.indexing import has, running
from tests.search.crowd import SEARCH, many_fans
from tests.search.test_search import page, pull
from tests.search.test_survival import SEED, Workers, ask, workers  # noqa: F401 - a fixture

FANS = 3000


@pytest.fixture
async def account(base_url: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """An account whose index is found at once and may take its time to answer."""
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 20.0)
    monkeypatch.setattr(client, "ADDRESS_SECONDS", 0.0)
    async with new_api(base_url, db) as api:
        yield api


async def ready(process: IndexProcess, db: Db) -> None:
    await has(process, await db.value("select count(*) from accounts"))


async def create(api: Api, number: int, **fields: Any) -> int:
    values = {"email": f"fan{number}@example.com", "country_code": "CA", **fields}
    answer = await api.ok(await api.post("/api/v1/crm/fans", **values))
    fan_id: int = answer["fan_id"]
    return fan_id


async def chunk_count(db: Db, uid: str) -> tuple[int, bool]:
    """Return how many chunks of a search are stored, and whether the last is among them."""
    row = await db.row(
        "select count(*) as chunks, bool_or(is_last) as is_whole from search_chunks where search_uid = $1",
        uuid.UUID(uid),
    )
    assert row is not None
    return row["chunks"], row["is_whole"]


async def test_the_set_is_fixed_with_the_first_page(account: Api, db: Db, settings: Settings, tmp_path: Path) -> None:
    crowd = await many_fans(db, account.account_id, FANS, "NL")
    async with running(settings.replace(data_dir=tmp_path)) as process:
        await ready(process, db)
        meta, first = await page(account, fan_provinces="NL", limit=100)
        assert (meta["count"], first) == (FANS, crowd[:100])
        assert await chunk_count(db, meta["search_uid"]) == (1, True)
        # It no longer meets the criteria, one more does; both after the search has started.
        await account.ok(await account.post(f"/api/v1/crm/fans/{crowd[500]}", province="ON", country_code="CA"))
        await create(account, 1, province="NL")
    # Nobody asks the index again.
    everything = list(first)
    while fan_ids := (await page(account, search_uid=meta["search_uid"], limit=100))[1]:
        everything += fan_ids
    assert everything == crowd


async def test_merged_and_deleted_fans_are_left_out_of_later_pages(
    account: Api, db: Db, settings: Settings, tmp_path: Path
) -> None:
    async with running(settings.replace(data_dir=tmp_path)) as process:
        await ready(process, db)
        crowd = [await create(account, number, province="YT") for number in range(12)]
        meta, first = await page(account, fan_provinces="YT", limit=3)
        assert (first, meta["count"]) == (crowd[:3], 12)
        await account.ok(await account.post(f"/api/v1/manage/fans/{crowd[0]}/merge", merged_fan_id=crowd[4]))
        for fan_id in crowd[6:9]:
            await account.ok(await account.delete(f"/api/v1/crm/fans/{fan_id}"))
        pages = []
        while fan_ids := (await page(account, search_uid=meta["search_uid"], limit=3))[1]:
            pages.append(fan_ids)
        assert [each for fan_ids in pages for each in fan_ids] == [*crowd[3:4], *crowd[5:6], *crowd[9:]]


async def test_a_search_of_nobody_and_one_of_a_page(account: Api, db: Db, settings: Settings, tmp_path: Path) -> None:
    crowd = await many_fans(db, account.account_id, 20, "PE")
    async with running(settings.replace(data_dir=tmp_path)) as process:
        await ready(process, db)
        for query in ({"fan_provinces": "NU"}, {"fan_provinces": "PE"}, {"fan_provinces": "PE", "max_count": 20}):
            meta, fan_ids = await page(account, **query, limit=20)
            assert fan_ids == (crowd if query["fan_provinces"] == "PE" else [])
            assert (meta["count"], meta["next_search_uid"], meta["has_more"]) == (len(fan_ids), None, False)
            assert (await page(account, search_uid=meta["search_uid"]))[1] == []
            assert await chunk_count(db, meta["search_uid"]) == (1, True)
        meta, fan_ids = await page(account, fan_provinces="PE", limit=5, max_count=7)
        assert (fan_ids, meta["count"], meta["next_search_uid"]) == (crowd[:5], 7, f"{meta['search_uid']}.5")
        assert (await page(account, search_uid=meta["search_uid"]))[1] == crowd[5:7]


async def test_a_set_of_the_index_expires(account: Api, db: Db, settings: Settings, tmp_path: Path) -> None:
    await many_fans(db, account.account_id, 20, "NT")
    async with running(settings.replace(data_dir=tmp_path)) as process:
        await ready(process, db)
        meta, _ = await page(account, fan_provinces="NT", limit=5)
    sql = "update searches set created_at = created_at - $3::interval where account_id = $1 and search_uid = $2"
    await db.execute(sql, account.account_id, uuid.UUID(meta["search_uid"]), timedelta(hours=24))
    assert (await account.get(SEARCH, search_uid=meta["search_uid"])).status_code == 404


async def test_the_index_and_the_tables_have_the_same_sets(
    account: Api, db: Db, settings: Settings, tmp_path: Path
) -> None:
    await many_fans(db, account.account_id, 300, "BC")
    await many_fans(db, account.account_id, 300, "ON")
    for number in range(40):
        fields = {"gender": ("female", "male")[number % 2], "birth_date": f"19{50 + number}-05-01"}
        await create(account, number, province=("BC", "ON", "QC")[number % 3], is_subscribed=number % 4 > 0, **fields)
    searches: list[dict[str, Any]] = [
        {}, {"fan_provinces": "BC"}, {"fan_provinces": "BC,QC", "fan_is_subscribed": "true", "fan_youngest_age": 40},
        {"fan_gender": "female", "fan_oldest_age": 60}, {"groups": '[{"none": [{"fan_provinces": "ON"}]}]'},
    ]  # fmt: skip
    by_tables = [await pull(account, **each, limit=70) for each in searches]
    async with running(settings.replace(data_dir=tmp_path)) as process:
        await ready(process, db)
        for query, expected in zip(searches, by_tables, strict=True):
            meta, _ = await page(account, **query, limit=70)
            assert meta["count"] == len(expected)
            assert await pull(account, **query, limit=70) == expected
    assert [len(each) > 0 for each in by_tables] == [True] * len(searches)


async def test_a_search_includes_every_write_acknowledged_before(
    account: Api, db: Db, settings: Settings, tmp_path: Path
) -> None:
    async with running(settings.replace(data_dir=tmp_path)) as process:
        await ready(process, db)

        async def write_and_search(city: int) -> None:
            for number in range(1, 6):
                await create(account, city * 100 + number, postal_code=f"V{city}A 1A1")
                meta, fan_ids = await page(account, fan_postal_codes=f"v{city}a1a1", limit=3)
                assert (meta["count"], len(fan_ids)) == (number, min(number, 3))

        await asyncio.gather(*(write_and_search(city) for city in range(1, 5)))


async def test_sets_stored_before_bitmaps_are_read(api: Api, db: Db) -> None:
    crowd = await many_fans(db, api.account_id, 50, "SK")
    meta, first = await page(api, fan_provinces="SK", limit=10)
    uid = meta["search_uid"]
    assert (await page(api, search_uid=f"{uid}.10", limit=10))[1] == crowd[10:20]
    await db.execute(
        """
        update search_chunks c set fan_set = null, last_fan_id = null,
            fan_ids = array(select x from unnest($3::bigint[]) with ordinality t (x, place)
                            where place > c.first_row and place <= c.end_row order by place)
        where account_id = $1 and search_uid = $2
        """,
        api.account_id,
        uuid.UUID(uid),
        crowd,
    )
    everything = list(first)
    while fan_ids := (await page(api, search_uid=uid, limit=7))[1]:
        everything += fan_ids
    assert everything == crowd


async def test_a_set_of_the_index_survives_kills_and_writes(
    api: Api,
    db: Db,
    workers: Workers,  # noqa: F811 - the fixture
    settings: Settings,
    tmp_path: Path,
) -> None:
    """Two servers; both are killed after the first page, and the index process ends, too."""
    chance = random.Random(SEED)
    crowd = await many_fans(db, api.account_id, FANS, "MB")
    async with running(settings.replace(data_dir=tmp_path)) as process:
        await ready(process, db)
        meta, result = await ask(workers.url, api, fan_provinces="MB", limit=400)
        while meta["count"] is None:
            # The index did not answer in time on a busy machine.
            meta, result = await ask(workers.url, api, fan_provinces="MB", limit=400)
        for _ in range(2):
            await asyncio.to_thread(workers.kill_oldest)
    doomed = chance.sample(crowd[400:], 300)
    await db.execute("delete from fans where account_id = $1 and fan_id = any($2)", api.account_id, doomed)
    await many_fans(db, api.account_id, 50, "MB")
    while cursor := meta["next_search_uid"]:
        meta, fan_ids = await ask(workers.url, api, search_uid=cursor, limit=400)
        assert meta["count"] == FANS
        result += fan_ids
        if chance.random() < 0.3:
            await asyncio.to_thread(workers.kill, chance)
    assert result == sorted(set(crowd) - set(doomed))
