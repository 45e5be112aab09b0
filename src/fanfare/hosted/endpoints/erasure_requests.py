"""Requests for erasure over HTTP."""

from datetime import datetime

from fanfare.hosted.actions import erasure_requests as actions
from fanfare.hosted.queries import erasure_requests as queries
from fanfare.hosted.schemas.erasure_requests import (
    ErasureDecision,
    ErasureRequest,
    ErasureRequestMeta,
    ErasureRequestWindow,
    ErasureSettings,
    NewErasureRequest,
)
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint

SOURCE = actions.Origin("manage_erasure_requests_create")


@endpoint.get("/api/v1/manage/erasure_requests", scope="manage", key=SECRET)
async def manage_erasure_requests_list(
    db: Db, account: Account, query: ErasureRequestWindow
) -> Page[ErasureRequestMeta, ErasureRequest]:
    """List the fans who asked to be erased, the newest first. A request must be decided within a month."""
    return await queries.erasure_requests(db, account.id, query)


@endpoint.post("/api/v1/manage/erasure_requests", scope="manage", key=SECRET)
async def manage_erasure_requests_create(
    db: Db, account: Account, new: NewErasureRequest, now: datetime
) -> ErasureRequest:
    """Create a request for a fan who asked by other means; one that waits already is returned."""
    return await actions.request_erasure(db, account.id, new.fan_id, now, SOURCE)


@endpoint.post("/api/v1/manage/erasure_requests/{erasure_request_id}", scope="manage", key=SECRET)
async def manage_erasure_requests_decide(
    db: Db, account: Account, decision: ErasureDecision, now: datetime
) -> ErasureRequest:
    """Erase the fan of a request, or refuse it; 409 if it is decided or withdrawn.

    An erasure cannot be undone. A fan with an email address gets the number of the certificate by mail.
    """
    return await actions.decide(db, account.id, decision, now)


@endpoint.get("/api/v1/manage/erasure_settings", scope="manage", key=SECRET)
async def manage_erasure_settings_get(db: Db, account: Account) -> ErasureSettings:
    """Return after how many days requests for erasure are carried out without staff; null if staff decide."""
    return await queries.erasure_settings(db, account.id)


@endpoint.post("/api/v1/manage/erasure_settings", scope="manage", key=SECRET)
async def manage_erasure_settings_save(db: Db, account: Account, settings: ErasureSettings) -> ErasureSettings:
    """Set after how many days new requests for erasure are carried out without staff; empty if staff decide."""
    return await actions.save_settings(db, account.id, settings)
