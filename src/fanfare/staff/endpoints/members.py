"""HTTP endpoints of the people of an account. Whoever gives rights needs a key with every scope."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.staff.actions import members as actions
from fanfare.staff.queries import members as queries
from fanfare.staff.schemas.invitations import (
    Invitation,
    MemberChanges,
    NewInvitation,
    OneInvitation,
    OneMember,
    SentInvitation,
    StaffMember,
)


@endpoint.get("/api/v1/manage/staff", scope="manage", key=SECRET)
async def manage_staff_list(db: Db, account: Account) -> list[StaffMember]:
    """List the people who work in the Manage Centre, with role, businesses and last use."""
    return await queries.members(db, account.id)


@endpoint.post("/api/v1/manage/staff/{staff_id}", scope="manage", key=SECRET)
async def manage_staff_update(db: Db, account: Account, caller: Caller, changes: MemberChanges) -> StaffMember:
    """Change what a person may do.

    403 for a key without every scope; 409 if nobody with the role full would be left.
    """
    return await actions.change_member(db, account.id, changes, grantor=actions.key_grantor(caller))


@endpoint.delete("/api/v1/manage/staff/{staff_id}", scope="manage", key=SECRET)
async def manage_staff_delete(db: Db, account: Account, caller: Caller, target: OneMember) -> bool:
    """Let a person go from the account; 409 if nobody with the role full would be left."""
    return await actions.remove_member(db, account.id, target.staff_id, grantor=actions.key_grantor(caller))


@endpoint.get("/api/v1/manage/staff_invitations", scope="manage", key=SECRET)
async def manage_staff_invitations_list(db: Db, account: Account) -> list[Invitation]:
    """List the invitations that wait to be accepted."""
    return await queries.invitations(db, account.id)


@endpoint.post("/api/v1/manage/staff_invitations", scope="manage", key=SECRET, has_secret_answer=True)
async def manage_staff_invitations_create(
    db: Db, account: Account, caller: Caller, new: NewInvitation, now: datetime
) -> SentInvitation:
    """Invite a person by mail, for 24 hours. Without a mail server the answer has the link, once.

    403 for a key without every scope; 409 for a person who belongs to the account already.
    """
    return await actions.invite_by(db, account.id, new, now, grantor=actions.key_grantor(caller))


@endpoint.delete("/api/v1/manage/staff_invitations/{invitation_id}", scope="manage", key=SECRET)
async def manage_staff_invitations_delete(db: Db, account: Account, caller: Caller, target: OneInvitation) -> bool:
    """Take an invitation back; 403 for a key without every scope."""
    return await actions.withdraw_invitation(db, account.id, target.invitation_id, grantor=actions.key_grantor(caller))
