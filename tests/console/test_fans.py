"""The search of fans by HTTP: who is found, in which order, with what shown, and what is done with many."""

import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

import httpx
import pytest

from fanfare.fan_jobs.actions import running
from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.console.people import send, signed_in
from tests.hosted.pages import token_in

NAMES = ("Ada", "Bea", "Cleo", "Dora")


@pytest.fixture(scope="module")
async def club(base_url: str, db: Db) -> AsyncIterator[Api]:
    async with new_api(base_url, db, "Harbour City") as api:
        for number, name in enumerate(NAMES):
            await api.ok(
                await api.post(
                    "/api/v1/crm/fans", first_name=name, last_name="Castle", email=f"{name}@example.com".lower(),
                    phone=f"+160455501{number:02}", province="BC" if number < 3 else "ON", country_code="CA",
                    is_subscribed=number == 0,
                )
            )  # fmt: skip
        yield api


@pytest.fixture(scope="module")
async def client(base_url: str, db: Db, club: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, club.account_id) as client:
        yield client


@pytest.fixture
def path(club: Api) -> str:
    return f"/manage/{club.account_id}/fans"


def names_in(answer: httpx.Response) -> list[str]:
    """Return the names in the list of a page, from its top."""
    assert answer.status_code == 200, answer.text
    return re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', answer.text)


async def work(db: Db, api: Api) -> None:
    while await running.work(db.for_account(api.account_id), api.account_id, datetime.now(UTC)):
        pass


async def test_who_is_found_and_how_many(client: httpx.AsyncClient, path: str) -> None:
    query = {"fan_provinces[]": "bc"}
    assert names_in(await client.get(path, params=query)) == ["Cleo Castle", "Bea Castle", "Ada Castle"]
    page = await client.get(path, params={**query, "order": "oldest"})
    assert names_in(page) == ["Ada Castle", "Bea Castle", "Cleo Castle"]
    count = await client.get(f"{path}/count", params=query)
    assert re.findall(r"<output[^>]*>([^<]+)</output>", count.text) == ["3"]
    assert "75% of 4 fans" in count.text
    assert re.findall(r"<dd>(\d+)</dd>", count.text) == ["1", "0"]
    assert "<html" not in count.text
    # Without a script the button asks for the count with the page.
    assert "75% of 4 fans" in (await client.get(path, params={**query, "count": "true"})).text


async def test_buttons_lead_to_the_search_without_them(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, params={"fan_youngest_age": "18", "fan_tags[]": "", "add": "", "order": "oldest"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{path}?fan_youngest_age=18&fan_tags%5B%5D=&order=oldest"
    answer = await client.get(path, params={"fan_youngest_age": "18", "drop": "fan_youngest_age"})
    assert answer.headers["location"] == path


async def test_pages_go_on_behind_the_last_fan(
    client: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fanfare.console.pages.fans.search.ROWS", 2)
    names: list[str] = []
    page = await client.get(path, params={"order": "oldest"})
    while True:
        names += names_in(page)
        link = re.search(r'href="([^"]+)">Next page', page.text)
        if link is None:
            break
        page = await client.get(unescape(link[1]))
    assert names == [f"{name} Castle" for name in NAMES]


async def test_what_cannot_be_evaluated_is_said(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path, params={"fan_youngest_age": "old"})
    assert "must be a whole number" in page.text
    page = await client.get(path, params={"fan_excl_segments[]": "tag:99999"})
    assert "refers to an unknown segment: tag:99999" in unescape(page.text)
    count = await client.get(f"{path}/count", params={"fan_excl_segments[]": "tag:99999"})
    assert "A criterion cannot be used as it is." in count.text


async def test_a_fan_is_found_by_what_is_typed(client: httpx.AsyncClient, path: str, club: Api) -> None:
    fan_id = (await club.ok(await club.get("/api/v1/crm/fans", name="dora@")))["data"][0]["fan_id"]
    for text in ("DORA@example.com", "604 555 0103", f"#{fan_id}"):
        answer = await client.get(path, params={"find": text})
        assert answer.headers["location"] == f"{path}/{fan_id}", text
    answer = await client.get(path, params={"find": "castle"})
    assert answer.headers["location"] == f"{path}?name=castle"
    assert len(names_in(await client.get(answer.headers["location"]))) == 4


async def test_columns_stay_in_the_browser(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert "Points</th>" in page.text
    fields = {"form_token": token_in(page), "columns[]": ["gender", "campaign"], "next": f"{path}?order=oldest"}
    answer = await client.post("/manage/fan_columns", data=fields)
    assert answer.headers["location"] == f"{path}?order=oldest"
    page = await client.get(path)
    assert re.findall(r'<th scope="col" class="[^"]*">([^<]+)</th>', page.text) == ["Gender", "Last campaign"]


async def test_names_are_masked_for_those_who_may_not_see_them(base_url: str, db: Db, club: Api, path: str) -> None:
    async with signed_in(base_url, db, club.account_id, "analyst", "jo@staff.test") as analyst:
        page = await analyst.get(path)
        assert names_in(page) == ["D. C.", "C. C.", "B. C.", "A. C."]
        assert "example.com" not in page.text
        assert "Castle" not in page.text
        assert 'name="find"' not in page.text
        page = await analyst.get(path, params={"name": "dora"})
        assert "Your role does not allow this" in page.text
        assert names_in(page) == []
        assert (await analyst.get(path, params={"find": "dora@example.com"})).headers["location"] == path
        assert (await analyst.get(f"{path}/action")).status_code == 403
        # An export has what is masked here.
        assert (await analyst.get(f"{path}/export?is_everyone=true")).status_code == 403


async def test_a_filter_is_saved_and_live(client: httpx.AsyncClient, path: str, club: Api) -> None:
    saved = await send(client, f"{path}/save?fan_provinces[]=BC&fan_is_subscribed=true", filter_name="Readers")
    assert saved.status_code == 303, saved.text
    page = await client.get(saved.headers["location"])
    assert "The filter Readers is saved." in page.text
    assert names_in(page) == ["Ada Castle"]
    fan_id = (await club.ok(await club.get("/api/v1/crm/fans", name="bea")))["data"][0]["fan_id"]
    await club.ok(await club.post(f"/api/v1/crm/fans/{fan_id}", is_subscribed=True))
    assert names_in(await client.get(saved.headers["location"])) == ["Bea Castle", "Ada Castle"]
    [row] = await club.ok(await club.get("/api/v1/crm/filters"))
    answer = await client.get(path, params={"filter_uid": row["filter_uid"]})
    assert answer.headers["location"] == f"{path}?fan_provinces%5B%5D=BC&fan_is_subscribed=true"
    again = await send(client, f"{path}/save?fan_provinces[]=ON", filter_name="READERS")
    assert again.status_code == 409


async def test_all_who_are_found_get_a_tag(client: httpx.AsyncClient, path: str, club: Api, db: Db) -> None:
    page = await client.get(f"{path}/action", params={"fan_provinces[]": "ON", "fan_ids[]": "1", "is_found": "true"})
    assert page.headers["location"] == f"{path}/action?fan_provinces%5B%5D=ON"
    page = await client.get(f"{page.headers['location']}&action=tag")
    assert "Tag 1 fan<" in page.text
    answer = await send(client, f"{path}/action?action=tag&fan_provinces[]=ON", action="tag", tag_name="Easterners")
    assert answer.status_code == 303, answer.text
    job = answer.headers["location"]
    assert 'hx-trigger="every 1s"' in (await client.get(job)).text
    await work(db, club)
    page = await client.get(job)
    assert "every 1s" not in page.text
    assert "1 of 1 fan\n" in page.text
    assert "1 of 1 fan\n" in (await client.get(f"{job}/progress")).text
    assert names_in(await client.get(f"{path}?fan_tags[]=Easterners")) == ["Dora Castle"]
    assert "Tag fans with Easterners" in (await client.get(job.rpartition("/")[0])).text


async def test_picked_fans_get_points(client: httpx.AsyncClient, path: str, club: Api, db: Db) -> None:
    point = await club.ok(await club.post("/api/v1/manage/points", point_name="Loyalty"))
    rows = (await club.ok(await club.get("/api/v1/crm/fans", fan_provinces="BC")))["data"]
    picked = [row["fan_id"] for row in rows[:2]]
    # What the form of the list sends: the criteria of the search too.
    page = await client.get(f"{path}/action", params={"fan_provinces[]": "BC", "fan_ids[]": picked, "action": "award"})
    address = page.headers["location"]
    assert "fan_provinces" not in address
    answer = await send(client, address, action="award", point_uid=point["point_uid"], point_count="25")
    await work(db, club)
    assert "2 of 2 fans" in (await client.get(answer.headers["location"])).text
    wrong = await send(client, address, action="award", point_uid=point["point_uid"], point_count="many")
    assert wrong.status_code == 422
    assert "Points for each fan" in wrong.text


async def test_a_job_is_cancelled(client: httpx.AsyncClient, path: str, club: Api, db: Db) -> None:
    answer = await send(client, f"{path}/action?action=tag&is_everyone=true", action="tag", tag_name="Never")
    job = answer.headers["location"]
    answer = await send(client, job, f"{job}/cancel")
    assert answer.headers["location"] == job
    assert "cancelled" in (await client.get(job)).text
    await work(db, club)
    assert names_in(await client.get(f"{path}?fan_tags[]=Never")) == []


async def test_an_erasure_asks_for_the_name_and_tells_the_number(
    client: httpx.AsyncClient, path: str, club: Api, db: Db
) -> None:
    source = uuid.uuid4().hex[:8]
    for number in range(2):
        await club.ok(
            await club.post("/api/v1/crm/fans", email=f"gone{number}-{source}@example.com", fan_source=source)
        )
    address = f"{path}/erasure?action=erase&fan_source={source}"
    page = await client.get(address)
    assert "2 fans are erased for good" in page.text
    for fields in ({"fan_count": "2", "confirmation": "harbour"}, {"confirmation": "Harbour City"}):
        wrong = await send(client, address, action="erase", **fields)
        assert wrong.status_code == 422
    # One more comes before it begins: nothing is erased.
    answer = await send(client, address, action="erase", fan_count="2", confirmation="Harbour City")
    third: dict[str, Any] = {"email": f"third-{source}@example.com", "fan_source": source}
    await club.ok(await club.post("/api/v1/crm/fans", **third))
    await work(db, club)
    page = await client.get(answer.headers["location"])
    assert "there are 3 fans by now, not 2; nothing was done" in page.text
    assert len(names_in(await client.get(path, params={"fan_source": source}))) == 3
    answer = await send(client, address, action="erase", fan_count="3", confirmation="Harbour City")
    await work(db, club)
    assert "3 fans were erased." in (await client.get(answer.headers["location"])).text
    assert names_in(await client.get(path, params={"fan_source": source})) == []


async def test_an_export_leads_to_its_file(client: httpx.AsyncClient, path: str, club: Api, db: Db) -> None:
    await client.get(f"{path}/export?action=export&fan_provinces[]=BC")
    assert "fans_export" not in await actions_of(club)
    answer = await send(client, f"{path}/export?action=export&fan_provinces[]=BC", action="export")
    await work(db, club)
    assert "To the file" in (await client.get(answer.headers["location"])).text
    [export] = (await club.ok(await club.get("/api/v1/manage/exports")))["data"]
    assert export["table"] == "fans"
    assert "fans_export_start" in await actions_of(club)


async def actions_of(club: Api) -> set[str]:
    """Return what the audit log names."""
    entries = await club.ok(await club.get("/api/v1/manage/audit_entries"))
    return {each["action_name"] for each in entries["data"]}


async def test_people_of_some_businesses_act_on_nobody(base_url: str, db: Db, club: Api, path: str) -> None:
    async with signed_in(base_url, db, club.account_id, "editor", business_ids=[1]) as limited:
        page = await limited.get(path)
        assert 'name="fan_ids[]"' not in page.text
        assert (await limited.get(f"{path}/action")).status_code == 403
