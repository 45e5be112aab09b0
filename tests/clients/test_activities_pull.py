"""The nightly pull of activities, as an integrator writes it: pages of 200 into a data frame."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pandas as pd
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.running import PATIENCE

# Rows are written without their totals.
FILLS_TABLES = True

COUNT = 1030
START = datetime(2025, 10, 31, tzinfo=UTC)
# What a warehouse table would be made of: the type of each column, alike in every page.
INTEGERS = ["activity_id", "account_id", "fan_id"]
FLAGS = ["is_subscribed", "is_phone_subscribed"]
TEXTS = ["creation_date", "creation_timestamp", "campaign_title", "app_type", "name", "details.answer"]
Row = dict[str, Any]


@pytest.fixture(scope="module")
async def puller(api: Api, db: Db, base_url: str) -> httpx.Client:
    """An integrator's own client, which blocks and keeps its keys in the query; the account has 1030 activities."""
    await db.execute(
        """
        with fan as (
            insert into fans (account_id, first_name, last_name, is_subscribed, created_at, updated_at, position)
            select $1, 'Fan', 'No ' || number, number % 2 = 0, $2, $2, nextval('positions')
            from generate_series(1, 40) as number
            returning fan_id
        ),
        campaign as (
            insert into campaigns (account_id, title, app_type, created_at, updated_at)
            values ($1, 'Season quiz', 'quiz', $2, $2)
            returning page_tab_id
        ),
        numbered as (select fan_id, row_number() over (order by fan_id) as place from fan)
        insert into activities (account_id, activity_id, fan_id, page_tab_id, ip_address, props, created_at)
        select $1, nextval('positions'), fan_id, page_tab_id, case when number % 3 = 0 then '192.0.2.7' end,
               jsonb_build_object('answer', 'a' || number % 4), $2 + number * interval '7 minutes'
        from generate_series(1, $3) as number
        cross join campaign
        join numbered on place = 1 + number % 40
        """,
        api.account_id,
        START,
        COUNT,
    )
    keys = {"api_key": api.keys["Api-Key"], "api_secret": api.keys["Api-Secret"]}
    return httpx.Client(base_url=base_url, params=keys, headers={"Accept-Encoding": "gzip"}, timeout=PATIENCE)


def pulled(client: httpx.Client, **start: object) -> Iterator[list[Row]]:
    """Yield the pages as the reference says: follow meta until data is empty."""
    window: Row = {"limit": 200, **start}
    while True:
        answer = client.get("/api/v1/crm/activities", params=window).raise_for_status().json()
        if not answer["data"]:
            return
        yield answer["data"]
        if answer["meta"]["order"] == "asc":
            window["min_activity_id"] = answer["meta"]["max_activity_id"]
        else:
            window = {"limit": 200, "max_activity_id": answer["meta"]["min_activity_id"]}


def ids(pages: list[list[Row]]) -> list[int]:
    return [row["activity_id"] for page in pages for row in page]


async def test_a_first_night_gets_every_row_once(puller: httpx.Client) -> None:
    pages = list(pulled(puller, min_activity_id=1))
    assert [len(page) for page in pages] == [200] * 5 + [30]
    assert len(set(ids(pages))) == COUNT
    assert ids(pages) == sorted(ids(pages))


async def test_the_first_night_of_a_client_without_a_bookmark(puller: httpx.Client) -> None:
    # Its bookmark is None, which its library writes as a word; it then walks down.
    pages = list(pulled(puller, min_activity_id="None", timestamp=1))
    assert len(set(ids(pages))) == COUNT
    assert ids(pages) == sorted(ids(pages), reverse=True)


async def test_the_next_night_gets_only_what_is_new(puller: httpx.Client, api: Api) -> None:
    bookmark = max(ids(list(pulled(puller))))
    answer = await api.ok(await api.get("/api/v1/crm/activities", min_activity_id=bookmark))
    bounds = {"min_activity_id": bookmark, "max_activity_id": bookmark}
    assert answer == {"meta": {"order": "asc", **bounds, "has_more": False}, "data": []}
    fan_id = next(pulled(puller))[0]["fan_id"]
    created = await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title="Tonight"))
    assert ids(list(pulled(puller, min_activity_id=bookmark))) == [created["activity_id"]]


async def test_types_are_the_same_in_every_page(puller: httpx.Client) -> None:
    frames = [pd.json_normalize(page) for page in pulled(puller, min_activity_id=1)]
    kinds = {column: {str(frame[column].dtype) for frame in frames} for column in [*INTEGERS, *FLAGS]}
    assert kinds == {**{name: {"int64"} for name in INTEGERS}, **{name: {"bool"} for name in FLAGS}}
    everything = pd.concat(frames, ignore_index=True).head(COUNT)
    for column in TEXTS:
        assert all(isinstance(text, str) for text in everything[column]), column
    assert all(isinstance(ids, list) for ids in everything["opted_in_business_ids"])
    assert everything[["fan", "networks", "idol_names"]].isna().all(axis=None)


async def test_moments_are_read_as_moments(puller: httpx.Client) -> None:
    frame = pd.json_normalize([row for page in pulled(puller, min_activity_id=1) for row in page])
    # As warehouse loaders do it: unix seconds would be read as 1970, without an error.
    moments = pd.to_datetime(frame["creation_timestamp"])
    assert moments.is_monotonic_increasing
    assert moments.iloc[0] == START + timedelta(minutes=7)
    assert (moments.dt.tz_convert("America/Los_Angeles").dt.strftime("%Y-%m-%d") == frame["creation_date"]).all()


async def test_a_day_at_a_time_adds_up(puller: httpx.Client) -> None:
    results: list[int] = []
    for day in range(30, 38):
        date = (datetime(2025, 10, 1, tzinfo=UTC) + timedelta(days=day - 1)).date()
        results += ids(list(pulled(puller, min_activity_id=1, activity_date=date.isoformat())))
    assert len(results) == len(set(results)) == COUNT
