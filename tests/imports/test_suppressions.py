"""Imports of suppression lists and their undo: who was suppressed by anybody else stays so."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.messages.actions.suppressions import COMPLAINT, Target, suppress
from tests.api import Api, new_api
from tests.imports.files import PATH, imported, state_of, work_all

LIST = b"email,phone\nalone@list.example,604-555-0150\nboth@list.example,604-555-0151\n"
SUPPRESSED = "select address from suppressions where account_id = $1 order by address"


async def undone(api: Api, db: Db, uid: str) -> dict[str, Any]:
    await api.ok(await api.post(f"{PATH}/{uid}/undo"))
    await work_all(api, db)
    return await state_of(api, uid)


async def again(api: Api, db: Db, way: str) -> None:
    """Suppress an address once more."""
    if way == "another import":
        await imported(api, db, b"email\nboth@list.example\n", "suppressions")
    elif way == "a call":
        await api.ok(await api.post("/api/v1/manage/suppressions", channel="email", recipient="Both@list.example"))
    else:
        await suppress(db, api.account_id, Target("email", "both@list.example"), COMPLAINT, datetime.now(UTC))


@pytest.mark.parametrize("way", ["another import", "a call", "a complaint"])
async def test_an_undo_keeps_who_was_suppressed_again(base_url: str, db: Db, way: str) -> None:
    async with new_api(base_url, db) as api:
        first = await imported(api, db, LIST, "suppressions")
        await again(api, db, way)
        result = await undone(api, db, first["import_uid"])
        assert (result["undone_count"], result["kept_count"]) == (3, 1)
        assert [row["address"] for row in await db.rows(SUPPRESSED, api.account_id)] == ["both@list.example"]
        created = "select count(*) from changes where account_id = $1 and topic = 'suppression.created'"
        assert await db.value(created, api.account_id) == 4


async def test_an_undo_lets_everybody_of_a_file_get_messages_again_however_often_they_are_in_it(
    base_url: str, db: Db
) -> None:
    async with new_api(base_url, db) as api:
        rows = [f"n{number}@list.example" for number in range(1100)]
        content = "\n".join(["email", *rows, *rows]).encode()
        first = await imported(api, db, content, "suppressions")
        assert (first["created_count"], first["matched_count"]) == (1100, 1100)
        result = await undone(api, db, first["import_uid"])
        assert (result["undone_count"], result["kept_count"]) == (1100, 0)
