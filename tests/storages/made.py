"""Storages for tests of all calls."""

from contextlib import ExitStack
from functools import cache
from typing import Any

from tests.servers import Reply, http_server

# A generator that nobody refers to would end the service.
RUNNING = ExitStack()
LISTING = b"<ListBucketResult><Contents><Key>members.csv</Key><Size>6</Size></Contents></ListBucketResult>"


@cache
def running_service() -> str:
    """Return the URL of a service that lists one object, and takes whatever it gets."""
    return RUNNING.enter_context(http_server(lambda _: Reply(LISTING, headers={"etag": '"one"'})))


async def made_storages(post: Any) -> dict[str, Any]:
    """Make a storage and return its uid."""
    fields = {"name": "Warehouse", "endpoint": running_service(), "bucket": "club", "access_key_id": "key"}
    return {"storage_uid": (await post("manage/storages", **fields, secret="secret"))["storage_uid"]}
