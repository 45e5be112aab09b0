"""What the pages of tickets show: an event with sales, gates, passes and registrations, made by the API."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.api import Api
from tests.registrations.gates import some_campaign, some_passes
from tests.tickets.sold import bulk, line

SCANS = "/api/v1/manage/registrations/scans"


class BoxOffice(NamedTuple):
    """An event of today, its campaign of passes, and one pass that nobody used."""

    event_uid: str
    page_tab_id: int
    passes: list[dict[str, Any]]


def moment_of(days: int, hour: int = 20) -> str:
    return f"{(datetime.now(UTC) - timedelta(days=days)).date()} {hour}:00:00"


async def sell(api: Api, key: str, name: str, days_ago: int, count: int) -> str:
    """Sell an event at the stadium that was so many days ago; return its uid."""
    day = (datetime.now(UTC) - timedelta(days=days_ago, hours=8)).date()
    lines = [
        line(
            f"{key}-{number}", event_key=key, event_name=name, event_date=day.isoformat(),
            artist_name="Harbour City FC", venue_name="Harbour City Stadium",
            price_code=("ADULT", "FAMILY", "CLUB")[number % 3],
            paid_amount=str(24 + 17 * (number % 3)), num_seats=1 + number % 4, currency="USD",
            purchase_timestamp=moment_of(days_ago + 1 + number * number // 9),
        )
        for number in range(count)
    ]  # fmt: skip
    await bulk(api, *lines)
    (event,) = (await api.ok(await api.get("/api/v1/crm/tickets/events", event_key=key)))["data"]
    return str(event["event_uid"])


def scan(minutes_ago: int, gate: str, **extra: Any) -> dict[str, Any]:
    moment = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return {
        "source_key": str(uuid.uuid4()), "network": "boxoffice", "scan_group_name": "Match day", "event_key": "M-1",
        "scan_timestamp": moment.isoformat(), "node_name": gate, **extra,
    }  # fmt: skip


async def open_box_office(api: Api) -> BoxOffice:
    """Sell three matches, the last of which is today; open its gates."""
    for key, opponent, days, count in (("M-3", "Rose City Athletic", 60, 14), ("M-2", "Bow River", 30, 20)):
        await sell(api, key, f"Harbour City FC - {opponent}", days, count)
    event_uid = await sell(api, "M-1", "Harbour City FC - Emerald Sound", 0, 18)
    page_tab_id = await some_campaign(api, "Members day")
    section = {"section_name": "North stand", "capacity": 40}
    path = f"/api/v1/manage/campaigns/{page_tab_id}/pass_sections"
    section_uid = (await api.ok(await api.post(path, **section)))["section_uid"]
    fan = {"email": "maren.castellane@example.com", "first_name": "Maren", "last_name": "Castellane"}
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", **fan)))["fan_id"]
    values = {"section_uid": section_uid, "event_key": "M-1", "fan_id": fan_id}
    passes = await some_passes(api, page_tab_id, quantity=8, **values)
    await api.ok(await api.post(f"/api/v1/manage/passes/{passes[0]['pass_uid']}/claim", fan_id=fan_id))
    await api.ok(await api.post(f"/api/v1/manage/passes/{passes[1]['pass_uid']}/cancel"))
    for number in range(12):
        await register(api, number, fan)
    scans = [scan(number * 2 + 1, ("North", "South", "Club")[number % 3], barcode=f"b-{number}") for number in range(9)]
    scans += [scan(9, "North", pass_code=passes[2]["pass_code"]), scan(4, "South", pass_code=passes[2]["pass_code"])]
    scans += [scan(3, "South", pass_code="ZZZZZZZZ"), scan(2, "Club", pass_code=passes[1]["pass_code"])]
    answer = await api.ok(await api.post(SCANS, scans=scans))
    assert answer["errors"] == []
    return BoxOffice(event_uid, page_tab_id, passes)


async def register(api: Api, number: int, fan: dict[str, str]) -> None:
    """Register a wristband of the match of today."""
    new = {
        **fan, "registration_key": f"wristband-{number}", "network": "boxoffice", "barcode": f"b-{number}",
        "registration_timestamp": moment_of(9), "event_name": "Harbour City FC - Emerald Sound", "event_key": "M-1",
        "event_date": datetime.now(UTC).date().isoformat(),
    }  # fmt: skip
    await api.ok(await api.post("/api/v1/crm/registrations", **new))
