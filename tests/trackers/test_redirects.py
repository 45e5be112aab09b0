"""Redirects: where a link leads, and that each click is stored with its verdict before it is answered."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unavailable
from fanfare.trackers import followers, jobs
from fanfare.trackers.actions import clicks
from fanfare.trackers.actions.redirects import fan_token
from fanfare.trackers.queries.visitors import visitor_of
from tests.api import Api
from tests.running import PATIENCE
from tests.trackers.links import SAFARI, TARGET, browser, click, figures, new_tracker, rows


async def test_a_click_is_stored_and_led_on(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api, target_url=f"{TARGET}?lang=en#plan", utm_source="mail", utm_campaign="spring tour")
    answer = await click(base_url, saved["tracker_key"], "?seat=A%20b&utm_source=poster&lang=fr", agent=SAFARI)
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
    (row,) = await rows(db, saved["tracker_id"])
    assert answer.headers["location"].startswith(
        f"{TARGET}?lang=en&seat=A%20b&utm_source=poster&lang=fr&trk_click={row['click_id']}-"
    )
    assert answer.headers["location"].endswith("&utm_campaign=spring%20tour#plan")
    assert (row["verdict"], row["reason"], row["method"], row["user_agent"]) == ("human", "browser", "GET", SAFARI)
    assert row["ip_address"] == "127.0.0.1"
    assert row["url_param_props"] == {"seat": "A b", "utm_source": "poster", "lang": "fr"}
    assert row["visitor_uid"].hex == visitor_of(api.account_id, answer.cookies["fanfare-trk"])
    assert "HttpOnly" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        ("?a=%E2%82%AC%26", "a=%E2%82%AC%26"),
        ("?a='\"<>", "a='%22%3C%3E"),
        ("?&&a&&=b&", "a&=b"),
        ("?next=https://evil.example/%0d%0aX:1", "next=https://evil.example/%0d%0aX:1"),
        ("?trk_fan=forged&trk_click=1-forged&b=1", "b=1"),
        ("?b=%zz%", "b=%zz%"),
    ],
)
async def test_a_query_is_passed_on_as_it_came(api: Api, base_url: str, query: str, passed: str) -> None:
    saved = await new_tracker(api, is_click_id_passed=False)
    answer = await click(base_url, saved["tracker_key"], query)
    assert answer.headers["location"] == f"{TARGET}?{passed}"


async def test_without_a_query_the_target_stays_as_it_is(api: Api, base_url: str) -> None:
    saved = await new_tracker(api, is_click_id_passed=False)
    assert (await click(base_url, saved["tracker_key"])).headers["location"] == TARGET


@pytest.mark.parametrize("key", ["nothing", "a" * 65, "a-b", "%00", "%C3%BC", "x" * 9000, "%22%3E%3Cscript%3E"])
async def test_unknown_links_are_a_page_of_ours(base_url: str, key: str) -> None:
    answer = await click(base_url, key, **{"Accept-Language": "de"})
    assert "Kein Link hat diese Adresse, oder er ist abgelaufen" in answer.text
    answer = await click(base_url, key)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "No link has this address, or it has ended" in answer.text
    assert "<script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "set-cookie" not in answer.headers


async def test_a_query_beyond_a_bound_is_refused(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api)
    assert (await click(base_url, saved["tracker_key"], f"?a={'x' * 5000}")).status_code == 414
    assert (await click(base_url, saved["tracker_key"], f"?a={'x' * 64_000}")).status_code == 414
    assert await rows(db, saved["tracker_id"]) == []


@pytest.mark.parametrize(
    ("request_of", "verdict", "reason"),
    [
        (("HEAD", {}), "head", "method HEAD"),
        (("GET", {"Sec-Purpose": "prefetch;prerender"}), "prefetch", "header: prefetch;prerender"),
        (("GET", {"Purpose": "prefetch"}), "prefetch", "header: prefetch"),
        (("GET", {"X-Moz": "prefetch"}), "prefetch", "header: prefetch"),
        (("GET", {"X-Purpose": "preview"}), "preview", "header: preview"),
        (("GET", {"User-Agent": "WhatsApp/2.23.20.0"}), "preview", "list of crawlers: WhatsApp"),
        (("GET", {"User-Agent": "curl/8.5.0"}), "bot", "list of crawlers: curl"),
        (("GET", {"User-Agent": ""}), "bot", "no user agent"),
        (("GET", {"User-Agent": "Acme Link Expander 3"}), "bot", "user agent of no browser"),
        (("GET", {"User-Agent": f"{SAFARI} (+https://acme.example)"}), "bot", "user agent of a program: https://"),
    ],
)
async def test_only_people_count(
    api: Api, db: Db, base_url: str, request_of: tuple[str, dict[str, str]], verdict: str, reason: str
) -> None:
    method, headers = request_of
    saved = await new_tracker(api)
    async with browser(base_url, **headers) as client:
        answer = await client.request(method, f"/trk/{saved['tracker_key']}")
    assert answer.status_code == 302
    (row,) = await rows(db, saved["tracker_id"])
    assert (row["verdict"], row["reason"]) == (verdict, reason)
    tracker = await figures(api, saved["tracker_id"])
    assert (tracker["total_tracker_click_count"], tracker["click_counts"]) == (0, {verdict: 1})


async def test_a_browser_counts_once_in_half_a_minute(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api)
    other = await new_tracker(api)
    async with browser(base_url, **{"User-Agent": f"{SAFARI} [repeats]"}) as client:
        for _ in range(2):
            await client.get(f"/trk/{saved['tracker_key']}")
        await client.get(f"/trk/{other['tracker_key']}")
        await db.execute(
            "update tracker_clicks set clicked_at = clicked_at - interval '31 seconds' where tracker_id = $1",
            saved["tracker_id"],
        )
        await client.get(f"/trk/{saved['tracker_key']}")
    assert [row["verdict"] for row in await rows(db, saved["tracker_id"])] == ["human", "repeated", "human"]
    assert [row["verdict"] for row in await rows(db, other["tracker_id"])] == ["human"]
    assert (await figures(api, saved["tracker_id"]))["click_counts"] == {"human": 2, "repeated": 1}


async def test_a_double_tap_without_a_cookie_counts_once(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api)
    agent = f"{SAFARI} [taps twice]"
    await asyncio.gather(*(click(base_url, saved["tracker_key"], agent=agent) for _ in range(2)))
    assert sorted(row["verdict"] for row in await rows(db, saved["tracker_id"])) == ["human", "repeated"]


def tap(tracker_id: int, moment: datetime, **fields: Any) -> clicks.Click:
    """Return a click of a browser without a cookie, behind the address that all share."""
    values: dict[str, Any] = {"visitor_uid": uuid.uuid4().hex, "is_returning": False, "ip_address": "192.0.2.7"}
    return clicks.Click(
        tracker_id=tracker_id, version=1, clicked_at=moment, verdict="human", reason="browser", rules_version="1",
        method="GET", user_agent=SAFARI, **{**values, **fields},
    )  # fmt: skip


async def test_repetitions_within_one_statement_have_the_same_limit_of_time(api: Api, db: Db) -> None:
    """Under load a statement has the clicks of seconds, and a stadium has one address."""
    tracker_id, begin = (await new_tracker(api))["tracker_id"], datetime.now(UTC)
    browser_id = {"visitor_uid": uuid.uuid4().hex, "is_returning": True}
    taps = [tap(tracker_id, begin + timedelta(seconds=seconds)) for seconds in (0, 0.9, 1.5, 2.6)]
    taps += [tap(tracker_id, begin + timedelta(seconds=seconds), **browser_id) for seconds in (3, 32, 34)]
    stored_clicks = await clicks.store_clicks(db.for_account(api.account_id), api.account_id, taps)
    assert [each and each.verdict for each in stored_clicks] == [
        "human", "repeated", "human", "human", "human", "repeated", "human",
    ]  # fmt: skip


async def test_a_fan_who_clicks_again_in_another_browser_counts_once(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api)
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="twice@example.com")))["fan_id"]
    for _ in range(2):
        await click(base_url, saved["tracker_key"], f"?trk_fan={fan_token(api.account_id, fan_id)}")
    assert [row["verdict"] for row in await rows(db, saved["tracker_id"])] == ["human", "repeated"]


async def test_accounts_cannot_join_their_visitors(api: Api, other_api: Api, db: Db, base_url: str) -> None:
    saved = [await new_tracker(each) for each in (api, other_api)]
    async with browser(base_url) as client:
        for tracker in saved:
            await client.get(f"/trk/{tracker['tracker_key']}")
        cookie = client.cookies["fanfare-trk"]
    ids = [(await rows(db, tracker["tracker_id"]))[0]["visitor_uid"].hex for tracker in saved]
    assert len({cookie, *ids}) == 3


async def test_a_writer_that_ends_answers_everybody(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    has_begun = asyncio.Event()

    async def never_end(*_: Any) -> None:
        has_begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(clicks, "store_clicks", never_end)
    writer = clicks.ClickWriter()
    waiting = [asyncio.create_task(writer.store(db, 1, tap(1, datetime.now(UTC))))]
    await has_begun.wait()
    waiting.append(asyncio.create_task(writer.store(db, 1, tap(1, datetime.now(UTC)))))
    await asyncio.sleep(0)
    (task,) = [each for each in asyncio.all_tasks() if each.get_name() == "clicks of an account"]
    task.cancel()
    done, _ = await asyncio.wait(waiting, timeout=PATIENCE)
    assert [type(each.exception()) for each in done] == [Unavailable] * 2


async def test_the_clicks_of_a_deleted_tracker_are_deleted(api: Api, db: Db, base_url: str) -> None:
    deleted, other = [await new_tracker(api) for _ in range(2)]
    for tracker in (deleted, other):
        await click(base_url, tracker["tracker_key"])
    await api.ok(await api.delete(f"/api/v1/manage/trackers/{deleted['tracker_id']}"))
    await jobs.delete_clicks(db.for_account(api.account_id), deleted["tracker_id"])
    assert [len(await rows(db, tracker["tracker_id"])) for tracker in (deleted, other)] == [0, 1]


async def test_clicks_follow_a_merge(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api)
    fan_id, merged_fan_id = [
        (await api.ok(await api.post("/api/v1/crm/fans", email=f"{name}@merge.example")))["fan_id"]
        for name in ("stays", "goes")
    ]
    for each in (fan_id, merged_fan_id):
        await click(base_url, saved["tracker_key"], f"?trk_fan={fan_token(api.account_id, each)}")
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/merge", merged_fan_id=merged_fan_id))
    # A link that names the merged fan is that of the other now.
    await click(base_url, saved["tracker_key"], f"?trk_fan={fan_token(api.account_id, merged_fan_id)}")
    assert [row["fan_id"] for row in await rows(db, saved["tracker_id"])] == [fan_id] * 3
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/unmerge", merged_fan_id=merged_fan_id))
    assert [row["fan_id"] for row in await rows(db, saved["tracker_id"])] == [fan_id, merged_fan_id, fan_id]


async def test_many_clicks_at_once_are_each_counted(api: Api, db: Db, base_url: str) -> None:
    saved = [await new_tracker(api) for _ in range(2)]

    async def follow(client: httpx.AsyncClient, number: int) -> int:
        headers = {"User-Agent": f"{SAFARI} [{number}]"}
        answer = await client.get(f"/trk/{saved[number % 2]['tracker_key']}", headers=headers)
        client.cookies.clear()
        return answer.status_code

    async with browser(base_url) as client:
        assert set(await asyncio.gather(*(follow(client, number) for number in range(200)))) == {302}
    for tracker in saved:
        counted = (await figures(api, tracker["tracker_id"]))["click_counts"]
        stored_count = len(await rows(db, tracker["tracker_id"]))
        assert (sum(counted.values()), stored_count) == (100, 100)


async def test_a_link_names_a_fan(
    api: Api, other_api: Api, db: Db, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: list[tuple[Any, ...]] = []

    async def follow(handle: Db, *args: Any) -> None:
        assert handle.in_transaction
        followed.append(args[:4])

    monkeypatch.setattr(followers.CLICK_FOLLOWERS, "_values", [[follow]])
    saved = await new_tracker(api, is_click_id_passed=False)
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="clicks@example.com")))["fan_id"]
    answer = await click(base_url, saved["tracker_key"], f"?trk_fan={fan_token(api.account_id, fan_id)}&a=b")
    assert answer.headers["location"] == f"{TARGET}?a=b"
    for token in ("forged", fan_token(other_api.account_id, fan_id), fan_token(api.account_id, 999_999_999)):
        assert (await click(base_url, saved["tracker_key"], f"?trk_fan={token}")).status_code == 302
    await click(base_url, saved["tracker_key"], f"?trk_fan={fan_token(api.account_id, fan_id)}", agent="curl/8.5.0")
    stored_rows = await rows(db, saved["tracker_id"])
    assert [row["fan_id"] for row in stored_rows] == [fan_id, None, None, None, fan_id]
    assert followed == [(api.account_id, fan_id, saved["tracker_id"], stored_rows[0]["click_id"])]
    announced = await db.rows("select subject_id from changes where topic = 'tracker.clicked' and fan_id = $1", fan_id)
    assert [row["subject_id"] for row in announced] == [str(stored_rows[0]["click_id"])]


async def test_an_erasure_clears_every_click_of_the_person(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api)
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="erased@example.com")))["fan_id"]
    query = f"?trk_fan={fan_token(api.account_id, fan_id)}&email=erased@example.com"
    async with browser(base_url) as client:
        # Before the fan is known, as the fan, and by a program that looks into mails.
        for part in ("", query):
            await client.get(f"/trk/{saved['tracker_key']}{part}")
    await click(base_url, saved["tracker_key"], query, agent="curl/8.5.0")
    await click(base_url, saved["tracker_key"])
    await api.ok(await api.delete(f"/api/v1/crm/fans/{fan_id}"))
    stored_rows = await db.rows(
        """
        select fan_id, visitor_uid, ip_address, user_agent, url_param_props from tracker_clicks
        where account_id = $1 and tracker_id = $2 order by click_id
        """,
        api.account_id,
        saved["tracker_id"],
    )
    assert [set(row) == {None} for row in stored_rows] == [True, True, True, False]


async def test_what_follows_a_fans_click_fails_with_it_alone(
    api: Api, db: Db, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        message = "a fault"
        raise RuntimeError(message)

    monkeypatch.setattr(followers.CLICK_FOLLOWERS, "_values", [[fail]])
    saved = await new_tracker(api)
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="fault@example.com")))["fan_id"]
    token = fan_token(api.account_id, fan_id)
    answers = await asyncio.gather(
        click(base_url, saved["tracker_key"], f"?trk_fan={token}"), click(base_url, saved["tracker_key"])
    )
    assert [answer.status_code for answer in answers] == [503, 302]
    assert [row["fan_id"] for row in await rows(db, saved["tracker_id"])] == [None]
