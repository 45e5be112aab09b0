"""Undo of imports in which a fan has rows in several batches: what the import itself wrote later is no later change."""

import uuid
from typing import Any

import pytest

from fanfare.imports.actions.kinds.activities import ACTIVITIES
from fanfare.imports.actions.kinds.people import FANS
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.imports.files import PATH, imported, state_of, work_all

FANS_LEFT = "select count(*) from fans where account_id = $1 and email like $2"


async def undone(api: Api, db: Db, uid: str) -> tuple[int, int]:
    """Undo an import; return the number of rows that were deleted and of those that stay."""
    await api.ok(await api.post(f"{PATH}/{uid}/undo"))
    await work_all(api, db)
    result = await state_of(api, uid)
    assert result["state"] == "undone"
    return result["undone_count"], result["kept_count"]


def people(name: str, *last: str) -> bytes:
    """Return a file of fans with a batch of persons, of whom the first ones come again in the last rows."""
    rows = [f"{name}{number}@batches.example,,," for number in range(FANS.batch)]
    return "\n".join(["email,first_name,phone,is_subscribed", *rows, *last]).encode()


async def test_fans_who_come_again_in_a_later_batch_are_deleted(api: Api, db: Db) -> None:
    again = ["again0@batches.example,Ada,,yes", "again1@batches.example,,+16045550177,", "again2@batches.example,,,"]
    done = await imported(api, db, people("again", *again, "again0@batches.example,,+16045550178,"))
    assert (done["created_count"], done["matched_count"]) == (FANS.batch, 4)
    assert await undone(api, db, done["import_uid"]) == (FANS.batch, 0)
    assert await db.value(FANS_LEFT, api.account_id, "again%@batches.example") == 0


@pytest.mark.parametrize("change", ["a field", "a yes", "a no"])
async def test_a_fan_who_was_changed_since_stays(api: Api, db: Db, change: str) -> None:
    name = change.replace(" ", "")
    done = await imported(api, db, people(name, f"{name}0@batches.example,Ada,,yes"))
    values: dict[str, dict[str, Any]] = {
        "a field": {"last_name": "Lovelace"},
        "a yes": {"is_phone_subscribed": True},
        "a no": {"is_optout": True},
    }
    await api.ok(await api.post("/api/v1/crm/fans", email=f"{name}0@batches.example", **values[change]))
    assert await undone(api, db, done["import_uid"]) == (FANS.batch - 1, 1)
    assert await db.value(FANS_LEFT, api.account_id, f"{name}%@batches.example") == 1


async def test_fans_of_activities_in_several_batches_are_deleted(api: Api, db: Db) -> None:
    rows = [
        f"doer{number % 3}@batches.example,{'Ada' * (number > ACTIVITIES.batch)},Quiz,{1_700_000_000 + number},yes"
        for number in range(ACTIVITIES.batch + 100)
    ]
    head = "email,first_name,campaign_title,activity_timestamp,is_subscribed"
    done = await imported(api, db, "\n".join([head, *rows]).encode(), "activities")
    assert (done["created_count"], done["error_count"]) == (len(rows), 0)
    await api.ok(await api.post("/api/v1/crm/fans", email="doer2@batches.example", last_name="Lovelace"))
    assert await undone(api, db, done["import_uid"]) == (len(rows), 0)
    assert await db.value(FANS_LEFT, api.account_id, "doer%@batches.example") == 1


async def test_fans_of_whom_changes_were_trimmed_stay(api: Api, db: Db) -> None:
    """A change by somebody else may have been among those that are no longer there."""
    done = await imported(api, db, people("trimmed", "trimmed0@batches.example,Ada,,yes"))
    await db.execute(
        """
        insert into change_trims (account_id, position)
        select $1, min(b.last_position) + 1 from import_batches b
        join imports i on i.account_id = $1 and i.import_id = b.import_id
        where b.account_id = $1 and i.import_uid = $2
        on conflict (account_id) do update set position = excluded.position
        """,
        api.account_id,
        uuid.UUID(done["import_uid"]),
    )
    assert await undone(api, db, done["import_uid"]) == (FANS.batch - 1, 1)
    assert await db.value(FANS_LEFT, api.account_id, "trimmed%@batches.example") == 1


async def test_fans_whom_another_import_named_too_stay_until_that_is_undone(api: Api, db: Db) -> None:
    head = "email,first_name\n"
    first = await imported(api, db, f"{head}both@shared.example,A\nfirst@shared.example,A\n".encode())
    # Nothing is to be written for a fan who is there.
    second = await imported(api, db, f"{head}both@shared.example,\nsecond@shared.example,B\n".encode())
    assert (second["created_count"], second["matched_count"]) == (1, 1)
    assert await undone(api, db, first["import_uid"]) == (1, 1)
    emails = "select array_agg(email order by email) from fans where account_id = $1 and email like '%@shared.example'"
    assert await db.value(emails, api.account_id) == ["both@shared.example", "second@shared.example"]
    # The second one is what created them now, as if the first had never been there.
    assert await undone(api, db, second["import_uid"]) == (2, 0)
    assert await db.value(emails, api.account_id) is None


async def test_fans_of_another_kind_whom_an_import_of_fans_named_too_stay(api: Api, db: Db) -> None:
    rows = "email,campaign_title,activity_timestamp\nplayer@shared.kinds,Quiz,1700000000\n"
    done = await imported(api, db, rows.encode(), "activities")
    await imported(api, db, b"email\nplayer@shared.kinds\n")
    assert await undone(api, db, done["import_uid"]) == (1, 0)
    assert await db.value(FANS_LEFT, api.account_id, "%@shared.kinds") == 1


async def test_an_undone_import_keeps_nobody(api: Api, db: Db) -> None:
    content = b"email\ntwice@undone.example\n"
    first, second = [await imported(api, db, content) for _ in range(2)]
    assert await undone(api, db, second["import_uid"]) == (0, 0)
    assert await undone(api, db, first["import_uid"]) == (1, 0)
