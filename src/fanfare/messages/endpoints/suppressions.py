"""Over HTTP: addresses that get no messages."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.web.endpoint import endpoint
from fanfare.messages.actions import suppressions as actions
from fanfare.messages.queries import suppressions as queries
from fanfare.messages.schemas.suppressions import NewSuppression, OneSuppression, Suppression, SuppressionQuery


@endpoint.get("/api/v1/manage/suppressions", scope="manage", key=SECRET)
async def manage_suppressions_list(db: Db, account: Account, query: SuppressionQuery) -> ArrayPage[Suppression]:
    """List the addresses that get no messages, since mail to them bounced, their owners complained, or by hand."""
    return await queries.suppressions(db, account.id, query)


@endpoint.post("/api/v1/manage/suppressions", scope="manage", key=SECRET)
async def manage_suppressions_create(db: Db, account: Account, new: NewSuppression, now: datetime) -> bool:
    """Send no more messages to an address, of whatever kind; one that is suppressed stays as it is."""
    await actions.suppress_manually(db, account, new, now)
    return True


@endpoint.delete("/api/v1/manage/suppressions/{suppression_id}", scope="manage", key=SECRET)
async def manage_suppressions_delete(db: Db, account: Account, target: OneSuppression, now: datetime) -> bool:
    """Let an address get messages again."""
    await actions.lift(db, account.id, target.suppression_id, now)
    return True
