"""Snapshots that are created while fans are merged or erased."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from fanfare.fans.actions import erasure, merging
from fanfare.fans.schemas.merges import MergeOther
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.running import PATIENCE

FANS = "/api/v1/crm/fans"
MANAGE = "/api/v1/manage"


async def create(api: Api, name: str) -> int:
    email = f"{uuid.uuid4().hex}@example.com"
    return int((await api.ok(await api.post(FANS, email=email, first_name=name)))["fan_id"])


async def members(db: Db, api: Api, snapshot_uid: str) -> set[int]:
    rows = await db.rows(
        "select fan_id from snapshot_members where account_id = $1 and snapshot_uid = $2",
        api.account_id,
        uuid.UUID(snapshot_uid),
    )
    return {row["fan_id"] for row in rows}


WAITING = "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"


@pytest.mark.parametrize("source", ["fan_ids", "filter_uid", "search_uid"])
@pytest.mark.parametrize("end", ["merged", "merged into a member", "erased"])
async def test_a_fan_merged_or_erased_during_the_creation_of_a_snapshot_is_handled(
    api: Api, db: Db, end: str, source: str
) -> None:
    name = uuid.uuid4().hex
    stays, goes = await create(api, name), await create(api, name)
    outside = await create(api, "Bea")
    into = outside if end == "merged" else stays
    created = await api.ok(await api.post(f"{MANAGE}/filters", filter_name=name, name=name))
    search = await api.ok(await api.get(FANS, name=name, limit=1))
    sources = {
        "fan_ids": [stays, goes],
        "filter_uid": created["filter_uid"],
        "search_uid": search["meta"]["search_uid"],
    }
    async with db.transaction() as tx:
        if end == "erased":
            await erasure.erase_fan(tx, api.account_id, goes, datetime.now(UTC), source="test")
        else:
            change = MergeOther(fan_id=into, merged_fan_id=goes)
            await merging.merge_fans(tx, api.account_id, change, datetime.now(UTC), source="test")
        freeze = api.post(f"{MANAGE}/snapshots", snapshot_name=uuid.uuid4().hex, **{source: sources[source]})
        call = asyncio.create_task(freeze)
        async with asyncio.timeout(PATIENCE):
            # Each look is a round trip, and the call goes on meanwhile.
            while not call.done() and not await db.value(WAITING):
                pass
    expected = {stays, into} if end != "erased" else {stays}
    frozen = await api.ok(await call)
    assert (await members(db, api, frozen["snapshot_uid"]), frozen["fan_count"]) == (expected, len(expected))
