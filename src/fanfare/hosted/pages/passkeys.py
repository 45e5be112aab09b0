"""The fan's passkeys: those that there are, one more, one less; and the login by one."""

from datetime import datetime

from fanfare.accounts.queries import account_by_id
from fanfare.hosted.actions import passkeys as actions
from fanfare.hosted.pages.login import go_on
from fanfare.hosted.pages.login_frame import PASSKEY, login_page, login_paths, open_destination
from fanfare.hosted.pages.my_data import PATHS, enter, url_of, view_of
from fanfare.hosted.schemas.login import LoginQuery
from fanfare.hosted.schemas.my_data import MyDataQuery
from fanfare.hosted.schemas.passkeys import AddedPasskey, NamedPasskey, OwnPasskey, PasskeyLogin
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.kernel.pages.page import Redirect, View, Visit, page
from fanfare.passkeys.actions.challenges import FIELD
from fanfare.passkeys.queries import passkeys
from fanfare.sessions.actions.passkeys import remove_own, rename_passkey
from fanfare.sessions.schemas.connect import PASSKEY as BY_PASSKEY
from fanfare.sessions.schemas.passkeys import RenamedPasskey, SessionPasskey

NOT_ADDED = "This passkey was not accepted. Please try again."
WRONG_NAME = "Enter a name of at most 100 characters."
NOT_ENTERED = "This passkey was not accepted. Please use another way to log in."


@page.get(PATHS["passkeys"])
async def own_passkeys(db: Db, visit: Visit, query: MyDataQuery, now: datetime) -> View:
    """Show the passkeys of the fan, to add one and to remove each."""
    db = db.for_account(query.account_id)
    account = await account_by_id(db, query.account_id)
    session = await enter(db, visit, "passkeys", query, now, is_fresh=True)
    values = {
        "passkeys": await passkeys(db, query.account_id, session.fan_id),
        "time_zone": account.time_zone,
        "options": await actions.creation_options(db, account, session, now),
    }
    return await view_of(db, visit, query, "passkeys.html", values)


@page.post(PATHS["passkeys"])
async def passkey_add(db: Db, visit: Visit, form: AddedPasskey, now: datetime) -> Redirect:
    """Add the passkey that the browser made."""
    db = db.for_account(form.account_id)
    account = await account_by_id(db, form.account_id)
    session = await enter(db, visit, "passkeys", form, now, is_fresh=True)
    try:
        await actions.add(db, account, session, form, now)
    except (BadParameters, Conflict):
        raise BadParameters([(FIELD, NOT_ADDED)]) from None
    return Redirect(url_of(visit, "passkeys", form, is_saved="true"))


@page.post(PATHS["passkey_removal"])
async def passkey_remove(db: Db, visit: Visit, form: OwnPasskey, now: datetime) -> Redirect:
    """Remove a passkey of the fan."""
    db = db.for_account(form.account_id)
    account = await account_by_id(db, form.account_id)
    session = await enter(db, visit, "passkeys", form, now, is_fresh=True)
    target = SessionPasskey(session_uid=session.session_uid, passkey_id=form.passkey_id)
    await remove_own(db, account, target, now)
    return Redirect(url_of(visit, "passkeys", form, is_saved="true"))


@page.get(PATHS["passkey_name"])
async def passkey_name(db: Db, visit: Visit, query: OwnPasskey, now: datetime) -> View:
    """Show the name of a passkey, to be changed."""
    db = db.for_account(query.account_id)
    session = await enter(db, visit, "passkeys", query, now, is_fresh=True)
    entries = await passkeys(db, query.account_id, session.fan_id)
    entry = next((each for each in entries if each.passkey_id == query.passkey_id), None)
    if entry is None:
        raise Unknown(passkey=query.passkey_id)
    if visit.faults:
        visit.faults = {"passkey_name": WRONG_NAME}
    return await view_of(db, visit, query, "passkey_name.html", {"passkey": entry})


@page.post(PATHS["passkey_name"])
async def passkey_name_save(db: Db, visit: Visit, form: NamedPasskey, now: datetime) -> Redirect:
    """Save the name of a passkey."""
    db = db.for_account(form.account_id)
    account = await account_by_id(db, form.account_id)
    session = await enter(db, visit, "passkeys", form, now, is_fresh=True)
    change = RenamedPasskey(session_uid=session.session_uid, passkey_id=form.passkey_id, passkey_name=form.passkey_name)
    await rename_passkey(db, account, change, now)
    return Redirect(url_of(visit, "passkeys", form, is_saved="true"))


@page.get(PASSKEY)
async def passkey_login(db: Db, visit: Visit, query: LoginQuery, now: datetime) -> View | Redirect:
    """Show the login again, with what was wrong with a passkey."""
    path = login_paths(visit)["login"]
    if not visit.faults:
        return Redirect(path)
    db = db.for_account(query.account_id)
    destination = await open_destination(db, visit, query)
    # Its other forms are those of the login.
    visit.url = path
    return await login_page(db, visit, destination, now)


@page.post(PASSKEY)
async def passkey_login_send(db: Db, visit: Visit, form: PasskeyLogin, now: datetime) -> View | Redirect:
    """Log in by a passkey."""
    db = db.for_account(form.account_id)
    destination = await open_destination(db, visit, form)
    fields = {"network": BY_PASSKEY, "credential": form.credential}
    try:
        return await go_on(db, visit, destination, fields, now)
    except BadParameters:
        raise BadParameters([(FIELD, NOT_ENTERED)]) from None
