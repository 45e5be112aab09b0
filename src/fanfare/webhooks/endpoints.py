"""Over HTTP: what happens in an account."""

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import EVENTS, LINES, Delivery
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.web.endpoint import endpoint
from fanfare.webhooks.queries import changes
from fanfare.webhooks.schemas.changes import ChangeQuery, LoggedChange


@endpoint.get(
    "/api/v1/manage/changes", scope="manage", key=SECRET, other_media_types=(LINES, EVENTS), has_conflict=True
)
async def manage_changes_list(
    db: Db, account: Account, query: ChangeQuery, delivery: Delivery
) -> ArrayPage[LoggedChange]:
    """List what happened in the account: every change once, in order; with `wait` as soon as something happens.

    Continue with the X-Next-Cursor as `after`. `Accept: application/x-ndjson` returns a change a line, and
    `text/event-stream` server-sent events, which a client continues with its Last-Event-ID. 409 when changes after the
    position were deleted because of their age: `first_position` is the first one still there.
    """
    return await changes.changes(db, account.id, query, delivery)
