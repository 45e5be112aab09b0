"""The API console: every call as a form, which the browser sends with a short-lived key of the person."""

from datetime import datetime
from urllib.parse import urlencode

from fanfare.console.schemas.calls import ConsoleKeyForm, ConsoleQuery
from fanfare.console.shell.access import manage, personal
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pages.calls.catalogue import calls_with, catalogue
from fanfare.kernel.pages.page import Data, Redirect, View
from fanfare.staff.actions.console_keys import create_console_key
from fanfare.staff.queries.people import session_accounts
from fanfare.staff.schemas.members import Member, StaffSession
from fanfare.staff.schemas.roles import reading_scopes_of, scopes_of

TEMPLATES = "console/templates/console"
FIRST_CALL = "crm_fans_search"


@personal.get("/console")
async def console_of_first_account(db: Db, session: StaffSession, query: ConsoleQuery) -> Redirect:
    """Lead to the console of the first account of the person, and to the call that is named."""
    accounts = await session_accounts(db, session)
    call = f"?{urlencode({'call': query.call})}" if query.call else ""
    return Redirect(f"/manage/{accounts[0].account_id}/console{call}" if accounts else "/manage")


@manage.get("/console", area="home")
async def console(member: Member, query: ConsoleQuery) -> View:
    """Show a call as a form, beside all calls."""
    groups = calls_with(await catalogue.groups(), query.find or "")
    call = await catalogue.call(query.call or FIRST_CALL)
    if call is None:
        raise Unknown(call=query.call)
    is_limited = member.business_ids is not None
    values = {
        "groups": groups,
        "call": call,
        "find": query.find or "",
        "call_count": sum(len(group.calls) for group in groups),
        "reading_scopes": [] if is_limited else sorted(reading_scopes_of(member.rights)),
        "scopes": [] if is_limited else sorted(scopes_of(member.rights)),
    }
    return View(f"{TEMPLATES}/console.html", values)


@manage.post("/console/keys", area="home", right="read", needs_proof=True)
async def console_key_create(db: Db, member: Member, form: ConsoleKeyForm, now: datetime) -> Data:
    """Make a key of the person's own for the console, for a quarter of an hour."""
    return Data(await create_console_key(db, member, now, is_read_only=form.is_read_only))
