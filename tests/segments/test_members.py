"""Live membership: each entry and exit is announced once; builds, midnight, deletion and deactivation."""

import asyncio
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.fans.actions.erasure import erase_fan
from fanfare.kernel.data.db import Db
from fanfare.segments.actions import building
from fanfare.segments.actions import members as actions
from fanfare.segments.queries import live as queries
from tests.api import Api
from tests.search.crowd import activity, fan, many_fans
from tests.segments.live import FILTERS, announced, counts, found_now, members, saved, settle

ZONE = ZoneInfo("America/Los_Angeles")


def now() -> datetime:
    return datetime.now(UTC)


async def new_fan(api: Api, **values: object) -> int:
    fan_id: int = (await api.ok(await api.post("/api/v1/crm/fans", **values)))["fan_id"]
    return fan_id


async def give(api: Api, tag_name: str, *fan_ids: int, action: str = "add") -> None:
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name=tag_name, fan_ids=list(fan_ids), action=action))


def mail() -> str:
    return f"{uuid.uuid4().hex}@example.com"


async def test_enters_and_leaves_are_announced_once_each(api: Api, db: Db) -> None:
    here = await new_fan(api, email=mail())
    await give(api, "once", here)
    uid = await saved(api, "once", fan_tags="once", fan_gender="female")
    await settle(db, api.account_id, now())
    assert await announced(db, api.account_id, uid) == [("built", None)]
    await api.ok(await api.post(f"/api/v1/crm/fans/{here}", gender="female"))
    await settle(db, api.account_id, now())
    await give(api, "once", here, action="delete")
    await give(api, "once", here)
    await settle(db, api.account_id, now())
    assert await announced(db, api.account_id, uid) == [("built", None), ("entered", here)]
    await give(api, "once", here, action="delete")
    for _ in range(3):
        await settle(db, api.account_id, now())
    assert await announced(db, api.account_id, uid) == [("built", None), ("entered", here), ("left", here)]


async def test_the_first_build_is_announced_as_a_whole(api: Api, db: Db) -> None:
    everyone = await many_fans(db, api.account_id, 300, "NL")
    uid = await saved(api, "whole", fan_provinces="NL")
    await settle(db, api.account_id, now())
    assert await announced(db, api.account_id, uid) == [("built", None)]
    data = await db.value("select data from changes where subject_id = $1 and topic = 'segment.built'", uid)
    assert data == {"member_count": 300}
    assert (await members(db, api.account_id))["whole"] == set(everyone)
    listed = await api.ok(await api.get("/api/v1/segments"))
    assert [each["segment_count"] for each in listed if each["segment_name"] == "whole"] == [300]


async def test_new_criteria_rebuild_the_filter_and_its_dependents(api: Api, db: Db) -> None:
    one, two = await new_fan(api, email=mail(), gender="male"), await new_fan(api, email=mail(), gender="diverse")
    lower = await saved(api, "lower", fan_gender="male")
    upper = await saved(api, "upper", fan_incl_segments=f"filter:{lower}")
    await settle(db, api.account_id, now())
    assert one in (await members(db, api.account_id))["upper"]
    await api.ok(await api.post(f"{FILTERS}/{lower}/criteria", fan_gender="diverse"))
    await settle(db, api.account_id, now())
    assert (await members(db, api.account_id))["upper"] == {two}
    assert await announced(db, api.account_id, upper) == [("built", None), ("built", None)]
    await api.ok(await api.post(f"/api/v1/crm/fans/{one}", gender="diverse"))
    await settle(db, api.account_id, now())
    assert (await announced(db, api.account_id, upper))[2:] == [("entered", one)]


async def test_a_build_goes_through_all_chunks(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "CHUNK", 7)
    everyone = await many_fans(db, api.account_id, 40, "PE")
    account = await account_by_id(db, api.account_id)
    await saved(api, "chunks", fan_provinces="PE")
    assert await building.build(db, account, now())
    assert (await members(db, api.account_id))["chunks"] < set(everyone)
    # What is written behind the build and before it is followed all the same, and not announced fan by fan.
    late = await new_fan(api, email=mail(), province="PE", country_code="CA")
    await api.ok(await api.post(f"/api/v1/crm/fans/{everyone[0]}", email=mail(), province="BC", country_code="CA"))
    while await actions.follow(db, account, now()):
        pass
    # Of fans to whom the build will come only the build makes members.
    assert late not in (await members(db, api.account_id))["chunks"]
    await settle(db, api.account_id, now())
    assert (await members(db, api.account_id))["chunks"] == {*everyone[1:], late}


async def test_a_build_compiles_one_filter_and_its_announcement_none(
    api: Api, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "CHUNK", 7)
    await many_fans(db, api.account_id, 20, "CL")
    for number in range(4):
        await saved(api, f"compiled {number}", fan_provinces="CL", fan_rating=number + 1)
    account = await account_by_id(db, api.account_id)
    await actions.follow(db, account, now())
    counted: list[int] = []

    async def counting(*args: Any, **named: Any) -> list[queries.LiveFilter]:
        live = await queries.live_filters(*args, **named)
        counted.append(len(live))
        return live

    for module in (actions, building):
        monkeypatch.setattr(module, "live_filters", counting)
    await settle(db, api.account_id, now())
    assert set(counted) == {1}
    assert len(counted) >= 12


async def test_a_day_begins_at_midnight_in_the_accounts_zone(api: Api, db: Db) -> None:
    midnight = datetime(2027, 3, 15, tzinfo=ZONE)
    here = await fan(db, api.account_id, birth_date=date(2009, 3, 15))
    await activity(db, api.account_id, here, midnight - timedelta(days=7))
    active = await saved(api, "active", crm_active_days=7)
    adult = await saved(api, "adult", fan_youngest_age=18, fan_oldest_age=18)
    idle = await saved(api, "idle", crm_inactive_days=7)
    await settle(db, api.account_id, datetime(2027, 3, 14, 12, tzinfo=ZONE))
    old = midnight - timedelta(seconds=1)
    await settle(db, api.account_id, old)
    result = await members(db, api.account_id)
    assert (here in result["active"], here in result["adult"], here in result["idle"]) == (True, False, False)
    turned = midnight + timedelta(days=1)
    await settle(db, api.account_id, turned - timedelta(seconds=1))
    assert here in (await members(db, api.account_id))["active"]
    await settle(db, api.account_id, turned)
    result = await members(db, api.account_id)
    assert (here in result["active"], here in result["adult"], here in result["idle"]) == (False, True, True)
    await settle(db, api.account_id, datetime(2028, 3, 15, tzinfo=ZONE))
    assert here not in (await members(db, api.account_id))["adult"]
    answer = [(uid, each) for uid in (active, adult, idle) for each in await announced(db, api.account_id, uid)]
    assert [each for each in answer if each[1][1] == here] == [
        (active, ("left", here)), (adult, ("entered", here)), (adult, ("left", here)), (idle, ("entered", here)),
    ]  # fmt: skip
    assert await members(db, api.account_id) == await found_now(db, api.account_id, datetime(2028, 3, 15, tzinfo=ZONE))


async def test_renaming_an_idol_changes_the_members(api: Api, db: Db) -> None:
    here = await new_fan(api, email=mail(), idol_names=["Old Name"])
    uid = await saved(api, "renamed", idol_names="Old Name")
    (idol,) = [each for each in await api.ok(await api.get("/api/v1/idols")) if each["idol_name"] == "Old Name"]
    path = f"/api/v1/manage/idols/{idol['idol_uid']}"
    # Not while a filter names it by the name that it has.
    assert (await api.post(path, idol_name="New Name")).status_code == 409
    await settle(db, api.account_id, now())
    assert (await members(db, api.account_id))["renamed"] == {here}
    await api.ok(await api.post(f"{FILTERS}/{uid}/criteria", idol_names="New Name"))
    await settle(db, api.account_id, now())
    assert (await members(db, api.account_id))["renamed"] == set()
    await api.ok(await api.post(path, idol_name="New Name"))
    await settle(db, api.account_id, now())
    assert (await members(db, api.account_id))["renamed"] == {here}
    assert (await announced(db, api.account_id, uid))[1:] == [("built", None), ("entered", here)]


async def test_a_deleted_fan_leaves(api: Api, db: Db) -> None:
    here = await new_fan(api, email=mail(), gender="empty")
    uid = await saved(api, "gone", fan_gender="empty")
    await settle(db, api.account_id, now())
    await erase_fan(db, api.account_id, here, now(), source="test")
    await settle(db, api.account_id, now())
    assert await announced(db, api.account_id, uid) == [("built", None), ("left", here)]
    for table in ("segment_members", "segment_stays"):
        remaining = f"select count(*) from {table} where account_id = $1 and fan_id = $2"
        assert await db.value(remaining, api.account_id, here) == 0


async def test_members_end_when_a_filter_is_deleted_or_deactivated(api: Api, db: Db) -> None:
    here = await new_fan(api, email=mail())
    await give(api, "ends", here)
    uid = await saved(api, "ends", fan_tags="ends")
    await settle(db, api.account_id, now())
    await api.ok(await api.post(f"{FILTERS}/{uid}", is_active=False))
    await settle(db, api.account_id, now())
    assert "ends" not in await members(db, api.account_id)
    assert (await api.post(f"{FILTERS}/{uid}/rebuild")).status_code == 404
    await api.ok(await api.post(f"{FILTERS}/{uid}", is_active=True))
    await settle(db, api.account_id, now())
    assert (await members(db, api.account_id))["ends"] == {here}
    await api.ok(await api.delete(f"{FILTERS}/{uid}"))
    await settle(db, api.account_id, now())
    for table in ("filter_states", "segment_members", "segment_stays"):
        gone = f"select count(*) from {table} t where t.account_id = $1 and not exists (select from filters f"
        gone += " where f.account_id = $1 and f.filter_id = t.filter_id)"
        assert await db.value(gone, api.account_id) == 0


async def test_a_rebuild_corrects_members_and_announces_the_corrections(api: Api, db: Db) -> None:
    one, two = await new_fan(api, email=mail()), await new_fan(api, email=mail())
    await give(api, "mend", one)
    uid = await saved(api, "mend", fan_tags="mend")
    await settle(db, api.account_id, now())
    # Past the change log, as an import by COPY does.
    await db.execute("update fan_tags set fan_id = $3 where account_id = $1 and fan_id = $2", api.account_id, one, two)
    await api.ok(await api.post(f"{FILTERS}/{uid}/rebuild"))
    await settle(db, api.account_id, now())
    assert sorted(await announced(db, api.account_id, uid)) == [("built", None), ("entered", two), ("left", one)]
    assert (await counts(db, api.account_id))["mend"] == 1


async def test_a_long_gap_in_following_the_log_causes_rebuilds(api: Api, db: Db) -> None:
    here = await new_fan(api, email=mail())
    await saved(api, "gap", fan_tags="gap")
    await settle(db, api.account_id, now())
    await give(api, "gap", here)
    await db.execute("delete from changes where account_id = $1", api.account_id)
    await settle(db, api.account_id, now() + timedelta(days=2))
    assert (await members(db, api.account_id))["gap"] == {here}


async def test_workers_divide_the_accounts(api: Api, db: Db) -> None:
    everyone = [await new_fan(api, email=mail()) for _ in range(12)]
    uid = await saved(api, "divided", fan_tags="divided")
    await settle(db, api.account_id, now())
    account = await account_by_id(db, api.account_id)

    async def worker() -> None:
        while api.account_id in await queries.accounts_due(db, now()):
            await actions.keep_members(db, account, now())

    await asyncio.gather(*(give(api, "divided", each) for each in everyone), *(worker() for _ in range(3)))
    await settle(db, api.account_id, now())
    result = await announced(db, api.account_id, uid)
    assert sorted(result[1:]) == [("entered", each) for each in everyone]
    assert (await counts(db, api.account_id))["divided"] == len(everyone)


async def test_an_interrupted_step_is_repeated_as_a_whole(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    here = await new_fan(api, email=mail())
    uid = await saved(api, "dies", fan_tags="dies")
    await settle(db, api.account_id, now())
    await give(api, "dies", here)

    async def die(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(actions, "_store_progress", die)
        with pytest.raises(ConnectionError):
            await actions.follow(db, await account_by_id(db, api.account_id), now())
    assert "dies" not in await members(db, api.account_id)
    await settle(db, api.account_id, now())
    assert await announced(db, api.account_id, uid) == [("built", None), ("entered", here)]
