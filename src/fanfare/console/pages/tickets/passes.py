"""Passes: the campaigns that have some, the passes of one, and one pass with its QR code and what happened to it."""

from datetime import datetime

from markupsafe import Markup

from fanfare.campaigns.queries.campaigns import campaign
from fanfare.campaigns.schemas.campaigns import CampaignDetails, OneCampaignDetailed
from fanfare.console.pages.tickets.gates import say_result
from fanfare.console.queries.fans_shown import current_fan_id
from fanfare.console.schemas.tickets import OnePassPage, PassesPage, PassGateForm, PassHolderForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.console.shell.links import path_of
from fanfare.fans.queries.fans import fans_by_ids
from fanfare.kernel.clock import system_random
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.pictures import qr_inline
from fanfare.registrations.actions import passes as actions
from fanfare.registrations.actions.by_hand import check_in_pass
from fanfare.registrations.queries import passes as queries
from fanfare.registrations.schemas.passes import Pass, PassFan, PassQuery, SectionQuery
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/tickets"
ROWS = 30
STATES = ("all", "unused", "checked_in", "cancelled")


async def _campaign(db: Db, member: Member, page_tab_id: int) -> CampaignDetails:
    """Return a campaign; Unknown (404), also for one of a business that the person does not see."""
    result = await campaign(db, member.account, OneCampaignDetailed(page_tab_id=page_tab_id))
    member.require_business(result.business_id, campaign=page_tab_id)
    return result


async def _pass(db: Db, member: Member, query: OnePassPage) -> tuple[CampaignDetails, Pass]:
    """Return a pass with its campaign; Unknown (404), also for a pass of another campaign."""
    owner = await _campaign(db, member, query.page_tab_id)
    event_pass = await queries.one_pass(db, member.account.id, query.pass_uid)
    if event_pass.page_tab_id != query.page_tab_id:
        raise Unknown(event_pass=query.pass_uid)
    return owner, event_pass


@manage.get("/passes", area="tickets")
async def pass_campaigns(db: Db, member: Member) -> View:
    """Show the campaigns that have passes."""
    campaigns = await queries.pass_campaigns(db, member.account.id, business_ids=member.business_ids)
    return View(f"{TEMPLATES}/pass_campaigns.html", {"campaigns": campaigns})


@manage.get("/passes/{page_tab_id}", area="tickets")
async def passes(db: Db, member: Member, query: PassesPage) -> View:
    """Show the passes of a campaign, and its sections."""
    owner, account_id = await _campaign(db, member, query.page_tab_id), member.account.id
    choice = PassQuery(
        page_tab_id=query.page_tab_id, state=None if query.state == "all" else query.state, limit=ROWS,
        next_pass_id=query.next_pass_id, pass_code=query.pass_code,
    )  # fmt: skip
    page = await queries.passes(db, account_id, choice)
    holders = {each.claim_fan_id or each.fan_id for each in page.data} - {None}
    path = f"/passes/{query.page_tab_id}"
    values = {
        "campaign": owner,
        "passes": page.data,
        "sections": await queries.sections(db, account_id, query.page_tab_id),
        "holders": {fan.fan_id: fan for fan in await fans_by_ids(db, account_id, [*filter(None, holders)])},
        "mask": member.mask("tickets"),
        "query": query,
        "states": {state: path_of(member, path, state=state) for state in STATES},
        "path": path_of(member, path),
        "further": path_of(member, path, state=query.state, next_pass_id=page.meta.next_pass_id)
        if page.meta.has_more
        else "",
    }
    return View(f"{TEMPLATES}/passes.html", values)


@manage.get("/passes/{page_tab_id}/figures", area="tickets")
async def pass_figures(db: Db, member: Member, query: SectionQuery) -> View:
    """Show how many passes were claimed, used and cancelled."""
    owner = await _campaign(db, member, query.page_tab_id)
    figures = await queries.pass_figures(db, member.account.id, query.page_tab_id)
    return View(f"{TEMPLATES}/pass_figures.html", {"campaign": owner, "figures": figures})


@manage.get("/passes/{page_tab_id}/{pass_uid}", area="tickets")
async def event_pass(db: Db, member: Member, visit: Visit, query: OnePassPage) -> View:
    """Show a pass: its code, who holds it, what happened to it."""
    owner, shown_pass = await _pass(db, member, query)
    fan_ids = [fan_id for fan_id in (shown_pass.fan_id, shown_pass.claim_fan_id) if fan_id]
    is_open, title = member.may("tickets", "personal"), visit.language.text("QR code of the pass")
    values = {
        "campaign": owner,
        "each": shown_pass,
        "fans": {fan.fan_id: fan for fan in await fans_by_ids(db, member.account.id, fan_ids)},
        "mask": member.mask("tickets"),
        "picture": Markup(qr_inline(shown_pass.pass_code, title)) if is_open else "",  # noqa: S704 - drawn by us
        "path": path_of(member, f"/passes/{query.page_tab_id}/{query.pass_uid}"),
    }
    return View(f"{TEMPLATES}/pass.html", values)


def _back(member: Member, query: OnePassPage) -> Redirect:
    return Redirect(path_of(member, f"/passes/{query.page_tab_id}/{query.pass_uid}"))


@manage.post("/passes/{page_tab_id}/{pass_uid}/check_in", area="tickets")
async def event_pass_check_in(db: Db, member: Member, visit: Visit, form: PassGateForm, now: datetime) -> Redirect:
    """Check a pass in by hand."""
    _, used_pass = await _pass(db, member, form)
    scan = await check_in_pass(db, member.account, used_pass, form.gate_name, now)
    say_result(visit, scan, used_pass.pass_code, form.gate_name)
    return _back(member, form)


@manage.post("/passes/{page_tab_id}/{pass_uid}/hand_over", area="tickets")
async def event_pass_hand_over(db: Db, member: Member, visit: Visit, form: PassHolderForm, now: datetime) -> Redirect:
    """Give a pass to a fan: the first who holds it, or the next, for whom its code changes."""
    _, old_pass = await _pass(db, member, form)
    # A stranger who holds a pass would become one of one's own fans.
    fan_id = await current_fan_id(db, member, form.fan_id)
    change = PassFan(pass_uid=form.pass_uid, fan_id=fan_id)
    try:
        if old_pass.claim_fan_id is None:
            await actions.claim_pass(db, member.account, change, now)
            flash(visit, "The fan holds the pass.")
        else:
            await actions.transfer_pass(db, member.account, change, now, system_random())
            flash(visit, "The pass is transferred. Its old code no longer opens a gate.")
    except Conflict as refusal:
        flash(visit, refusal.detail, kind="bad")
    return _back(member, form)


@manage.post("/passes/{page_tab_id}/{pass_uid}/cancel", area="tickets")
async def event_pass_cancel(db: Db, member: Member, visit: Visit, form: OnePassPage, now: datetime) -> Redirect:
    """Cancel a pass."""
    await _pass(db, member, form)
    try:
        await actions.cancel_pass(db, member.account, form.pass_uid, now)
        flash(visit, "The pass is cancelled, and its place is free.")
    except Conflict as refusal:
        flash(visit, refusal.detail, kind="bad")
    return _back(member, form)
