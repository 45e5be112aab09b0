"""The rows of a campaign that come from points: its bookings, and the board they make."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from fanfare.kernel.data.db import Db
from fanfare.points.actions.awards import award_points
from fanfare.points.schemas.points import NewAward
from tests.api import Api
from tests.points.bookings import some_fans, some_point

BEGIN = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Played(dict[str, Any]):
    """A campaign, its fans and what was booked: the fan's place, when (in minutes after BEGIN) and how many points."""


@pytest.fixture(scope="module")
async def played(api: Api, db: Db) -> Played:
    point_uid = await some_point(api, "Played")
    titles = ("Played", "Elsewhere")
    path = "/api/v1/manage/campaigns"
    campaigns = [(await api.ok(await api.post(path, title=title)))["page_tab_id"] for title in titles]
    fans = await some_fans(db, api.account_id, 4)
    bookings = [(0, 0, 5), (1, 1, 7), (2, 2, 3), (0, 3, 2), (3, 4, 9), (3, 5, -9), (2, 6, 5)]
    for place, minutes, count in bookings:
        for campaign, times in zip(campaigns, (1, 10), strict=True):
            new = NewAward(
                point_uid=UUID(point_uid), fan_id=fans[place], point_count=count * times, page_tab_id=campaign
            )
            await award_points(db, api.account_id, new, BEGIN + timedelta(minutes=minutes))
    await api.ok(await api.post(f"/api/v1/manage/fans/{fans[1]}/visibility", is_hidden=True))
    return Played(page_tab_id=campaigns[0], fans=fans, bookings=bookings, point_uid=point_uid)


async def rows(api: Api, played: Played, target: str, **query: Any) -> list[dict[str, Any]]:
    path = f"/api/v1/campaigns/{played['page_tab_id']}/detailed_stats"
    result: list[dict[str, Any]] = await api.ok(await api.get(path, target=target, **query))
    return result


def moment_of(minutes: int) -> str:
    return (BEGIN + timedelta(minutes=minutes)).isoformat()


async def test_the_board_ranks_who_won_points_in_the_campaign(api: Api, played: Played) -> None:
    first, hidden, third, nothing = played["fans"]
    board = await rows(api, played, "leaderboard")
    assert [(row["rank"], row["fan_id"], row["points"], row["award_count"], row["is_hidden"]) for row in board] == [
        (1, third, 8, 2, False), (2, first, 7, 2, False), (2, hidden, 7, 1, True), (4, nothing, 0, 2, False),
    ]  # fmt: skip
    assert board[0]["display_name"].startswith("fan ")
    assert set(board[0]) == {"rank", "fan_id", "display_name", "points", "award_count", "is_hidden"}
    window = await rows(api, played, "leaderboard", start_timestamp=moment_of(1), end_timestamp=moment_of(5))
    assert [(row["rank"], row["fan_id"], row["points"]) for row in window] == [
        (1, nothing, 9), (2, hidden, 7), (3, third, 3), (4, first, 2),
    ]  # fmt: skip
    assert [row["rank"] for row in await rows(api, played, "leaderboard", limit=2)] == [1, 2]


async def test_bookings_come_the_oldest_first_and_by_pages(api: Api, played: Played) -> None:
    fans, bookings = played["fans"], played["bookings"]
    listed = await rows(api, played, "fan_points")
    assert [(row["fan_id"], row["point_count"]) for row in listed] == [
        (fans[place], count) for place, _, count in bookings
    ]
    assert {row["point_name"] for row in listed} == {"Played"}
    assert [row["creation_timestamp"] - int(BEGIN.timestamp()) for row in listed] == [60 * each[1] for each in bookings]
    window = await rows(api, played, "fan_points", start_timestamp=moment_of(1), end_timestamp=moment_of(3))
    assert [row["point_count"] for row in window] == [7, 3]
    page = await rows(api, played, "fan_points", min_event_id=listed[1]["fan_point_id"], limit=2)
    assert page == listed[2:4]


@pytest.mark.parametrize("target", ["leaderboard", "fan_points"])
async def test_another_accounts_campaign_is_unknown(other_api: Api, played: Played, target: str) -> None:
    path = f"/api/v1/campaigns/{played['page_tab_id']}/detailed_stats"
    assert (await other_api.get(path, target=target)).status_code == 404
    assert (await other_api.public_get(path, target=target)).status_code == 403


async def test_a_board_has_no_event_to_go_on_from(api: Api, played: Played) -> None:
    path = f"/api/v1/campaigns/{played['page_tab_id']}/detailed_stats"
    refused = await api.get(path, target="leaderboard", min_event_id=1)
    assert [each["field"] for each in refused.json()["errors"]] == ["min_event_id"]
