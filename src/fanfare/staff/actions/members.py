"""Changes what people may do in an account, and lets them go."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from fanfare.kernel.callers import SCOPES, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import sent_fields
from fanfare.kernel.errors import Conflict
from fanfare.staff.actions.console_keys import end_console_keys
from fanfare.staff.actions.invitations import check_businesses, invite, waiting_invitation, withdraw
from fanfare.staff.actions.ways_back import check_way_back
from fanfare.staff.queries.members import staff_member
from fanfare.staff.queries.people import rights_in
from fanfare.staff.schemas.invitations import MemberChanges, NewInvitation, SentInvitation, StaffMember
from fanfare.staff.schemas.members import RoleForbids
from fanfare.staff.schemas.roles import FULL, Rights, rights_of

# The area of whoever manages people.
AREA = "staff"


class LastFullMember(Conflict):
    """The account needs another person with the role full first"""


class Grantor(msgspec.Struct, frozen=True):
    """Whoever gives rights: a person of the account, or a key with these rights; None has all."""

    staff_id: int | None = None
    rights: Rights | None = None


def key_grantor(caller: Caller) -> Grantor:
    """Return what a key may give: all rights with every scope, else none."""
    return Grantor(rights=None if caller.scopes >= set(SCOPES) else {})


async def locked_rights(db: Db, account_id: int, grantor: Grantor) -> Rights | None:
    """Return what a grantor may give now; changes of the people of an account come one after the other.

    RoleForbids (403) for a person who was let go, or may no longer manage people.
    """
    await db.execute("select from accounts where account_id = $1 for no key update", account_id)
    if grantor.staff_id is None:
        return grantor.rights
    rights = await rights_in(db, account_id, grantor.staff_id)
    if rights is None or "write" not in rights.get(AREA, ()):
        raise RoleForbids
    return rights


def check_grant(owned_rights: Rights | None, role: str, custom_rights: Mapping[str, list[str]] | None) -> None:
    """Raise RoleForbids (403) for rights that whoever gives them does not have; None has all."""
    rights = rights_of(role, custom_rights or {}, is_limited=False)
    if owned_rights is not None and any(
        not each <= owned_rights.get(area, frozenset()) for area, each in rights.items()
    ):
        message = "Nobody can give rights that they do not have."
        raise RoleForbids(message)


async def invite_by(db: Db, account_id: int, new: NewInvitation, now: datetime, *, grantor: Grantor) -> SentInvitation:
    """Invite a person, to no more than whoever invites may do. RoleForbids (403), AlreadyMember (409).

    An invitation that waits for the address is replaced, if whoever invites could have made it.
    """
    async with db.transaction() as tx:
        rights = await locked_rights(tx, account_id, grantor)
        check_grant(rights, new.role, new.custom_rights)
        if waiting := await waiting_invitation(tx, account_id, new.email):
            check_grant(rights, waiting.role, waiting.custom_rights)
        return await invite(tx, account_id, new, now)


async def change_member(db: Db, account_id: int, changes: MemberChanges, *, grantor: Grantor) -> StaffMember:
    """Change the role of a person; the businesses stay unless they are named.

    Unknown (404), RoleForbids (403), LastFullMember and NoWayBack (409).
    """
    fields = sent_fields(changes)
    await check_businesses(db, account_id, fields.get("business_ids"))
    async with db.transaction() as tx:
        rights = await locked_rights(tx, account_id, grantor)
        check_grant(rights, changes.role, changes.custom_rights)
        member = await _member(tx, account_id, changes.staff_id, rights)
        business_ids = fields.get("business_ids", member.business_ids)
        if changes.role != FULL or business_ids is not None:
            await _check_last(tx, account_id, member)
        await tx.execute(
            "update staff_memberships set role = $3, custom_rights = $4, business_ids = $5"
            " where account_id = $1 and staff_id = $2",
            account_id,
            changes.staff_id,
            changes.role,
            changes.custom_rights or {},
            business_ids,
        )
        await end_console_keys(tx, account_id, changes.staff_id)
        return await staff_member(tx, account_id, changes.staff_id)


async def remove_member(db: Db, account_id: int, staff_id: int, *, grantor: Grantor) -> bool:
    """Let a person go from an account; their sessions see it no longer. As `change_member` refuses."""
    async with db.transaction() as tx:
        rights = await locked_rights(tx, account_id, grantor)
        await _check_last(tx, account_id, await _member(tx, account_id, staff_id, rights))
        await tx.execute("delete from staff_memberships where account_id = $1 and staff_id = $2", account_id, staff_id)
    return True


async def withdraw_invitation(db: Db, account_id: int, invitation_id: int, *, grantor: Grantor) -> bool:
    """Take an invitation back that whoever does could have made. Unknown (404), RoleForbids (403)."""
    async with db.transaction() as tx:
        rights = await locked_rights(tx, account_id, grantor)
        invitation = await withdraw(tx, account_id, invitation_id)
        check_grant(rights, invitation.role, invitation.custom_rights)
    return True


async def _member(db: Db, account_id: int, staff_id: int, rights: Rights | None) -> StaffMember:
    """Return a person whose rights whoever acts could give."""
    member = await staff_member(db, account_id, staff_id)
    check_grant(rights, member.role, member.custom_rights)
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
    await check_way_back(db, account_id, without=member.staff_id)
