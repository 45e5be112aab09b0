"""Trackers: created, listed with kept figures, changed, ended and deleted."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.trackers.links import TARGET, click, figures, new_tracker

# Rows are written without their totals.
FILLS_TABLES = True

PATH = "/api/v1/trackers"


async def test_a_tracker_is_listed_with_its_figures(api: Api, base_url: str) -> None:
    saved = await new_tracker(
        api, tracker_name="Autumn", tracker_group_name="Posters", network="Instagram", tracker_key="autumn",
        purchase_event_wildcard="season_*", tracker_marketing_group_name="North",
    )  # fmt: skip
    assert saved.keys() == {"tracker_id", "virtual_domain", "tracker_key"}
    for _ in range(3):
        await click(base_url, "autumn")
    rows = await api.ok(await api.get(PATH))
    row = next(each for each in rows if each["tracker_id"] == saved["tracker_id"])
    assert row == await figures(api, saved["tracker_id"])
    assert (row["tracker_name"], row["tracker_group_name"], row["network"]) == ("Autumn", "Posters", "instagram")
    assert (row["target_url"], row["purchase_event_wildcard"]) == (TARGET, "season_*")
    assert (row["total_tracker_click_count"], row["click_counts"]) == (3, {"human": 3})
    assert (row["attributed_purchase_count"], row["attributed_purchase_amount"]) == (0, 0)
    assert row["tracker_url"].endswith("/trk/autumn")
    assert row["tracker_url"].split("/")[2] == row["virtual_domain"]
    assert datetime.fromisoformat(row["creation_timestamp_iso"]).timestamp() == row["creation_timestamp"]
    assert [each["tracker_id"] for each in rows] == sorted((each["tracker_id"] for each in rows), reverse=True)


async def test_figures_are_those_of_a_window_of_days(api: Api, db: Db, base_url: str) -> None:
    tracker_id = (await new_tracker(api, tracker_key="window"))["tracker_id"]
    await click(base_url, "window")
    today = datetime.now(ZoneInfo("America/Los_Angeles")).date()
    await db.execute(
        "insert into tracker_click_days (account_id, tracker_id, figure_date, human_count)"
        " select account_id, tracker_id, $2::date - ago, 10"
        " from trackers, unnest($3::int[]) as ago where tracker_id = $1",
        tracker_id,
        today,
        [5, 30, 31],
    )
    path = f"{PATH}/{tracker_id}"

    async def count(**days: str) -> int:
        return int((await api.ok(await api.get(path, **days)))["total_tracker_click_count"])

    def day(ago: int, form: str = "%m/%d/%y") -> str:
        return (today - timedelta(days=ago)).strftime(form)

    assert await count() == 21
    assert await count(min_creation_date=day(31)) == 31
    assert await count(min_creation_date=day(31), max_creation_date=day(6)) == 20
    assert await count(max_creation_date=day(5, "%Y-%m-%d")) == 30
    # They have no clicks that they were counted from.
    await db.execute("delete from tracker_click_days where tracker_id = $1 and human_count = 10", tracker_id)
    answer = await api.get(path, min_creation_date="13/45/26", max_creation_date="x")
    assert [error["field"] for error in answer.json()["errors"]] == ["min_creation_date", "max_creation_date"]
    answer = await api.get(PATH, min_creation_date=day(1), max_creation_date=day(2))
    assert [error["field"] for error in answer.json()["errors"]] == ["max_creation_date"]


async def test_a_key_is_generated_and_taken_once(api: Api, other_api: Api) -> None:
    first, second = [await new_tracker(api) for _ in range(2)]
    assert first["tracker_key"].isalnum()
    assert first["tracker_key"] != second["tracker_key"]
    for caller in (api, other_api):
        answer = await caller.post(
            PATH, virtual_domain="localhost", target_url=TARGET, tracker_name="x", tracker_group_name="x",
            tracker_key=first["tracker_key"],
        )  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (409, "tracker_key_taken")


async def test_every_wrong_field_is_named(api: Api) -> None:
    fields = {
        "virtual_domain": "go.unknown.example", "target_url": "javascript:alert(1)", "tracker_name": "x" * 129,
        "tracker_key": "a-b", "purchase_event_wildcard": "*a*b*c*d*e*f*g*h*i", "tracker_marketing_group_name": "x" * 65,
        "page_tab_id": 999,
    }  # fmt: skip
    answer = await api.post(PATH, **fields)
    names = {error["field"] for error in answer.json()["errors"]}
    assert (answer.status_code, names) == (422, {*fields, "tracker_group_name"})


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "//evil.example", "/login", "ftp://a.example", "https://", "https:///a", "http:evil",
        "https://user:word@a.example/", "https://a.example/\r\nSet-Cookie: a=b", "https://a.example\\@b.example/",
        "https://a.example:99999/", "https://a.example/ b", "data:text/html,x", "https://[::1", "https://a..example/",
        "https://exa\u2028mple.com/", "https://a.example/" + "x" * 2000, "http://localhost/trk/abc",
        "http://localhost//trk/abc", "http://localhost/%74rk/abc", "http://localhost/./trk/abc",
        "http://localhost/a/../trk/abc", "http://localhost/%2e%2E/trk%2Fabc", "http://LOCALHOST.:9/trk/abc?a=b",
    ],
)  # fmt: skip
async def test_a_target_is_an_http_url(api: Api, url: str) -> None:
    answer = await api.post(PATH, virtual_domain="localhost", target_url=url, tracker_name="x", tracker_group_name="x")
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, ["target_url"])


@pytest.mark.parametrize(
    ("url", "stored_url"),
    [
        ("HTTPS://Shop.Example.com", "https://shop.example.com/"),
        ("https://münchen.example/straße?q=ü#ä", "https://xn--mnchen-3ya.example/stra%C3%9Fe?q=%C3%BC#%C3%A4"),
        ("http://192.0.2.7:8080/a%20b?x=%2F&y=[1]", "http://192.0.2.7:8080/a%20b?x=%2F&y=%5B1%5D"),
    ],
)
async def test_a_target_is_stored_in_ascii(api: Api, url: str, stored_url: str) -> None:
    saved = await new_tracker(api, target_url=url)
    assert (await figures(api, saved["tracker_id"]))["target_url"] == stored_url


async def test_a_tracker_is_changed_and_deleted(api: Api, db: Db, base_url: str) -> None:
    fields = {"utm_source": "mail", "utm_medium": "email", "tracker_marketing_group_name": "North"}
    tracker_id, _, key = (await new_tracker(api, **fields)).values()
    path = f"/api/v1/manage/trackers/{tracker_id}"
    assert (await click(base_url, key)).status_code == 302
    assert await api.ok(
        await api.post(path, target_url="https://b.example/", utm_medium="", tracker_marketing_group_name="")
    )
    row = await figures(api, tracker_id)
    assert (row["target_url"], row["utm_params"]) == ("https://b.example/", {"utm_source": "mail"})
    assert (row["tracker_marketing_group_name"], row["total_tracker_click_count"]) == (None, 1)
    # This process had found the link before.
    location = (await click(base_url, key)).headers["location"]
    assert location.startswith("https://b.example/?trk_click=")
    assert location.endswith("&utm_source=mail")
    assert (await api.post(path, target_url="")).status_code == 422
    assert await api.ok(await api.post(path, expiration_timestamp=datetime.now(UTC).timestamp() - 1))
    assert (await click(base_url, key)).status_code == 404
    assert await api.ok(await api.post(path, expiration_timestamp=""))
    assert (await click(base_url, key)).status_code == 302
    assert await api.ok(await api.delete(path))
    assert (await click(base_url, key)).status_code == 404
    assert (await api.delete(path)).status_code == (await api.post(path)).status_code == 404
    topics = await db.rows("select topic from changes where subject_id = $1 order by position", str(tracker_id))
    assert [row["topic"] for row in topics] == [
        "tracker.created", "tracker.updated", "tracker.updated", "tracker.updated", "tracker.deleted",
    ]  # fmt: skip


async def test_trackers_are_paged_from_the_newest(other_api: Api) -> None:
    ids = [(await new_tracker(other_api))["tracker_id"] for _ in range(3)]
    first = await other_api.get(PATH, limit=2)
    second = await other_api.get(PATH, limit=2, cursor=first.headers["X-Next-Cursor"])
    assert [row["tracker_id"] for row in [*first.json(), *second.json()]][:3] == ids[::-1]


async def test_another_accounts_tracker_is_not_there(api: Api, other_api: Api) -> None:
    tracker_id = (await new_tracker(api))["tracker_id"]
    assert (await other_api.get(f"{PATH}/{tracker_id}")).status_code == 404
    assert (await other_api.post(f"/api/v1/manage/trackers/{tracker_id}", tracker_name="x")).status_code == 404
    assert tracker_id not in {row["tracker_id"] for row in await other_api.ok(await other_api.get(PATH))}
