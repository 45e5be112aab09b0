"""Erasing a fan changes what names the fan, and nothing that merely holds the same letters."""

import uuid
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api

MANAGE, FANS = "/api/v1/manage", "/api/v1/crm/fans"
FILTERS = f"{MANAGE}/filters"


async def new_fan(api: Api, **values: Any) -> int:
    fan_id: int = (await api.ok(await api.post(FANS, **{"email": f"{uuid.uuid4().hex}@example.com", **values})))[
        "fan_id"
    ]
    return fan_id


async def saved(api: Api, **criteria: Any) -> str:
    answer = await api.ok(await api.post(FILTERS, filter_name=f"f {uuid.uuid4()}", **criteria))
    uid: str = answer["filter_uid"]
    return uid


async def criteria_of(api: Api, uid: str) -> dict[str, Any]:
    criteria: dict[str, Any] = (await api.ok(await api.get(f"{FILTERS}/{uid}")))["criteria"]
    return criteria


async def erase(api: Api, fan_id: int) -> None:
    await api.ok(await api.post(f"{MANAGE}/fans/{fan_id}/erase"))


@pytest.mark.parametrize(
    "word", ["fan_tags", "female", "False", "false", "10000", "status", "name", "filter", "{}", '"', "\\", ".*", "null"]
)
async def test_a_fan_called_like_a_part_of_the_structure_takes_nothing_along(api: Api, db: Db, word: str) -> None:
    lower = await saved(api, fan_gender="female")
    uid = await saved(
        api, fan_tags=["female", "fan_tags", word], fan_is_optout=False, ticket_seat_count_max=10000, name="fem",
        fan_source=word, fan_incl_segments=f"filter:{lower}",
    )  # fmt: skip
    old = await criteria_of(api, uid)
    await api.ok(await api.post(f"{MANAGE}/tags", tag_name=word))
    key = {"Idempotency-Key": uuid.uuid4().hex}
    rest = [await new_fan(api, gender="female", first_name=word) for _ in range(3)]
    tagging = {"tag_name": word, "fan_ids": rest}
    first = await api.ok(await api.post(f"{MANAGE}/tags/fans", key, **tagging))
    page = await api.ok(await api.get(FANS, fan_gender="female", fan_source="crm_fans_create", limit=1))
    erased = await new_fan(api)
    await db.execute(
        "update fans set display_name = $3 where account_id = $1 and fan_id = $2", api.account_id, erased, word
    )
    for value in (word, lower[:8], uid.partition("-")[2]):
        values = {"network": "shop", "identifier_value": value}
        await api.ok(await api.post(f"{MANAGE}/fans/{erased}/identifiers", **values))
    await erase(api, erased)
    assert await criteria_of(api, uid) == old
    assert await api.ok(await api.post(f"{MANAGE}/tags/fans", key, **tagging)) == first
    following = await api.ok(await api.get(FANS, search_uid=page["meta"]["search_uid"], limit=1))
    assert len(following["data"]) == 1


def naming_and_not(word: str) -> tuple[list[str], list[str]]:
    """Return what names the fan of that word when it is searched for, and what is like it and does not."""
    naming = [
        f"ZOE.{word}@Example.com", f"Zoë Ó {word}", f"zoe  o {word.upper()}", f"o {word} zoe.{word}@example.com",
        f"<zoe.{word}@example.com>", "(604) 555-0177", "+1 604 555 0177", f"Star {word[:9]}",
    ]  # fmt: skip
    rest = [
        "zoe", "example.com", f"zoe.{word[:5]}", f"not.zoe.{word}@example.com", f"zoë ó {word}son", "5550177 0", "star",
    ]  # fmt: skip
    return naming, rest


async def test_what_asks_for_the_person_goes(api: Api, db: Db) -> None:
    word = uuid.uuid4().hex
    person = {"first_name": "Zoë", "last_name": f"Ó {word}", "phone": "+16045550177", "country_code": "CA"}
    fan_id = await new_fan(api, email=f"zoe.{word}@example.com", **person)
    await db.execute(
        "update fans set display_name = $3 where account_id = $1 and fan_id = $2",
        api.account_id,
        fan_id,
        f"star {word[:9]}",
    )
    naming, rest = naming_and_not(word)
    filters = {name: await saved(api, name=name, fan_gender="female") for name in naming + rest}
    searches = {name: (await api.ok(await api.get(FANS, name=name)))["meta"]["search_uid"] for name in naming + rest}
    upper = await saved(api, fan_excl_segments=f"filter:{filters[naming[0]]}")
    await erase(api, fan_id)
    for name in naming:
        assert await criteria_of(api, filters[name]) == {"name": "(erased)", "fan_gender": "female"}, name
        assert (await api.get(FANS, search_uid=searches[name])).status_code == 404, name
    for name in rest:
        assert await criteria_of(api, filters[name]) == {"name": name, "fan_gender": "female"}, name
        assert (await api.get(FANS, search_uid=searches[name])).status_code == 200, name
    assert len((await criteria_of(api, upper))["fan_excl_segments"]) == 1


async def test_of_an_answer_about_many_only_the_person_goes(api: Api) -> None:
    erased, second = f"{uuid.uuid4().hex}@example.com", f"{uuid.uuid4().hex}@example.com"
    fan_id, other_id = await new_fan(api, email=erased), await new_fan(api, email=second)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    values = {"tag_name": "many", "emails": [erased, second], "fan_ids": [fan_id, other_id]}
    first = await api.ok(await api.post(f"{MANAGE}/tags/fans", key, **values))
    await erase(api, fan_id)
    again = await api.ok(await api.post(f"{MANAGE}/tags/fans", key, **values))
    assert [row["email"] or row["fan_id"] for row in first["rows"]] == [fan_id, other_id, erased, second]
    assert again == {**first, "rows": [first["rows"][1], first["rows"][3]]}


async def sold(api: Api, email: str, customer_key: str, key: str = "") -> list[dict[str, Any]]:
    ticket = {
        "first_name": "A", "last_name": "B", "email": email, "event_key": "e", "event_name": "Final", "num_seats": 1,
        "event_date": "2027-07-03", "purchase_timestamp": "2026-05-01 12:00:00", "paid_amount": 1,
        "network": "office", "customer_key": customer_key,
    }  # fmt: skip
    answer = await api.post("/api/v1/crm/tickets/bulk", {"Idempotency-Key": key} if key else {}, tickets=[ticket])
    result: list[dict[str, Any]] = await api.ok(answer)
    return result


async def test_what_a_living_fan_is_called_too_keeps_working(api: Api) -> None:
    word, number = uuid.uuid4().hex, "+16045550199"
    person = {"first_name": "Ann", "last_name": f"Ó {word}", "phone": number}
    mails = [f"{place}.{word}@example.com" for place in range(2)]
    erased, living = [await new_fan(api, email=mail, **person) for mail in mails]
    for mail in mails:
        await sold(api, mail, f"Key {word}")
    own_db = {name: await saved(api, name=name) for name in (mails[0], f"own {word}")}
    await api.ok(await api.post(f"{MANAGE}/fans/{erased}/identifiers", network="shop", identifier_value=f"own {word}"))
    pair = {name: await saved(api, name=name) for name in (f"ann o {word}", "604 555 0199", f"key {word}")}
    searches = {name: (await api.ok(await api.get(FANS, name=name)))["meta"]["search_uid"] for name in (*own_db, *pair)}
    await erase(api, erased)
    for name, uid in pair.items():
        assert (await criteria_of(api, uid))["name"] == name
    for uid in own_db.values():
        assert (await criteria_of(api, uid))["name"] == "(erased)"
    for name, uid in searches.items():
        assert (await api.get(FANS, search_uid=uid)).status_code == 404, name
    result = await api.ok(await api.get(FANS, name=f"ann o {word}"))
    assert [row["fan_id"] for row in result["data"]] == [living]
    # The number and the key are the living fan's alone by now.
    assert (await api.ok(await api.post(FANS, phone=number)))["fan_id"] == living
    await erase(api, living)
    for uid in pair.values():
        assert (await criteria_of(api, uid))["name"] == "(erased)"


async def test_of_answers_that_name_what_two_share_those_about_the_other_stay(api: Api) -> None:
    word = uuid.uuid4().hex
    mails = [f"{place}.{word}@example.com" for place in range(2)]
    erased, _ = [await new_fan(api, email=mail, phone="+16045550188") for mail in mails]
    keys = [uuid.uuid4().hex for _ in mails]
    first = [await sold(api, mail, f"Key {word}", key) for mail, key in zip(mails, keys, strict=True)]
    await erase(api, erased)
    assert await sold(api, mails[1], f"Key {word}", keys[1]) == first[1]
    assert await sold(api, mails[0], f"Key {word}", keys[0]) == []
