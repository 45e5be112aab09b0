"""Coordinates, pictures and confirmations of imports are filled in batches, as a change of one fan fills them."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from fanfare.fans.actions import importing
from fanfare.fans.actions.importing_details import DETAILS
from fanfare.imports.actions.kinds.people import FANS as FANS_KIND
from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.imports.files import PATH, imported, state_of, statements_of, upload, work_all
from tests.seeds import run_seed
from tests.statements import noted_statements

FANS = "/api/v1/crm/fans"
SEED = run_seed(53)
COLUMNS = (
    "email", "phone", "postal_code", "country_code", "latitude", "longitude", "image_url", "is_confirmed",
    "is_phone_confirmed", "field_team",
)  # fmt: skip
FAN_ROWS = """
    select lower(f.email), f.phone, f.latitude, f.longitude, f.image_url, f.is_confirmed, f.is_phone_confirmed,
           f.postal_code, v.field_value #>> '{}' as team
    from fans f left join fan_fields v on v.account_id = $1 and v.fan_id = f.fan_id
    where f.account_id = $1 order by 1, 2
"""
# One announcement of a batch may be several of rows that come one after the other.
FIELDS = """
    select distinct lower(f.email), field from changes c join fans f using (account_id, fan_id)
    cross join lateral jsonb_array_elements_text(c.data -> 'fields') as field
    where c.account_id = $1 and c.topic = 'fan.updated' order by 1, 2
"""
Row = dict[str, str]


def random_rows(chance: random.Random) -> list[Row]:
    """Return rows of a few people, some of them with a wrong value."""
    rows = []
    for _ in range(30):
        person = chance.randrange(6)
        row = {"email": chance.choice([f"d{person}@example.com", f"D{person}@Example.com"])}
        optional: dict[str, Sequence[str]] = {
            "phone": [f"+1604555020{person}", f"(604) 555-020{person}"], "latitude": ["49.1", "50.2", "91"],
            "longitude": ["-123.1", "-120.5"], "image_url": ["https://example.com/1.png", "https://example.com/2.png"],
            "is_confirmed": ["yes", "yes", "no"], "is_phone_confirmed": ["yes", "no"], "field_team": ["blue", "red"],
        }  # fmt: skip
        row |= {name: chance.choice(values) for name, values in optional.items() if chance.random() < 0.5}
        rows.append(row)
    return rows


def content_of(rows: Sequence[Row]) -> bytes:
    return "\n".join([",".join(COLUMNS), *(",".join(row.get(name, "") for name in COLUMNS) for row in rows)]).encode()


async def begin(api: Api, seed: float) -> None:
    """Make a field and some fans who have something already, two of them with other contact data."""
    chance = random.Random(seed)
    await api.ok(await api.post("/api/v1/manage/fields", crm_field_key="team", field_type="text"))
    for person in range(3):
        values: dict[str, Any] = {"email": f"d{person}@example.com"}
        if chance.random() < 0.5:
            values["image_url"] = "https://example.com/old.png"
        fan = await api.ok(await api.post(FANS, **values))
        if chance.random() < 0.5:
            # The address of the row is the fan's no more, but leads to the fan.
            other = await api.ok(await api.post(FANS, email=f"new{person}@example.com"))
            merge = f"/api/v1/manage/fans/{other['fan_id']}/merge"
            await api.ok(await api.post(merge, merged_fan_id=fan["fan_id"]))


COUNTS = ("row_count", "created_count", "matched_count", "error_count")


async def result_of(api: Api, db: Db, rows: Sequence[Row]) -> dict[str, Any]:
    mapping = {name: name for name in ("is_confirmed", "is_phone_confirmed")}
    done = await imported(api, db, content_of(rows), mapping=mapping)
    fans = [tuple(row) for row in await db.rows(FAN_ROWS, api.account_id)]
    fields = [tuple(row) for row in await db.rows(FIELDS, api.account_id)]
    return {"counts": [done[name] for name in COUNTS], "fans": fans, "fields": fields}


@pytest.mark.parametrize("number", range(4))
async def test_a_batch_leaves_what_one_fan_after_the_other_does(base_url: str, db: Db, number: int) -> None:
    chance = random.Random(f"{SEED} {number}")
    rows, seed = random_rows(chance), chance.random()
    async with new_api(base_url, db) as api:
        await begin(api, seed)
        batch = await result_of(api, db, rows)
    async with new_api(base_url, db) as api:
        await begin(api, seed)
        with pytest.MonkeyPatch.context() as patch:
            # What each row has is written for its fan alone.
            patch.setattr(importing, "ALONE", (*importing.ALONE, *DETAILS))
            alone = await result_of(api, db, rows)
    assert batch == alone, SEED
    assert any(any(row[2:7]) for row in batch["fans"])


async def test_many_fans_take_as_many_statements_as_one(api: Api, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = noted_statements(monkeypatch)

    async def count(size: int) -> Counter[str]:
        details = {"latitude": "49.1", "image_url": "https://example.com/1.png"}
        rows = [{"email": f"s{size}-{n}@example.com", **details} for n in range(size)]
        uid = await upload(api, content_of(rows))
        return await statements_of(api, db, uid, statements, size)

    await count(2)
    assert await count(20) == await count(1)


async def test_details_of_a_later_batch_are_the_own_changes_of_an_import(api: Api, db: Db) -> None:
    """An undo deletes a fan whom only the import itself has changed since."""
    lines = [f"later{number}@example.com," for number in range(FANS_KIND.batch)]
    lines.append("later0@example.com,https://example.com/1.png")
    done = await imported(api, db, "\n".join(["email,image_url", *lines]).encode())
    assert (done["created_count"], done["matched_count"]) == (FANS_KIND.batch, 1)
    await api.ok(await api.post(f"{PATH}/{done['import_uid']}/undo"))
    await work_all(api, db)
    result = await state_of(api, done["import_uid"])
    assert (result["undone_count"], result["kept_count"]) == (FANS_KIND.batch, 0)
