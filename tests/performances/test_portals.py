"""Portals: who has the password creates performances of a group, and nobody sees the password again."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from fanfare.kernel.data.db import Db
from fanfare.sessions.actions.budgets import PASSWORDS, Attempt
from tests.api import Api

PATH = "/api/v1/portals"
PASSWORD = "correct horse"
SHOW = {"performance_name": "Derby", "performance_date": "2027-07-03"}


async def some_portal(api: Api, **extra: object) -> str:
    values = {"portal_name": "Promoters", "performance_group_name": "Summer", **extra}
    return str((await api.ok(await api.post(PATH, **values)))["portal_uid"])


async def test_a_portal_is_created_changed_listed_and_deleted(api: Api, db: Db) -> None:
    uid = await some_portal(api)
    first = await api.ok(await api.get(f"{PATH}/{uid}"))
    assert {name: first[name] for name in first if name != "creation_timestamp"} == {
        "portal_uid": uid,
        "account_id": api.account_id,
        "portal_name": "Promoters",
        "performance_group_name": "Summer",
        "password": None,
        "templates_created": 0,
        "last_access_timestamp": None,
    }
    update = {"portal_name": "Labels", "performance_group_name": "Winter"}
    assert await api.ok(await api.post(f"{PATH}/{uid}", **update, password=PASSWORD)) == {"portal_uid": uid}
    second = await api.ok(await api.get(f"{PATH}/{uid}"))
    assert (second["portal_name"], second["performance_group_name"]) == ("Labels", "Winter")
    assert second in await api.ok(await api.get(PATH))
    assert await api.ok(await api.delete(f"{PATH}/{uid}")) is True
    for answer in (
        await api.get(f"{PATH}/{uid}"),
        await api.delete(f"{PATH}/{uid}"),
        await api.post(f"{PATH}/{uid}", **update),
        await api.public_post(f"{PATH}/{uid}/login"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown")
    topics = await db.rows("select topic from changes where subject_id = $1 order by position", uid)
    assert [row["topic"] for row in topics] == ["portal.created", "portal.updated", "portal.deleted"]


async def test_portals_come_in_pages(other_api: Api) -> None:
    uids = [await some_portal(other_api, portal_name=name) for name in "abc"]
    first = await other_api.get(PATH, limit=2)
    second = await other_api.get(PATH, limit=2, cursor=first.headers["X-Next-Cursor"])
    assert [row["portal_uid"] for row in [*first.json(), *second.json()]] == uids


async def test_a_password_is_stored_as_a_hash_and_never_shown(api: Api, db: Db) -> None:
    uid = await some_portal(api, password=PASSWORD)
    assert (await api.ok(await api.get(f"{PATH}/{uid}")))["password"] == "********"
    row = await db.value("select p::text from portals p where portal_uid = $1", uuid.UUID(uid))
    assert "$argon2id$" in row
    assert PASSWORD not in row
    always = {"portal_name": "Promoters", "performance_group_name": "Summer"}
    # left out it stays, empty it is removed
    await api.ok(await api.post(f"{PATH}/{uid}", **always))
    assert (await api.public_post(f"{PATH}/{uid}/login")).json()["code"] == "wrong_portal_password"
    await api.ok(await api.post(f"{PATH}/{uid}", **always, password=""))
    assert (await api.ok(await api.get(f"{PATH}/{uid}")))["password"] is None
    await api.ok(await api.public_post(f"{PATH}/{uid}/login"))


async def test_the_login_sets_the_time_of_the_last_access(api: Api) -> None:
    uid = await some_portal(api, password=PASSWORD)
    for wrong in ({}, {"password": "wrong horse"}):
        answer = await api.public_post(f"{PATH}/{uid}/login", **wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_portal_password")
        assert [error["field"] for error in answer.json()["errors"]] == ["password"]
    assert (await api.ok(await api.get(f"{PATH}/{uid}")))["last_access_timestamp"] is None
    before = int(datetime.now(UTC).timestamp())
    assert await api.ok(await api.public_post(f"{PATH}/{uid}/login", password=PASSWORD)) == {
        "portal_uid": uid,
        "portal_name": "Promoters",
        "performance_group_name": "Summer",
    }
    assert (await api.ok(await api.get(f"{PATH}/{uid}")))["last_access_timestamp"] >= before


async def test_a_performance_created_through_a_portal_is_counted(api: Api) -> None:
    uid = await some_portal(api)
    templates = f"{PATH}/{uid}/templates"
    # The group and the state are the portal's, whatever the visitor says.
    show = {**SHOW, "performance_group_name": "Mine", "status": "ready", "notes": "with a choir"}
    answers = await asyncio.gather(*(api.public_post(templates, **show) for _ in range(8)))
    uids = {(await api.ok(answer))["performance_uid"] for answer in answers}
    portal = await api.ok(await api.get(f"{PATH}/{uid}"))
    assert (len(uids), portal["templates_created"]) == (8, 8)
    assert portal["last_access_timestamp"] is not None
    one = await api.ok(await api.get(f"/api/v1/performances/{uids.pop()}"))
    assert (one["performance_group_name"], one["status"], one["notes"]) == ("Summer", "draft", "with a choir")
    wrong = await api.public_post(templates, performance_name="x", business_id=1)
    assert [error["field"] for error in wrong.json()["errors"]] == ["performance_date", "business_id"]
    assert (await api.ok(await api.get(f"{PATH}/{uid}")))["templates_created"] == 8


async def test_wrong_passwords_are_counted_exactly(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> bool:
        return False

    # Hashes cost time, and counting is before them.
    monkeypatch.setattr("fanfare.sessions.actions.password_checks.is_password", never)
    uid = await some_portal(api, password=PASSWORD)
    guesses = [api.public_post(f"{PATH}/{uid}/login", password=f"guess {number}") for number in range(120)]
    codes = [answer.status_code for answer in await asyncio.gather(*guesses)]
    assert (codes.count(422), codes.count(429)) == (PASSWORDS.limit, 20)
    used = "select used from attempts where account_id = $1 and budget = $2 and subject_hash = $3"
    attempt = Attempt(PASSWORDS, f"portal {uid}")
    assert await db.value(used, api.account_id, PASSWORDS.name, attempt.subject_hash) == PASSWORDS.limit
    refused = await api.public_post(f"{PATH}/{uid}/templates", **SHOW, password=PASSWORD)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    # the other portal's visitors are let in
    await api.ok(await api.public_post(f"{PATH}/{await some_portal(api)}/login"))


async def test_wrong_fields_are_named(api: Api) -> None:
    answer = await api.post(PATH, password="short")
    assert [error["field"] for error in answer.json()["errors"]] == [
        "portal_name", "performance_group_name", "password",
    ]  # fmt: skip
    uid = await some_portal(api)
    answer = await api.post(f"{PATH}/{uid}", portal_name="", performance_group_name="g" * 128, password="p" * 257)
    assert [error["field"] for error in answer.json()["errors"]] == [
        "portal_name", "performance_group_name", "password",
    ]  # fmt: skip


async def test_other_accounts_see_no_portal(api: Api, other_api: Api) -> None:
    uid = await some_portal(api, password=PASSWORD)
    always = {"portal_name": "x", "performance_group_name": "y"}
    for answer in (
        await other_api.get(f"{PATH}/{uid}"),
        await other_api.delete(f"{PATH}/{uid}"),
        await other_api.post(f"{PATH}/{uid}", **always),
        await other_api.public_post(f"{PATH}/{uid}/login", password=PASSWORD),
        await other_api.public_post(f"{PATH}/{uid}/templates", **SHOW, password=PASSWORD),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown")
    assert (await api.public_get(PATH)).status_code == 403
    assert uid not in [row["portal_uid"] for row in await other_api.ok(await other_api.get(PATH))]
