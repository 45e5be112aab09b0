"""Single sign-on: the way to the provider of an account and back, and its set-up."""

import secrets
from datetime import datetime, timedelta

import msgspec

from fanfare.console.schemas.sso import SsoForm, SsoReturn, SsoSettings, SsoStart
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.console.shell.signed_in import COOKIE, SIGN_IN, browser_of, next_path
from fanfare.identities.gateways.exchange import CodeFlow
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.retention import STAFF_LIFETIME
from fanfare.kernel.errors import Forbidden
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.page import Redirect, View, Visit, page
from fanfare.kernel.parameters import read
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.staff.actions import sso as actions
from fanfare.staff.actions.members import Grantor
from fanfare.staff.queries.sso import CALLBACK, find_sso
from fanfare.staff.schemas.members import Member
from fanfare.staff.schemas.sso import GIVEN_ROLES

TEMPLATES = "console/templates/sso"
FLOW_COOKIE, PURPOSE, FLOW_AGE = "staff-sso", "staff sso flow", timedelta(minutes=10)
RANDOM_BYTES = 32


class LostWay(Forbidden):
    """The sign-in was not begun in this browser, or took too long; begin again"""


class ProviderRefuses(Forbidden):
    """Your provider did not let you in; begin again, or ask whoever runs it"""


class NoProof(Forbidden):
    """Your provider does not say that you have just signed in; whoever runs it can let it send auth_time"""


# Browsers drop cookies of more than 4 kB.
MAX_PATH_LENGTH = 2000


class Flow(msgspec.Struct):
    """A visit to the provider, in the browser that began it."""

    account_id: int
    state: str
    nonce: str
    verifier: str
    next: str
    # whether the provider was asked for a proof, and when
    again: bool
    begun_at: datetime

    @property
    def code_flow(self) -> CodeFlow:
        """What the provider is asked with."""
        return CodeFlow(self.state, self.nonce, self.verifier, f"{public_address.base}{CALLBACK}")


@page.get("/manage/sso/{account_id}")
async def sso_begin(db: Db, visit: Visit, query: SsoStart, now: datetime) -> Redirect:
    """Lead to the provider of an account."""
    state, nonce, verifier = (secrets.token_urlsafe(RANDOM_BYTES) for _ in range(3))
    own_path = f"/manage/{query.account_id}"
    path = next_path(query.next or own_path)
    if len(path) > MAX_PATH_LENGTH:
        path = own_path
    flow = Flow(query.account_id, state, nonce, verifier, path, query.again, now)
    url = await actions.sso_page_url(db, query.account_id, flow.code_flow, now, asks_again=query.again)
    visit.new_cookies[FLOW_COOKIE] = Cookie(secret_keys.seal(PURPOSE, msgspec.json.encode(flow)), FLOW_AGE)
    return Redirect(url)


@page.get(CALLBACK)
async def sso_return(db: Db, visit: Visit, query: SsoReturn, now: datetime) -> Redirect:
    """Let in whom the provider vouches for, in the account alone."""
    try:
        text = secret_keys.unseal(PURPOSE, visit.cookies.get(FLOW_COOKIE, ""), max_age=FLOW_AGE)
    except NotSealed:
        raise LostWay from None
    flow = msgspec.json.decode(text, type=Flow)
    visit.new_cookies[FLOW_COOKIE] = Cookie("")
    if not secrets.compare_digest(flow.state.encode(), (query.state or "").encode()):
        raise LostWay
    if query.error or not query.code:
        raise ProviderRefuses
    handle = db.for_account(flow.account_id)
    arrival = await actions.arrival_of(handle, flow.account_id, flow.code_flow, query.code, now)
    is_proof = flow.again and arrival.is_proof(flow.begun_at)
    if flow.again and not is_proof:
        raise NoProof
    browser = msgspec.structs.replace(browser_of(visit), is_proof=is_proof)
    token = await actions.let_in(handle, flow.account_id, arrival, browser, now)
    visit.new_cookies[COOKIE] = Cookie(token, STAFF_LIFETIME)
    return Redirect(flow.next)


@manage.get("/staff/sso", area="staff", right="write", needs_proof=True)
async def sso(db: Db, member: Member) -> View:
    """Show how single sign-on is set up."""
    current = await find_sso(db, member.account.id)
    lines = "\n".join(f"{name}={role}" for name, role in (current.claim_roles if current else {}).items())
    values = {
        "sso": current,
        "claim_lines": lines,
        "roles": [(role, role) for role in GIVEN_ROLES],
        "redirect_uri": f"{public_address.base}{CALLBACK}",
        "sign_out_uri": f"{public_address.base}{SIGN_IN}",
    }
    return View(f"{TEMPLATES}/sso.html", values)


@manage.post("/staff/sso", area="staff", needs_proof=True)
async def sso_save(db: Db, member: Member, visit: Visit, form: SsoForm, now: datetime) -> Redirect:
    """Set up single sign-on."""
    settings = read(SsoSettings, form.raw())
    await actions.save_sso(db, member.account.id, settings, now, grantor=Grantor(member.person.staff_id))
    flash(visit, "Single sign-on is saved.")
    return Redirect(f"/manage/{member.account.id}/staff/sso")


@manage.post("/staff/sso/delete", area="staff", needs_proof=True)
async def sso_delete(db: Db, member: Member, visit: Visit) -> Redirect:
    """End single sign-on with the sessions that it began."""
    await actions.end_sso(db, member.account.id, grantor=Grantor(member.person.staff_id))
    flash(visit, "Single sign-on is ended.")
    return Redirect(f"/manage/{member.account.id}/staff")
