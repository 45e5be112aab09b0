"""Erasures beside imports: what is on its way brings nobody back who is erased meanwhile."""

import asyncio
from typing import Any

import pytest

from fanfare.fans.actions import importing
from fanfare.imports.actions import upkeep
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.imports.files import PATH, run, state_of, upload
from tests.imports.test_fetches import END_LEASES, fetch_all, new_import
from tests.running import PATIENCE
from tests.servers import Reply, Request
from tests.storages.stores import Gate, Service, between, new_storage
from tests.waits import until_blocked

FANS = "/api/v1/crm/fans"
SAVED = (
    "select email, phone, last_name from fans where account_id = $1 and (email like $2 or phone = $3) order by email"
)


async def new_fan(api: Api, **contact: str) -> int:
    fan_id: int = (await api.ok(await api.post(FANS, **contact)))["fan_id"]
    return fan_id


async def erase(api: Api, fan_id: int) -> None:
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))


# The columns of files whose lines are written together, and of one whose lines are written one by one.
@pytest.mark.parametrize("column", ["last_name", "consent_wording", "image_url", "display_name"])
@pytest.mark.parametrize("end", ["gone", "back"])
async def test_a_fan_who_is_erased_between_two_statements_of_a_batch_stays_erased(
    api: Api, db: Db, monkeypatch: pytest.MonkeyPatch, column: str, end: str
) -> None:
    name, number = f"{end}.{column.replace('_', '-')}", "+16045550177"
    gone = [await new_fan(api, email=f"gone@{name}.example"), await new_fan(api, phone=number)]
    word = "https://example.com/secret" if column == "image_url" else "Secret"
    # Display names are unique.
    words = [f"{word} {each} {end}" if column == "display_name" else word for each in ("Sam", "Eve", "Hal", "Hal")]
    rows = [
        f"stays@{name}.example,,Sam,{words[0]},yes",
        f"gone@{name}.example,,Eve,{words[1]},yes",
        # Written as one person, of whom one line has what was erased.
        f"half@{name}.example,,Hal,{words[2]},yes",
        f"half@{name}.example,{number},Hal,{words[3]},yes",
    ]
    uid = await upload(api, "\n".join([f"email,phone,first_name,{column},is_subscribed", *rows]).encode())
    look = importing._erased  # noqa: SLF001 - a moment between two statements

    async def look_and_erase(*args: Any) -> set[int]:
        result = await look(*args)
        while gone:
            await erase(api, gone.pop())
            if end == "back" and not gone:
                await new_fan(api, email=f"gone@{name}.example")
        return result

    monkeypatch.setattr(importing, "_erased", look_and_erase)
    done = await run(api, db, uid)
    assert (done["state"], done["created_count"], done["error_count"], done["has_file"]) == ("completed", 2, 2, False)
    last_name = word if column == "last_name" else None
    expected = [(f"{each}@{name}.example", None, last_name) for each in ("half", "stays")]
    expected[:0] = [(f"gone@{name}.example", None, None)] * (end == "back")
    rows_now = await db.rows(SAVED, api.account_id, f"%@{name}.example", number)
    assert [tuple(row.values()) for row in rows_now] == expected


@pytest.mark.parametrize("order", ["before it is read", "while it is read"])
async def test_an_object_on_its_way_is_not_imported_after_an_erasure(
    api: Api, db: Db, store: Service, order: str
) -> None:
    bucket, gate = store.new_bucket(), Gate()
    store.call("PUT", bucket, "members.csv", b"email,first_name\ngone@way.example,Eve\nstays@way.example,Sam\n")
    fan_id = await new_fan(api, email="gone@way.example")

    def answer_late(request: Request) -> Reply | None:
        if request.method != "GET" or order == "before it is read":
            return None
        reply = way.passed_on(request)
        gate.wait()
        return reply

    with between(store) as way:
        way.meddle = answer_late
        storage = await new_storage(api, store, bucket, endpoint=way.url)
        uid = await new_import(api, storage, "members.csv")
        if order == "before it is read":
            await erase(api, fan_id)
        reading = asyncio.create_task(fetch_all(api, db))
        if order == "while it is read":
            await asyncio.to_thread(gate.is_reached.wait, PATIENCE)
            await erase(api, fan_id)
        gate.open()
        await reading
    failed = await state_of(api, uid)
    assert (failed["state"], failed["has_file"], failed["failure"]) == ("failed", False, upkeep.ERASED)
    assert (await api.post(f"{PATH}/{uid}/run")).status_code == 409
    parts = "select count(*) from file_parts where account_id = $1 and file_uid = $2"
    assert await db.value(parts, api.account_id, uid) == 0
    await db.execute(END_LEASES, api.account_id)
    await fetch_all(api, db)
    assert await db.value("select count(*) from import_fetches where account_id = $1", api.account_id) == 0


async def test_a_file_that_arrives_while_an_erasure_waits_is_deleted(api: Api, db: Db) -> None:
    fan_id = await new_fan(api, email="gone@waits.example")
    async with db.transaction() as tx:
        await tx.execute("select from fans where account_id = $1 and fan_id = $2 for update", api.account_id, fan_id)
        erasure = asyncio.create_task(erase(api, fan_id))
        await until_blocked(db, tx, erasure)
        uid = await upload(api, b"email\ngone@waits.example\n")
    await erasure
    failed = await state_of(api, uid)
    assert (failed["state"], failed["has_file"], failed["failure"]) == ("failed", False, upkeep.ERASED)


async def test_a_file_that_arrives_late_in_an_erasure_brings_nobody_back(api: Api, db: Db) -> None:
    fan_id = await new_fan(api, email="gone@late.example")
    # An erasure deletes what a fan has after it has deleted the files.
    locking = "select from fan_identifiers where account_id = $1 and fan_id = $2 for update"
    async with db.transaction() as tx:
        await tx.execute(locking, api.account_id, fan_id)
        erasure = asyncio.create_task(erase(api, fan_id))
        await until_blocked(db, tx, erasure)
        uid = await upload(api, b"email\ngone@late.example\nstays@late.example\n")
        assert (await state_of(api, uid))["state"] == "ready"
    await erasure
    done = await run(api, db, uid)
    assert (done["state"], done["created_count"], done["error_count"], done["has_file"]) == ("completed", 1, 1, False)
