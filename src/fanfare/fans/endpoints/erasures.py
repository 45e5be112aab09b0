"""HTTP endpoints of data exports, erasures and their certificates."""

from datetime import datetime

from fanfare.fans.actions import erasure
from fanfare.fans.queries import erasures as queries
from fanfare.fans.queries import export
from fanfare.fans.schemas.erasures import Erasure, ErasureMeta, ErasureWindow, OneErasure
from fanfare.fans.schemas.export import FanExport
from fanfare.fans.schemas.fans import OneFan
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/fans/{fan_id}/export", scope="manage", key=SECRET)
async def manage_fans_export(db: Db, account: Account, target: OneFan, now: datetime) -> FanExport:
    """Return everything that is stored about a fan, table by table, for a data access request."""
    return await export.export_fan(db, account.id, target.fan_id, now)


@endpoint.post("/api/v1/manage/fans/{fan_id}/erase", scope="manage", key=SECRET)
async def manage_fans_erase(db: Db, account: Account, target: OneFan, now: datetime) -> Erasure:
    """Erase a fan from every table and return the certificate.

    Amounts and figures stay, without the person. The id of a merged fan erases the fan it was merged into: they are one
    person. It cannot be undone.
    """
    return await erasure.erase_fan(db, account.id, target.fan_id, now, source="manage_fans_erase")


@endpoint.get("/api/v1/manage/erasures", scope="manage", key=SECRET)
async def manage_erasures_list(db: Db, account: Account, query: ErasureWindow) -> Page[ErasureMeta, Erasure]:
    """List the certificates of erasures, the newest first.

    Keep them elsewhere, so that the erasures can be repeated after a restore.
    """
    return await queries.erasures(db, account.id, query)


@endpoint.get("/api/v1/manage/erasures/{erasure_id}", scope="manage", key=SECRET)
async def manage_erasures_get(db: Db, account: Account, target: OneErasure) -> Erasure:
    """Return the certificate of an erasure."""
    return await queries.erasure(db, account.id, target.erasure_id)
