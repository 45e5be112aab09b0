"""Requests for erasure when something else happens to the fan meanwhile, or one of them cannot be carried out."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.fans.actions.erasure import erase_fan
from fanfare.hosted.actions import erasure_requests as actions
from fanfare.hosted.jobs import erase_as_requested
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.hosted.test_erasure_requests import REQUESTS, SETTINGS, decide, listed
from tests.sessions.logins import writes_held
from tests.waits import until

UPDATES = """
    select data from changes where account_id = $1 and topic = 'erasure_request.updated' and subject_id = $2
    order by position
"""
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


async def requested(api: Api, name: str) -> dict[str, Any]:
    """Return the request of a new fan."""
    fan = await api.ok(await api.post("/api/v1/crm/fans", email=f"{name}@example.org"))
    row: dict[str, Any] = await api.ok(await api.post(REQUESTS, **fan))
    return row


async def announced(db: Db, api: Api, row: dict[str, Any]) -> list[Any]:
    rows = await db.rows(UPDATES, api.account_id, str(row["erasure_request_id"]))
    return [each["data"] for each in rows]


async def waiting(db: Db, number: int, other: asyncio.Task[Any] | None = None) -> None:
    """Wait until so many connections wait for a lock, or the other call is answered."""

    async def is_so() -> bool:
        return bool(other and other.done()) or await db.value(WAITING) >= number

    await until(is_so)


async def test_a_request_that_fails_holds_up_no_other(other_api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    api = other_api
    await api.ok(await api.post(SETTINGS, automatic_days=0))
    missing, failing, last = [await requested(api, f"hold{number}") for number in range(3)]
    # As a fan who was deleted without these pages.
    await db.execute("delete from fans where account_id = $1 and fan_id = $2", api.account_id, missing["fan_id"])

    async def erase(db: Db, account_id: int, fan_id: int, now: datetime, *, source: str) -> Any:
        if fan_id == failing["fan_id"]:
            raise RuntimeError
        return await erase_fan(db, account_id, fan_id, now, source=source)

    monkeypatch.setattr(actions, "erase_fan", erase)
    with pytest.raises(RuntimeError):
        await erase_as_requested(db, api.account_id, datetime.now(UTC) + timedelta(minutes=1))
    states = {each["erasure_request_id"]: each["state"] for each in await listed(api)}
    assert [states[each["erasure_request_id"]] for each in (missing, failing, last)] == ["done", "waiting", "done"]
    await api.ok(await api.post(SETTINGS))


async def test_nobody_asks_for_a_fan_who_is_erased_in_that_moment(api: Api, db: Db) -> None:
    fan = await api.ok(await api.post("/api/v1/crm/fans", email="moment@example.org"))
    async with asyncio.TaskGroup() as group, writes_held(db, "erasures", 1):
        erasing = group.create_task(api.post(f"/api/v1/manage/fans/{fan['fan_id']}/erase"))
        await waiting(db, 1)
        asking = group.create_task(api.post(REQUESTS, **fan))
        # It waits for the erasure, or has stored a request already.
        await waiting(db, 2, asking)
    await api.ok(erasing.result())
    assert asking.result().status_code == 404
    assert await listed(api, fan_id=fan["fan_id"], state="waiting") == []


async def test_what_is_announced_says_that_the_fan_was_erased(api: Api, db: Db) -> None:
    done, other, refused = [await requested(api, f"announced{number}") for number in range(3)]
    result = await api.ok(await decide(api, done, "erase"))
    await api.ok(await decide(api, refused, "refuse"))
    certificate = await api.ok(await api.post(f"/api/v1/manage/fans/{other['fan_id']}/erase"))
    assert await announced(db, api, done) == [{"is_done": True, "is_refused": False}]
    assert await announced(db, api, other) == [{"is_done": True, "is_refused": False}]
    assert await announced(db, api, refused) == [{"is_done": False, "is_refused": True}]
    (row,) = await listed(api, fan_id=other["fan_id"])
    assert (row["state"], row["erasure_id"]) == ("done", certificate["erasure_id"])
    assert row["decision_timestamp"] == certificate["erasure_timestamp"]
    assert result["decision_timestamp"] is not None


async def test_a_request_is_closed_at_the_time_of_the_certificate(api: Api, db: Db) -> None:
    row = await requested(api, "slow")
    # As an erasure that waited an hour for others' locks: its time is its end.
    begin = datetime.now(UTC) - timedelta(hours=1)
    certificate = await erase_fan(db, api.account_id, row["fan_id"], begin, source="api")
    (closed,) = await listed(api, fan_id=row["fan_id"])
    assert closed["decision_timestamp"] == certificate.erasure_timestamp > begin.timestamp() + 3000


async def test_of_two_requests_the_earlier_time_stays(other_api: Api, db: Db) -> None:
    api = other_api
    await api.ok(await api.post(SETTINGS, automatic_days=3))
    older, newer = [await requested(api, f"times{number}") for number in range(2)]
    await db.execute(
        "update erasure_requests set due_at = due_at - interval '9 days', erase_at = erase_at - interval '2 days'"
        " where account_id = $1 and erasure_request_id = $2",
        api.account_id,
        older["erasure_request_id"],
    )
    merge = f"/api/v1/manage/fans/{newer['fan_id']}/merge"
    await api.ok(await api.post(merge, merged_fan_id=older["fan_id"]))
    rows = {each["erasure_request_id"]: each for each in await listed(api, fan_id=newer["fan_id"])}
    staying, withdrawn = rows[newer["erasure_request_id"]], rows[older["erasure_request_id"]]
    assert (staying["state"], withdrawn["state"]) == ("waiting", "withdrawn")
    assert staying["due_timestamp"] == older["due_timestamp"] - 9 * 86400
    assert staying["erase_timestamp"] == older["erase_timestamp"] - 2 * 86400
    assert withdrawn["decision_timestamp"] is not None
    assert await announced(db, api, older) == [{"is_done": False, "is_refused": False}]
    await api.ok(await api.post(SETTINGS))


async def test_a_decision_waits_for_a_merge_and_follows_the_fan(api: Api, db: Db) -> None:
    row = await requested(api, "follows")
    heir = await api.ok(await api.post("/api/v1/crm/fans", email="heir@example.org"))
    merge = f"/api/v1/manage/fans/{heir['fan_id']}/merge"
    async with asyncio.TaskGroup() as group, writes_held(db, "erasure_requests", 2):
        # The merge has locked both fans and waits to move the request.
        merging = group.create_task(api.post(merge, merged_fan_id=row["fan_id"]))
        await waiting(db, 1)
        deciding = group.create_task(decide(api, row, "erase"))
    await api.ok(merging.result())
    result = await api.ok(deciding.result())
    assert (result["state"], result["fan_id"]) == ("done", heir["fan_id"])
    assert (await api.get(f"/api/v1/crm/fans/{heir['fan_id']}")).status_code == 404
    count = "select count(*) from messages where account_id = $1 and recipient = 'heir@example.org'"
    assert await db.value(count, api.account_id) == 1


async def test_a_suppressed_address_is_not_stored_by_the_last_mail(api: Api, db: Db) -> None:
    row = await requested(api, "suppressed")
    suppression = {"channel": "email", "recipient": "suppressed@example.org"}
    await api.ok(await api.post("/api/v1/manage/suppressions", **suppression))
    result = await api.ok(await decide(api, row, "erase"))
    message = await db.row(
        "select recipient, message_state from messages where account_id = $1 and request_key = $2",
        api.account_id,
        f"erasure_done:{result['erasure_id']}",
    )
    assert message is not None
    assert (message["recipient"], message["message_state"]) == (None, "suppressed")
