"""The buttons of identity providers: to the provider's login page, and back from it."""

from datetime import datetime
from urllib.parse import urlencode

import structlog

from fanfare.hosted.actions import provider_logins
from fanfare.hosted.actions.provider_logins import RETURN, START
from fanfare.hosted.pages.login import go_on
from fanfare.hosted.pages.login_frame import login_page, open_destination
from fanfare.hosted.schemas.login import LoginQuery, ProviderQuery, ProviderReturn
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.languages import PARAMETER
from fanfare.kernel.pages.page import Redirect, View, Visit, page
from fanfare.kernel.parameters import from_query, read

log = structlog.get_logger()
NOT_LOGGED_IN = "You were not logged in there. Try again, or log in another way."


@page.get(START)
async def login_provider(db: Db, visit: Visit, query: ProviderQuery, now: datetime) -> Redirect:
    """Send the browser to the login page of a provider."""
    db = db.for_account(query.account_id)
    destination = await open_destination(db, visit, query)
    return Redirect(await provider_logins.begin(db, visit, destination, query.provider_id, now))


@page.get(RETURN)
async def login_provider_return(db: Db, visit: Visit, back: ProviderReturn, now: datetime) -> View | Redirect:
    """Log the fan in whom the provider sends back, and go on as after a password."""
    account_id, login = provider_logins.returned_login(visit, back.state)
    db = db.for_account(account_id)
    # From here on this is the login page that the browser left.
    visit.url = login.url
    raw = from_query(login.url.partition("?")[2].encode())
    visit.choose_language(str(raw.get(PARAMETER, [""])[0]))
    query = read(LoginQuery, raw)
    destination = await open_destination(db, visit, query)
    if back.code and not back.error:
        try:
            fields = await provider_logins.step_fields(db, destination, login, back, now)
            return await go_on(db, visit, destination, fields, now)
        except BadParameters as wrong:
            # For the operator: what is wrong with a token or a code is nothing that the fan can mend.
            log.info("login at an identity provider refused", account_id=account_id, reason=wrong.detail)
    visit.faults = {"contact": NOT_LOGGED_IN}
    return await login_page(db, visit, destination, now)


@page.post(RETURN, is_open=True)
async def login_provider_post(back: ProviderReturn) -> Redirect:
    """Take a provider's form, which comes without our cookies (SameSite=Lax), to the same address by GET, with them."""
    user = provider_logins.sealed_names(back.user or "", back.state)
    values = {"state": back.state, "code": back.code, "error": back.error, "user": user}
    return Redirect(f"{RETURN}?{urlencode({name: value for name, value in values.items() if value})}")
