"""Whoever is a fan already and brings nothing new is found by a light statement, which is right beside other writes."""

import asyncio
import random
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.fans.actions import erasure, merging
from fanfare.fans.schemas.merges import MergeOther
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.fans.doors import DOORS, MOMENT, NAMES
from tests.performances.quests import DAY, completed, now_text, scan, some_performance, some_quest
from tests.waits import until_blocked

FANS = "/api/v1/crm/fans"
NUMBERS = iter(range(2000, 9999))
each_door = pytest.mark.parametrize("door", DOORS)


def mail() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


def number() -> str:
    return f"+1236555{next(NUMBERS):04d}"


async def create(api: Api, **values: Any) -> int:
    return int((await api.ok(await api.post(FANS, **{**NAMES, **values})))["fan_id"])


async def read(api: Api, fan_id: int) -> dict[str, Any]:
    fan: dict[str, Any] = await api.ok(await api.get(f"{FANS}/{fan_id}"))
    return fan


async def version(db: Db, api: Api, fan_id: int) -> str:
    """What changes with any write of the fan's row or identifiers."""
    state: str = await db.value(
        """
        select f.xmin::text || ' ' || f.position || ' '
               || (select count(*) from fan_identifiers i where i.account_id = $1 and i.fan_id = $2) || ' '
               || (select count(*) from shared_identifiers s where s.account_id = $1 and s.fan_id = $2)
        from fans f where f.account_id = $1 and f.fan_id = $2
        """,
        api.account_id,
        fan_id,
    )
    return state


async def row_count(db: Db, api: Api, table: str, fan_id: int) -> int:
    count: int = await db.value(
        f"select count(*) from {table} where account_id = $1 and fan_id = $2", api.account_id, fan_id
    )
    return count


async def topics(db: Db, api: Api, fan_id: int) -> list[str]:
    rows = await db.rows(
        "select topic from changes where account_id = $1 and fan_id = $2 order by position", api.account_id, fan_id
    )
    return [row["topic"] for row in rows]


@each_door
async def test_what_a_fan_has_already_is_not_written_again(api: Api, db: Db, door: str) -> None:
    address, phone = mail(), number()
    fan_id = await create(api, email=address, phone=phone)
    assert await DOORS[door](api, email=address, phone=phone) == fan_id
    old, count = await version(db, api, fan_id), len(await topics(db, api, fan_id))
    assert await DOORS[door](api, email=address.upper(), phone=phone) == fan_id
    assert await version(db, api, fan_id) == old
    assert await row_count(db, api, door, fan_id) == 2
    assert len(await topics(db, api, fan_id)) == count + 1


@each_door
async def test_what_a_fan_lacks_is_filled_and_announced(api: Api, db: Db, door: str) -> None:
    address, phone = mail(), number()
    fan_id = int((await api.ok(await api.post(FANS, email=address)))["fan_id"])
    assert await DOORS[door](api, email=address, **NAMES) == fan_id
    assert (await read(api, fan_id))["name"] == "Ada Berg"
    assert await DOORS[door](api, email=address, phone=phone) == fan_id
    assert (await read(api, fan_id))["phone"] == phone
    assert await create(api, phone=phone) == fan_id
    assert (await topics(db, api, fan_id)).count("fan.updated") == 2


@each_door
async def test_what_a_fan_lacks_is_filled_beside_the_address_and_the_number(api: Api, db: Db, door: str) -> None:
    """The statement that fills the fan has locked the owner of the number, who is the same fan."""
    address, phone = mail(), number()
    fan_id = int((await api.ok(await api.post(FANS, email=address, phone=phone)))["fan_id"])
    assert await DOORS[door](api, email=address, phone=phone, **NAMES) == fan_id
    assert (await read(api, fan_id))["name"] == "Ada Berg"
    assert (await topics(db, api, fan_id)).count("fan.updated") == 1


@each_door
async def test_a_number_of_somebody_else_is_shared_once(api: Api, db: Db, door: str) -> None:
    address, phone = mail(), number()
    owner, sharer = await create(api, email=mail(), phone=phone), await create(api, email=address)
    assert await DOORS[door](api, email=address, phone=phone) == sharer
    assert await row_count(db, api, "shared_identifiers", sharer) == 1
    old = await version(db, api, sharer)
    assert await DOORS[door](api, email=address, phone=phone) == sharer
    assert await version(db, api, sharer) == old
    assert await create(api, phone=phone) == owner


@pytest.mark.parametrize("door", ["activities", "registrations", "tickets"])
async def test_a_consent_of_a_fan_is_recorded_each_time(api: Api, db: Db, door: str) -> None:
    address = mail()
    fan_id = await create(api, email=address)
    for _ in range(2):
        assert await DOORS[door](api, email=address, is_subscribed=True) == fan_id
    assert await row_count(db, api, "consents", fan_id) == 2


@each_door
@pytest.mark.parametrize("end", ["erased", "merged"])
async def test_a_fan_who_goes_meanwhile_is_not_written_for(api: Api, db: Db, door: str, end: str) -> None:
    address = mail()
    stays, goes = await create(api, email=mail()), await create(api, email=address)
    await DOORS[door](api, email=mail(), **NAMES)
    async with db.transaction() as tx:
        if end == "erased":
            await erasure.erase_fan(tx, api.account_id, goes, datetime.now(UTC), source="test")
        else:
            pair = MergeOther(fan_id=stays, merged_fan_id=goes)
            await merging.merge_fans(tx, api.account_id, pair, datetime.now(UTC), source="test")
        call = asyncio.create_task(DOORS[door](api, email=address))
        await until_blocked(db, tx, call)
    fan_id = await call
    assert (fan_id == stays) == (end == "merged")
    assert (await row_count(db, api, door, goes), await row_count(db, api, door, fan_id)) == (0, 1)


async def test_who_is_held_is_written_for_with_what_is_there_then(api: Api, db: Db) -> None:
    """A registration waits for its fan; meanwhile a quest is created, and the registration's code is scanned."""
    address, key = mail(), uuid.uuid4().hex
    fan_id = await create(api, email=address)
    uid = await some_performance(api)
    async with db.transaction() as tx:
        await tx.execute("select from fans where account_id = $1 and fan_id = $2 for update", api.account_id, fan_id)
        values = {"network": "festival", "registration_key": key, "event_date": DAY}
        values["registration_timestamp"] = now_text()
        call = asyncio.create_task(DOORS["registrations"](api, email=address, **values))
        await until_blocked(db, tx, call)
        quest = await some_quest(api, uid, "scan", scan_group_names=["Early"])
        await scan(api, key, "Early")
    assert await call == fan_id
    assert await completed(api, uid, fan_id) == {quest}


async def test_a_customer_key_that_goes_meanwhile_is_claimed_again(api: Api, db: Db) -> None:
    """A purchase waits while its fan loses the key to the other half of a merge that is undone."""
    address, key = mail(), uuid.uuid4().hex
    first, other_address = await create(api, email=address), mail()
    pair = MergeOther(fan_id=first, merged_fan_id=await create(api, email=other_address))
    await DOORS["purchases"](api, email=other_address, customer_key=key)
    async with db.transaction() as tx:
        await merging.merge_fans(tx, api.account_id, pair, datetime.now(UTC), source="test")
    async with db.transaction() as tx:
        await merging.unmerge_fans(tx, api.account_id, pair, datetime.now(UTC))
        call = asyncio.create_task(DOORS["purchases"](api, email=address, customer_key=key))
        await until_blocked(db, tx, call)
    assert await call == first
    shared = "select fan_id from shared_identifiers where account_id = $1 and identifier_value = $2"
    assert await db.value(shared, api.account_id, key) == first


async def test_whose_contact_moves_is_written_for_as_before_or_after(api: Api, db: Db) -> None:
    """An address and a number go from fan to fan while calls name them: each call is for a fan who had them then."""
    chance = random.Random(1)
    addresses, phones = [mail() for _ in range(3)], [number() for _ in range(3)]
    fans = [await create(api, email=address) for address in addresses]
    spare = [mail() for _ in range(3)]

    async def move(place: int) -> None:
        await api.post(f"{FANS}/{fans[place]}", email=chance.choice([addresses[place], spare[place]]))
        await api.post(f"{FANS}/{fans[place]}", phone=chance.choice(["", *phones]))

    async def enter(place: int) -> int:
        contact = {"email": chance.choice([addresses[place], spare[place]])}
        if chance.random() < 0.5:
            contact["phone"] = chance.choice(phones)
        return await DOORS[chance.choice(list(DOORS))](api, **contact)

    for _ in range(6):
        places = [chance.randrange(3) for _ in range(24)]
        moves = [move(place) for place in range(3)]
        _, fan_ids = await asyncio.gather(asyncio.gather(*moves), asyncio.gather(*map(enter, places)))
        for fan_id in set(fan_ids):
            await read(api, fan_id)
    wrong = await db.rows(
        """
        select f.fan_id from fans f
        where f.account_id = $1 and (
            not exists (select from fan_identifiers i where i.account_id = $1 and i.network = 'email'
                        and i.identifier_value = lower(f.email) and i.fan_id = f.fan_id)
            or f.phone is not null
               and not exists (select from fan_identifiers i where i.account_id = $1 and i.network = 'phone'
                               and i.identifier_value = f.phone and i.fan_id = f.fan_id)
               and not exists (select from shared_identifiers s where s.account_id = $1 and s.network = 'phone'
                               and s.identifier_value = f.phone and s.fan_id = f.fan_id))
        """,
        api.account_id,
    )
    assert wrong == []


async def test_a_line_that_waits_for_its_fan_is_linked_by_the_next_one(api: Api, db: Db) -> None:
    address, key = mail(), uuid.uuid4().hex
    keys = {name: uuid.uuid4().hex for name in ("purchase_key", "order_key", "merchant_key")}
    amounts = {"gross_sale_amount": 5, "net_sale_amount": 4, "order_timestamp": MOMENT}
    nameless = await api.post("/api/v1/crm/purchases", network="shop", customer_key=key, **keys, **amounts)
    assert (await api.ok(nameless))["fan_id"] is None
    fan_id = await DOORS["tickets"](api, email=address, customer_key=key, network="shop")
    assert await row_count(db, api, "purchases", fan_id) == 0
    assert await DOORS["purchases"](api, email=address, customer_key=key) == fan_id
    assert await row_count(db, api, "purchases", fan_id) == 2


@pytest.mark.parametrize("door", ["purchases", "tickets"])
async def test_a_customer_key_that_is_new_is_the_buyers(api: Api, db: Db, door: str) -> None:
    address, key = mail(), uuid.uuid4().hex
    fan_id = await create(api, email=address)
    for _ in range(2):
        assert await DOORS[door](api, email=address, customer_key=key) == fan_id
        owner = "select fan_id from fan_identifiers where account_id = $1 and identifier_value = $2"
        assert await db.value(owner, api.account_id, key) == fan_id
    assert (await topics(db, api, fan_id)).count("fan.identified") == 1


@pytest.mark.parametrize("door", ["purchases", "registrations", "tickets"])
async def test_a_key_that_is_sent_again_is_one_line(api: Api, db: Db, door: str) -> None:
    address, key = mail(), uuid.uuid4().hex
    fan_id = await create(api, email=address)
    name = {"purchases": "purchase_key", "registrations": "registration_key", "tickets": "ticket_key"}[door]
    fan_ids = await asyncio.gather(*(DOORS[door](api, email=address, **{name: key}) for _ in range(8)))
    assert (set(fan_ids), await row_count(db, api, door, fan_id)) == ({fan_id}, 1)
