"""The exchange of a code of the login page for a session, over HTTP."""

from datetime import datetime

from fanfare.hosted.actions import login_codes
from fanfare.hosted.schemas.login_codes import AccessToken
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.sessions.schemas.connect import Session


@endpoint.post("/crm/access_token", scope="sessions", key=SECRET, has_secret_answer=True)
async def crm_access_token_create(db: Db, account: Account, request: AccessToken, now: datetime) -> Session:
    """Exchange the code with which the login page led back to a site for a session of the fan.

    A code works once, within 60 seconds, with the account and the redirect_url that it was made for. The secret is sent
    as api_secret, or in api_key. A used code that is sent again ends the session that it opened.
    """
    return await login_codes.exchange(db, account, request, now)


@endpoint.get("/crm/access_token", scope="sessions", key=SECRET, has_secret_answer=True)
async def crm_access_token_get(db: Db, account: Account, request: AccessToken, now: datetime) -> Session:
    """Return the same as the POST, for clients that use GET; it is not cached."""
    return await login_codes.exchange(db, account, request, now)
