"""How long sessions last, who may end them, and what merges, erasures and new passwords make of them."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.kernel.clock import Clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.sessions.actions import guests, opening
from fanfare.sessions.jobs import forget_old_sessions
from tests.api import Api
from tests.conftest import serving
from tests.sessions.logins import PASSWORD, change, connect, fan_of, registered, try_connect

MANAGE = "/api/v1/manage"


class Watch:
    """A clock that tests set on."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def base_url(settings: Settings, watch: Watch) -> Iterator[str]:
    clock: Clock = watch
    with serving(settings.replace(session_idle_days=2, session_days=5), clock) as url:
        yield url


async def status_of(api: Api, session: Any) -> int:
    return (await fan_of(api, session["session_uid"])).status_code


async def test_a_session_lasts_while_it_is_used_and_not_forever(api: Api, db: Db, watch: Watch) -> None:
    used, unused = await registered(api, "used@example.com"), await registered(api, "unused@example.com")
    fan = (api.account_id, used["fan_id"])
    started = watch.now
    for _ in range(4):
        watch.now += timedelta(days=1)
        assert await status_of(api, used) == 200
    assert await status_of(api, unused) == 404
    answer = await api.ok(await api.public_get(f"/api/v1/sessions/{used['session_uid']}"))
    assert answer["expiration_timestamp"] == int((started + timedelta(days=5)).timestamp())
    watch.now += timedelta(hours=23)
    assert await status_of(api, used) == 200
    watch.now += timedelta(hours=2)
    assert await status_of(api, used) == 404
    out = await api.client.delete(f"/api/v1/sessions/{used['session_uid']}", headers={"Api-Key": api.keys["Api-Key"]})
    assert out.status_code == 404
    session_id = await db.value("select session_id from sessions where account_id = $1 and fan_id = $2", *fan)
    assert (await api.delete(f"{MANAGE}/sessions/{session_id}")).status_code == 404
    points = await api.public_get(f"/api/v1/sessions/{used['session_uid']}/points")
    assert (points.status_code, (await change(api, used["session_uid"], first_name="X")).status_code) == (404, 404)


async def test_only_hashes_are_stored(api: Api, db: Db) -> None:
    session = await registered(api, "hashed@example.com")
    tables = await db.rows("select table_name from information_schema.tables where table_schema = 'public'")
    for name in (row["table_name"] for row in tables):
        assert (
            await db.value(f"select count(*) from {name} t where t::text like $1", f"%{session['session_uid']}%") == 0
        )


async def test_an_answer_with_a_session_is_not_stored(api: Api, db: Db) -> None:
    headers = {"Api-Key": api.keys["Api-Key"], "Idempotency-Key": "login-once"}
    values = {"network": "register", "email": "once@example.com", "password": PASSWORD}
    first = await api.client.post("/api/v1/sessions/connect", json=values, headers=headers)
    again = await api.client.post("/api/v1/sessions/connect", json=values, headers=headers)
    assert first.status_code == 200
    assert (again.status_code, again.json()["code"]) == (409, "answer_not_stored")
    answer = await db.value("select answer from idempotency_keys where idempotency_key = 'login-once'")
    assert answer == b""
    assert await status_of(api, first.json()) == 200


async def test_failures_count_under_an_idempotency_key_too(api: Api, db: Db) -> None:
    await registered(api, "counted@example.com")
    headers = {"Api-Key": api.keys["Api-Key"], "Idempotency-Key": "guess"}
    values = {"network": "email", "email": "counted@example.com", "password": "wrong password"}
    count = "select coalesce(sum(used), 0) from attempts where account_id = $1 and budget = 'passwords'"
    before = await db.value(count, api.account_id)
    answer = await api.client.post("/api/v1/sessions/connect", json=values, headers=headers)
    assert answer.json()["code"] == "wrong_login"
    assert await db.value(count, api.account_id) == before + 1


async def test_a_guests_deeds_go_to_the_fan_who_logs_in(api: Api) -> None:
    session = await registered(api, "fay@example.com")
    guest = await connect(api)
    point = await api.ok(await api.post(f"{MANAGE}/points", point_name="Deeds"))
    await api.ok(await api.post("/api/v1/crm/fan_points", fan_id=guest["fan_id"], point_count=7, **point))
    await api.ok(await api.post(f"/api/v1/crm/fans/{guest['fan_id']}/activities", campaign_title="Quiz"))
    login = await connect(api, "email", email="fay@example.com", password=PASSWORD, session_uid=guest["session_uid"])
    assert login["fan_id"] == session["fan_id"]
    assert await status_of(api, guest) == 404
    balances = await api.ok(await api.public_get(f"/api/v1/sessions/{login['session_uid']}/points"))
    assert [(row["fan_id"], row["point_name"], row["point_count"]) for row in balances] == [
        (session["fan_id"], "Deeds", 7)
    ]
    activities = await api.ok(await api.get(f"/api/v1/crm/fans/{guest['fan_id']}/activities"))
    assert [row["fan_id"] for row in activities] == [session["fan_id"]]


async def test_a_guest_who_registers_stays_the_same_fan(api: Api) -> None:
    guest = await connect(api)
    session = await registered(api, "gil@example.com", session_uid=guest["session_uid"])
    assert session["fan_id"] == guest["fan_id"]
    assert [await status_of(api, each) for each in (guest, session)] == [404, 200]


async def test_a_named_guest_is_not_merged_into_who_logs_in_next(api: Api) -> None:
    """On a shared device somebody left an address; who logs in then is another person."""
    await registered(api, "hana@example.com")
    guest = await connect(api)
    await api.ok(await change(api, guest["session_uid"], email="left@example.com"))
    login = await connect(api, "email", email="hana@example.com", password=PASSWORD, session_uid=guest["session_uid"])
    assert login["fan_id"] != guest["fan_id"]
    assert (await api.get(f"/api/v1/crm/fans/{guest['fan_id']}")).json()["fan_id"] == guest["fan_id"]
    assert await status_of(api, guest) == 404


async def test_sessions_are_listed_and_ended(api: Api) -> None:
    first = await registered(api, "ida@example.com", device_id="phone-1", device_network="ios")
    others = [await connect(api, "email", email="ida@example.com", password=PASSWORD) for _ in range(3)]
    path = f"{MANAGE}/fans/{first['fan_id']}/sessions"
    rows = await api.ok(await api.get(path))
    assert [row["login_method"] for row in rows] == ["password"] * 3 + ["register"]
    assert (rows[-1]["device_id"], rows[-1]["device_network"]) == ("phone-1", "ios")
    assert first["session_uid"] not in str(rows)
    assert await api.ok(await api.delete(f"{MANAGE}/sessions/{rows[-1]['session_id']}")) is True
    assert (await api.delete(f"{MANAGE}/sessions/{rows[-1]['session_id']}")).status_code == 404
    assert [await status_of(api, each) for each in (first, others[0])] == [404, 200]
    out = await api.client.delete(
        f"/api/v1/sessions/{others[0]['session_uid']}", headers={"Api-Key": api.keys["Api-Key"]}
    )
    assert await api.ok(out) is True
    assert [await status_of(api, each) for each in others] == [404, 200, 200]
    assert await api.ok(await api.delete(path)) == {"session_count": 2}
    assert [await status_of(api, each) for each in others] == [404, 404, 404]
    assert await api.ok(await api.get(path)) == []


async def test_the_oldest_of_a_hundred_sessions_gives_way(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_SESSIONS", 3)
    sessions = [await registered(api, "ivy@example.com")]
    sessions += [await connect(api, "email", email="ivy@example.com", password=PASSWORD) for _ in range(4)]
    assert [await status_of(api, each) for each in sessions] == [404, 404, 200, 200, 200]


async def test_a_session_survives_a_merge_and_its_undoing(api: Api) -> None:
    old, new = await registered(api, "jo@example.com"), await registered(api, "joanna@example.com")
    path = f"{MANAGE}/fans/{new['fan_id']}"
    await api.ok(await api.post(f"{path}/merge", merged_fan_id=old["fan_id"]))
    for session in (old, new):
        fan = await api.ok(await fan_of(api, session["session_uid"]))
        assert fan["fan_id"] == new["fan_id"]
    assert len(await api.ok(await api.get(f"{path}/sessions"))) == 2
    await api.ok(await api.post(f"{path}/unmerge", merged_fan_id=old["fan_id"]))
    for session in (old, new):
        assert (await api.ok(await fan_of(api, session["session_uid"])))["fan_id"] == session["fan_id"]


async def test_a_session_that_ended_stays_ended_when_a_merge_is_undone(api: Api) -> None:
    old, new = await registered(api, "kai@example.com"), await registered(api, "kaito@example.com")
    path = f"{MANAGE}/fans/{new['fan_id']}"
    await api.ok(await api.post(f"{path}/merge", merged_fan_id=old["fan_id"]))
    await api.ok(await api.delete(f"{path}/sessions"))
    await api.ok(await api.post(f"{path}/unmerge", merged_fan_id=old["fan_id"]))
    assert [await status_of(api, each) for each in (old, new)] == [404, 404]


async def test_an_erased_fans_sessions_end_at_once(api: Api, db: Db) -> None:
    session = await registered(api, "lea@example.com")
    await api.ok(await api.delete(f"/api/v1/crm/fans/{session['fan_id']}"))
    assert await status_of(api, session) == 404
    for table in ("sessions", "accepted_terms"):
        count = f"select count(*) from {table} where account_id = $1 and fan_id = $2"
        assert await db.value(count, api.account_id, session["fan_id"]) == 0


async def test_a_new_password_ends_the_other_sessions(api: Api) -> None:
    first = await registered(api, "mia@example.com")
    second = await connect(api, "email", email="mia@example.com", password=PASSWORD)
    await api.ok(await change(api, first["session_uid"], password="another password"))
    assert [await status_of(api, each) for each in (first, second)] == [200, 404]
    assert (await try_connect(api, "email", email="mia@example.com", password=PASSWORD)).status_code == 422
    await api.ok(await api.post(f"/api/v1/crm/fans/{first['fan_id']}", password="set by the account"))
    assert await status_of(api, first) == 404
    assert (await connect(api, "email", email="mia@example.com", password="set by the account"))["session_uid"]


async def test_logins_and_an_erasure_at_once_leave_no_session(api: Api, db: Db) -> None:
    session = await registered(api, "noa@example.com")
    logins = (try_connect(api, "email", email="noa@example.com", password=PASSWORD) for _ in range(6))
    erasure = api.delete(f"/api/v1/crm/fans/{session['fan_id']}")
    answers = await asyncio.gather(*logins, erasure)
    assert {each.status_code for each in answers} <= {200, 422}
    count = "select count(*) from sessions where account_id = $1 and fan_id = $2"
    assert await db.value(count, api.account_id, session["fan_id"]) == 0


async def test_what_is_over_is_deleted_and_guests_who_did_something_stay(api: Api, db: Db, watch: Watch) -> None:
    idle, busy, named = [await connect(api) for _ in range(3)]
    await api.ok(await api.post(f"/api/v1/crm/fans/{busy['fan_id']}/activities", campaign_title="Quiz"))
    await api.ok(await change(api, named["session_uid"], email="olga@example.com"))
    member = await registered(api, "pia@example.com")
    await forget_old_sessions(db.for_account(api.account_id), api.account_id, watch.now)
    assert [await status_of(api, each) for each in (idle, busy, named, member)] == [200] * 4
    watch.now += timedelta(days=3)
    await forget_old_sessions(db.for_account(api.account_id), api.account_id, watch.now)
    rows = [await api.get(f"/api/v1/crm/fans/{each['fan_id']}") for each in (idle, busy, named, member)]
    assert [row.status_code for row in rows] == [404, 200, 200, 200]
    assert await db.value("select count(*) from sessions where account_id = $1", api.account_id) == 0
    assert await db.value("select count(*) from attempts where account_id = $1", api.account_id) == 0


@pytest.mark.parametrize("path", ["", "/fan", "/points"])
async def test_every_read_of_a_session_prolongs_it(api: Api, watch: Watch, path: str) -> None:
    session = await connect(api)
    for _ in range(2):
        watch.now += timedelta(days=1, hours=12)
        await api.ok(await api.public_get(f"/api/v1/sessions/{session['session_uid']}{path}"))


async def test_no_guest_is_left_over(api: Api, db: Db, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come, and however their sessions end; but whoever typed anything stays."""
    monkeypatch.setattr(guests, "SESSIONS_AT_ONCE", 2)
    fans = "select count(*) from fans where account_id = $1"
    before = await db.value(fans, api.account_id)
    many = [await connect(api) for _ in range(5)]
    unused, ended, dropped = [await connect(api) for _ in range(3)]
    named, born, nicknamed = [await connect(api) for _ in range(3)]
    await api.ok(await change(api, named["session_uid"], first_name="Quin"))
    await api.ok(await change(api, born["session_uid"], birth_date="1990-02-28"))
    await api.ok(await api.post(f"/api/v1/crm/fans/{nicknamed['fan_id']}", display_name="Nick of time"))
    await api.ok(
        await api.client.delete(f"/api/v1/sessions/{unused['session_uid']}", headers={"Api-Key": api.keys["Api-Key"]})
    )
    await api.ok(await api.delete(f"{MANAGE}/fans/{ended['fan_id']}/sessions"))
    (row,) = await api.ok(await api.get(f"{MANAGE}/fans/{dropped['fan_id']}/sessions"))
    await api.ok(await api.delete(f"{MANAGE}/sessions/{row['session_id']}"))
    await forget_old_sessions(db.for_account(api.account_id), api.account_id, watch.now)
    gone = [(await api.get(f"/api/v1/crm/fans/{each['fan_id']}")).status_code for each in (unused, ended, dropped)]
    assert gone == [404] * 3
    assert [await status_of(api, each) for each in many] == [200] * 5
    watch.now += timedelta(days=3)
    await forget_old_sessions(db.for_account(api.account_id), api.account_id, watch.now)
    assert await db.value(fans, api.account_id) <= before + 3
    for guest in (named, born, nicknamed):
        await api.ok(await api.get(f"/api/v1/crm/fans/{guest['fan_id']}"))
