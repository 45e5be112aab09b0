"""Work on storages that is due."""

from datetime import UTC, datetime

from fanfare.exports.actions import running
from fanfare.kernel.data.db import Db
from tests.api import Api


async def a_storage(api: Api) -> str:
    """Make a storage that nobody answers for, and return its uid."""
    fields = {"name": "Warehouse", "endpoint": "http://127.0.0.1:1", "bucket": "club", "access_key_id": "key"}
    return str((await api.ok(await api.post("/api/v1/manage/storages", **fields, secret="secret")))["storage_uid"])


async def a_file_for_a_storage(api: Api, db: Db) -> None:
    uid = await a_storage(api)
    await api.ok(await api.post("/api/v1/manage/exports", table="activities", storage_uid=uid))
    while await running.work(db.for_account(api.account_id), api.account_id, datetime.now(UTC)):
        pass
    await db.execute(
        "update export_deliveries set due_at = due_at - interval '1 day' where account_id = $1", api.account_id
    )


async def an_object_of_a_storage(api: Api, db: Db) -> None:
    fields = {"kind": "fans", "storage_uid": await a_storage(api), "object_key": "members.csv"}
    await api.ok(await api.post("/api/v1/manage/imports", **fields))
    await db.execute(
        "update import_fetches set due_at = due_at - interval '1 day' where account_id = $1", api.account_id
    )


async def a_sealed_storage(api: Api, db: Db) -> None:
    await a_storage(api)
    await db.execute("update storages set storage_name = sealed_secret where account_id = $1", api.account_id)


# Each job with what makes it due, and the SQL that says whether it was done.
OF_STORAGES = {
    "exports.deliver_files": (
        a_file_for_a_storage,
        "select lease_ends_at > '-infinity' or failure_count > 0 from export_deliveries where account_id = $1",
    ),
    "imports.fetch_files": (
        an_object_of_a_storage,
        "select lease_ends_at > '-infinity' or failure_count > 0 from import_fetches where account_id = $1",
    ),
    "storages.seal_secrets": (
        a_sealed_storage,
        "select storage_name <> sealed_secret from storages where account_id = $1",
    ),
}
