"""The figures of a tracker by day: every day of the window, with clicks by verdict."""

from datetime import UTC, datetime, timedelta

from tests.api import Api
from tests.trackers.links import click, new_tracker

PROGRAM = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


async def test_each_day_has_its_clicks_by_verdict(api: Api, base_url: str) -> None:
    tracker = await new_tracker(api)
    path = f"/api/v1/manage/trackers/{tracker['tracker_id']}/days"
    for agent in (None, None, PROGRAM):
        await click(base_url, tracker["tracker_key"], **({"agent": agent} if agent else {}))
    days = await api.ok(await api.get(path))
    assert len(days) == 31
    assert days[-1]["click_counts"] == {"human": 2, "bot": 1}
    assert all(day["click_counts"] == {} for day in days[:-1])
    first = (datetime.now(UTC) - timedelta(days=1000)).strftime("%m/%d/%Y")
    assert (await api.get(path, min_creation_date=first)).status_code == 422
    assert (await api.get("/api/v1/manage/trackers/999999/days")).status_code == 404
