"""Changes what people may do in an account, and lets them go."""

from collections.abc import Mapping
from datetime import datetime

from fanfare.kernel.callers import SCOPES, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict
from fanfare.staff.actions.invitations import check_businesses, invite, withdraw
from fanfare.staff.queries.members import staff_member
from fanfare.staff.schemas.invitations import MemberChanges, NewInvitation, SentInvitation, StaffMember
from fanfare.staff.schemas.members import RoleForbids
from fanfare.staff.schemas.roles import FULL, Rights, rights_of


class LastFullMember(Conflict):
    """The account needs another person with the role full first"""


def rights_of_key(caller: Caller) -> Rights | None:
    """Return what a key may give: all rights with every scope, else none."""
    return None if caller.scopes >= set(SCOPES) else {}


def check_grant(grantor: Rights | None, role: str, custom_rights: Mapping[str, list[str]] | None) -> None:
    """Raise RoleForbids (403) for rights that whoever gives them does not have; None has all."""
    rights = rights_of(role, custom_rights or {}, is_limited=False)
    if grantor is not None and any(not each <= grantor.get(area, frozenset()) for area, each in rights.items()):
        message = "Nobody can give rights that they do not have."
        raise RoleForbids(message)


async def invite_by(
    db: Db, account_id: int, new: NewInvitation, now: datetime, *, grantor: Rights | None
) -> SentInvitation:
    """Invite a person, to no more than whoever invites may do. RoleForbids (403), AlreadyMember (409)."""
    check_grant(grantor, new.role, new.custom_rights)
    return await invite(db, account_id, new, now)


async def change_member(db: Db, account_id: int, changes: MemberChanges, *, grantor: Rights | None) -> StaffMember:
    """Change the role of a person. Unknown (404), RoleForbids (403), LastFullMember (409)."""
    check_grant(grantor, changes.role, changes.custom_rights)
    await check_businesses(db, account_id, changes.business_ids)
    async with db.transaction() as tx:
        member = await _locked(tx, account_id, changes.staff_id, grantor)
        if changes.role != FULL or changes.business_ids:
            await _check_last(tx, account_id, member)
        await tx.execute(
            "update staff_memberships set role = $3, custom_rights = $4, business_ids = $5"
            " where account_id = $1 and staff_id = $2",
            account_id,
            changes.staff_id,
            changes.role,
            changes.custom_rights or {},
            changes.business_ids or None,
        )
        return await staff_member(tx, account_id, changes.staff_id)


async def remove_member(db: Db, account_id: int, staff_id: int, *, grantor: Rights | None) -> bool:
    """Let a person go from an account; their sessions see it no longer. As `change_member` refuses."""
    async with db.transaction() as tx:
        await _check_last(tx, account_id, await _locked(tx, account_id, staff_id, grantor))
        await tx.execute("delete from staff_memberships where account_id = $1 and staff_id = $2", account_id, staff_id)
    return True


async def withdraw_invitation(db: Db, account_id: int, invitation_id: int) -> bool:
    """Take an invitation back. Unknown (404)."""
    await withdraw(db, account_id, invitation_id)
    return True


async def _locked(db: Db, account_id: int, staff_id: int, grantor: Rights | None) -> StaffMember:
    """Return a person; changes of an account come one after the other."""
    await db.execute("select from accounts where account_id = $1 for no key update", account_id)
    member = await staff_member(db, account_id, staff_id)
    check_grant(grantor, member.role, member.custom_rights)
    return member


async def _check_last(db: Db, account_id: int, member: StaffMember) -> None:
    if member.role != FULL or member.business_ids is not None:
        return
    is_last = not await db.value(
        "select exists (select from staff_memberships where account_id = $1 and staff_id <> $2 and role = 'full'"
        " and business_ids is null)",
        account_id,
        member.staff_id,
    )
    if is_last:
        raise LastFullMember
