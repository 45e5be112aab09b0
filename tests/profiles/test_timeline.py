"""The timeline of a fan: what it has, page by page, and what people see of it who are limited to businesses."""

from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.profiles.queries.timeline import timeline
from fanfare.profiles.schemas import KINDS, TimelineQuery
from tests.api import Api
from tests.profiles.made import made_fan, poster

EXPECTED = {
    "created", "activity", "ticket", "registration", "scan", "pass", "purchase", "points", "consent", "tag",
}  # fmt: skip


async def entries(api: Api, fan_id: int, **query: Any) -> list[dict[str, Any]]:
    """Read a timeline to its end."""
    result, cursor = [], None
    while True:
        answer = await api.get(
            f"/api/v1/manage/fans/{fan_id}/timeline", **query, **({"cursor": cursor} if cursor else {})
        )
        result += await api.ok(answer)
        cursor = answer.headers.get("X-Next-Cursor")
        if not cursor:
            return result


@pytest.fixture(scope="module")
async def fan(api: Api) -> dict[str, Any]:
    return await made_fan(api)


async def test_everything_is_in_it(api: Api, fan: dict[str, Any]) -> None:
    rows = await entries(api, fan["fan_id"])
    assert {each["kind"] for each in rows} == EXPECTED
    moments = [each["occurrence_timestamp"] for each in rows]
    assert moments == sorted(moments, reverse=True)
    by_kind = {each["kind"]: each for each in rows}
    ticket, purchase, points = by_kind["ticket"], by_kind["purchase"], by_kind["points"]
    assert (ticket["title"], ticket["entry_count"], ticket["amount"], ticket["currency"]) == ("Bow River", 2, 76, "USD")
    assert (purchase["title"], purchase["amount"], points["title"], points["entry_count"]) == (
        "Scarf", 25, "Harbour points", 50,
    )  # fmt: skip
    assert by_kind["activity"]["details"] == {"goal": "the late one"}
    assert by_kind["activity"]["business_id"] == fan["business_id"]
    assert by_kind["scan"]["details"]["node_name"] == "North Gate"


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_every_page_size_reads_each_entry_once(api: Api, fan: dict[str, Any], limit: int) -> None:
    complete = await entries(api, fan["fan_id"])
    pages = await entries(api, fan["fan_id"], limit=limit)
    assert [each["entry_key"] for each in pages] == [each["entry_key"] for each in complete]


async def test_entries_of_one_moment_stay_together(api: Api) -> None:
    fan_id = (await poster(api)("crm/fans", email="moment@example.com"))["fan_id"]
    values = {"campaign_title": "Import", "creation_timestamp": "2026-01-05 10:00:00"}
    for _ in range(5):
        await poster(api)(f"crm/fans/{fan_id}/activities", **values)
    rows = await entries(api, fan_id, limit=2, kinds="activity")
    assert len({each["entry_key"] for each in rows}) == len(rows) == 5


async def test_kinds_are_chosen(api: Api, fan: dict[str, Any]) -> None:
    rows = await entries(api, fan["fan_id"], kinds="ticket,purchase")
    assert [each["kind"] for each in rows] == ["purchase", "ticket"]
    answer = await api.get(f"/api/v1/manage/fans/{fan['fan_id']}/timeline", kinds="song")
    assert answer.status_code == 422


async def test_limited_people_see_what_belongs_to_their_businesses(api: Api, db: Db, fan: dict[str, Any]) -> None:
    db = db.for_account(api.account_id)
    query = TimelineQuery(fan_id=fan["fan_id"])
    rows = (await timeline(db, api.account_id, query, [fan["business_id"]])).data
    assert {each.kind for each in rows} == {"created", "activity", "pass", "consent", "tag"}
    rows = (await timeline(db, api.account_id, query, [fan["business_id"] + 1000])).data
    assert {each.kind for each in rows} == {"created", "consent", "tag"}
    # The consent to the business itself is not among them.
    assert [each.business_id for each in rows if each.kind == "consent"] == [None]


async def test_limited_people_see_tickets_for_their_performances(api: Api, db: Db, fan: dict[str, Any]) -> None:
    show = {"performance_name": "Tideline", "performance_date": "2026-08-21", "business_id": fan["business_id"]}
    await poster(api)("performances", **show)
    query = TimelineQuery(fan_id=fan["fan_id"], kinds=["ticket", "registration", "scan"])
    rows = (await timeline(db.for_account(api.account_id), api.account_id, query, [fan["business_id"]])).data
    assert [(each.kind, each.business_id) for each in rows] == [
        ("scan", fan["business_id"]), ("registration", fan["business_id"]),
    ]  # fmt: skip


async def test_merges_and_segments_are_in_it(api: Api) -> None:
    post = poster(api)
    first, second = [(await post("crm/fans", email=f"m{number}@example.com"))["fan_id"] for number in range(2)]
    await post(f"manage/fans/{first}/merge", merged_fan_id=second)
    await post(f"manage/fans/{first}/unmerge", merged_fan_id=second)
    rows = await entries(api, first, kinds="merge,unmerge")
    assert [(each["kind"], each["details"]["merged_fan_id"]) for each in rows] == [
        ("unmerge", second),
        ("merge", second),
    ]


async def test_an_unknown_fan_is_refused(api: Api, other_api: Api, fan: dict[str, Any]) -> None:
    for client, fan_id in ((api, 2**40), (other_api, fan["fan_id"])):
        answer = await client.get(f"/api/v1/manage/fans/{fan_id}/timeline")
        assert answer.status_code == 404
    # A place beyond all time is one before everything.
    answer = await api.get(f"/api/v1/manage/fans/{fan['fan_id']}/timeline", cursor="desc.999999999999999999")
    assert len(await api.ok(answer)) > 5


def test_every_kind_has_a_source() -> None:
    from fanfare.profiles.queries.timeline import SOURCES  # noqa: PLC0415 - only here

    assert [each.kind for each in SOURCES] == list(dict.fromkeys(each.kind for each in SOURCES))
    assert {each.kind for each in SOURCES} == set(KINDS)
