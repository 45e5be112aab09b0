"""Links to reports: they show what the call says, until they end."""

from typing import Any

import pytest

from fanfare.hosted.queries.report_sheets import FIELDS, PARTS, WORDS
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages import languages
from fanfare.kernel.pages.languages import Language
from fanfare.reports.actions import links as actions
from tests.api import Api
from tests.hosted.pages import relative, visitor

MANAGE = "/api/v1/manage/reports"
REPORT = {"report_name": "Tickets <of> May", "report_type": "tickets", "start_date": "2026-05-01"}


async def created(api: Api, **fields: Any) -> str:
    result: str = (await api.ok(await api.post(MANAGE, **{**REPORT, **fields})))["report_uid"]
    return result


async def shared(api: Api, report_uid: str, **fields: Any) -> Any:
    return await api.ok(await api.post(f"{MANAGE}/{report_uid}/links", **fields))


async def page(base_url: str, url: str, **headers: str) -> tuple[int, str]:
    async with visitor(base_url) as client:
        answer = await client.get(relative(url), headers=headers)
        return answer.status_code, answer.text


async def test_a_link_shows_the_report_without_a_key(api: Api, base_url: str) -> None:
    ticket = {
        "first_name": "Ada", "last_name": "Okoro", "email": "ada@example.com", "paid_amount": 1250.5, "num_seats": 3,
        "purchase_timestamp": "2026-05-01 17:30:00", "event_date": "2026-07-03", "event_name": "Final",
        "ticket_key": "t", "currency": "CAD",
    }  # fmt: skip
    await api.ok(await api.post("/api/v1/crm/tickets", **ticket))
    report_uid = await created(api, end_date="2026-05-31", options={"event_name": "Final"})
    link = await shared(api, report_uid)
    async with visitor(base_url) as client:
        assert (await client.head(relative(link["url"]))).status_code == 200
    (row,) = [each for each in await api.ok(await api.get("/api/v1/reports")) if each["report_uid"] == report_uid]
    assert row["last_access_timestamp"] is None
    status, html = await page(base_url, link["url"])
    assert status == 200
    for text in ("Tickets &lt;of&gt; May", "May 1, 2026 to May 31, 2026", "Seats", ">3<", "New buyers"):
        assert text in html
    assert "ada@example.com" not in html
    assert "Okoro" not in html
    status, html = await page(base_url, link["url"], **{"Accept-Language": "de"})
    assert (status, "Bestellungen" in html) == (200, True)
    (row,) = [each for each in await api.ok(await api.get("/api/v1/reports")) if each["report_uid"] == report_uid]
    assert row["last_access_timestamp"] > 0


async def test_a_link_can_be_ended_and_ends_by_itself(api: Api, base_url: str, db: Db) -> None:
    report_uid = await created(api)
    first, second, third = [await shared(api, report_uid, days=days) for days in (1, 30, 366)]
    listed = await api.ok(await api.get(f"{MANAGE}/{report_uid}/links"))
    assert [row["report_link_id"] for row in listed] == [each["report_link_id"] for each in (first, second, third)]
    assert listed[0]["expiration_timestamp"] - listed[0]["creation_timestamp"] == 24 * 3600
    assert all("url" not in row for row in listed)
    await api.ok(await api.delete(f"/api/v1/manage/report_links/{second['report_link_id']}"))
    await db.execute(
        "update report_links set expires_at = now() - interval '1 second' where account_id = $1"
        " and report_link_id = $2",
        api.account_id,
        first["report_link_id"],
    )
    assert [(await page(base_url, each["url"]))[0] for each in (first, second, third)] == [404, 404, 200]
    assert len(await api.ok(await api.get(f"{MANAGE}/{report_uid}/links"))) == 1
    await api.ok(await api.delete(f"{MANAGE}/{report_uid}"))
    status, html = await page(base_url, third["url"])
    assert (status, "The link to this report has ended" in html) == (404, True)
    assert (await api.delete(f"/api/v1/manage/report_links/{third['report_link_id']}")).status_code == 404


async def test_a_link_is_stored_as_a_hash_and_means_one_account(
    api: Api, other_api: Api, base_url: str, db: Db
) -> None:
    link = await shared(api, await created(api))
    text = link["url"].partition("link=")[2]
    secret = text.partition(".")[2]
    rows = await db.rows("select l::text as line from report_links l where account_id = $1", api.account_id)
    assert rows
    assert all(secret not in row["line"] for row in rows)
    changes = await db.rows("select c::text as line from changes c where account_id = $1", api.account_id)
    assert all(secret not in row["line"] for row in changes)
    for wrong in (f"{other_api.account_id}.{secret}", f"{text}a", secret, "", ".", "1.", "x.y", "9" * 30 + ".a", "٣.a"):
        status, _ = await page(base_url, f"/crm/reports?link={wrong}")
        assert status in (404, 422), wrong
    answer = await other_api.delete(f"/api/v1/manage/report_links/{link['report_link_id']}")
    assert answer.status_code == 404


async def test_links_and_reports_are_bounded(other_api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MAX_LINKS", 2)
    report_uid = await created(other_api)
    await shared(other_api, report_uid)
    await shared(other_api, report_uid)
    answer = await other_api.post(f"{MANAGE}/{report_uid}/links")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_links")
    # What has ended makes room.
    await db.execute(
        "update report_links set expires_at = now() - interval '1 second' where account_id = $1", other_api.account_id
    )
    await shared(other_api, report_uid)
    assert (await other_api.post(f"{MANAGE}/{report_uid}/links", days=367)).status_code == 422


@pytest.mark.parametrize("code", languages.codes()[1:])
def test_every_title_is_translated(code: str) -> None:
    texts = {*(field.title for field in FIELDS.values()), *PARTS.values(), *WORDS}
    translations = languages.translations(code)
    # A text can be the same in both languages, but then the file says so.
    assert [text for text in texts if text not in translations._catalog] == []  # type: ignore[attr-defined]  # noqa: SLF001
    assert Language(code).percent(1.5) in ("1,5\u00a0%", "1,5\u202f%")
