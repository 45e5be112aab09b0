"""Pages of tickets: what each shows to whom, and what happens when a pass is checked in, given away or cancelled."""

from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.box_office import BoxOffice, open_box_office
from tests.console.people import send, signed_in


@pytest.fixture(scope="module")
async def office(api: Api) -> BoxOffice:
    return await open_box_office(api)


async def test_events_come_first_and_their_figures_later(base_url: str, db: Db, api: Api, office: BoxOffice) -> None:
    path = f"/manage/{api.account_id}/tickets"
    async with signed_in(base_url, db, api.account_id) as client:
        first = (await client.get(path)).text
        assert "Harbour City FC - Emerald Sound" in first
        assert f'hx-get="{path}?period=coming&amp;has_figures=true"' in first
        later = (await client.get(f"{path}?period=coming&has_figures=true")).text
        assert 'hx-trigger="load"' not in later
        assert f'<a href="{path}/{office.event_uid}/gates">10</a>' in later
        past = (await client.get(f"{path}?period=past&order_by=seats&has_figures=true")).text
        assert past.index("Bow River") < past.index("Rose City Athletic")
        assert "No event contains this" in (await client.get(f"{path}?text=nowhere")).text


async def test_an_event_shows_its_curve_beside_earlier_ones(base_url: str, db: Db, api: Api, office: BoxOffice) -> None:
    path = f"/manage/{api.account_id}/tickets/{office.event_uid}"
    async with signed_in(base_url, db, api.account_id) as client:
        first = (await client.get(path)).text
        assert 'class="wait wait--chart"' in first
        page = (await client.get(f"{path}?has_figures=true")).text
    assert page.count('<path class="before') == 4  # two lines, each with its key
    for text in ("ADULT", "FAMILY", "CLUB", "Bow River", "Rose City Athletic", "Days before"):
        assert text in page


async def test_the_last_hour_at_the_gates_comes_first_and_the_whole_event_after(
    base_url: str, db: Db, api: Api, office: BoxOffice
) -> None:
    gates = f"/manage/{api.account_id}/tickets/{office.event_uid}/gates"
    async with signed_in(base_url, db, api.account_id) as client:
        first = (await client.get(gates)).text
        assert "Gates in the last hour" in first
        assert "All refusals" in first
        # The whole event is only asked for.
        assert f'hx-get="{gates}?has_figures=true"' in first
        assert "Refusals by reason" not in first
        later = (await client.get(f"{gates}?has_figures=true")).text
        assert "Refusals by reason" in later
        assert "entries less exits" in later


async def test_a_pass_is_checked_in_once_and_the_log_says_so(
    base_url: str, db: Db, api: Api, office: BoxOffice
) -> None:
    gates = f"/manage/{api.account_id}/tickets/{office.event_uid}/gates"
    code = office.passes[3]["pass_code"]
    async with signed_in(base_url, db, api.account_id) as client:
        answer = await send(client, gates, pass_code=code.lower(), gate_name="Desk")
        assert answer.headers["location"] == f"{gates}?at_gate=Desk"
        page = (await client.get(answer.headers["location"])).text
        assert f"Let in: {code} at Desk." in page
        assert 'value="Desk"' in page
        await send(client, gates, pass_code=code, gate_name="Desk")
        assert "Not let in: the pass was used before." in (await client.get(gates)).text
        log = (await client.get(f"{gates.removesuffix('gates')}scans?gate_name=Desk")).text
        assert log.count("Let in") == 1
        assert "Came in at Desk on" in log
        wrong = await send(client, gates, pass_code="short", gate_name="Desk")
        assert (wrong.status_code, "must be eight letters and digits" in wrong.text) == (422, True)
    row = await api.ok(await api.get(f"/api/v1/manage/passes/{office.passes[3]['pass_uid']}"))
    assert (row["checked_in"], row["gate_name"]) == (True, "Desk")


async def test_a_pass_is_handed_over_transferred_and_cancelled(
    base_url: str, db: Db, api: Api, office: BoxOffice
) -> None:
    one = office.passes[4]
    path = f"/manage/{api.account_id}/passes/{office.page_tab_id}/{one['pass_uid']}"
    fans = [(await api.ok(await api.post("/api/v1/crm/fans", email=f"p{n}@example.com")))["fan_id"] for n in (1, 2)]
    async with signed_in(base_url, db, api.account_id) as client:
        assert "<title>QR code of the pass</title>" in (await client.get(path)).text
        await send(client, path, f"{path}/hand_over", fan_id=fans[0])
        assert "The fan holds the pass." in (await client.get(path)).text
        await send(client, path, f"{path}/hand_over", fan_id=fans[1])
        page = (await client.get(path)).text
        assert "The pass is transferred." in page
        row = await api.ok(await api.get(f"/api/v1/manage/passes/{one['pass_uid']}"))
        assert row["claim_fan_id"] == fans[1]
        assert row["pass_code"] != one["pass_code"]
        await send(client, path, f"{path}/cancel")
        page = (await client.get(path)).text
        assert "The pass is cancelled" in page
        assert "Cancel the pass" not in page
        listed = (await client.get(f"/manage/{api.account_id}/passes/{office.page_tab_id}?state=cancelled")).text
        assert row["pass_code"] in listed


async def test_without_the_right_nothing_personal_is_in_the_pages(
    base_url: str, db: Db, api: Api, office: BoxOffice
) -> None:
    root = f"/manage/{api.account_id}"
    pass_path = f"{root}/passes/{office.page_tab_id}"
    paths = (
        f"{root}/registrations", pass_path, f"{pass_path}/{office.passes[0]['pass_uid']}",
        f"{root}/tickets/{office.event_uid}/scans", f"{root}/tickets/{office.event_uid}/gates",
    )  # fmt: skip
    async with signed_in(base_url, db, api.account_id, "analyst") as client:
        pages = [(await client.get(path)).text for path in paths]
    for page in pages:
        for text in ("Castellane", "maren.castellane", "wristband-1", *(each["pass_code"] for each in office.passes)):
            assert text not in page
    assert "M. C." in pages[0]
    assert "m…@e…" in pages[0]


async def test_people_of_a_business_see_what_its_performances_have(
    base_url: str, db: Db, api: Api, office: BoxOffice
) -> None:
    created = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Harbour City FC"))
    new: dict[str, Any] = {"performance_name": "Harbour City FC - Bow River", "business_id": created["business_id"]}
    entries = (await api.ok(await api.get("/api/v1/manage/ticket_events", period="past", text="Bow River")))["data"]
    new["performance_date"] = entries[0]["event_date"]
    await api.ok(await api.post("/api/v1/performances", **new))
    root, ids = f"/manage/{api.account_id}", [created["business_id"]]
    async with signed_in(base_url, db, api.account_id, business_ids=ids) as client:
        page = (await client.get(f"{root}/tickets?period=all")).text
        assert "Bow River" in page
        assert "Emerald Sound" not in page
        assert (await client.get(f"{root}/tickets/{entries[0]['event_uid']}")).status_code == 200
        for path in ("", "/gates", "/scans"):
            assert (await client.get(f"{root}/tickets/{office.event_uid}{path}")).status_code == 404
        assert "No campaign has passes yet" in (await client.get(f"{root}/passes")).text
        assert (await client.get(f"{root}/passes/{office.page_tab_id}")).status_code == 404
        assert "There are no registrations yet" in (await client.get(f"{root}/registrations")).text
        answer = await send(
            client, root, f"{root}/tickets/{office.event_uid}/gates", pass_code="AAAAAAAA", gate_name="N"
        )
        assert answer.status_code == 404
