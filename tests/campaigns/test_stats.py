"""Figures of campaigns equal a plain recomputation, day by day in the account's zone."""

import random
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.campaigns.fans import moment_of, some_activities, some_fan

# Rows are written without their totals.
FILLS_TABLES = True

MANAGE = "/api/v1/manage/campaigns"
ZONE = ZoneInfo("America/Los_Angeles")
YES_NO = (True, False)


class Activity(NamedTuple):
    """What a test put in: who (a fan's id or a viewer) did it where and when."""

    page_tab_id: int
    viewer: int | str | None
    moment: datetime
    times: int = 1

    def is_in(self, campaigns: set[int], start: date | None, end: date | None) -> bool:
        day = self.moment.astimezone(ZONE).date()
        return self.page_tab_id in campaigns and (start is None or start <= day) and (end is None or day <= end)


async def some_campaign(api: Api, title: str, **extra: Any) -> int:
    created = await api.ok(await api.post(MANAGE, title=title, app_type="quiz", **extra))
    return int(created["page_tab_id"])


def recomputed(entries: list[Activity], views: list[Activity], flags: dict[int, tuple[bool, bool]]) -> dict[str, int]:
    fans = {int(entry.viewer or 0) for entry in entries}
    return {
        "total_entries": len(entries),
        "fan_count": len(fans),
        "view_count": sum(view.times for view in views),
        "unique_view_count": len({view.viewer for view in views if view.viewer}),
        "subscribers": sum(any(flags[fan]) for fan in fans),
        "phone_subscribers": sum(flags[fan][1] for fan in fans),
        "email_subscribers": sum(flags[fan][0] for fan in fans),
    }


async def test_stats_equal_a_plain_recomputation(api: Api, db: Db) -> None:
    chance = random.Random(7)
    campaigns = [await some_campaign(api, f"Counted {number}") for number in range(3)]
    bundle = await some_campaign(api, "All", page_tab_ids=[campaigns[2], campaigns[0]])
    flags = {await some_fan(db, api.account_id, mail=a, phone=b): (a, b) for a in YES_NO for b in YES_NO for _ in "abc"}
    # Around the change of the clocks on 2 November 2025, hour by hour.
    moments = [moment_of("2025-10-31") + timedelta(minutes=chance.randrange(60 * 24 * 6)) for _ in range(260)]
    entries = [Activity(chance.choice(campaigns), chance.choice(list(flags)), moment) for moment in moments]
    for entry in entries:
        await some_activities(db, api.account_id, int(entry.viewer or 0), entry.page_tab_id, entry.moment)
    viewers = [None, "a", "b", "c", "d"]
    views = [
        Activity(chance.choice(campaigns), chance.choice(viewers), each, chance.randrange(1, 4))
        for each in moments[:90]
    ]
    for view in views:
        result = {"viewer": view.viewer, "view_count": view.times, "viewed_at": view.moment.isoformat()}
        await api.ok(await api.post(f"{MANAGE}/{view.page_tab_id}/views", **result))
    for start, end in ((None, None), ("2025-11-02", "2025-11-02"), ("2025-11-01", None), (None, "2025-11-03")):
        days = (start and date.fromisoformat(start), end and date.fromisoformat(end))
        target = {"start_date": start or "", "end_date": end or ""}

        def expected(*stored_name: int, days: Any = days) -> dict[str, int]:
            mine = [[each for each in some if each.is_in(set(stored_name), *days)] for some in (entries, views)]
            return recomputed(mine[0], mine[1], flags)

        for number, page_tab_id in enumerate(campaigns):
            counted = await api.ok(await api.get(f"/api/v1/campaigns/{page_tab_id}/stats", **target))
            named = {"page_tab_id": page_tab_id, "name": f"Counted {number}"}
            assert counted == {**named, **expected(page_tab_id)}
        pair = await api.ok(await api.get(f"/api/v1/campaigns/{bundle}/bundle_stats", **target))
        assert pair["summary"] == {"page_tab_id": bundle, "name": "All", **expected(campaigns[0], campaigns[2])}
        assert [row["page_tab_id"] for row in pair["bundles"]] == [campaigns[2], campaigns[0]]
        assert pair["bundles"][1] == await api.ok(await api.get(f"/api/v1/campaigns/{campaigns[0]}/stats", **target))


async def test_a_campaign_without_entries_counts_zero(api: Api, other_api: Api) -> None:
    page_tab_id = await some_campaign(api, "Nobody")
    counted = await api.ok(await api.get(f"/api/v1/campaigns/{page_tab_id}/stats"))
    assert {counted[name] for name in counted if name not in ("page_tab_id", "name")} == {0}
    bundle = await api.ok(await api.get(f"/api/v1/campaigns/{page_tab_id}/bundle_stats"))
    assert (bundle["summary"]["fan_count"], bundle["bundles"]) == (0, [])
    for call in ("stats", "bundle_stats"):
        assert (await other_api.get(f"/api/v1/campaigns/{page_tab_id}/{call}")).status_code == 404


async def test_views_add_up_and_viewers_are_not_kept_by_name(api: Api, other_api: Api, db: Db) -> None:
    page_tab_id = await some_campaign(api, "Viewed")
    path = f"{MANAGE}/{page_tab_id}/views"
    await api.ok(await api.post(path, viewer="jane@example.com", viewed_at="2026-01-01T07:59:59Z"))
    added = await api.ok(await api.post(path, viewer="jane@example.com", view_count=4, viewed_at=1767225600))
    assert added == {"page_tab_id": page_tab_id, "view_date": "2025-12-31", "view_count": 5}
    assert (await api.ok(await api.post(path, viewed_at=1767225600)))["view_count"] == 1
    remaining = await db.value(
        "select string_agg(encode(viewer_hash, 'escape'), ' ') from campaign_views where account_id = $1",
        api.account_id,
    )
    assert "jane" not in remaining
    assert (await other_api.post(path)).status_code == 404
    assert (await api.post(path, view_count=0)).status_code == 422


async def test_what_apps_report_comes_back_by_kind_and_window(api: Api, other_api: Api, db: Db) -> None:
    page_tab_id, fan_id = await some_campaign(api, "Reported"), await some_fan(db, api.account_id)
    path = f"{MANAGE}/{page_tab_id}/events"
    moments = ["2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z", "2026-01-01T12:00:00Z"]
    reported = [
        {"target": "chat_history", "fan_id": fan_id, "occurred_at": each, "props": {"text": str(number)}}
        for number, each in enumerate(moments)
    ]
    response = await api.ok(await api.client.post(path, json=[*reported, {"target": "quiz_results"}], headers=api.keys))
    assert response["event_ids"] == sorted(response["event_ids"])

    def seconds(moment: str) -> int:
        return int(datetime.fromisoformat(moment).timestamp())

    async def rows(target: str, **query: Any) -> list[dict[str, Any]]:
        answer = await api.get(f"/api/v1/campaigns/{page_tab_id}/detailed_stats", target=target, **query)
        result: list[dict[str, Any]] = await api.ok(answer)
        return result

    chat = await rows("chat_history")
    assert [(row["event_id"], row["creation_timestamp"], row["props"]) for row in chat] == [
        (response["event_ids"][number], seconds(each), {"text": str(number)}) for number, each in enumerate(moments)
    ]
    assert {row["creation_date"] for row in chat} == {"2026-01-01"}
    window = {"start_timestamp": moments[1], "end_timestamp": moments[2]}
    assert [row["creation_timestamp"] for row in await rows("chat_history", **window)] == [seconds(moments[1])]
    assert len(await rows("chat_history", min_event_id=chat[0]["event_id"], limit=1)) == 1
    assert [row["fan_id"] for row in await rows("quiz_results")] == [None]
    assert await rows("overlay_timeline") == []
    unknown = await other_api.get(f"/api/v1/campaigns/{page_tab_id}/detailed_stats", target="chat_history")
    assert unknown.status_code == 404
    assert (await other_api.post(path, events=[{"target": "chat_history"}])).status_code == 404


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"target": "gossip"}, "target"),
        ({"fan_id": 1}, "target"),
        ({"target": "chat_history", "fan_id": 2**62}, "fan_id"),
        ({"target": "chat_history", "fan_id": 0}, "fan_id"),
    ],
)
async def test_a_wrong_event_stops_no_other(api: Api, db: Db, event: Any, field: str) -> None:
    page_tab_id = await some_campaign(api, f"Refused {event}")
    right = {"target": "quiz_results"}
    answer = await api.ok(await api.post(f"{MANAGE}/{page_tab_id}/events", events=[right, event, right]))
    (fault,) = answer["errors"]
    assert (fault["index"], [each["field"] for each in fault["errors"]]) == (1, [field])
    first, second, third = answer["event_ids"]
    assert first < third
    assert second is None
    remaining = (
        "select array_agg(event_id order by event_id) from campaign_events where account_id = $1 and page_tab_id = $2"
    )
    assert await db.value(remaining, api.account_id, page_tab_id) == [first, third]


async def test_an_event_is_not_in_the_future(api: Api) -> None:
    campaign = (await api.ok(await api.post("/api/v1/manage/campaigns", title="Clocks", app_type="quiz")))[
        "page_tab_id"
    ]
    events = [
        {"target": "chat_history", "occurred_at": each} for each in ("2026-05-01 17:30:00", "2099-01-01 10:00:00")
    ]
    saved = await api.ok(await api.post(f"/api/v1/manage/campaigns/{campaign}/events", events=events))
    assert [each is None for each in saved["event_ids"]] == [False, True]
    assert [each["errors"] for each in saved["errors"]] == [[{"field": "occurred_at", "message": "is in the future"}]]
