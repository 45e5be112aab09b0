"""Schedules of exports: run once when they are due, by the account's clock, whatever happens to workers."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from fanfare.exports.actions import schedules, upkeep
from fanfare.exports.actions.exports import Origin, create_export
from fanfare.exports.actions.schedules import next_run
from fanfare.exports.schemas.exports import NewExport
from fanfare.exports.schemas.schedules import NewSchedule
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unavailable
from tests.api import Api
from tests.exports.test_exports import work_all

PATH = "/api/v1/manage/export_schedules"
EXPORTS = "/api/v1/manage/exports"
# The schedule, the time now, and the next run in Los Angeles, eight hours behind GMT and seven in summer.
RUNS: dict[str, tuple[dict[str, Any], str, str]] = {
    "today": ({"frequency": "daily", "hour": 4}, "2026-01-10T11:59", "2026-01-10T12:00"),
    "not twice": ({"frequency": "daily", "hour": 4}, "2026-01-10T12:00", "2026-01-11T12:00"),
    "in summer": ({"frequency": "daily", "hour": 4}, "2026-07-10T10:00", "2026-07-10T11:00"),
    "as clocks go forward": ({"frequency": "daily", "hour": 2}, "2026-03-08T08:00", "2026-03-08T10:00"),
    "on a Monday": ({"frequency": "weekly", "hour": 0, "weekday": 1}, "2026-01-10T12:00", "2026-01-12T08:00"),
    "at the end of a month": (
        {"frequency": "monthly", "hour": 1, "month_day": 31}, "2026-02-02T12:00", "2026-02-28T09:00",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_the_next_run_is_by_the_clock_of_the_account(name: str) -> None:
    fields, now, expected = RUNS[name]
    schedule = NewSchedule(table="fans", **fields)
    moment = next_run(schedule, schedule.hour, "America/Los_Angeles", datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert moment == datetime.fromisoformat(expected).replace(tzinfo=UTC)


async def new_schedule(api: Api, **fields: Any) -> dict[str, Any]:
    """Create a schedule and return it."""
    values = {"table": "activities", "frequency": "daily", "hour": 4, **fields}
    uid = (await api.ok(await api.post(PATH, **values)))["schedule_uid"]
    return await schedule_of(api, uid)


async def schedule_of(api: Api, uid: str) -> dict[str, Any]:
    result: dict[str, Any] = await api.ok(await api.get(f"{PATH}/{uid}"))
    return result


async def run_at(api: Api, db: Db, timestamp: int) -> None:
    """Do what three workers would do at a time."""
    now = datetime.fromtimestamp(timestamp, UTC)
    handle = db.for_account(api.account_id)
    await asyncio.gather(*(schedules.run_due(handle, api.account_id, now) for _ in range(3)))
    await work_all(api, db)


async def test_a_schedule_runs_once_when_it_is_due(api: Api, db: Db) -> None:
    schedule = await new_schedule(api, name="Nightly", format="ndjson", retention_days=30)
    assert (schedule["last_export_uid"], schedule["last_run_timestamp"], schedule["is_active"]) == (None, None, True)
    due = schedule["next_run_timestamp"]
    await run_at(api, db, due - 1)
    assert (await schedule_of(api, schedule["schedule_uid"]))["last_export_uid"] is None
    await run_at(api, db, due)
    ran = await schedule_of(api, schedule["schedule_uid"])
    assert (ran["last_run_timestamp"], ran["next_run_timestamp"] > due) == (due, True)
    assert ran["last_export_state"] == "completed"
    export = await api.ok(await api.get(f"{EXPORTS}/{ran['last_export_uid']}"))
    assert (export["table"], export["format"], export["name"]) == ("activities", "ndjson", "Nightly")
    count = (
        "select count(*) from exports join export_schedules s using (account_id, schedule_id) where s.schedule_uid = $1"
    )
    assert await db.value(count, schedule["schedule_uid"]) == 1
    topics = "select topic from changes where account_id = $1 and subject_id = $2 order by position"
    rows = await db.rows(topics, api.account_id, schedule["schedule_uid"])
    assert [row["topic"] for row in rows] == ["export_schedule.created", "export_schedule.completed"]
    # Its file stays as long as the schedule says.
    for days, has_file in ((8, True), (31, False)):
        await upkeep.forget_old_files(db, api.account_id, datetime.fromtimestamp(due, UTC) + timedelta(days=days))
        export = await api.ok(await api.get(f"{EXPORTS}/{ran['last_export_uid']}"))
        assert export["has_file"] is has_file


async def test_fans_are_searched_when_the_schedule_runs(api: Api, db: Db) -> None:
    schedule = await new_schedule(api, table="fans", search={"fan_youngest_age": 60, "fan_oldest_age": 90})
    await api.ok(await api.post("/api/v1/crm/fans", email="later@example.com", birth_date="1950-02-01"))
    await api.ok(await api.post("/api/v1/crm/fans", email="young@example.com", birth_date="2000-02-01"))
    await run_at(api, db, schedule["next_run_timestamp"])
    ran = await schedule_of(api, schedule["schedule_uid"])
    export = await api.ok(await api.get(f"{EXPORTS}/{ran['last_export_uid']}"))
    assert (export["state"], export["row_count"]) == ("completed", 1)


async def test_a_run_that_fails_is_told_and_the_next_one_comes(
    api: Api, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = await new_schedule(api)
    monkeypatch.setattr("fanfare.exports.actions.exports.MAX_FILES", 0)
    await run_at(api, db, schedule["next_run_timestamp"])
    failed = await schedule_of(api, schedule["schedule_uid"])
    assert "1,000 files" in failed["last_failure"]
    assert failed["next_run_timestamp"] > schedule["next_run_timestamp"]
    topic = (
        "select count(*) from changes where account_id = $1 and topic = 'export_schedule.failed' and subject_id = $2"
    )
    assert await db.value(topic, api.account_id, schedule["schedule_uid"]) == 1
    monkeypatch.undo()
    await run_at(api, db, failed["next_run_timestamp"])
    assert (await schedule_of(api, schedule["schedule_uid"]))["last_failure"] is None


async def test_a_schedule_is_changed_stopped_and_deleted(api: Api, db: Db) -> None:
    schedule = await new_schedule(api)
    path = f"{PATH}/{schedule['schedule_uid']}"
    refused = await api.post(path, frequency="weekly")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "weekday")
    await api.ok(await api.post(path, frequency="weekly", weekday=3, hour=7, is_active=False))
    later = await schedule_of(api, schedule["schedule_uid"])
    assert [later[name] for name in ("frequency", "weekday", "hour", "is_active")] == ["weekly", 3, 7, False]
    await run_at(api, db, later["next_run_timestamp"])
    assert (await schedule_of(api, schedule["schedule_uid"]))["last_run_timestamp"] is None
    assert schedule["schedule_uid"] in (await api.get(PATH)).text
    await api.ok(await api.delete(path))
    assert (await api.get(path)).status_code == 404


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no weekday": ({"frequency": "weekly"}, "weekday"),
    "a weekday of each day": ({"weekday": 3}, "weekday"),
    "a search of activities": ({"search": {"fan_youngest_age": 60}}, "search"),
    "an unknown hour": ({"hour": 24}, "hour"),
    "a page": ({"table": "fans", "search": {"limit": 5}}, "search"),
    "a wrong criterion": ({"table": "fans", "search": {"limit": "old"}}, "search"),
    "no criterion": ({"table": "fans", "search": {"shoe_size": 42}}, "search"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_cannot_run_is_refused(api: Api, name: str) -> None:
    fields, field = WRONG[name]
    refused = await api.post(PATH, **{"table": "activities", "frequency": "daily", "hour": 4, **fields})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field), refused.text


async def schedule_of_fans(api: Api, **search: Any) -> dict[str, Any]:
    return await new_schedule(api, table="fans", name="Of fans", search=search)


async def test_a_schedule_that_cannot_run_does_not_keep_others_from_it(
    api: Api, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = [await new_schedule(api, name=name) for name in ("busy", "broken", "fine")]
    create = create_export

    async def fail(db: Db, account: Account, new: NewExport, now: datetime, *, origin: Origin) -> Any:
        if new.name == "busy":
            raise Unavailable
        if new.name == "broken":
            raise LookupError
        return await create(db, account, new, now, origin=origin)

    monkeypatch.setattr(schedules, "create_export", fail)
    now = datetime.fromtimestamp(first["next_run_timestamp"], UTC)
    with pytest.raises(Unavailable):
        await schedules.run_due(db.for_account(api.account_id), api.account_id, now)
    busy, broken, fine = [await schedule_of(api, each["schedule_uid"]) for each in (first, second, third)]
    assert fine["last_export_uid"] is not None
    assert (broken["last_failure"], broken["next_run_timestamp"] > first["next_run_timestamp"]) == (
        "fails (LookupError)",
        True,
    )
    # It is due until it could run.
    assert (busy["next_run_timestamp"], busy["last_failure"]) == (first["next_run_timestamp"], None)
    monkeypatch.undo()
    await run_at(api, db, first["next_run_timestamp"])
    assert (await schedule_of(api, first["schedule_uid"]))["last_export_uid"] is not None


async def test_an_erased_person_is_not_named_by_schedules(api: Api, db: Db) -> None:
    fields = {"email": "quintilia@example.com", "first_name": "Quintilia", "last_name": "Zwetschge"}
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", **fields)))["fan_id"]
    groups = [{"any": [{"name": "Quintilia Zwetschge"}, {"fan_gender": "male"}]}]
    direct = await schedule_of_fans(api, name="quintilia zwetschge", fan_gender="female")
    inside = await schedule_of_fans(api, groups=groups)
    as_text = await schedule_of_fans(api, groups=msgspec.json.encode(groups).decode())
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    searches = [(await schedule_of(api, each["schedule_uid"]))["search"] for each in (direct, inside, as_text)]
    rewritten = [{"any": [{"name": "(erased)"}, {"fan_gender": "male"}]}]
    assert searches == [{"name": "(erased)", "fan_gender": "female"}, {"groups": rewritten}, {"groups": rewritten}]
    topic = "select subject_id from changes where account_id = $1 and topic = 'export_schedule.updated'"
    subjects = {row["subject_id"] for row in await db.rows(topic, api.account_id)}
    assert {each["schedule_uid"] for each in (direct, inside, as_text)} <= subjects
    # It can still run.
    await run_at(api, db, as_text["next_run_timestamp"])
    assert (await schedule_of(api, as_text["schedule_uid"]))["last_failure"] is None


async def test_what_a_schedule_names_cannot_be_deleted(api: Api) -> None:
    uid = (await api.ok(await api.post("/api/v1/manage/filters", filter_name="Of a schedule")))["filter_uid"]
    tag_id = (await api.ok(await api.post("/api/v1/manage/tags", tag_name="Scheduled")))["tag_id"]
    groups = [{"any": [{"fan_incl_segments": [f"filter:{uid}"]}, {"fan_tags": ["SCHEDULED"]}]}]
    for search in ({"fan_incl_segments": f"filter:{uid}", "fan_tags": "scheduled"}, {"groups": groups}):
        schedule = await schedule_of_fans(api, **search)
        for path in (f"/api/v1/manage/filters/{uid}", f"/api/v1/manage/tags/{tag_id}"):
            refused = await api.delete(path)
            assert (refused.status_code, refused.json()["detail"]) == (409, 'used by a schedule of exports: "Of fans"')
        await api.ok(await api.delete(f"{PATH}/{schedule['schedule_uid']}"))
    for path in (f"/api/v1/manage/filters/{uid}", f"/api/v1/manage/tags/{tag_id}"):
        await api.ok(await api.delete(path))
    gone = await api.post(PATH, table="fans", frequency="daily", hour=4, search={"fan_incl_segments": f"filter:{uid}"})
    assert (gone.status_code, gone.json()["errors"][0]["field"]) == (422, "search")
