"""R4, for every list over HTTP: whoever follows it sees each committed row exactly once, though writers commit late."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.faults.test_cursors import WRITERS, Run
from tests.feeds import FEEDS, WRITE, Feed, pages, settle, store
from tests.seeds import run_seed

# Rows are written without their totals.
FILLS_TABLES = True

NOW = datetime(2026, 3, 1, tzinfo=UTC)
# Pages are small, so that readers meet their ends often.
SMALL = 50


async def follow(api: Api, run: Run, feed: Feed, place: dict[str, Any]) -> list[str]:
    """Read a list again and again until the writers are done; upwards from where the last reading ended."""
    observed: list[str] = []
    values = {**feed.values, **({"limit": SMALL} if feed.limit else {})}
    while True:
        is_over, newest = run.is_written, set(observed)
        # Downwards each reading begins at the newest row and ends at one that was seen before.
        start = dict(values) if feed.down else values
        results: list[str] = []
        async for page in pages(api, feed, place, start, by_has_more=True):
            fresh = [key for key in page if key not in newest] if feed.down else page
            results += fresh
            if len(fresh) < len(page):
                break
        observed += results
        if not results and is_over:
            return observed
        await asyncio.sleep(0.002)


@pytest.fixture
async def run(api: Api, other_api: Api, database_url: str) -> Any:
    writers, readers = await Db.connect(database_url, size=WRITERS), await Db.connect(database_url, size=2)
    seed = run_seed(3)
    created = Run(
        writers, readers, seed, api.account_id, other_api.account_id, WRITE.replace("$2 ||", "$2::integer ||")
    )
    yield created
    await writers.close()
    await readers.close()


async def test_every_list_shows_each_committed_row_once(api: Api, other_api: Api, db: Db, run: Run) -> None:
    place = await settle(api, db, NOW)
    await settle(other_api, db, NOW)
    following = {name: asyncio.create_task(follow(api, run, feed, place)) for name, feed in FEEDS.items()}
    await asyncio.gather(*(run.write(number) for number in range(WRITERS)))
    run.is_written = True
    faults = {}
    for name, reading in following.items():
        observed, expected = await reading, await store(api, db, FEEDS[name])
        assert len(expected) > 100, name
        missed, repeated = set(expected) - set(observed), len(observed) - len(set(observed))
        if missed or repeated or len(observed) != len(expected):
            faults[name] = (len(missed), repeated, len(observed), len(expected))
    assert faults == {}
