"""Consent: a ledger of words, and flags that are its fold."""

import random
import uuid
from typing import Any

from fanfare.kernel.db import Db
from tests.api import Api

FANS = "/api/v1/crm/fans"


async def flags(api: Api, fan_id: int) -> tuple[bool, bool, bool, list[int]]:
    fan = await api.ok(await api.get(f"{FANS}/{fan_id}"))
    return fan["is_subscribed"], fan["is_phone_subscribed"], fan["is_optout"], fan["opted_in_business_ids"]


async def some_businesses(api: Api, count: int) -> list[int]:
    made = [
        await api.ok(await api.post("/api/v1/manage/businesses", business_name=uuid.uuid4().hex)) for _ in range(count)
    ]
    return [each["business_id"] for each in made]


async def some_fan(api: Api, **given: Any) -> int:
    answer = await api.ok(await api.post(FANS, email=f"{uuid.uuid4().hex}@example.com", **given))
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
    given = {"email": address, "campaign_title": "Consent", "is_subscribed": True}
    await api.ok(await api.post("/api/v1/crm/activities", **given))
    assert await flags(api, fan_id) == (True, False, False, [])
    count = await db.value(
        "select count(*) from consents where account_id = $1 and fan_id = $2", api.account_id, fan_id
    )
    assert count == 2


async def test_the_flags_are_the_fold_of_any_history(api: Api) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    businesses = await some_businesses(api, 2)
    for _ in range(10):
        fan_id = await some_fan(api)
        email = phone = out = False
        opted = dict.fromkeys(businesses, False)
        for _ in range(12):
            said: dict[str, bool] = {}
            for name in ("is_subscribed", "is_phone_subscribed", "is_optout", *(f"business_{b}" for b in businesses)):
                if chance.random() < 0.35:
                    said[name] = chance.random() < 0.5
            await api.ok(await api.post(f"{FANS}/{fan_id}", **said))
            email, phone = said.get("is_subscribed", email), said.get("is_phone_subscribed", phone)
            for business in businesses:
                opted[business] = said.get(f"business_{business}", opted[business])
            if any(flag for name, flag in said.items() if name != "is_optout"):
                out = False
            if said.get("is_optout"):
                email = phone = False
                out = True
                opted = dict.fromkeys(businesses, False)
            elif "is_optout" in said:
                out = False
            expected = (email, phone, out, [business for business in businesses if opted[business]])
            assert await flags(api, fan_id) == expected, (seed, said)
