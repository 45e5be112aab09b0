"""People of an account: who they are, what they may do, who is invited."""

from datetime import datetime

from fanfare.accounts.queries import businesses
from fanfare.console.schemas.forms import InvitationForm, MemberForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.actions import members as actions
from fanfare.staff.queries import members as queries
from fanfare.staff.schemas.invitations import OneInvitation, OneMember
from fanfare.staff.schemas.members import Member
from fanfare.staff.schemas.roles import AREAS, RIGHTS

TEMPLATES = "console/templates/staff"


def _url(member: Member) -> str:
    return f"/manage/{member.account.id}/staff"


def _grantor(member: Member) -> actions.Grantor:
    return actions.Grantor(staff_id=member.person.staff_id)


@manage.get("/staff", area="staff")
async def staff(db: Db, member: Member) -> View:
    """Show the people of the account, and the invitations that wait."""
    account_id = member.account.id
    values = {
        "members": await queries.members(db, account_id),
        "invitations": await queries.invitations(db, account_id),
    }
    return View(f"{TEMPLATES}/staff.html", values)


@manage.get("/staff/new", area="staff", right="write", needs_proof=True)
async def invitation_new(db: Db, member: Member) -> View:
    """Ask whom to invite, and to what."""
    values = {"areas": AREAS, "rights": RIGHTS, "businesses": await businesses(db, member.account.id)}
    return View(f"{TEMPLATES}/new.html", values)


@manage.post("/staff/new", area="staff", needs_proof=True)
async def invitation_create(
    db: Db, member: Member, visit: Visit, form: InvitationForm, now: datetime
) -> View | Redirect:
    """Invite a person; without a mail server the link is shown, once."""
    new = form.invitation(visit.language.code)
    invitation = await actions.invite_by(db, member.account.id, new, now, grantor=_grantor(member))
    if invitation.invitation_url:
        return View(f"{TEMPLATES}/invited.html", {"invitation": invitation})
    flash(visit, "The invitation to %(email)s is on its way.", {"email": invitation.email})
    return Redirect(_url(member))


@manage.post("/staff/invitations/{invitation_id}/withdraw", area="staff")
async def invitation_withdraw(db: Db, member: Member, visit: Visit, form: OneInvitation) -> Redirect:
    """Take an invitation back."""
    await actions.withdraw_invitation(db, member.account.id, form.invitation_id, grantor=_grantor(member))
    flash(visit, "The invitation is taken back.")
    return Redirect(_url(member))


@manage.get("/staff/{staff_id}", area="staff")
async def staff_member(db: Db, member: Member, query: OneMember) -> View:
    """Show what a person may do, to be changed."""
    values = {
        "colleague": await queries.staff_member(db, member.account.id, query.staff_id),
        "areas": AREAS,
        "rights": RIGHTS,
        "businesses": await businesses(db, member.account.id),
    }
    return View(f"{TEMPLATES}/member.html", values)


@manage.post("/staff/{staff_id}", area="staff", needs_proof=True)
async def staff_member_save(db: Db, member: Member, visit: Visit, form: MemberForm) -> Redirect:
    """Save what a person may do."""
    await actions.change_member(db, member.account.id, form.changes(), grantor=_grantor(member))
    flash(visit, "Saved.")
    return Redirect(_url(member))


@manage.post("/staff/{staff_id}/remove", area="staff", needs_proof=True)
async def staff_member_remove(db: Db, member: Member, visit: Visit, form: OneMember) -> Redirect:
    """Let a person go from the account."""
    await actions.remove_member(db, member.account.id, form.staff_id, grantor=_grantor(member))
    flash(visit, "The person no longer belongs to this account.")
    return Redirect(_url(member))
