"""Fans who are known already: what a door may add to them, and how they are recognised after a change."""

import asyncio
import threading
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from fanfare.fans.actions import passwords
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.running import PATIENCE

FANS = "/api/v1/crm/fans"
LATEST = "/api/v1/crm/fans/latest"
NUMBERS = iter(range(1000, 9999))


def mail() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


def number() -> str:
    return f"+1236555{next(NUMBERS):04d}"


async def create(api: Api, **values: Any) -> int:
    return int((await api.ok(await api.post(FANS, **values)))["fan_id"])


async def read(api: Api, fan_id: int) -> dict[str, Any]:
    fan: dict[str, Any] = await api.ok(await api.get(f"{FANS}/{fan_id}"))
    return fan


async def identities(api: Api, fan_id: int) -> set[str]:
    return {row["identifier_value"] for row in await api.ok(await api.get(f"{FANS}/{fan_id}/identifiers"))}


async def changes(db: Db, api: Api, fan_id: int) -> int:
    count: int = await db.value(
        "select count(*) from changes where account_id = $1 and fan_id = $2", api.account_id, fan_id
    )
    return count


async def test_making_a_known_fan_fills_and_never_overwrites(api: Api, db: Db) -> None:
    await api.ok(await api.post("/api/v1/manage/fields", crm_field_key="seat", field_type="text"))
    await api.ok(await api.post("/api/v1/manage/fields", crm_field_key="size", field_type="text"))
    address = mail()
    first = {
        "first_name": "Ada", "password": "the first one", "display_name": "Ada of Hope", "birth_date": "1990-12-10",
        "latitude": 49.5, "country_code": "CA", "city": "Hope", "field_seat": "A1", "image_url": "https://example.com/a",
    }  # fmt: skip
    fan_id = await create(api, email=address, **first)
    later = {
        "first_name": "Eve", "last_name": "Berg", "password": "a stranger's", "display_name": "Eve of Hope",
        "birth_date": "1991-01-01", "latitude": 1, "longitude": 2, "country_code": "NO", "city": "Oslo",
        "field_seat": "B2", "field_size": "M", "image_url": "https://example.com/b", "is_subscribed": True,
    }  # fmt: skip
    assert await create(api, email=address, **later) == fan_id
    fan = await read(api, fan_id)
    remaining = {
        name: fan[name] for name in ("first_name", "display_name", "birth_date", "latitude", "city", "image_url")
    }
    assert remaining == {name: first[name] for name in remaining}
    assert (fan["last_name"], fan["longitude"], fan["is_subscribed"]) == ("Berg", 2, True)
    assert fan["field_values"] == {"seat": "A1", "size": "M"}
    row = await db.value("select password_hash from fans where account_id = $1 and fan_id = $2", api.account_id, fan_id)
    assert await passwords.is_password(api.account_id, row, "the first one")


async def test_only_the_address_and_number_that_are_the_fans_get_confirmed(api: Api) -> None:
    address, phone, second = mail(), number(), number()
    fan_id = await create(api, email=address, phone=phone)
    await create(api, email=address, phone=second, is_phone_confirmed=True)
    assert (await read(api, fan_id))["is_phone_confirmed"] is False
    await create(api, email=address, phone=phone, is_confirmed=True, is_phone_confirmed=True)
    await create(api, email=address, is_confirmed=False)
    fan = await read(api, fan_id)
    assert (fan["is_confirmed"], fan["is_phone_confirmed"], fan["add_phone"]) == (True, True, second)


async def test_a_plain_new_fan_takes_one_change(api: Api, db: Db) -> None:
    fan_id = await create(api, email=mail(), first_name="Ada", phone=number(), gender="female", country_code="CA")
    assert await changes(db, api, fan_id) == 1


async def test_a_number_of_another_fan_is_refused(api: Api) -> None:
    used, own_db = number(), number()
    owner = await create(api, email=mail(), phone=used)
    fan_id = await create(api, email=mail(), phone=own_db, first_name="Ada")
    answer = await api.post(f"{FANS}/{fan_id}", phone=used, first_name="Eve")
    assert (answer.status_code, answer.json()["code"]) == (409, "phone_taken")
    fan = await read(api, fan_id)
    assert (fan["phone"], fan["first_name"]) == (own_db, "Ada")
    assert await create(api, phone=own_db) == fan_id
    await api.ok(await api.post(f"{FANS}/{fan_id}", add_phone=used))
    assert await create(api, phone=used) == owner


async def test_numbers_come_and_go_with_their_fan(api: Api) -> None:
    address, first, second, third = mail(), number(), number(), number()
    fan_id = await create(api, email=address, phone=first)
    await api.ok(await api.post(f"{FANS}/{fan_id}", add_phone=second))
    assert await identities(api, fan_id) == {address, first, second}
    await api.ok(await api.post(f"{FANS}/{fan_id}", phone=second, add_phone=first))
    assert await identities(api, fan_id) == {address, first, second}
    await api.ok(await api.post(f"{FANS}/{fan_id}", phone=third, add_phone=""))
    assert await identities(api, fan_id) == {address, third}
    assert await create(api, phone=first) != fan_id


async def test_an_opt_in_to_a_business_is_a_change_of_the_fan_once(api: Api) -> None:
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name=uuid.uuid4().hex))
    fan_id = await create(api, email=mail())
    key = (await api.ok(await api.get(LATEST)))["meta"]["max_fan_time_key"]
    values = {f"business_{business['business_id']}": True}
    await api.ok(await api.post(f"{FANS}/{fan_id}", **values))
    page = await api.ok(await api.get(LATEST, min_time_key=key))
    assert [row["fan_id"] for row in page["data"]] == [fan_id]
    key = page["meta"]["max_fan_time_key"]
    await api.ok(await api.post(f"{FANS}/{fan_id}", **values))
    assert (await api.ok(await api.get(LATEST, min_time_key=key)))["data"] == []


async def test_no_two_changes_of_a_fan_have_one_key(api: Api, db: Db) -> None:
    fan_id = await create(api, email=mail(), display_name="Twice In One Call")
    await asyncio.gather(*(api.post(f"{FANS}/{fan_id}", first_name=f"Name {turn}") for turn in range(40)))
    rows = await db.rows(
        "select date_trunc('milliseconds', occurred_at) as at from changes where account_id = $1 and fan_id = $2"
        " and topic in ('fan.created', 'fan.updated') order by position",
        api.account_id,
        fan_id,
    )
    stamps = [row["at"] for row in rows]
    assert len(stamps) == 42
    assert stamps == sorted(set(stamps))


async def test_push_tokens_go_with_their_fan(api: Api, db: Db) -> None:
    fan_id = await create(api, email=mail())
    for user_key in ("mine", "somebody's"):
        values = {"user_key": user_key, "push_token": "token", "device_network": "ios"}
        await api.ok(await api.post("/api/v1/yinzcam/push_tokens", **values))
    await api.ok(
        await api.post(f"/api/v1/manage/fans/{fan_id}/identifiers", network="yinzcam", identifier_value="mine")
    )
    await api.ok(await api.delete(f"{FANS}/{fan_id}"))
    rows = await db.rows("select user_key from push_tokens where account_id = $1", api.account_id)
    assert [row["user_key"] for row in rows] == ["somebody's"]


async def test_hashing_for_one_account_is_not_all_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, one_has_begun, begun = threading.Event(), threading.Semaphore(0), []

    def hashed(password: str) -> str:
        begun.append(password)
        one_has_begun.release()
        if password == "slow":
            gate.wait(PATIENCE)
        return password

    monkeypatch.setattr(passwords, "_hasher", lambda: SimpleNamespace(hash=hashed))
    filling = [asyncio.create_task(passwords.password_hash(1, "slow")) for _ in range(20)]
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.to_thread(one_has_begun.acquire)
            assert await passwords.password_hash(2, "other") == "other"
    finally:
        gate.set()
    await asyncio.gather(*filling)
    assert begun.count("slow") == 20
