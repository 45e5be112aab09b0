"""Who is identified by what, through every door: own addresses and numbers, keys of shops, and what is shared."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.purchases.jobs import match_purchases
from tests.api import Api

FANS = "/api/v1/crm/fans"
EVENT = {"event_name": "Final", "event_date": "2026-06-20", "event_key": "F"}
Door = Callable[[Api, str, str, str | None], Awaitable[Any]]


def mail() -> str:
    return f"{uuid.uuid4().hex}@example.com"


async def buys(api: Api, network: str, key: str, email: str | None) -> Any:
    keys = {name: uuid.uuid4().hex for name in ("purchase_key", "order_key", "merchant_key")}
    amounts = {"gross_sale_amount": 5, "net_sale_amount": 4, "order_timestamp": "2026-05-01 17:30:00"}
    extra = {"email": email} if email else {}
    return await api.post("/api/v1/crm/purchases", network=network, customer_key=key, **keys, **amounts, **extra)


async def gets_tickets(api: Api, network: str, key: str, email: str | None) -> Any:
    ticket = {"paid_amount": 5, "num_seats": 1, "purchase_timestamp": "2026-05-01 17:30:00"}
    person = {"first_name": "A", "last_name": "B", "email": email or mail(), "customer_key": key}
    return await api.post("/api/v1/crm/tickets", network=network, **ticket, **EVENT, **person)


async def gets_a_batch(api: Api, network: str, key: str, email: str | None) -> Any:
    ticket = {"paid_amount": 5, "num_seats": 1, "purchase_timestamp": "2026-05-01 17:30:00", **EVENT}
    person = {"first_name": "A", "last_name": "B", "email": email or mail(), "customer_key": key, "network": network}
    return await api.post("/api/v1/crm/tickets/bulk", tickets=[{**ticket, **person}])


async def is_named(api: Api, network: str, key: str, email: str | None) -> Any:
    create = await api.ok(await api.post(FANS, email=email or mail()))
    path = f"/api/v1/manage/fans/{create['fan_id']}/identifiers"
    return await api.post(path, network=network, identifier_value=key)


async def follows(api: Api, network: str, key: str, _: str | None) -> Any:
    item = {"user_key": key, "network": network, "idol_name": "Northside"}
    return await api.post("/api/v1/crm/idol_fans", idol_fans=[item])


DOORS = (buys, gets_tickets, gets_a_batch, is_named, follows)


async def known_by(db: Db, api: Api, value: str) -> set[int]:
    rows = await db.rows(
        "select fan_id from fan_identifiers where account_id = $1 and identifier_value = $2", api.account_id, value
    )
    return {row["fan_id"] for row in rows}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("network", ["email", "Phone", " EMAIL "])
async def test_no_door_claims_or_finds_a_mail_address_or_number_as_a_key(
    api: Api, db: Db, door: Door, network: str
) -> None:
    stranger = mail()
    for email in (mail(), None):
        answer = await door(api, network, stranger, email)
        assert answer.status_code in (200, 422), answer.text
    assert await known_by(db, api, stranger) == set()
    owner = (await api.ok(await api.post(FANS, email=stranger)))["fan_id"]
    answer = await door(api, network, stranger, None)
    assert f'"fan_id":{owner},' not in answer.text.replace("}", ",")
    await match_purchases(db, api.account_id, datetime.now(UTC))
    tied = "select count(*) from purchases where account_id = $1 and fan_id = $2"
    assert await db.value(tied, api.account_id, owner) == 0
    assert await known_by(db, api, stranger) == {owner}


NUMBERS = iter(range(4000, 9999))


def number() -> str:
    return f"+1604555{next(NUMBERS)}"


async def create(api: Api, **contact: Any) -> int:
    return int((await api.ok(await api.post(FANS, **contact)))["fan_id"])


async def changes(api: Api, fan_id: int, _: int, number: str) -> None:
    await api.ok(await api.post(f"{FANS}/{fan_id}", phone=f"+1778{number[5:]}"))


async def leaves(api: Api, fan_id: int, _: int, __: str) -> None:
    await api.ok(await api.delete(f"{FANS}/{fan_id}"))


async def is_absorbed_and_changes(api: Api, fan_id: int, second: int, number: str) -> None:
    stays = await create(api, email=mail(), phone=f"+1236{number[5:]}", add_phone=None)
    await api.ok(await api.post(f"{MANAGE}/{stays}/merge", merged_fan_id=fan_id))
    await leaves(api, stays, second, number)


async def is_parted_and_changes(api: Api, fan_id: int, second: int, number: str) -> None:
    stays = await create(api, email=mail())
    await api.ok(await api.post(f"{MANAGE}/{stays}/merge", merged_fan_id=fan_id))
    await api.ok(await api.post(f"{MANAGE}/{stays}/unmerge", merged_fan_id=fan_id))
    await changes(api, fan_id, second, number)


async def absorbs_and_parts(api: Api, fan_id: int, second: int, number: str) -> None:
    await api.ok(await api.post(f"{MANAGE}/{fan_id}/merge", merged_fan_id=second))
    await api.ok(await api.post(f"{MANAGE}/{fan_id}/unmerge", merged_fan_id=second))
    await leaves(api, fan_id, second, number)


MANAGE = "/api/v1/manage/fans"
WAYS = (changes, leaves, is_absorbed_and_changes, is_parted_and_changes, absorbs_and_parts)


@pytest.mark.parametrize("lets_go", WAYS)
@pytest.mark.parametrize("name", ["phone", "add_phone"])
async def test_a_number_that_its_owner_lets_go_of_is_the_next_fans_who_has_it(
    api: Api, lets_go: Callable[[Api, int, int, str], Awaitable[None]], name: str
) -> None:
    shared = number()
    owner = await create(api, email=mail(), phone=shared)
    if name == "phone":
        second = await create(api, email=mail(), phone=shared)
    else:
        second = await create(api, email=mail(), phone=number())
        await api.ok(await api.post(f"{FANS}/{second}", add_phone=shared))
    assert await create(api, phone=shared) == owner
    await lets_go(api, owner, second, shared)
    assert await create(api, phone=shared) == second
    await api.ok(await api.delete(f"{FANS}/{second}"))
    assert await create(api, phone=shared) not in (owner, second)


async def test_a_number_has_an_owner_however_its_fans_come_and_go_at_once(api: Api, db: Db) -> None:
    chance = random.Random(4)
    numbers = [number() for _ in range(2)]

    async def live() -> None:
        fan_id = await create(api, email=mail(), phone=chance.choice(numbers))
        for _ in range(4):
            way = chance.randrange(4)
            if way == 0:
                await api.ok(await api.delete(f"{FANS}/{fan_id}"))
                fan_id = await create(api, email=mail(), phone=chance.choice(numbers))
            elif way == 1:
                await api.ok(await api.post(f"{FANS}/{fan_id}", phone=number()))
            else:
                await api.post(f"{FANS}/{fan_id}", add_phone=chance.choice(numbers))

    for _ in range(3):
        await asyncio.gather(*(live() for _ in range(8)))
        ownerless = await db.rows(
            """
            select f.fan_id, n.number from fans f cross join lateral (values (f.phone), (f.add_phone)) as n (number)
            where f.account_id = $1 and n.number is not null and not exists (
                select from fan_identifiers i
                where i.account_id = $1 and i.network = 'phone' and i.identifier_value = n.number)
            """,
            api.account_id,
        )
        assert ownerless == []


async def buyer(api: Api, network: str, key: str) -> int | None:
    """Buy with nothing but a customer's key, and return whom it leads to."""
    fan_id: int | None = (await api.ok(await buys(api, network, key, None)))["fan_id"]
    return fan_id


@pytest.mark.parametrize("door", [buys, gets_tickets, gets_a_batch])
async def test_a_key_that_two_people_came_with_leads_to_neither(api: Api, db: Db, door: Door) -> None:
    network, key, first, second = uuid.uuid4().hex, "c-1", mail(), mail()

    await door(api, network, key, first)
    one = await create(api, email=first)
    assert await buyer(api, network, key) == one
    await door(api, network, key, second)
    another = await create(api, email=second)
    assert await buyer(api, network, key) is None
    await match_purchases(db, api.account_id, datetime.now(UTC))
    nobodys = "select count(*) from purchases where account_id = $1 and network = $2 and fan_id is null"
    assert await db.value(nobodys, api.account_id, network) == 1
    item = {"user_key": key, "network": network, "idol_name": "Northside"}
    answer = await api.ok(await api.post("/api/v1/crm/idol_fans", idol_fans=[item]))
    assert (answer["inserted"], len(answer["errors"])) == ([], 1)
    await api.ok(await api.post(f"{MANAGE}/{one}/merge", merged_fan_id=another))
    assert await buyer(api, network, key) == one
    await api.ok(await api.post(f"{MANAGE}/{one}/unmerge", merged_fan_id=another))
    await api.ok(await api.delete(f"{FANS}/{one}"))
    assert await buyer(api, network, key) == another


async def test_what_a_fan_shared_before_a_merge_made_it_the_owner_can_be_let_go_of(api: Api) -> None:
    shared, key, network = number(), "c-2", uuid.uuid4().hex
    contacts = [{"email": mail(), "phone": each} for each in (shared, number())]
    owner, stays = [await create(api, **each) for each in contacts]
    assert await create(api, email=contacts[1]["email"], phone=shared) == stays
    for each in contacts:
        await buys(api, network, key, each["email"])
    await api.ok(await api.post(f"{MANAGE}/{stays}/merge", merged_fan_id=owner))
    assert await create(api, phone=shared) == await buyer(api, network, key) == stays
    await api.ok(await api.post(f"{FANS}/{stays}", add_phone=""))
    named = {"network": network, "identifier_value": key}
    await api.ok(await api.delete(f"{MANAGE}/{stays}/identifiers", **named))
    assert await create(api, phone=shared) != stays
    assert await buyer(api, network, key) is None


async def test_a_key_that_is_taken_from_who_came_second_leads_to_the_first(api: Api) -> None:
    network, key, first, second = uuid.uuid4().hex, "c-3", mail(), mail()
    for each in (first, second):
        await buys(api, network, key, each)
    assert await buyer(api, network, key) is None
    another = await create(api, email=second)
    await api.ok(await api.delete(f"{MANAGE}/{another}/identifiers", network=network, identifier_value=key))
    assert await buyer(api, network, key) == await create(api, email=first)


async def shown_mail(api: Api, fan_id: int) -> str | None:
    display: str | None = (await api.ok(await api.get(f"{FANS}/{fan_id}")))["email"]
    return display


@pytest.mark.parametrize("changed_to", ["theirs", "own", "a new one"])
@pytest.mark.parametrize("used", ["theirs", "own", "none"])
async def test_a_mail_address_is_one_fans_after_parting(api: Api, changed_to: str, used: str) -> None:
    own_db, theirs, new = mail(), mail(), mail()
    stays, absorbed = await create(api, email=own_db), await create(api, email=theirs)
    await api.ok(await api.post(f"{MANAGE}/{stays}/merge", merged_fan_id=absorbed))
    for email in (theirs, own_db, {"theirs": theirs, "own": own_db, "a new one": new}[changed_to]):
        await api.ok(await api.post(f"{FANS}/{stays}", email=email))
    if used != "none":
        await create(api, email=theirs if used == "theirs" else own_db)
    await api.ok(await api.post(f"{MANAGE}/{stays}/unmerge", merged_fan_id=absorbed))
    display = [await shown_mail(api, each) for each in (stays, absorbed)]
    assert display[0] != display[1] or display == [None, None]
    for fan_id, address in zip((stays, absorbed), display, strict=True):
        assert address is None or await create(api, email=address) == fan_id
    if used == "none":
        assert display == [new if changed_to == "a new one" else own_db, theirs]
