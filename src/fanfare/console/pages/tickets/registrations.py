"""Registrations of wristbands and tickets, each with whether its holder came in."""

import msgspec

from fanfare.console.shell.access import manage
from fanfare.console.shell.links import path_of
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import View
from fanfare.registrations.queries.entries import registration_entries
from fanfare.registrations.schemas.registrations import EntryQuery
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/tickets"
ROWS = 30


@manage.get("/registrations", area="tickets")
async def registrations(db: Db, member: Member, query: EntryQuery) -> View:
    """Show registrations, the last stored first."""
    mask = member.mask("tickets")
    # Whoever sees no addresses looks for none: what is found would tell whose it is.
    query = msgspec.structs.replace(query, limit=ROWS, email=None if mask.is_on else query.email)
    page = await registration_entries(db, member.account, query, business_ids=member.business_ids)
    keys = {"email": query.email, "start_date": query.start_date, "end_date": query.end_date}
    values = {
        "rows": page.data,
        "query": query,
        "mask": mask,
        "further": path_of(member, "/registrations", **keys, cursor=page.meta.next_cursor)
        if page.meta.has_more
        else "",
        "is_filtered": any(keys.values()),
    }
    return View(f"{TEMPLATES}/registrations.html", values)
