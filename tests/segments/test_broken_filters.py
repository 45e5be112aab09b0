"""A filter that cannot be evaluated does not stop the others, reports its fault, and is retried."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unavailable, Unknown
from fanfare.segments.jobs import keep_members as job
from fanfare.segments.queries.filters import JOB
from fanfare.segments.queries.live import FilterFault, accounts_due, filter_fault
from tests.api import Api
from tests.segments.live import FILTERS, announced, members, saved, settle

UNREADABLE = "criteria: cannot be read as they are stored"
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a form of nothing": ({"fan_rating": "lots"}, UNREADABLE),
    "no names": ({"fan_tags": 7}, UNREADABLE),
    "no filter": ({"fan_incl_segments": {"filter": 7}}, UNREADABLE),
    "a number of days that ends time": ({"crm_active_days": 10**12}, "fails (OverflowError)"),
    "a number that no column takes": ({"ticket_seat_count_max": 2**70}, "fails (DataError)"),
    "a tag that no column takes": ({"fan_incl_segments": [f"tag:{2**70}"]}, "fails ("),
    "no uid of a snapshot": ({"fan_incl_segments": ["snapshot:7"]}, "fails ("),
    "no uid of a filter": ({"fan_excl_segments": ["filter:7"]}, "fails ("),
    "excludes nothing": ({"fan_excl_segments": ["tag:987654321"]}, "refers to an unknown segment: tag:987654321"),
}  # fmt: skip


async def change(db: Db, api: Api, uid: str, criteria: object) -> None:
    """Store criteria in a filter that no call would accept."""
    sql = "update filters set criteria = $3 where account_id = $1 and filter_uid = $2"
    await db.execute(sql, api.account_id, uuid.UUID(uid), criteria)


async def new_fan(api: Api, **values: Any) -> int:
    answer = await api.ok(await api.post("/api/v1/crm/fans", email=f"{uuid.uuid4().hex}@example.com", **values))
    fan_id: int = answer["fan_id"]
    return fan_id


async def state(api: Api, uid: str) -> tuple[str | None, int]:
    """Return a filter's fault and the time until its retry."""
    answer = await api.ok(await api.get(f"{FILTERS}/{uid}"))
    return answer["fault"], (answer["retry_timestamp"] or 0) - (answer["fault_timestamp"] or 0)


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_filter_does_not_stop_the_others(api: Api, db: Db, kind: str) -> None:
    criteria, words = BROKEN[kind]
    good, bad, above = (f"{name} {kind}" for name in ("good", "bad", "above"))
    await saved(api, good, fan_gender="female")
    uid = await saved(api, bad, fan_gender="male")
    upper = await saved(api, above, fan_excl_segments=f"filter:{uid}")
    now = datetime.now(UTC)
    await settle(db, api.account_id, now)
    await change(db, api, uid, criteria)
    woman, man = await new_fan(api, gender="female"), await new_fan(api, gender="male")
    await settle(db, api.account_id, now)
    assert woman in (await members(db, api.account_id))[good]
    fault, rest = await state(api, uid)
    assert (words in (fault or ""), rest) == (True, 5)
    assert (await state(api, upper))[0] is not None
    assert await accounts_due(db, now) == []
    # It rests longer each time.
    later = now + timedelta(seconds=6)
    assert api.account_id in await accounts_due(db, later)
    await settle(db, api.account_id, later)
    assert (await state(api, uid))[1] == 10
    await api.ok(await api.post(f"{FILTERS}/{uid}/criteria", fan_gender="male"))
    await settle(db, api.account_id, later)
    here = await members(db, api.account_id)
    assert (man in here[bad], woman in here[bad]) == (True, False)
    assert (man in here[above], woman in here[above]) == (False, True)
    assert [(await state(api, each))[0] for each in (uid, upper)] == [None, None]


@pytest.mark.parametrize("kind", [kind for kind, (_, words) in BROKEN.items() if words == UNREADABLE])
async def test_unreadable_criteria_are_reported_and_other_filters_can_be_saved(api: Api, db: Db, kind: str) -> None:
    uid = await saved(api, f"unreadable {kind}", is_active=False)
    await change(db, api, uid, BROKEN[kind][0])
    for name in ("fan_incl_segments", "fan_excl_segments"):
        answer = await api.get(f"{FILTERS}/count", **{name: f"filter:{uid}"})
        message = f"refers to a filter whose criteria cannot be read: filter:{uid}"
        assert answer.json()["errors"] == [{"field": name, "message": message}]
    assert (await api.get(f"/api/v1/segments/filter/{uid}")).json()["code"] == "unreadable_criteria"
    below = await saved(api, f"below {kind}")
    await saved(api, f"beside {kind}", fan_incl_segments=f"filter:{below}")
    await api.ok(await api.delete(f"{FILTERS}/{uid}"))


async def test_a_filter_that_fails_in_a_build_is_suspended_too(api: Api, db: Db) -> None:
    uid, extra = await saved(api, "never built"), await saved(api, "built beside it")
    await change(db, api, uid, BROKEN["a number that no column takes"][0])
    await new_fan(api)
    await settle(db, api.account_id, datetime.now(UTC))
    assert await announced(db, api.account_id, extra) == [("built", None)]
    assert (await api.ok(await api.get(f"{FILTERS}/{uid}")))["fault"] == "fails (DataError)"
    for path, values in ((f"{FILTERS}/{uid}", {"is_active": False}), (f"{FILTERS}/{uid}", {"is_active": True})):
        await api.ok(await api.post(path, **values))
        assert (await api.ok(await api.get(path)))["fault"] is None
    await settle(db, api.account_id, datetime.now(UTC))
    await api.ok(await api.delete(f"{FILTERS}/{uid}"))
    assert await db.value("select count(*) from faults where account_id = $1", api.account_id) == 0


async def test_a_fault_is_in_the_metrics(api: Api, db: Db) -> None:
    uid = await saved(api, "in the figures")
    await change(db, api, uid, {"fan_rating": "lots"})
    await settle(db, api.account_id, datetime.now(UTC))
    figures = (await api.client.get("/metrics")).text
    assert f'fanfare_faults{{job="{JOB}"}} 1.0' in figures
    await api.ok(await api.delete(f"{FILTERS}/{uid}"))
    assert "fanfare_faults{" not in (await api.client.get("/metrics")).text


@pytest.mark.parametrize(
    ("error", "is_blamed"),
    [
        (asyncpg.ConnectionDoesNotExistError(), False), (asyncpg.DeadlockDetectedError(), False),
        (asyncpg.DiskFullError(), False), (ConnectionResetError(), False), (Unavailable(), False),
        (asyncpg.QueryCanceledError(), True), (asyncpg.DataError(), True), (OverflowError(), True), (Unknown(), True),
    ],
)  # fmt: skip
def test_a_transient_error_is_no_fault_of_a_filter(error: Exception, *, is_blamed: bool) -> None:
    with pytest.raises(FilterFault if is_blamed else type(error)), filter_fault(7):
        raise error


def test_faults_are_recorded_under_the_name_of_the_job() -> None:
    assert job.__fanfare_job__.name == JOB  # type: ignore[attr-defined]
