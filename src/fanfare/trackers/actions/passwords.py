"""Opens a link that has a password; guesses are counted by IP address and by link."""

from datetime import timedelta

from fanfare.fans.actions.passwords import is_password
from fanfare.kernel.addresses import subscriber
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.sessions.actions.budgets import Attempt, Budget, count, give_back
from fanfare.trackers.actions.redirects import NoLink, Redirector, Request

# Wrong passwords of one link from one IP address, and of one link from all.
GUESSES = Budget("link passwords of a caller", 20, timedelta(hours=1))
LINK_GUESSES = Budget("link passwords", 1000, timedelta(hours=1))
WRONG_PASSWORD = "the password is wrong"  # noqa: S105 - a message


async def open_link(db: Db, request: Request, password: str) -> tuple[str, str]:
    """Store the click and return where it leads, and the visitor's cookie.

    BadParameters (422) for a wrong password, 429 after many.
    """
    redirector = Redirector(db)
    _, link = await redirector.find(request.host, request.tracker_key, request.now)
    account_db = db.for_account(link.account_id)
    caller = f"{link.tracker_id} {subscriber(request.signals.ip_address)}"
    attempts = [Attempt(GUESSES, caller), Attempt(LINK_GUESSES, str(link.tracker_id))]
    receipts = await count(account_db, link.account_id, attempts, request.now)
    password_hash = await account_db.value(
        "select password_hash from trackers where account_id = $1 and tracker_id = $2", link.account_id, link.tracker_id
    )
    if password_hash is not None and not await is_password(link.account_id, password_hash, password):
        raise BadParameters([("password", WRONG_PASSWORD)])
    await give_back(account_db, link.account_id, receipts)
    followed = await redirector.follow(request, has_password=True)
    if followed.location is None or followed.visitor is None:
        raise NoLink
    return followed.location, followed.visitor
