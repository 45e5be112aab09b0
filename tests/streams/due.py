"""What makes the jobs of streams due."""

from typing import Any

from fanfare.kernel.data.db import Db
from tests.api import Api


async def post(api: Api, **stream: Any) -> str:
    """Create a stream with a record, and return the path of the stream."""
    key = (await api.ok(await api.post("/api/v1/manage/streams", stream_name="Old", **stream)))["stream_key"]
    await api.ok(await api.post(f"/api/v1/streams/{key}/records", name="Ada", caption="Go!"))
    return f"/api/v1/manage/streams/{key}"


async def an_old_post(api: Api, db: Db) -> None:
    await post(api, retention_days=1)
    sql = """
        with days as (update stream_days set record_date = record_date - 2 where account_id = $1)
        update stream_records set created_at = created_at - interval '2 days' where account_id = $1
    """
    await db.execute(sql, api.account_id)


async def a_deleted_stream(api: Api, _: Db) -> None:
    await api.ok(await api.delete(await post(api)))


async def an_old_sender(api: Api, db: Db) -> None:
    await post(api)
    sql = "update stream_records set sender_key = 'x', stored_at = now() - interval '2 hours' where account_id = $1"
    await db.execute(sql, api.account_id)


async def an_unused_picture(api: Api, db: Db) -> None:
    sql = "insert into stream_pictures values ($1, 'unused', '', now() - interval '1 day') on conflict do nothing"
    await db.execute(sql, api.account_id)


async def a_sealed_source(api: Api, db: Db) -> None:
    source = {"source_kind": "mailbox", "url": "imap://127.0.0.1:9", "user_name": "wall", "secret": "secret"}
    await api.ok(await api.post(f"{await post(api)}/sources", **source))
    # Stored twice: one changes when it is sealed again.
    await db.execute("update stream_sources set source_name = sealed_secret where account_id = $1", api.account_id)
