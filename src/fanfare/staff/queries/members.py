"""Reads the people of an account and its invitations."""

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lists import bounded, list_rows
from fanfare.kernel.errors import Unknown
from fanfare.staff.schemas.invitations import Invitation, StaffMember

MEMBER = """
    select m.staff_id, p.email, p.staff_name, m.role, m.custom_rights, m.business_ids,
           p.sealed_totp is not null or exists (select from staff_passkeys k where k.staff_id = p.staff_id)
               as has_second_factor,
           floor(extract(epoch from m.created_at))::bigint as creation_timestamp,
           (select floor(extract(epoch from max(s.used_at)))::bigint from staff_sessions s
            where s.staff_id = p.staff_id and (s.account_id is null or s.account_id = $1)) as use_timestamp
    from staff_memberships m join staff p on p.staff_id = m.staff_id
    where m.account_id = $1
"""
MEMBERS = bounded(f"{MEMBER} order by fold_text(p.staff_name), m.staff_id")
ONE_MEMBER = f"{MEMBER} and m.staff_id = $2"
INVITATIONS = bounded("""
    select invitation_id, email, role, custom_rights, business_ids,
           floor(extract(epoch from created_at))::bigint as creation_timestamp,
           floor(extract(epoch from expires_at))::bigint as expiry_timestamp
    from staff_invitations where account_id = $1 order by invitation_id
""")


async def members(db: Db, account_id: int) -> list[StaffMember]:
    """Return the people of an account, by name."""
    return [StaffMember(**row) for row in list_rows(await db.rows(MEMBERS, account_id))]


async def staff_member(db: Db, account_id: int, staff_id: int) -> StaffMember:
    """Return a person of an account; Unknown (404)."""
    row = await db.row(ONE_MEMBER, account_id, staff_id)
    if row is None:
        raise Unknown(person=staff_id)
    return StaffMember(**row)


async def invitations(db: Db, account_id: int) -> list[Invitation]:
    """Return the invitations of an account that wait, the oldest first."""
    return [Invitation(**row) for row in list_rows(await db.rows(INVITATIONS, account_id))]
