"""Lists that are frozen while fans become others or are erased."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from fanfare.fans.actions import erasure, merging
from fanfare.fans.schemas.merges import MergeOther
from fanfare.kernel.data.db import Db
from tests.api import Api

FANS = "/api/v1/crm/fans"
MANAGE = "/api/v1/manage"


async def made(api: Api, name: str) -> int:
    email = f"{uuid.uuid4().hex}@example.com"
    return int((await api.ok(await api.post(FANS, email=email, first_name=name)))["fan_id"])


async def members(db: Db, api: Api, snapshot_uid: str) -> set[int]:
    rows = await db.rows(
        "select fan_id from snapshot_members where account_id = $1 and snapshot_uid = $2",
        api.account_id,
        uuid.UUID(snapshot_uid),
    )
    return {row["fan_id"] for row in rows}


@pytest.mark.parametrize("end", ["merged", "merged into a member", "erased"])
async def test_a_list_names_who_is_there_when_a_fan_goes_while_it_is_frozen(api: Api, db: Db, end: str) -> None:
    name = uuid.uuid4().hex
    stays, goes = await made(api, name), await made(api, name)
    outside = await made(api, "Bea")
    into = outside if end == "merged" else stays
    kept = await api.ok(await api.post(f"{MANAGE}/filters", filter_name=name, name=name))
    search = await api.ok(await api.get(FANS, name=name, limit=1))
    sources = (
        {"fan_ids": [stays, goes]},
        {"filter_uid": kept["filter_uid"]},
        {"search_uid": search["meta"]["search_uid"]},
    )
    async with db.transaction() as held:
        if end == "erased":
            await erasure.erase_fan(held, api.account_id, goes, datetime.now(UTC), source="test")
        else:
            wanted = MergeOther(fan_id=into, merged_fan_id=goes)
            await merging.merge_fans(held, api.account_id, wanted, datetime.now(UTC), source="test")
        calls = [
            asyncio.create_task(api.post(f"{MANAGE}/snapshots", snapshot_name=uuid.uuid4().hex, **source))
            for source in sources
        ]
        # Time to get ahead of it, for whoever does not wait for it.
        await asyncio.wait(calls, timeout=1)
    expected = {stays, into} if end != "erased" else {stays}
    for call in calls:
        frozen = await api.ok(await call)
        assert (await members(db, api, frozen["snapshot_uid"]), frozen["fan_count"]) == (expected, len(expected))
