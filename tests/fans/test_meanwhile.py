"""What a write relies on is there until it ends, whoever deletes or changes it at the same time."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.fans.actions import erasure
from fanfare.fans.actions.fans import change_fan
from fanfare.fans.schemas.fans import FanChanges
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from tests.api import Answer, Api
from tests.waits import until_blocked

FANS = "/api/v1/crm/fans"
MANAGE = "/api/v1/manage"
Calls = list[Awaitable[Answer]]
Race = Callable[[Api, list[int]], Awaitable[Calls]]

# Rows that name what is not there, and values that are not of their field's type.
DANGLING = {
    "fan_tags": "select from fan_tags t where t.account_id = $1 and not exists"
    " (select from tags g where g.account_id = $1 and g.tag_id = t.tag_id)",
    "campaign_items": "select from campaign_items i where i.account_id = $1 and i.tag_id is not null and not exists"
    " (select from tags g where g.account_id = $1 and g.tag_id = i.tag_id)",
    "fan_idols": "select from fan_idols t where t.account_id = $1 and not exists"
    " (select from idols i where i.account_id = $1 and i.idol_uid = t.idol_uid)",
    "performances": "select from performances p where p.account_id = $1 and p.business_id is not null and not exists"
    " (select from businesses b where b.account_id = $1 and b.business_id = p.business_id)",
    "fan_fields": "select from fan_fields v"
    " join crm_fields f on f.account_id = $1 and f.crm_field_key = v.crm_field_key"
    " where v.account_id = $1 and (f.field_type = 'number') <> (jsonb_typeof(v.field_value) = 'number')",
}


async def create(api: Api, path: str, **values: Any) -> Any:
    return await api.ok(await api.post(f"{MANAGE}/{path}", **values))


async def tags(api: Api, fan_ids: list[int]) -> Calls:
    name = uuid.uuid4().hex
    tag_id = (await create(api, "tags", tag_name=name))["tag_id"]
    campaign = (await create(api, "campaigns", title=name, app_type="wager"))["page_tab_id"]
    items = (api.post(f"{MANAGE}/campaigns/{campaign}/items", title="Item", tag_id=tag_id) for _ in range(2))
    values = (api.post(f"{MANAGE}/tags/fans", tag_name=name, fan_ids=[each]) for each in fan_ids)
    return list(mixed(api.delete(f"{MANAGE}/tags/{tag_id}"), *items, *values))


async def idols(api: Api, fan_ids: list[int]) -> Calls:
    uid = (await api.ok(await api.post("/api/v1/idols", idol_name=uuid.uuid4().hex, idol_type="team")))["idol_uid"]
    tied = (api.post(f"{FANS}/{each}/idols", action="add", idol_uid=uid) for each in fan_ids)
    count = api.post("/api/v1/crm/idol_fans", idol_fans=[{"email": f"{uid}@example.com", "idol_uid": uid}])
    return list(mixed(api.delete(f"{MANAGE}/idols/{uid}"), count, *tied))


async def businesses(api: Api, _: list[int]) -> Calls:
    business_id = (await create(api, "businesses", business_name=uuid.uuid4().hex))["business_id"]
    values = {"performance_name": "Derby", "performance_date": "2027-07-03", "business_id": business_id}
    shows = (api.post("/api/v1/performances", **values) for _ in range(6))
    return list(mixed(api.delete(f"{MANAGE}/businesses/{business_id}"), *shows))


async def fields(api: Api, fan_ids: list[int]) -> Calls:
    key = uuid.uuid4().hex
    await create(api, "fields", crm_field_key=key, field_type="number")
    values = (api.post(f"{FANS}/{each}", **{f"field_{key}": "7"}) for each in fan_ids)
    retyped = api.post(f"{MANAGE}/fields", crm_field_key=key, field_type="text")
    return [*mixed(retyped, *values), api.delete(f"{MANAGE}/fields/{key}")]


def mixed(ends: Awaitable[Answer], *writes: Awaitable[Answer]) -> Iterator[Awaitable[Answer]]:
    """Put what ends a thing among what relies on it."""
    yield from writes[:2]
    yield ends
    yield from writes[2:]


@pytest.mark.parametrize(
    ("race", "tables"),
    [
        (tags, ["fan_tags", "campaign_items"]),
        (idols, ["fan_idols"]),
        (businesses, ["performances"]),
        (fields, ["fan_fields"]),
    ],
)
async def test_nothing_names_what_was_deleted_or_changed_meanwhile(
    api: Api, db: Db, race: Race, tables: list[str]
) -> None:
    fan_ids = [
        (await api.ok(await api.post(FANS, email=f"{uuid.uuid4().hex}@example.com")))["fan_id"] for _ in range(6)
    ]
    for _ in range(12):
        answers = await asyncio.gather(*(await race(api, fan_ids)))
        assert {answer.status_code for answer in answers} <= {200, 404, 409, 422}, [each.text for each in answers]
        for table in tables:
            assert await db.rows(DANGLING[table], api.account_id) == [], table


@pytest.mark.parametrize("end", ["erased", "named"])
async def test_who_goes_or_gets_an_address_meanwhile_is_merged_into_nobody(api: Api, db: Db, end: str) -> None:
    email, phone = f"{uuid.uuid4().hex}@example.com", f"+1604555{2000 + len(end)}"
    stays = (await api.ok(await api.post(FANS, email=email)))["fan_id"]
    second = (await api.ok(await api.post(FANS, phone=phone)))["fan_id"]
    verified = {"email": email, "phone": phone, "is_confirmed": True, "is_phone_confirmed": True}
    async with db.transaction() as tx:
        if end == "erased":
            await erasure.erase_fan(tx, api.account_id, second, datetime.now(UTC), source="test")
        else:
            account = Account(api.account_id, "Northside", "America/Los_Angeles", "CA", "USD")
            changes = FanChanges(fan_id=second, email=f"{uuid.uuid4().hex}@example.com")
            await change_fan(tx, account, changes, datetime.now(UTC), source="test")
        call = asyncio.create_task(api.post(FANS, **verified))
        await until_blocked(db, tx, call)
    assert (await api.ok(await call))["fan_id"] == stays
    answer = await api.get(f"{FANS}/{second}")
    assert answer.status_code == 404 if end == "erased" else answer.json()["fan_id"] == second
