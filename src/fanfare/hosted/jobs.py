"""Deletes what the login page no longer needs, and carries out requests for erasure that wait for no staff."""

import uuid
from datetime import datetime

import structlog

from fanfare.accounts import queries as accounts
from fanfare.fans.actions.password_resets import forget_resets
from fanfare.hosted.actions.erasure_requests import RequestDecided, decide
from fanfare.hosted.actions.login_codes import forget_codes
from fanfare.hosted.actions.password_resets import answer_request, forget_requests
from fanfare.hosted.queries.erasure_requests import due_requests
from fanfare.hosted.schemas.erasure_requests import ErasureDecision
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import job, schedule

log = structlog.get_logger()
AT_ONCE = 100


@schedule("*/10 * * * *", each=accounts.account_ids)
async def forget_login_codes(db: Db, account_id: int, now: datetime) -> None:
    """Delete codes of an account's login page that expired a day ago, and ids for new passwords that expired."""
    await forget_codes(db, account_id, now)
    await forget_resets(db, account_id, now)
    await forget_requests(db, account_id, now)


@job()
async def answer_reset_request(db: Db, request_uid: str, now: datetime) -> None:
    """Send a link to set a new password, if a fan has the address for which it was asked."""
    if db.account_id is not None:
        await answer_request(db, db.account_id, uuid.UUID(request_uid), now)


@schedule("*/15 * * * *", each=accounts.account_ids)
async def erase_as_requested(db: Db, account_id: int, now: datetime) -> None:
    """Erase the fans of an account whose requests are due; the rest of many at the next turn.

    The others do not wait for one that fails; the first fault is raised after them.
    """
    faults: list[Exception] = []
    for erasure_request_id in await due_requests(db, account_id, now, AT_ONCE):
        decision = ErasureDecision(erasure_request_id=erasure_request_id, decision="erase")
        try:
            await decide(db, account_id, decision, now)
        except RequestDecided:
            # withdrawn in this moment
            continue
        except Exception as fault:
            log.exception("erasure_request_failed", account_id=account_id, erasure_request_id=erasure_request_id)
            faults.append(fault)
    if faults:
        raise faults[0]
