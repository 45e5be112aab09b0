"""Clicks of real user agents come out as labelled. `make replay` replays 100,000 of all agents."""

from pathlib import Path

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.trackers.links import new_tracker
from tests.trackers.replay import DATA_CENTRES, counts_of, replay

# Some of each kind: to judge an agent for the first time takes a millisecond and more.
CLICKS = 200


@pytest.fixture(scope="module")
def settings(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a server behind a proxy, which knows a data centre."""
    ranges: Path = tmp_path_factory.mktemp("lists") / "ranges.txt"
    ranges.write_text(DATA_CENTRES)
    return settings.replace(trusted_proxies=("127.0.0.1",), data_centres=str(ranges))


async def test_clicks_of_real_user_agents_come_out_as_labelled(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api)
    expected = await replay(base_url, saved["tracker_key"], CLICKS)
    assert expected.keys() == {"human", "program", "head", "prefetch", "datacentre", "repeated"}
    assert await counts_of(db, saved["tracker_id"]) == (expected, expected)
