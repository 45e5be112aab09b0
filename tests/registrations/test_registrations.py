"""Registrations: one line for one key, tied to the one fan behind email address and number."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

from fanfare.kernel.data.db import Db
from tests.api import Api

PATH = "/api/v1/crm/registrations"


def line(key: str, **extra: Any) -> dict[str, Any]:
    return {
        "registration_key": key, "network": "festival", "registration_timestamp": "2026-06-20 17:30:00",
        "event_name": "Tideline", "event_date": "2026-07-03", "first_name": "Ada", "last_name": "Okoro",
        "email": f"{key}@example.com", **extra,
    }  # fmt: skip


async def saved(api: Api, key: str, **extra: Any) -> int:
    answer = await api.ok(await api.post(PATH, **line(key, **extra)))
    assert answer["registration_key"] == key
    fan_id: int = answer["fan_id"]
    return fan_id


async def search(api: Api, **question: Any) -> list[dict[str, Any]]:
    page = await api.ok(await api.get(PATH, **question))
    has_more = page["meta"]["next_cursor"] is not None
    assert page["meta"] == {**page["meta"], "count": len(page["data"]), "has_more": has_more}
    rows: list[dict[str, Any]] = page["data"]
    return rows


async def topics(db: Db, api: Api, subject: str) -> list[str]:
    rows = await db.rows(
        "select topic from changes where account_id = $1 and subject_id = $2 order by position", api.account_id, subject
    )
    return [row["topic"] for row in rows]


async def test_a_line_is_answered_with_every_field(api: Api, db: Db) -> None:
    result = await api.ok(await api.post("/api/v1/crm/activities", email="pre@example.com", campaign_title="Pre-sale"))
    values = line(
        "full", phone="604 555 0123", venue_name="Foundry", barcode="0451", lookup_id="L-9", event_key="E-1",
        ticket_key="T-1", order_key="O-1", is_minor="yes", birth_date="2012-02-29", country_code="ca", province="BC",
        city="Vancouver", postal_code="V5K 0A1", address="1 Pier Road", activity_id=result[0]["activity_id"],
        is_preferred="on", is_subscribed=True, is_phone_subscribed=False, email=" Full@Example.com ",
    )  # fmt: skip
    fan_id = (await api.ok(await api.post(PATH, **values)))["fan_id"]
    (row,) = await search(api, email="FULL@example.com")
    created = await db.value(
        "select floor(extract(epoch from created_at))::bigint from registrations"
        " where account_id = $1 and registration_key = 'full'",
        api.account_id,
    )
    assert row == {
        "account_id": api.account_id, "registration_key": "full", "order_key": "O-1", "event_name": "Tideline",
        "event_date": "2026-07-03", "event_key": "E-1", "fan_id": fan_id, "registration_timestamp": 1781976600,
        "email": "Full@example.com", "venue_name": "Foundry", "barcode": "0451", "lookup_id": "L-9",
        "ticket_key": "T-1", "network": "festival", "first_name": "Ada", "last_name": "Okoro", "phone": "+16045550123",
        "address": "1 Pier Road", "city": "Vancouver", "country_code": "CA", "province": "BC",
        "postal_code": "V5K 0A1", "is_minor": True, "birth_date": "2012-02-29", "is_preferred": True,
        "creation_timestamp": created, "activity_id": result[0]["activity_id"], "is_subscribed": True,
        "is_phone_subscribed": False, "performance_uid": None,
    }  # fmt: skip
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}"))
    assert (fan["first_name"], fan["phone"], fan["birth_date"]) == ("Ada", "+16045550123", "2012-02-29")
    assert (fan["fan_source"], fan["is_subscribed"]) == ("registration", True)
    assert await topics(db, api, "festival:full") == ["registration.created"]


async def test_what_is_left_out_is_null(api: Api) -> None:
    await saved(api, "bare")
    (row,) = await search(api, email="bare@example.com")
    nothing = {name for name, value in row.items() if value is None}
    assert nothing == {
        "order_key", "event_key", "venue_name", "barcode", "lookup_id", "ticket_key", "phone", "address", "city",
        "country_code", "province", "postal_code", "is_minor", "birth_date", "activity_id", "performance_uid",
    }  # fmt: skip
    assert (row["is_preferred"], row["is_subscribed"], row["is_phone_subscribed"]) == (False, False, False)


async def test_sent_again_it_is_the_same_line_and_keeps_what_is_left_out(api: Api, db: Db) -> None:
    first = await saved(api, "again", barcode="b-1", phone="+16045550191", is_preferred=True, city="Victoria",
                        province="BC", country_code="CA")  # fmt: skip
    assert await saved(api, "again", event_name="Tideline II", last_name="Poe") == first
    (row,) = await search(api, email="again@example.com")
    assert (row["event_name"], row["barcode"], row["phone"]) == ("Tideline II", "b-1", "+16045550191")
    assert (row["is_preferred"], row["city"], row["last_name"]) == (True, "Victoria", "Poe")
    assert await topics(db, api, "festival:again") == ["registration.created", "registration.updated"]
    second = await saved(api, "again", network="other")
    assert second == first
    assert len(await search(api, email="again@example.com")) == 2


async def test_a_line_that_passes_to_another_fan_keeps_nothing_personal(api: Api) -> None:
    first = await saved(api, "handed", phone="+16045550177", birth_date="1990-01-02", barcode="b-2", is_minor=False,
                        address="1 Pier Road", city="Victoria", province="BC", country_code="CA")  # fmt: skip
    second = await saved(api, "handed", email="heir@example.com", first_name="Bo")
    assert second != first
    (row,) = await search(api, email="heir@example.com")
    assert row["barcode"] == "b-2"
    for name in ("phone", "birth_date", "address", "city", "province", "country_code", "is_minor"):
        assert row[name] is None, name
    assert await search(api, email="handed@example.com") == []


async def test_filters_narrow_and_the_newest_come_first(api: Api) -> None:
    for key, stamp in (("f1", "2024-05-01 06:59:59"), ("f2", "2024-05-01 07:00:00"), ("f3", "2024-05-02 06:59:59")):
        await saved(api, key, registration_timestamp=stamp, email="filters@example.com")
    for question, keys in (
        ({}, ["f3", "f2", "f1"]),
        # The first of May in Los Angeles begins at seven in Greenwich.
        ({"start_date": "2024-05-01"}, ["f3", "f2"]),
        ({"start_date": "2024-05-01", "end_date": "2024-05-01"}, ["f3", "f2"]),
        ({"end_date": "2024-04-30"}, ["f1"]),
        ({"limit": 1}, ["f3"]),
    ):
        rows = await search(api, email="Filters@Example.com", **question)
        assert [row["registration_key"] for row in rows] == keys, question
    assert await search(api, email="nobody") == []


async def test_fifty_are_listed_unless_limit_says_otherwise(api: Api) -> None:
    fan_id = await saved(api, "many-0", email="many@example.com")
    await asyncio.gather(*(saved(api, f"many-{n}", email="many@example.com") for n in range(1, 52)))
    assert len(await search(api, email="many@example.com")) == 50
    assert len(await search(api, email="many@example.com", limit=60)) == 52
    fans = f"/api/v1/crm/fans/{fan_id}/registrations"
    assert len(await api.ok(await api.get(fans))) == 50
    assert len(await api.ok(await api.get(fans, limit=3))) == 3


async def test_a_performance_is_known_by_day_and_key_or_name(api: Api) -> None:
    async def performance(name: str, day: str, **extra: Any) -> str:
        values = {"performance_name": name, "performance_date": day, **extra}
        uid: str = (await api.ok(await api.post("/api/v1/performances", **values)))["performance_uid"]
        return uid

    named = await performance("Harbour Night", "2030-07-03")
    keyed = await performance("Something else", "2030-07-03", campaign_event_key="HN-1")
    await performance("Harbour Night", "2030-07-04")
    galas = [await performance("Gala", "2030-07-03") for _ in range(7)]
    event = {"event_name": "harbour night", "event_date": "2030-07-03"}
    await saved(api, "by-name", email="shows@example.com", **event)
    await saved(api, "by-key", email="shows@example.com", event_key="HN-1", **{**event, "event_name": "Gala"})
    await saved(api, "neither", email="shows@example.com", event_name="Matinee", event_date="2030-07-03")
    rows = {row["registration_key"]: row["performance_uid"] for row in await search(api, email="shows@example.com")}
    assert rows == {"by-name": named, "by-key": keyed, "neither": None}
    assert {row["registration_key"] for row in await search(api, performance_uid=named)} == {"by-name"}
    assert [row["registration_key"] for row in await search(api, performance_uid=keyed)] == ["by-key"]
    for nobodys in (*galas, str(uuid.uuid4())):
        assert await search(api, performance_uid=nobodys) == []


async def test_a_registration_of_a_known_fan_changes_nothing_else_of_the_fan(api: Api) -> None:
    fan = await api.ok(await api.post("/api/v1/crm/fans", email="known@example.com", first_name="Noor"))
    path = f"/api/v1/crm/fans/{fan['fan_id']}/registrations"
    body = line("known-1", email="guest@example.com", first_name="Guest", is_subscribed=True)
    rows = await api.ok(await api.post(path, **body))
    assert [(row["fan_id"], row["registration_key"], row["email"]) for row in rows] == [
        (fan["fan_id"], "known-1", "guest@example.com")
    ]
    assert rows == await api.ok(await api.get(path))
    answer = await api.ok(await api.get(f"/api/v1/crm/fans/{fan['fan_id']}"))
    assert (answer["email"], answer["first_name"], answer["is_subscribed"]) == ("known@example.com", "Noor", True)
    values = line("known-2", fan_id=fan["fan_id"], email="guest@example.com")
    assert (await api.ok(await api.post(PATH, **values)))["fan_id"] == fan["fan_id"]
    rows = await api.ok(await api.get(path))
    assert [row["registration_key"] for row in rows] == ["known-2", "known-1"]
    unknown = await api.post("/api/v1/crm/fans/999999/registrations", **line("known-3"))
    assert (unknown.status_code, (await api.post(PATH, **line("known-3", fan_id=999999))).status_code) == (404, 404)
    assert (await api.get("/api/v1/crm/fans/999999/registrations")).status_code == 404


async def test_a_line_sent_again_does_not_subscribe_who_has_left(api: Api) -> None:
    fan_id = await saved(api, "nightly", is_subscribed=True)
    fan = f"/api/v1/crm/fans/{fan_id}"
    await api.ok(await api.post(fan, is_subscribed=False))
    await saved(api, "nightly", is_subscribed=True, barcode="late")
    assert (await api.ok(await api.get(fan)))["is_subscribed"] is False
    (row,) = await search(api, email="nightly@example.com")
    assert (row["is_subscribed"], row["barcode"]) == (False, "late")
    # A yes counts that was given since.
    await saved(api, "nightly", is_subscribed=True, registration_timestamp=datetime.now(UTC).isoformat())
    assert (await api.ok(await api.get(fan)))["is_subscribed"] is True


async def test_racing_doors_make_one_line_and_one_fan(api: Api, db: Db) -> None:
    address = f"{uuid.uuid4().hex}@example.com"
    spellings = (address, address.upper(), f"  {address} ")
    fans = await asyncio.gather(*(saved(api, f"race-{n % 4}", email=spellings[n % 3]) for n in range(24)))
    assert len(set(fans)) == 1
    count = "select count(*) from registrations where account_id = $1 and registration_key like 'race-%'"
    assert await db.value(count, api.account_id) == 4


async def test_every_wrong_field_is_named(api: Api) -> None:
    empty = await api.post(PATH)
    assert [error["field"] for error in empty.json()["errors"]] == [
        "first_name", "last_name", "event_name", "event_date", "email", "registration_key", "registration_timestamp",
        "network",
    ]  # fmt: skip
    answer = await api.post(PATH, **line("bad", event_date="soon", birth_date="1812-01-01", is_minor="maybe"))
    assert {error["field"] for error in answer.json()["errors"]} == {"event_date", "birth_date", "is_minor"}
    answer = await api.post(PATH, **line("bad", email="x", phone="1", country_code="Atlantis"))
    assert {error["field"] for error in answer.json()["errors"]} == {"email", "phone", "country_code"}
    answer = await api.post(PATH, **line("bad", activity_id=999_999_999))
    assert [error["field"] for error in answer.json()["errors"]] == ["activity_id"]
    answer = await api.get(PATH, start_date="2026-02-01", end_date="2026-01-01", limit=0, performance_uid="x")
    assert {error["field"] for error in answer.json()["errors"]} == {"end_date", "limit", "performance_uid"}


async def test_other_accounts_see_nothing(api: Api, other_api: Api) -> None:
    fan_id = await saved(api, "ours")
    assert await search(other_api, email="ours@example.com") == []
    assert (await other_api.get(f"/api/v1/crm/fans/{fan_id}/registrations")).status_code == 404
    assert (await other_api.post(f"/api/v1/crm/fans/{fan_id}/registrations", **line("ours"))).status_code == 404
    assert await saved(other_api, "ours", first_name="Theirs") != fan_id
    (row,) = await search(api, email="ours@example.com")
    assert row["first_name"] == "Ada"
    activity = await api.ok(await api.post("/api/v1/crm/activities", email="a@example.com", campaign_title="C"))
    answer = await other_api.post(PATH, **line("ours", activity_id=activity[0]["activity_id"]))
    assert answer.status_code == 422


async def test_a_fan_who_goes_leaves_nothing_personal(api: Api, db: Db) -> None:
    fan_id = await saved(
        api, "gone", phone="+16045550166", barcode="b-9", lookup_id="L-1", order_key="O", ticket_key="T",
        address="1 Pier Road", city="Victoria", province="BC", country_code="CA", birth_date="1990-01-02",
    )  # fmt: skip
    await api.ok(await api.delete(f"/api/v1/crm/fans/{fan_id}"))
    row = await db.row(
        "select * from registrations where account_id = $1 and registration_key = 'gone'", api.account_id
    )
    assert row is not None
    remaining = {name for name, value in row.items() if value is not None}
    assert remaining == {
        "account_id", "network", "registration_key", "registration_id", "registered_at", "created_at", "updated_at",
        "event_name", "event_date", "is_preferred", "country_code",
    }  # fmt: skip
