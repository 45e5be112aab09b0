"""People who work in the demo account, one of each role; links sign them in, for they have no passwords."""

from datetime import datetime

from fanfare.kernel.data.db import Db
from fanfare.staff.actions.members import Grantor, change_member
from fanfare.staff.actions.people import add_person
from fanfare.staff.schemas.invitations import MemberChanges

# Whom `make demo` lets in.
FIRST = "maren.castellane@harbour-city.example"
COLLEAGUES = (
    (FIRST, "Maren Castellane", "full"),
    ("theo.lindqvist@harbour-city.example", "Theo Lindqvist", "editor"),
    ("aiko.brandt@harbour-city.example", "Aiko Brandt", "analyst"),
    ("samuel.okafor@harbour-city.example", "Samuel Okafor", "legal"),
    ("ines.falk@harbour-city.example", "Ines Falk", "analyst"),
)
# Who sells tickets of one business, and sees no other.
BOX_OFFICE = "ines.falk@harbour-city.example"
BOX_OFFICE_RIGHTS = {"fans": ["read"], "tickets": ["read", "write", "personal"], "campaigns": ["read"]}
MEMBER = """
    select m.staff_id, (select min(business_id) from businesses where account_id = $1) as business_id
    from staff_memberships m join staff s on s.staff_id = m.staff_id
    where m.account_id = $1 and s.email = $2
"""


async def add_colleagues(db: Db, account_id: int, now: datetime) -> None:
    """Let people of each role belong to the account."""
    for email, name, role in COLLEAGUES:
        await add_person(db, account_id, email, name, role, now)
    row = await db.row(MEMBER, account_id, BOX_OFFICE)
    assert row is not None  # noqa: S101 - added above
    changes = MemberChanges(
        staff_id=row["staff_id"], role="custom", custom_rights=BOX_OFFICE_RIGHTS, business_ids=[row["business_id"]]
    )
    await change_member(db, account_id, changes, grantor=Grantor())
