"""What happens at the gates of an event: who came in, where, who was refused and why, and the log of scans."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api import Api
from tests.registrations.gates import some_campaign, some_passes
from tests.tickets.sold import EVENTS

SCANS = "/api/v1/manage/registrations/scans"
MANAGE = "/api/v1/manage/ticket_events"


async def some_event(api: Api, key: str | None, name: str, day: str) -> str:
    values = {"event_name": name, "event_key": key, "event_date": day, "network": "festival"}
    new = {field: value for field, value in values.items() if value}
    return str((await api.ok(await api.post(EVENTS, **new)))["event_uid"])


def scan(moment: datetime, gate: str, **extra: Any) -> dict[str, Any]:
    return {
        "source_key": str(uuid.uuid4()), "network": "festival", "scan_group_name": "Tideline",
        "scan_timestamp": moment.isoformat(), "node_name": gate, **extra,
    }  # fmt: skip


async def send(api: Api, *scans: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await api.ok(await api.post(SCANS, scans=list(scans)))
    assert answer["errors"] == []
    return list(answer["data"])


async def test_the_gates_of_an_event_are_counted_once_each_holder(api: Api) -> None:
    now = datetime.now(UTC)
    page_tab_id = await some_campaign(api)
    one, second = await some_passes(api, page_tab_id, quantity=2, event_key="G-1")
    event_uid = await some_event(api, "G-1", "Gates", now.date().isoformat())
    recent, early = now - timedelta(minutes=2), now - timedelta(minutes=50)
    await send(
        api,
        scan(early, "North", pass_code=one["pass_code"], event_key="G-1"),
        scan(early, "North", barcode="b-1", event_key="G-1"),
        scan(recent, "South", barcode="b-1", event_key="G-1", access_mode="check-out"),
        scan(recent, "South", barcode="b-1", event_key="G-1"),
        scan(recent, "South", pass_code=one["pass_code"], event_key="G-1"),
        scan(recent, "South", pass_code="AAAAAAAA", event_key="G-1"),
        scan(recent, "South", barcode="b-2", event_key="another"),
    )
    path = f"/api/v1/campaigns/{page_tab_id}/passes/check_in"
    await api.ok(await api.post(path, pass_uid=second["pass_uid"], gate_name="West"))
    gates = await api.ok(await api.get(f"{MANAGE}/{event_uid}/gates"))
    assert (gates["admitted_count"], gates["inside_count"], gates["refusal_count"]) == (3, 3, 2)
    assert (gates["is_live"], gates["seconds"], gates["scan_count"]) == (True, 60, 7)
    assert sum(each["entry_count"] for each in gates["arrivals"]) == 4
    assert [(each["gate_name"], each["entry_count"], each["refusal_count"]) for each in gates["gates"]] == [
        ("North", 2, 0), ("South", 1, 2), ("West", 1, 0),
    ]  # fmt: skip
    # those of the last five minutes
    assert [each["entries_a_minute"] for each in gates["gates"]] == [0, 0.2, 0.2]
    refusals = {each["refusal"]: each["scan_count"] for each in gates["refusals"]}
    assert refusals == {"pass_already_used": 1, "unknown_pass": 1}


async def test_the_log_says_why_somebody_was_not_let_in(api: Api) -> None:
    now = datetime.now(UTC) - timedelta(days=3)
    page_tab_id = await some_campaign(api)
    (one,) = await some_passes(api, page_tab_id, event_key="G-2")
    event_uid = await some_event(api, "G-2", "Log", now.date().isoformat())
    rows = [scan(now + timedelta(minutes=n), f"Gate {n % 2}", pass_uid=one["pass_uid"]) for n in range(4)]
    # of one batch those with the larger keys are stored later
    await send(api, *[{**row, "event_key": "G-2", "source_key": f"log-{n}"} for n, row in enumerate(rows)])
    path = f"{MANAGE}/{event_uid}/scans"
    page = await api.ok(await api.get(path, limit=3))
    assert (len(page["data"]), page["meta"]["has_more"]) == (3, True)
    last = await api.ok(await api.get(path, limit=3, max_scan_key=page["meta"]["min_scan_key"]))
    log = page["data"] + last["data"]
    assert [each["is_success"] for each in log] == [False, False, False, True]
    refused = log[0]
    assert (refused["refusal"], refused["check_in_gate_name"]) == ("pass_already_used", "Gate 0")
    assert refused["check_in_timestamp"] == log[-1]["scan_timestamp"]
    refusals = await api.ok(await api.get(path, is_refused="true", gate_name="Gate 1"))
    assert [each["gate_name"] for each in refusals["data"]] == ["Gate 1", "Gate 1"]
    gates = await api.ok(await api.get(f"{MANAGE}/{event_uid}/gates"))
    assert (gates["is_live"], gates["last_scan_timestamp"]) == (False, log[0]["scan_timestamp"])


async def test_scans_without_a_key_are_of_the_event_with_their_day_and_name(api: Api) -> None:
    now = datetime.now(UTC) - timedelta(days=9)
    day = now.date().isoformat()
    event_uid = await some_event(api, None, "Without a key", day)
    await send(
        api,
        scan(now, "North", barcode="w-1", event_date=day, event_name="WITHOUT a key"),
        scan(now, "North", barcode="w-2", event_date=day, event_name="Another"),
    )
    gates = await api.ok(await api.get(f"{MANAGE}/{event_uid}/gates"))
    assert (gates["admitted_count"], gates["scan_count"]) == (1, 1)
    unknown = f"{MANAGE}/0a1b2c3d-0000-4000-8000-000000000000"
    assert (await api.get(f"{unknown}/gates")).status_code == 404
    assert (await api.get(f"{unknown}/scans")).status_code == 404


async def test_registrations_are_listed_with_how_their_holders_came_in(api: Api) -> None:
    now = datetime.now(UTC) - timedelta(hours=3)
    for number in range(3):
        await api.ok(
            await api.post(
                "/api/v1/crm/registrations", registration_key=f"entry-{number}", network="festival",
                registration_timestamp=now.isoformat(), event_name="Entries", event_key="E-1",
                event_date=now.date().isoformat(), first_name="Ada", last_name="Okoro", barcode=f"e-{number}",
                email=f"entry{number}@example.com",
            )
        )  # fmt: skip
    await send(
        api,
        scan(now, "North", registration_key="entry-0", event_key="E-1"),
        scan(now + timedelta(minutes=9), "South", barcode="e-0", event_key="E-1"),
        scan(now, "North", barcode="e-1", event_key="E-1", is_success=False),
        scan(now, "North", barcode="e-2", event_key="another event"),
    )
    page = await api.ok(await api.get("/api/v1/manage/registrations", limit=3))
    assert page["meta"]["count"] == 3
    entries = {each["registration_key"]: each for each in page["data"]}
    assert entries["entry-2"]["entry_count"] == 0
    assert (entries["entry-1"]["entry_count"], entries["entry-1"]["refusal_count"]) == (0, 1)
    assert (entries["entry-0"]["entry_count"], entries["entry-0"]["gate_name"]) == (2, "North")
    assert entries["entry-0"]["entry_timestamp"] == int(now.timestamp())


async def test_passes_are_counted_and_found_by_state_and_code(api: Api) -> None:
    page_tab_id = await some_campaign(api)
    section = {"section_name": "Camping", "capacity": 9}
    path = f"/api/v1/manage/campaigns/{page_tab_id}"
    section_uid = (await api.ok(await api.post(f"{path}/pass_sections", **section)))["section_uid"]
    one, second, third = await some_passes(api, page_tab_id, quantity=3, section_uid=section_uid)
    await api.ok(await api.post(f"/api/v1/manage/passes/{one['pass_uid']}/cancel"))
    check_in = f"/api/v1/campaigns/{page_tab_id}/passes/check_in"
    await api.ok(await api.post(check_in, pass_uid=second["pass_uid"]))
    figures = await api.ok(await api.get(f"{path}/pass_figures"))
    assert figures == {"pass_count": 3, "claimed_count": 0, "checked_in_count": 1, "cancelled_count": 1}
    for state, each in (("cancelled", one), ("checked_in", second), ("unused", third)):
        rows = (await api.ok(await api.get(f"{path}/passes", state=state)))["data"]
        assert [row["pass_uid"] for row in rows] == [each["pass_uid"]]
    rows = (await api.ok(await api.get(f"{path}/passes", pass_code=third["pass_code"].lower())))["data"]
    assert [row["pass_uid"] for row in rows] == [third["pass_uid"]]
    campaigns = await api.ok(await api.get("/api/v1/manage/pass_campaigns"))
    (row,) = [each for each in campaigns if each["page_tab_id"] == page_tab_id]
    assert (row["section_count"], row["pass_count"], row["capacity"]) == (1, 2, 9)
