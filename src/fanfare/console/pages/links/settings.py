"""How clicks are credited and judged, and the domains of links: for the account as a whole."""

from datetime import datetime

from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.console.shell.links import path_of
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member
from fanfare.trackers.actions import domains as domain_actions
from fanfare.trackers.actions import settings as actions
from fanfare.trackers.queries.domains import domains
from fanfare.trackers.queries.settings import attribution
from fanfare.trackers.schemas.domains import DomainQuery, NewDomain, OneDomain
from fanfare.trackers.schemas.sales import ATTRIBUTIONS, AttributionSettings

TEMPLATES = "console/templates/links"
PATH = "/links/settings"


@manage.get("/links/settings", area="links", is_account_wide=True)
async def link_settings(db: Db, member: Member) -> View:
    """Show the rule of attribution and the domains."""
    values = {
        "rule": (await attribution(db, member.account.id)).attribution,
        "rules": ATTRIBUTIONS,
        "domains": (await domains(db, member.account.id, DomainQuery())).data,
        "path": path_of(member, PATH),
    }
    return View(f"{TEMPLATES}/settings.html", values)


@manage.post("/links/settings", area="links", is_account_wide=True)
async def link_settings_save(
    db: Db, member: Member, visit: Visit, form: AttributionSettings, now: datetime
) -> Redirect:
    """Choose which clicks are credited with a sale."""
    await actions.save_attribution(db, member.account.id, form.attribution, now)
    flash(visit, "Saved. All sales are attributed again, which takes some minutes.")
    return Redirect(path_of(member, PATH))


@manage.post("/links/settings/verdicts", area="links", is_account_wide=True)
async def link_verdicts_renew(db: Db, member: Member, visit: Visit, now: datetime) -> Redirect:
    """Judge all clicks again."""
    await actions.judge_all_again(db, member.account.id, now)
    flash(visit, "All clicks are judged again, which takes some minutes.")
    return Redirect(path_of(member, PATH))


@manage.post("/links/settings/domains", area="links", is_account_wide=True)
async def link_domain_add(db: Db, member: Member, visit: Visit, form: NewDomain, now: datetime) -> Redirect:
    """Add a domain, which a DNS record confirms."""
    try:
        await domain_actions.add_domain(db, member.account.id, form.virtual_domain, now)
        flash(visit, "Add the DNS record below, then check it.")
    except Conflict as refusal:
        flash(visit, refusal.detail, kind="bad")
    return Redirect(path_of(member, PATH))


@manage.post("/links/settings/domains/{domain_id}/check", area="links", is_account_wide=True)
async def link_domain_check(db: Db, member: Member, visit: Visit, form: OneDomain) -> Redirect:
    """Let a job check the DNS record of a domain."""
    await domain_actions.queue_check(db, member.account.id, form.domain_id)
    flash(visit, "The DNS record is being checked; reload the page in some seconds.")
    return Redirect(path_of(member, PATH))


@manage.post("/links/settings/domains/{domain_id}/remove", area="links", needs_proof=True, is_account_wide=True)
async def link_domain_remove(db: Db, member: Member, visit: Visit, form: OneDomain, now: datetime) -> Redirect:
    """Remove a domain without links."""
    try:
        await domain_actions.remove_domain(db, member.account.id, form.domain_id, now)
        flash(visit, "The domain is removed.")
    except Conflict as refusal:
        flash(visit, refusal.detail, kind="bad")
    return Redirect(path_of(member, PATH))
