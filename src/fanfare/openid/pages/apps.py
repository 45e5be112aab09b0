"""The programs that a fan has agreed to, each with a button that ends it."""

from datetime import datetime

from fanfare.hosted import browser_sessions
from fanfare.hosted.pages.my_data import PROGRAMS, url_of
from fanfare.hosted.queries.looks import look_of
from fanfare.hosted.schemas.my_data import MyDataQuery
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit, page
from fanfare.openid.actions import authorization
from fanfare.openid.queries.consents import consents
from fanfare.openid.schemas.authorization import Provider, Withdrawal


def _path(account_id: int) -> str:
    return PROGRAMS.format(account_id=account_id)


@page.get(PROGRAMS)
async def apps(db: Db, visit: Visit, provider: Provider, now: datetime) -> View | Redirect:
    """Show the programs that the fan has agreed to."""
    account_id = provider.account_id
    db = db.for_account(account_id)
    look = await look_of(db, account_id)
    session = await browser_sessions.current(db, visit, account_id, now)
    if session is None:
        return Redirect(browser_sessions.login_url(account_id, None, _path(account_id)))
    entries = await consents(db, account_id, session.fan_id)
    my_data_url = url_of(visit, "home", MyDataQuery(account_id=account_id))
    values = {"look": look, "consents": entries, "action": _path(account_id), "my_data_url": my_data_url}
    return View("openid/templates/apps.html", values)


@page.post(PROGRAMS)
async def withdraw(db: Db, visit: Visit, withdrawal: Withdrawal, now: datetime) -> Redirect:
    """End what the fan agreed to at one program."""
    account_id = withdrawal.account_id
    db = db.for_account(account_id)
    session = await browser_sessions.current(db, visit, account_id, now)
    if session is not None:
        await authorization.withdraw(db, account_id, withdrawal.client_id, session.fan_id, now)
    return Redirect(_path(account_id))
