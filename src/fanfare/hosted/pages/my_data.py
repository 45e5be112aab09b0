"""What is stored of the fan who is logged in in this browser: to see, to change, to take along."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fanfare.accounts.queries import account_by_id
from fanfare.fans.queries.fans import fan
from fanfare.hosted import browser_sessions
from fanfare.hosted.actions import my_data as actions
from fanfare.hosted.actions import preferences
from fanfare.hosted.browser_sessions import Asks, BrowserSession
from fanfare.hosted.pages.login_frame import password_in_words
from fanfare.hosted.pages.preferences import WORDING
from fanfare.hosted.queries import my_data as queries
from fanfare.hosted.queries.erasure_requests import waiting_request
from fanfare.hosted.queries.looks import look_of
from fanfare.hosted.queries.preferences import choices
from fanfare.hosted.schemas.my_data import MyChoices, MyDataQuery, MyIdentity, MyName, MyPassword, MySession
from fanfare.identities.actions.links import unlink
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.languages import with_language
from fanfare.kernel.pages.page import Detour, Download, Redirect, View, Visit, page
from fanfare.messages.actions.preference_links import Recipient
from fanfare.passkeys.queries import passkeys
from fanfare.sessions.queries.sessions import fan_sessions

TEMPLATES = "hosted/templates/my_data"
HOME = "/crm/my_data"
PATHS = {
    "home": HOME,
    **{
        name: f"{HOME}/{name}"
        for name in ("name", "password", "consents", "sessions", "identities", "download", "erasure", "withdrawal")
    },
    "passkeys": "/crm/passkeys",
    "passkey_removal": "/crm/passkeys/remove",
    "passkey_name": "/crm/passkeys/name",
}
# Pages that show nothing of what is stored of an address.
OPEN = frozenset({"password", "consents", "passkeys"})
# The programs that the fan logs in at; `openid` has the page.
PROGRAMS = "/openid/{account_id}/apps"


def url_of(visit: Visit, name: str, query: MyDataQuery, **flags: str) -> str:
    """Return the path and query of one of these pages."""
    business = {} if query.business_id is None else {"business_id": query.business_id}
    return f"{PATHS[name]}?{urlencode({'account_id': query.account_id, **business, **flags, **visit.chosen_language})}"


async def enter(
    db: Db, visit: Visit, name: str, query: MyDataQuery, now: datetime, *, is_fresh: bool = False
) -> BrowserSession:
    """Return the session of the fan, or raise a Detour by the login, back to this page.

    For most pages the fan's address must be confirmed, by a code: anybody can register with it, and what others send
    about it is then stored of that fan.
    With `is_fresh`, as to take all data along or to add a passkey, the fan must have logged in in the last ten minutes.
    """
    session = await browser_sessions.current(db, visit, query.account_id, now)
    is_old = session is not None and is_fresh and not session.is_fresh(now)
    if session is None or is_old:
        next_path = url_of(visit, name, query)
        asks: Asks = "fresh" if is_fresh else "any"
        raise Detour(browser_sessions.login_url(query.account_id, query.business_id, next_path, asks=asks))
    contact = "" if name in OPEN else await queries.unconfirmed_contact(db, query.account_id, session.fan_id)
    if contact:
        next_path = url_of(visit, name, query)
        raise Detour(browser_sessions.code_login_url(query.account_id, query.business_id, next_path, contact))
    return session


async def view_of(db: Db, visit: Visit, query: MyDataQuery, template: str, values: dict[str, Any]) -> View:
    """Return a page in the look of the business."""
    return View(
        f"{TEMPLATES}/{template}",
        {
            "look": await look_of(db, query.account_id, query.business_id),
            "urls": {name: url_of(visit, name, query) for name in PATHS},
            "is_saved": query.is_saved,
            **values,
        },
    )


@page.get(PATHS["home"])
async def my_data(db: Db, visit: Visit, query: MyDataQuery, now: datetime) -> View:
    """Show what is stored of the fan."""
    db = db.for_account(query.account_id)
    account = await account_by_id(db, query.account_id)
    session = await enter(db, visit, "home", query, now)
    values = {
        "fan": await fan(db, query.account_id, session.fan_id),
        "data": await queries.my_data(db, query.account_id, session.fan_id),
        "passkeys": await passkeys(db, query.account_id, session.fan_id),
        "sessions": await fan_sessions(db, query.account_id, session.fan_id, now),
        "session_id": session.session_id,
        "programs_url": with_language(PROGRAMS.format(account_id=query.account_id), visit.language.code),
        "time_zone": account.time_zone,
        "erasure_request": await waiting_request(db, query.account_id, session.fan_id),
    }
    return await view_of(db, visit, query, "my_data.html", values)


@page.get(PATHS["name"])
async def name(db: Db, visit: Visit, query: MyDataQuery, now: datetime) -> View:
    """Show the name, to be changed."""
    db = db.for_account(query.account_id)
    session = await enter(db, visit, "name", query, now)
    return await view_of(db, visit, query, "name.html", {"fan": await fan(db, query.account_id, session.fan_id)})


@page.post(PATHS["name"])
async def name_save(db: Db, visit: Visit, form: MyName, now: datetime) -> Redirect:
    """Save the name."""
    db = db.for_account(form.account_id)
    session = await enter(db, visit, "name", form, now)
    await actions.change_name(db, form, session.fan_id, now)
    return Redirect(url_of(visit, "home", form, is_saved="true"))


@page.get(PATHS["password"])
async def password(db: Db, visit: Visit, query: MyDataQuery, now: datetime) -> View:
    """Ask for a new password."""
    db = db.for_account(query.account_id)
    await enter(db, visit, "password", query, now, is_fresh=True)
    password_in_words(visit)
    return await view_of(db, visit, query, "password.html", {})


@page.post(PATHS["password"])
async def password_save(db: Db, visit: Visit, form: MyPassword, now: datetime) -> Redirect:
    """Set the password and end the other sessions."""
    db = db.for_account(form.account_id)
    session = await enter(db, visit, "password", form, now, is_fresh=True)
    await actions.change_password(db, form.account_id, session, form.password, now)
    return Redirect(url_of(visit, "home", form, is_saved="true"))


@page.get(PATHS["consents"])
async def consents(db: Db, visit: Visit, query: MyDataQuery, now: datetime) -> View:
    """Show what the fan may be sent, to be changed."""
    db = db.for_account(query.account_id)
    session = await enter(db, visit, "consents", query, now)
    person = await fan(db, query.account_id, session.fan_id)
    values = {"fan": person, "choices": await choices(db, query.account_id, person)}
    return await view_of(db, visit, query, "consents.html", values)


@page.post(PATHS["consents"])
async def consents_save(db: Db, visit: Visit, form: MyChoices, now: datetime) -> Redirect:
    """Save what the fan ticked."""
    db = db.for_account(form.account_id)
    session = await enter(db, visit, "consents", form.query(), now)
    wording = preferences.Wording(actions.SOURCE, visit.language.text(WORDING))
    await preferences.save_choices(db, Recipient(form.account_id, session.fan_id), form, now, wording)
    return Redirect(url_of(visit, "consents", form.query(), is_saved="true"))


@page.post(PATHS["sessions"])
async def sessions_end(db: Db, visit: Visit, form: MySession, now: datetime) -> Redirect:
    """End a session on another device, or all of them, which logs out here as well."""
    db = db.for_account(form.account_id)
    session = await enter(db, visit, "home", form, now)
    await actions.end(db, form.account_id, session.fan_id, form.session_id, now)
    if form.session_id in (None, session.session_id):
        browser_sessions.forget(visit, form.account_id)
    return Redirect(url_of(visit, "home", form))


@page.post(PATHS["identities"])
async def identity_remove(db: Db, visit: Visit, form: MyIdentity, now: datetime) -> Redirect:
    """Remove an external identity of the fan, who cannot log in with it any more."""
    db = db.for_account(form.account_id)
    session = await enter(db, visit, "home", form, now, is_fresh=True)
    await unlink(db, form.account_id, session.fan_id, form.identity_id, now)
    return Redirect(url_of(visit, "home", form, is_saved="true"))


@page.get(PATHS["download"])
async def download(db: Db, visit: Visit, query: MyDataQuery, now: datetime) -> View:
    """Show what the download contains."""
    db = db.for_account(query.account_id)
    await enter(db, visit, "download", query, now, is_fresh=True)
    return await view_of(db, visit, query, "download.html", {})


@page.post(PATHS["download"])
async def download_send(db: Db, visit: Visit, form: MyDataQuery, now: datetime) -> Download:
    """Send everything that is stored of the fan, as JSON."""
    db = db.for_account(form.account_id)
    session = await enter(db, visit, "download", form, now, is_fresh=True)
    file = await actions.download(db, form.account_id, session.fan_id, now)
    return Download(file, f"my-data-{now:%Y-%m-%d}.json", "application/json")
