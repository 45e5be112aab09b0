"""Performances with quests, and what fulfils quests of each kind, for the tests."""

import uuid
from datetime import UTC, datetime
from typing import Any

from fanfare.kernel.data.db import Db
from fanfare.performances.actions.settling import settle_due
from tests.api import Api
from tests.sessions.logins import registered

PERFORMANCES = "/api/v1/performances"
# Scans and registrations are about an event of this day.
DAY = datetime.now(UTC).strftime("%Y-%m-%d")


async def some_performance(api: Api, **extra: Any) -> str:
    values = {"performance_name": f"Show {uuid.uuid4().hex}", "performance_date": DAY, **extra}
    return str((await api.ok(await api.post(PERFORMANCES, **values)))["performance_uid"])


async def some_fan(api: Api) -> int:
    return int((await api.ok(await api.post("/api/v1/crm/fans", email=f"{uuid.uuid4().hex}@example.com")))["fan_id"])


async def some_campaign(api: Api, title: str | None = None) -> int:
    values = {"title": title or uuid.uuid4().hex, "app_type": "custom"}
    return int((await api.ok(await api.post("/api/v1/manage/campaigns", **values)))["page_tab_id"])


async def some_quest(api: Api, uid: str, quest_type: str = "link", **extra: Any) -> int:
    values = {"quest_title": f"A {quest_type}", "quest_type": quest_type, **extra}
    if quest_type == "link":
        values.setdefault("link_url", "https://sponsor.example")
    return int((await api.ok(await api.post(f"{PERFORMANCES}/{uid}/quests", **values)))["page_tab_id"])


async def quests_of(api: Api, uid: str, fan_id: int) -> dict[int, dict[str, Any]]:
    rows = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/quests", performance_uid=uid))
    return {row["page_tab_id"]: row for row in rows}


async def completed(api: Api, uid: str, fan_id: int) -> set[int]:
    return {quest for quest, row in (await quests_of(api, uid, fan_id)).items() if row["is_completed"]}


async def balance(api: Api, fan_id: int, point_uid: str) -> int:
    rows = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}/points"))
    return next((row["point_count"] for row in rows if row["point_uid"] == point_uid), 0)


async def logged_in(api: Api) -> tuple[int, str]:
    """Return a new fan and its session."""
    session = await registered(api, f"{uuid.uuid4().hex}@example.com")
    return session["fan_id"], session["session_uid"]


async def register(api: Api, fan_id: int, **extra: Any) -> str:
    key = uuid.uuid4().hex
    values = {
        "network": "festival", "registration_key": key, "registration_timestamp": now_text(), "first_name": "Ada",
        "last_name": "Lovelace", "email": f"{key}@example.com", "event_name": "Some event", "event_date": DAY,
        **extra,
    }  # fmt: skip
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/registrations", **values))
    return str(values["registration_key"])


def now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


async def scan(api: Api, registration_key: str, group: str, **extra: Any) -> Any:
    line = {
        "source_key": uuid.uuid4().hex, "network": "festival", "scan_group_name": group,
        "scan_timestamp": now_text(), "registration_key": registration_key, **extra,
    }  # fmt: skip
    answer = await api.ok(await api.post("/api/v1/manage/registrations/scans", scans=[line]))
    assert answer["errors"] == []
    return answer["data"][0]


async def settle_all(db: Db, account_id: int) -> None:
    """Do what the job does."""
    while await settle_due(db, account_id, datetime.now(UTC), 500):
        pass
