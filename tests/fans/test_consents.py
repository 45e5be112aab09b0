"""Consent: a ledger of words, and flags that are its fold."""

import asyncio
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.fans.actions.erasure import erase_fan
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.seeds import run_seed
from tests.waits import until_blocked

FANS = "/api/v1/crm/fans"
EVENT = {"event_name": "Final", "event_date": "2027-06-20", "event_key": "final", "network": "gate"}
# Doors with what they tell of the moment of a word.
TICKET = {"paid_amount": 5, "num_seats": 1, "first_name": "A", "last_name": "B", **EVENT}
DOORS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "fans": ("crm/fans", "consent_timestamp", {}),
    "form": ("crm/fans", "consent_timestamp", {"consent_wording": "Send me news"}),
    "tickets": ("crm/tickets", "purchase_timestamp", TICKET),
    "bulk": ("crm/tickets/bulk", "purchase_timestamp", TICKET),
    "registrations": ("crm/registrations", "registration_timestamp", {"first_name": "A", "last_name": "B", **EVENT}),
}


async def says(api: Api, door: str, email: str, moment: str, **words: bool) -> None:
    """Say something through a door, of a moment."""
    path, name, extra = DOORS[door]
    values = {"email": email, name: moment, **extra, **words}
    if door == "registrations":
        values["registration_key"] = uuid.uuid4().hex
    await api.ok(await api.post(f"/api/v1/{path}", **({"tickets": [values]} if door == "bulk" else values)))


async def flags(api: Api, fan_id: int) -> tuple[bool, bool, bool, list[int]]:
    fan = await api.ok(await api.get(f"{FANS}/{fan_id}"))
    return fan["is_subscribed"], fan["is_phone_subscribed"], fan["is_optout"], fan["opted_in_business_ids"]


async def some_businesses(api: Api, count: int) -> list[int]:
    rows = [
        await api.ok(await api.post("/api/v1/manage/businesses", business_name=uuid.uuid4().hex)) for _ in range(count)
    ]
    return [each["business_id"] for each in rows]


async def some_fan(api: Api, **values: Any) -> int:
    answer = await api.ok(await api.post(FANS, email=f"{uuid.uuid4().hex}@example.com", **values))
    return int(answer["fan_id"])


async def test_every_word_is_kept_with_its_circumstances(api: Api) -> None:
    (business_id,) = await some_businesses(api, 1)
    fan_id = await some_fan(
        api, is_subscribed=True, consent_wording="Send me news", consent_source="gate form", ip_address="192.0.2.9",
        **{f"business_{business_id}": "on"},
    )  # fmt: skip
    await api.ok(await api.post(f"{FANS}/{fan_id}", is_subscribed=True))
    rows = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/consents"))
    assert [(row["channel"], row["business_id"], row["is_granted"], row["consent_source"]) for row in rows] == [
        ("email", None, True, "gate form"),
        ("business", business_id, True, "gate form"),
        ("email", None, True, "crm_fans_update"),
    ]
    assert (rows[0]["wording"], rows[0]["ip_address"]) == ("Send me news", "192.0.2.9")
    assert await flags(api, fan_id) == (True, False, False, [business_id])


async def test_opting_out_ends_everything_and_a_later_yes_lifts_it(api: Api) -> None:
    (business_id,) = await some_businesses(api, 1)
    fan_id = await some_fan(api, is_subscribed=True, is_phone_subscribed=True, **{f"business_{business_id}": True})
    await api.ok(await api.post(f"{FANS}/{fan_id}", is_optout=True))
    assert await flags(api, fan_id) == (False, False, True, [])
    await api.ok(await api.post(f"{FANS}/{fan_id}", is_phone_subscribed=True))
    assert await flags(api, fan_id) == (False, True, False, [])


async def test_an_activity_speaks_too(api: Api, db: Db) -> None:
    fan_id = await some_fan(api, is_optout=True)
    address = (await api.ok(await api.get(f"{FANS}/{fan_id}")))["email"]
    values = {"email": address, "campaign_title": "Consent", "is_subscribed": True}
    await api.ok(await api.post("/api/v1/crm/activities", **values))
    assert await flags(api, fan_id) == (True, False, False, [])
    count = await db.value(
        "select count(*) from consents where account_id = $1 and fan_id = $2", api.account_id, fan_id
    )
    assert count == 2


async def test_the_flags_are_the_fold_of_any_history(api: Api) -> None:
    seed = run_seed(10)
    chance = random.Random(seed)
    businesses = await some_businesses(api, 2)
    for _ in range(10):
        fan_id = await some_fan(api)
        email = phone = out = False
        opted = dict.fromkeys(businesses, False)
        for _ in range(12):
            words: dict[str, bool] = {}
            for name in ("is_subscribed", "is_phone_subscribed", "is_optout", *(f"business_{b}" for b in businesses)):
                if chance.random() < 0.35:
                    words[name] = chance.random() < 0.5
            await api.ok(await api.post(f"{FANS}/{fan_id}", **words))
            email, phone = words.get("is_subscribed", email), words.get("is_phone_subscribed", phone)
            for business in businesses:
                opted[business] = words.get(f"business_{business}", opted[business])
            if any(flag for name, flag in words.items() if name != "is_optout"):
                out = False
            if words.get("is_optout"):
                email = phone = False
                out = True
                opted = dict.fromkeys(businesses, False)
            elif "is_optout" in words:
                out = False
            expected = (email, phone, out, [business for business in businesses if opted[business]])
            assert await flags(api, fan_id) == expected, (seed, words)


@pytest.mark.parametrize("door", DOORS)
async def test_an_older_yes_never_beats_a_younger_no(api: Api, door: str) -> None:
    address = f"{uuid.uuid4().hex}@example.com"
    fan_id = (await api.ok(await api.post(FANS, email=address)))["fan_id"]
    await api.ok(await api.post(f"{FANS}/{fan_id}", is_optout=True))
    await says(api, door, address, "2019-05-01 12:00:00", is_subscribed=True, is_phone_subscribed=True)
    assert await flags(api, fan_id) == (False, False, True, [])
    words = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/consents"))
    assert [word["given_timestamp"] for word in words if word["is_granted"]] == [1556712000] * 2
    await says(api, door, address, (datetime.now(UTC) + timedelta(hours=1)).isoformat(), is_subscribed=True)
    assert await flags(api, fan_id) == (True, False, False, [])
    await api.ok(await api.post(f"{FANS}/{fan_id}", is_subscribed=False))
    assert await flags(api, fan_id) == (False, False, False, [])


@pytest.mark.parametrize("door", DOORS)
async def test_who_was_erased_is_on_no_list_again_but_by_a_yes_of_later(api: Api, door: str) -> None:
    address = f"{uuid.uuid4().hex}@example.com"
    await says(api, door, address, "2019-05-01 12:00:00", is_subscribed=True)
    fan_id = (await api.ok(await api.post(FANS, email=address)))["fan_id"]
    assert (await flags(api, fan_id))[0] is True
    await api.ok(await api.delete(f"{FANS}/{fan_id}"))
    await says(api, door, address.upper(), "2019-05-01 12:00:00", is_subscribed=True, is_phone_subscribed=True)
    again = (await api.ok(await api.post(FANS, email=address)))["fan_id"]
    assert again != fan_id
    assert await flags(api, again) == (False, False, True, [])
    await says(api, door, address, (datetime.now(UTC) + timedelta(hours=1)).isoformat(), is_subscribed=True)
    assert await flags(api, again) == (True, False, False, [])


async def test_an_erased_number_takes_along_only_what_is_said_of_it(api: Api) -> None:
    number = "+1 604 555 0177"
    alone = (await api.ok(await api.post(FANS, phone=number, is_phone_subscribed=True)))["fan_id"]
    await api.ok(await api.delete(f"{FANS}/{alone}"))
    old = {"consent_timestamp": "2020-01-01 00:00:00", "is_subscribed": True, "is_phone_subscribed": True}
    second = (await api.ok(await api.post(FANS, phone=number, email=f"{uuid.uuid4().hex}@example.com", **old)))[
        "fan_id"
    ]
    assert await flags(api, second) == (True, False, False, [])


async def test_of_who_was_erased_nothing_is_kept_but_a_hash_under_the_accounts_key(api: Api, db: Db) -> None:
    address = f"{uuid.uuid4().hex}@example.com"
    fan_id = (await api.ok(await api.post(FANS, email=address)))["fan_id"]
    await api.ok(await api.delete(f"{FANS}/{fan_id}"))
    row = await db.row(
        """
        select count(*) filter (where e.identity_hash = identity_hash(k.hash_key, 'email', $2)) as keyed,
               count(*) filter (where e.identity_hash = sha256(convert_to('email:' || $2, 'UTF8'))) as plain,
               bool_or(e::text ~ $2) as is_told
        from erased_identities e join erasure_keys k on k.account_id = e.account_id
        where e.account_id = $1
        """,
        api.account_id,
        address,
    )
    assert row is not None
    assert tuple(row) == (1, 0, False)


async def test_a_yes_of_before_that_waits_for_an_erasure_counts_as_one_of_before(api: Api, db: Db) -> None:
    address = f"{uuid.uuid4().hex}@example.com"
    fan_id = (await api.ok(await api.post(FANS, email=address)))["fan_id"]
    async with db.transaction() as slow:
        await erase_fan(slow, api.account_id, fan_id, datetime.now(UTC), source="test")
        late = asyncio.create_task(says(api, "tickets", address, "2019-05-01 12:00:00", is_subscribed=True))
        await until_blocked(db, slow, late)
    await late
    again = (await api.ok(await api.post(FANS, email=address)))["fan_id"]
    assert await flags(api, again) == (False, False, True, [])
