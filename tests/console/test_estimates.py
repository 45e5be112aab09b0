"""People of a business see at once about how many fans there are, and then how many."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import signed_in

FILLS_TABLES = True
# Enough that to count them one by one takes a while: 117 of them are in the sample.
FANS, SHARE = 60_000, 3
FILL = """
    insert into fans (account_id, fan_id, email, province, created_at, updated_at, position)
    select $1, 1000000 + n, 'sample' || n || '@example.com', case when n % 2 = 0 then 'BC' end,
           now(), now(), n
    from generate_series(1, 60000) n
"""
FILL_BUSINESS = """
    insert into fan_businesses (account_id, fan_id, business_id, is_opted_in, updated_at)
    select $1, fan_id, $2, true, now() from fans where account_id = $1 and fan_id % 3 = 0
"""
OUTPUT = re.compile(r"<output[^>]*>([\d,]+)</output>")


@pytest.fixture(scope="module")
async def business_id(db: Db, api: Api) -> int:
    new = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Club"))
    await db.execute(FILL, api.account_id)
    await db.execute(FILL_BUSINESS, api.account_id, new["business_id"])
    await db.execute("analyze fans")
    return int(new["business_id"])


@pytest.fixture
async def client(base_url: str, db: Db, api: Api, business_id: int) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id, "analyst", business_ids=[business_id]) as client:
        yield client


def number_in(page: httpx.Response) -> int:
    match = OUTPUT.search(page.text)
    assert match, page.text
    return int(match[1].replace(",", ""))


@pytest.mark.parametrize(("query", "count"), [({}, FANS // SHARE), ({"fan_provinces[]": "BC"}, FANS // SHARE // 2)])
async def test_about_how_many_and_then_how_many(
    client: httpx.AsyncClient, api: Api, query: dict[str, str], count: int
) -> None:
    path = f"/manage/{api.account_id}/fans/count"
    about = await client.get(path, params=query)
    assert "Estimated from a sample; the exact number follows." in about.text
    assert f'hx-get="{path}?is_exact=true"' in about.text
    assert count / 2 < number_in(about) < count * 2
    exact = await client.get(path, params={**query, "is_exact": "true"})
    assert "Estimated" not in exact.text
    assert number_in(exact) == count


async def test_everybody_is_counted_at_once(base_url: str, db: Db, api: Api, business_id: int) -> None:
    async with signed_in(base_url, db, api.account_id, "analyst") as everybody:
        page = await everybody.get(f"/manage/{api.account_id}/fans/count")
    assert business_id
    assert "Estimated" not in page.text
    assert number_in(page) == FANS


async def test_few_fans_are_counted_at_once(client: httpx.AsyncClient, db: Db, api: Api, business_id: int) -> None:
    assert business_id
    path = f"/manage/{api.account_id}/fans/count"
    await db.execute("update fans set province = 'YT' where account_id = $1 and fan_id = 1000005", api.account_id)
    few = await client.get(path, params={"fan_provinces[]": "YT"})
    assert "Estimated" not in few.text
    assert number_in(few) == 1
    await db.execute("delete from fan_businesses where account_id = $1 and fan_id % 600 <> 0", api.account_id)
    page = await client.get(path)
    assert "Estimated" not in page.text
    assert "There are no fans yet." not in page.text
    assert number_in(page) == 100


async def test_fans_nobody_is_found_among_are_still_found(
    client: httpx.AsyncClient, db: Db, api: Api, business_id: int
) -> None:
    await db.execute("delete from fan_businesses where account_id = $1", api.account_id)
    sql = "insert into fan_businesses (account_id, fan_id, business_id, is_opted_in, updated_at)"
    await db.execute(f"{sql} values ($1, 1000002, $2, true, now())", api.account_id, business_id)
    page = await client.get(f"/manage/{api.account_id}/fans")
    assert page.text.count(f'href="/manage/{api.account_id}/fans/1000002"') == 1
    exact = await client.get(f"/manage/{api.account_id}/fans/count", params={"is_exact": "true"})
    assert number_in(exact) == 1
    assert business_id
