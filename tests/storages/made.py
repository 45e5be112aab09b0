"""Storages for tests of all calls."""

from typing import Any


async def made_storages(post: Any) -> dict[str, Any]:
    """Make a storage that nobody answers for, and return its uid."""
    fields = {"name": "Warehouse", "endpoint": "http://127.0.0.1:1", "bucket": "club", "access_key_id": "key"}
    return {"storage_uid": (await post("manage/storages", **fields, secret="secret"))["storage_uid"]}
