"""Many people at once: who is who within a batch and against the fans that are there, as if they came one by one."""

import asyncio
import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fanfare.fans.actions.people import Person, find_or_create, person
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.seeds import run_seed
from tests.waits import until_blocked

FANS = "/api/v1/crm/fans"
NUMBERS = iter(range(2000, 9999))


def mail() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


def number() -> str:
    return f"+1778555{next(NUMBERS):04d}"


def someone(email: str | None = None, phone: str | None = None, **existing: Any) -> Person:
    return person({"email": email, "phone": phone}, **existing)


async def met(db: Db, api: Api, *people: Person) -> list[int]:
    return await find_or_create(db, api.account_id, people, datetime.now(UTC), source="test")


async def read(api: Api, fan_id: int) -> dict[str, Any]:
    fan: dict[str, Any] = await api.ok(await api.get(f"{FANS}/{fan_id}"))
    return fan


async def owners(db: Db, api: Api, fan_ids: Sequence[int]) -> dict[str, int]:
    rows = await db.rows(
        "select identifier_value, fan_id from fan_identifiers where account_id = $1 and fan_id = any($2::bigint[])",
        api.account_id,
        fan_ids,
    )
    return {row["identifier_value"]: row["fan_id"] for row in rows}


async def test_a_batch_is_answered_in_its_order(db: Db, api: Api) -> None:
    mails = [mail() for _ in range(200)]
    first = await met(db, api, *(someone(each) for each in mails))
    assert len(set(first)) == 200
    random.Random(7).shuffle(shuffled := list(zip(mails, first, strict=True)))
    again = await met(db, api, *(someone(each.upper()) for each, _ in shuffled for _ in range(2)))
    assert again == [fan for _, fan in shuffled for _ in range(2)]


async def test_a_number_alone_leads_to_its_owner_also_beside_another_who_shares_it(db: Db, api: Api) -> None:
    phone = number()
    (owner,) = await met(db, api, someone(mail(), phone))
    sharer, alone = await met(db, api, someone(mail(), phone), someone(None, phone))
    assert (sharer != owner, alone) == (True, owner)


async def test_two_addresses_with_one_new_number_are_two_people(db: Db, api: Api) -> None:
    phone = number()
    (nameless,) = await met(db, api, someone(None, phone))
    first, second, alone = await met(db, api, someone(mail(), phone), someone(mail(), phone), someone(None, phone))
    assert (first, alone) == (nameless, nameless)
    assert second != nameless
    assert (await read(api, second))["phone"] == phone


async def test_a_number_and_its_address_in_any_order_are_one_new_person(db: Db, api: Api) -> None:
    address, phone = mail(), number()
    result = await met(
        db, api, someone(None, phone, first_name="Ada"), someone(address, last_name="Berg"), someone(address, phone)
    )
    assert len(set(result)) == 1
    fan = await read(api, result[0])
    assert (fan["email"], fan["phone"], fan["name"]) == (address, phone, "Ada Berg")
    assert await owners(db, api, result) == {address: result[0], phone: result[0]}


async def test_two_entries_of_one_known_fan_are_folded(db: Db, api: Api) -> None:
    address, phone = mail(), number()
    (fan_id,) = await met(db, api, someone(address, phone, is_subscribed=True))
    result = await met(
        db, api,
        someone(address, first_name="Ada", is_subscribed=True),
        someone(None, phone, last_name="Berg", is_subscribed=False),
    )  # fmt: skip
    assert result == [fan_id, fan_id]
    fan = await read(api, fan_id)
    assert (fan["name"], fan["is_subscribed"]) == ("Ada Berg", False)
    words = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/consents"))
    assert [word["is_granted"] for word in words] == [True, True, False]


async def test_whoever_is_told_of_can_be_found_again(db: Db, api: Api) -> None:
    seed = run_seed(13)
    chance = random.Random(seed)
    mails, phones = [mail() for _ in range(30)], [number() for _ in range(20)]
    for _ in range(25):
        people = []
        for _ in range(chance.randrange(1, 15)):
            address = chance.choice([None, chance.choice(mails)])
            phone = chance.choice([None, chance.choice(phones)]) if address else chance.choice(phones)
            people.append(someone(address, phone))
        result = await met(db, api, *people)
        assert await met(db, api, *people) == result, seed
        existing: dict[str, int] = {}
        for each, fan_id in zip(people, result, strict=True):
            if each.mail_key:
                assert existing.setdefault(each.mail_key, fan_id) == fan_id, seed
    orphans = await db.value(
        "select count(*) from fans f where account_id = $1 and not exists (select from fan_identifiers i"
        " where i.account_id = f.account_id and i.fan_id = f.fan_id)",
        api.account_id,
    )
    assert orphans == 0, seed


async def test_racing_batches_in_opposite_order_make_one_fan_each(db: Db, api: Api) -> None:
    people = [someone(mail(), number()) for _ in range(40)]
    result = await asyncio.gather(*(met(db, api, *(people if turn % 2 else people[::-1])) for turn in range(8)))
    for turn, fans in enumerate(result):
        assert (fans if turn % 2 else fans[::-1]) == result[1]


async def test_nothing_is_written_when_nothing_is_new(db: Db, api: Api) -> None:
    address, phone = mail(), number()
    values = person({"email": address, "phone": phone, "country_code": "CA", "city": "Hope"}, first_name="Ada")
    (fan_id,) = await met(db, api, values)
    state = "select f.xmin::text || ' ' || f.position from fans f where account_id = $1 and fan_id = $2"
    old = await db.value(state, api.account_id, fan_id)
    assert await met(db, api, values, someone(address.upper(), last_name=None)) == [fan_id, fan_id]
    assert await met(db, api, values) == [fan_id]
    assert await db.value(state, api.account_id, fan_id) == old


async def test_words_of_a_batch_count_in_their_order(db: Db, api: Api) -> None:
    address, another, phone = mail(), mail(), number()
    await met(db, api, someone(address, phone))
    (fan_id,) = set(
        await met(
            db, api,
            someone(address, is_subscribed=True),
            someone(None, phone, is_subscribed=False),
            someone(address, is_subscribed=True),
            someone(None, phone, is_subscribed=False),
        )
    )  # fmt: skip
    assert (await read(api, fan_id))["is_subscribed"] is False
    first, second = await met(db, api, someone(another, is_subscribed=True), someone(another, is_subscribed=False))
    assert (first == second, (await read(api, first))["is_subscribed"]) == (True, False)


async def test_two_numbers_of_one_address_are_both_kept(db: Db, api: Api) -> None:
    address, phones = mail(), [number(), number()]
    result = await met(db, api, *(someone(address, each) for each in phones), someone(None, phones[1]))
    assert len(set(result)) == 1
    fan = await read(api, result[0])
    assert [fan["phone"], fan["add_phone"]] == phones


async def test_a_word_waits_for_one_that_is_being_said(db: Db, api: Api) -> None:
    address = mail()
    (fan_id,) = await met(db, api, someone(address, is_subscribed=True))
    async with db.transaction() as slow:
        await find_or_create(
            slow, api.account_id, [someone(address, is_subscribed=False)], datetime.now(UTC), source="slow"
        )
        quick = asyncio.create_task(met(db, api, someone(address, is_subscribed=True)))
        await until_blocked(db, slow, quick)
    await quick
    words = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/consents"))
    assert [word["is_granted"] for word in words] == [True, False, True]
    assert (await read(api, fan_id))["is_subscribed"] is True


async def test_a_fan_who_is_being_erased_is_not_found_again(db: Db, api: Api) -> None:
    address = mail()
    (fan_id,) = await met(db, api, someone(address))
    async with db.transaction() as slow:
        await slow.execute("delete from fans where account_id = $1 and fan_id = $2", api.account_id, fan_id)
        quick = asyncio.create_task(met(db, api, someone(address)))
        await until_blocked(db, slow, quick)
    (again,) = await quick
    assert again != fan_id
    assert await owners(db, api, [again]) == {address: again}


async def test_the_youngest_word_is_the_flag_however_words_race(db: Db, api: Api) -> None:
    fans = [mail() for _ in range(4)]
    ids = await met(db, api, *(someone(each) for each in fans))
    chance = random.Random(1)
    for _ in range(12):
        await asyncio.gather(
            *(
                met(db, api, someone(chance.choice(fans), is_subscribed=chance.random() < 0.5, mail_consent_at=moment))
                for _ in range(24)
                for moment in [chance.choice([None, datetime(2020, 1, chance.randrange(1, 9), tzinfo=UTC)])]
            )
        )
        wrong = await db.rows(
            """
            select f.fan_id from fans f
            where f.account_id = $1 and f.fan_id = any($2::bigint[]) and f.is_subscribed <> (
                select c.is_granted from consents c where c.account_id = $1 and c.fan_id = f.fan_id
                order by c.given_at desc, c.is_granted limit 1)
            """,
            api.account_id,
            ids,
        )
        assert wrong == []
