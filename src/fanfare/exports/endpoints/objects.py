"""Over HTTP: files of exports that are complete at storages."""

from fanfare.exports.queries import objects as queries
from fanfare.exports.schemas.objects import ErasureObjectWindow, ExportObject, ExportObjectMeta
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/erasures/{erasure_id}/objects", scope="manage", key=SECRET)
async def manage_erasures_objects(
    db: Db, account: Account, query: ErasureObjectWindow
) -> Page[ExportObjectMeta, ExportObject]:
    """List the files of exports at storages that may contain the person of an erasure, the newest first.

    Each was complete before the erasure, or on its way and could not be deleted yet. Delete them there: Fanfare does
    not delete what is complete at a storage, and cannot delete what the storage does not let it.
    """
    return await queries.objects_of_erasure(db, account.id, query)
