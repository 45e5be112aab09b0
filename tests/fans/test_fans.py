"""Fans through HTTP: made, found again, changed, deleted, and pulled as they change."""

import asyncio
import os
import random
import uuid
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.fans.doors import DOORS
from tests.seeds import run_seed

FANS = "/api/v1/crm/fans"
# Eight people a round, each met eight times at once; `make faults` (FANFARE_FAULTS=full) makes ten thousand trials.
ROUNDS = 160 if os.environ.get("FANFARE_FAULTS") == "full" else 12


def mail() -> str:
    return f"Fan.{uuid.uuid4().hex[:12]}@Example.com"


async def create(api: Api, **values: Any) -> int:
    return int((await api.ok(await api.post(FANS, **values)))["fan_id"])


async def read(api: Api, fan_id: int) -> dict[str, Any]:
    fan: dict[str, Any] = await api.ok(await api.get(f"{FANS}/{fan_id}"))
    return fan


async def topics(db: Db, api: Api, fan_id: int) -> list[str]:
    rows = await db.rows(
        "select topic from changes where account_id = $1 and fan_id = $2 order by position", api.account_id, fan_id
    )
    return [row["topic"] for row in rows]


async def test_a_fan_is_answered_with_every_field_in_its_type(api: Api) -> None:
    address = mail()
    fan_id = await create(
        api, email=address, first_name="Ada", last_name="Lovelace", gender="FEMALE", phone="(604) 555-0101",
        birth_date="1990-12-10", country_code="canada", province="British Columbia", city="Vancouver",
        postal_code="v6b1a1", latitude="49.28", longitude=-123.12, is_subscribed="on", ip_address="192.0.2.7",
    )  # fmt: skip
    fan = await read(api, fan_id)
    expected = {
        "fan_id": fan_id, "account_id": api.account_id, "name": "Ada Lovelace", "gender": "female",
        "phone": "+16045550101", "birth_date": "1990-12-10", "country_code": "CA", "province": "BC",
        "city": "Vancouver", "postal_code": "V6B 1A1", "latitude": 49.28, "is_subscribed": True,
        "is_phone_subscribed": False, "is_optout": False, "rating": None, "tags": [], "fields": [],
        "fan_source": "crm_fans_create", "last_page_tab_id": None, "opted_in_business_ids": [],
    }  # fmt: skip
    assert {name: fan[name] for name in expected} == expected
    assert fan["email"].lower() == address.lower()


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, ["email"]),
        ({"email": "nobody"}, ["email"]),
        ({"email": "a@example.com", "birth_date": "1899-12-31", "gender": "x"}, ["gender", "birth_date"]),
        ({"email": "a@example.com", "phone": "+1 1"}, ["phone"]),
        ({"email": "a@example.com", "country_code": "Atlantis"}, ["country_code"]),
        ({"email": "a@example.com", "business_x": "on"}, ["business_x"]),
        ({"email": "a@example.com", "business_99999": "on"}, ["business_99999"]),
        ({"email": "a@example.com", "field_nope": "1"}, ["field_nope"]),
        ({"email": "a@example.com", "latitude": 91, "is_subscribed": "maybe"}, ["is_subscribed", "latitude"]),
    ],
)
async def test_wrong_fields_are_named_and_nothing_is_written(
    api: Api, db: Db, values: dict[str, Any], fields: list[str]
) -> None:
    old = await db.value("select count(*) from fans where account_id = $1", api.account_id)
    answer = await api.post(FANS, **values)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == fields
    assert await db.value("select count(*) from fans where account_id = $1", api.account_id) == old


async def test_one_person_is_one_fan(api: Api) -> None:
    address = mail()
    first = await create(api, email=address, phone="604 555 0102")
    assert await create(api, email=address.upper()) == first
    assert await create(api, email=f"  {address.lower()} ") == first
    assert await create(api, phone="+1 (604) 555-0102") == first
    assert await create(api, email=mail(), phone="604-555-0102") != first


async def test_a_fan_known_by_phone_gets_a_mail_address(api: Api) -> None:
    fan_id = await create(api, phone="604 555 0103")
    address = mail()
    assert await create(api, email=address, phone="604 555 0103", first_name="Grace") == fan_id
    assert await create(api, email=address) == fan_id
    assert (await read(api, fan_id))["first_name"] == "Grace"


async def test_racing_doors_make_one_fan(api: Api, db: Db) -> None:
    seed = run_seed(9)
    chance = random.Random(seed)

    async def enter(number: int, by_mail: bool) -> int:  # noqa: FBT001 - one of two doors' keys
        written = f"Race{number}.{seed}@example.com"
        values = {"email": chance.choice([written, written.upper(), f" {written}"])}
        if not by_mail:
            digits = f"604555{number % 10000:04d}"
            values = {"phone": chance.choice([digits, f"+1{digits}", f"1-{digits[:3]}-{digits[3:6]}-{digits[6:]}"])}
        # Most doors ask for an email address.
        match chance.choice(("fan", "batch", "purchases", *(DOORS if by_mail else ()))):
            case "activities" | "purchases" | "registrations" | "tickets" as door:
                return await DOORS[door](api, **values)
            case "batch":
                rows = [{**values, "idol_name": "Racer"}, {"email": f"other{number}@example.com", "idol_name": "Racer"}]
                answer = await api.ok(await api.post("/api/v1/crm/idol_fans", idol_fans=rows))
                return int(answer["inserted"][0]["fan_id"])
        return await create(api, **values)

    for round_ in range(ROUNDS):
        by_mail = round_ % 3 != 0
        numbers = [7000 + round_ * 8 + place // 8 for place in range(64)]
        fans = await asyncio.gather(*(enter(number, by_mail) for number in numbers))
        for number in set(numbers):
            assert len({fan for fan, each in zip(fans, numbers, strict=True) if each == number}) == 1, seed
    orphans = await db.value(
        "select count(*) from fans f where account_id = $1 and not exists (select from fan_identifiers i"
        " where i.account_id = f.account_id and i.fan_id = f.fan_id)",
        api.account_id,
    )
    assert orphans == 0


async def test_an_update_writes_what_is_given_and_keeps_the_rest(api: Api, db: Db) -> None:
    fan_id = await create(api, email=mail(), first_name="Alan", last_name="T", city="Oslo", country_code="NO")
    await api.ok(
        await api.post(f"{FANS}/{fan_id}", first_name="Alan M", last_name="", country_code="NO", city="Bergen")
    )
    fan = await read(api, fan_id)
    assert (fan["first_name"], fan["last_name"], fan["city"]) == ("Alan M", None, "Bergen")
    old = await topics(db, api, fan_id)
    await api.ok(await api.post(f"{FANS}/{fan_id}", first_name="Alan M"))
    assert await topics(db, api, fan_id) == old


async def test_an_address_needs_its_country(api: Api) -> None:
    fan_id = await create(api, email=mail())
    answer = await api.post(f"{FANS}/{fan_id}", city="Bergen", province="X", postal_code="1")
    assert [error["field"] for error in answer.json()["errors"]] == ["province", "city", "postal_code"]


async def test_a_changed_mail_address_takes_the_identity_along(api: Api) -> None:
    old, new = mail(), mail()
    fan_id = await create(api, email=old, is_confirmed=True)
    second = await create(api, email=mail())
    await api.ok(await api.post(f"{FANS}/{fan_id}", email=new))
    fan = await read(api, fan_id)
    assert (fan["email"].lower(), fan["is_confirmed"]) == (new.lower(), False)
    assert await create(api, email=new) == fan_id
    assert await create(api, email=old) != fan_id
    answer = await api.post(f"{FANS}/{second}", email=new)
    assert (answer.status_code, answer.json()["code"]) == (409, "mail_taken")
    values = [row["identifier_value"] for row in await api.ok(await api.get(f"{FANS}/{fan_id}/identifiers"))]
    assert values == [new.lower()]


async def test_a_fan_cannot_lose_every_way_to_be_known(api: Api) -> None:
    fan_id = await create(api, email=mail())
    assert (await api.post(f"{FANS}/{fan_id}", email="")).status_code == 422
    await api.ok(await api.post(f"{FANS}/{fan_id}", email="", phone="604 555 0104"))
    assert await create(api, phone="6045550104") == fan_id


async def test_names_are_unique_and_decent(api: Api) -> None:
    fan_id = await create(api, email=mail(), display_name="Goal Machine")
    second = await create(api, email=mail())
    used = await api.post(f"{FANS}/{second}", display_name="goal machine")
    assert (used.status_code, used.json()["code"]) == (409, "name_taken")
    rude = await api.post(f"{FANS}/{second}", display_name="f.u.c.k")
    assert rude.json()["errors"][0]["field"] == "display_name"
    check = await api.ok(await api.get("/api/v1/crm/display_name", display_name="Goal Machine"))
    assert check["display_name"].startswith("Goal Machine")
    assert check["display_name"] != "Goal Machine"
    assert (await api.get("/api/v1/crm/display_name", display_name="admin")).status_code == 422
    await api.ok(await api.post("/api/v1/manage/display_name_words", word="offside", is_allowed=False))
    assert (await api.get("/api/v1/crm/display_name", display_name="0ffside")).status_code == 422
    await api.ok(await api.delete("/api/v1/manage/display_name_words", word="OFFSIDE"))
    assert (await api.get("/api/v1/crm/display_name", display_name="offside")).status_code == 200
    assert (await read(api, fan_id))["display_name"] == "Goal Machine"


async def test_passwords_are_hashed(api: Api, db: Db) -> None:
    fan_id = await create(api, email=mail(), password="correct horse")
    row = await db.value("select password_hash from fans where account_id = $1 and fan_id = $2", api.account_id, fan_id)
    assert row.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "password" not in str(await read(api, fan_id))


async def test_custom_fields_have_types(api: Api) -> None:
    for key, kind, options in (
        ("shirt", "choice", ["S", "M"]), ("visits", "number", None), ("joined", "date", None),
        ("vip", "boolean", None), ("likes", "choices", ["home", "away"]), ("note", "text", None),
    ):  # fmt: skip
        values = {"field_options": options} if options else {}
        await api.ok(await api.post("/api/v1/manage/fields", crm_field_key=key, field_type=kind, **values))
    fan_id = await create(
        api, email=mail(), field_shirt="m", field_visits="7", field_joined="2024-02-29", field_vip="yes",
        field_likes="home,AWAY",
    )  # fmt: skip
    fan = await read(api, fan_id)
    typed = {"shirt": "M", "visits": 7, "joined": "2024-02-29", "vip": True, "likes": ["home", "away"]}
    assert fan["field_values"] == typed
    assert fan["fields"] == ["joined=2024-02-29", "likes=home,away", "shirt=M", "vip=true", "visits=7"]
    await api.ok(await api.post(f"{FANS}/{fan_id}", field_visits="", field_note="hello"))
    assert "visits" not in (await read(api, fan_id))["field_values"]
    answer = await api.post(f"{FANS}/{fan_id}", field_shirt="XXL", field_joined="2023-02-29", field_gone="1")
    assert sorted(error["field"] for error in answer.json()["errors"]) == ["field_gone", "field_joined", "field_shirt"]
    keys = {row["crm_field_key"]: row for row in await api.ok(await api.get("/api/v1/crm/fields"))}
    assert keys["shirt"]["field_options"] == ["S", "M"]
    counts = {row["crm_field_key"]: row["fan_count"] for row in await api.ok(await api.get("/api/v1/manage/fields"))}
    assert (counts["shirt"], counts["visits"]) == (1, 0)
    frozen = await api.post("/api/v1/manage/fields", crm_field_key="shirt", field_type="text")
    assert [error["field"] for error in frozen.json()["errors"]] == ["field_type"]
    await api.ok(await api.delete("/api/v1/manage/fields/shirt"))
    assert "shirt" not in (await read(api, fan_id))["field_values"]


async def test_a_deleted_fan_leaves_figures_but_no_person(api: Api, db: Db) -> None:
    address = mail()
    fan_id = await create(api, email=address, first_name="Gone", is_subscribed=True, idol_names=["A", "B"])
    await api.ok(await api.post(f"{FANS}/{fan_id}/activities", campaign_title="Left behind", field_word="secret"))
    assert await api.ok(await api.delete(f"{FANS}/{fan_id}")) is True
    assert (await api.get(f"{FANS}/{fan_id}")).status_code == 404
    assert (await api.delete(f"{FANS}/{fan_id}")).status_code == 404
    for table in ("fan_identifiers", "consents", "fan_idols", "fan_fields"):
        count = f"select count(*) from {table} where account_id = $1 and fan_id = $2"
        assert await db.value(count, api.account_id, fan_id) == 0, table
    rows = await db.rows("select props from activities where account_id = $1 and fan_id = $2", api.account_id, fan_id)
    assert [row["props"] for row in rows] == [{}]
    assert (await topics(db, api, fan_id))[-1] == "fan.deleted"
    assert await create(api, email=address) != fan_id


async def test_idols_may_be_named_at_once(api: Api) -> None:
    fan_id = await create(api, email=mail(), idol_names=["Harbour Lights", "harbour lights", "The Tide"])
    idols = await api.ok(await api.get(f"{FANS}/{fan_id}/idols"))
    assert [idol["idol_name"] for idol in idols] == ["Harbour Lights", "The Tide"]


async def test_only_documented_fields_change(api: Api, other_api: Api, db: Db) -> None:
    fan_id = await create(api, email=mail())
    old = await db.row("select * from fans where account_id = $1 and fan_id = $2", api.account_id, fan_id)
    await api.ok(
        await api.post(
            f"{FANS}/{fan_id}",
            account_id=other_api.account_id,
            rating=5,
            position=1,
            created_at="2000-01-01",
            metro_area="x",
            password_hash="x",
            props={"a": 1},
            tags=["x"],
            fan_source="x",
        )
    )
    new = await db.row("select * from fans where account_id = $1 and fan_id = $2", api.account_id, fan_id)
    assert old == new


async def test_other_accounts_see_and_change_nothing(api: Api, other_api: Api) -> None:
    address = mail()
    fan_id = await create(api, email=address)
    for answer in (
        await other_api.get(f"{FANS}/{fan_id}"),
        await other_api.post(f"{FANS}/{fan_id}", first_name="x"),
        await other_api.delete(f"{FANS}/{fan_id}"),
        await other_api.get(f"{FANS}/{fan_id}/identifiers"),
        await other_api.get(f"/api/v1/manage/fans/{fan_id}/consents"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown")
    assert await create(other_api, email=address) != fan_id
