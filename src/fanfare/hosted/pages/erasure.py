"""A fan asks to be erased, and takes it back."""

from datetime import datetime, timedelta

from fanfare.accounts.queries import account_by_id
from fanfare.hosted.actions import erasure_requests as actions
from fanfare.hosted.actions.my_data import SOURCE
from fanfare.hosted.pages.my_data import PATHS, enter, url_of, view_of
from fanfare.hosted.queries import erasure_requests as queries
from fanfare.hosted.schemas.erasure_requests import ErasureConfirmation
from fanfare.hosted.schemas.my_data import MyDataQuery
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.page import Redirect, View, Visit, page

NOT_CONFIRMED = "Please tick this to confirm."


@page.get(PATHS["erasure"])
async def erasure(db: Db, visit: Visit, query: MyDataQuery, now: datetime) -> View:
    """Show what erasure means, and the request if there is one."""
    db = db.for_account(query.account_id)
    session = await enter(db, visit, "erasure", query, now, is_fresh=True)
    account = await account_by_id(db, query.account_id)
    automatic_days = (await queries.erasure_settings(db, account.id)).automatic_days
    values = {
        "request": await queries.waiting_request(db, account.id, session.fan_id),
        "due_at": now + actions.DUE,
        "erase_at": None if automatic_days is None else now + timedelta(days=automatic_days),
        "time_zone": account.time_zone,
    }
    return await view_of(db, visit, query, "erasure.html", values)


@page.post(PATHS["erasure"])
async def erasure_request(db: Db, visit: Visit, form: ErasureConfirmation, now: datetime) -> Redirect:
    """Ask for erasure."""
    db = db.for_account(form.account_id)
    session = await enter(db, visit, "erasure", form, now, is_fresh=True)
    if not form.is_confirmed:
        raise BadParameters([("is_confirmed", NOT_CONFIRMED)])
    origin = actions.Origin(SOURCE, form.business_id, visit.language.code)
    await actions.request_erasure(db, form.account_id, session.fan_id, now, origin)
    return Redirect(url_of(visit, "home", form))


@page.post(PATHS["withdrawal"])
async def erasure_withdraw(db: Db, visit: Visit, form: MyDataQuery, now: datetime) -> Redirect:
    """Take the request back."""
    db = db.for_account(form.account_id)
    session = await enter(db, visit, "home", form, now)
    await actions.withdraw_request(db, form.account_id, session.fan_id, now)
    return Redirect(url_of(visit, "home", form))
