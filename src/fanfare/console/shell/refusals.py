"""Refusals in the frame: whoever is signed in has the navigation, also where a page is not there or not for them."""

from contextlib import suppress
from datetime import datetime

from fanfare.console.shell.access import account_id_of, in_frame
from fanfare.console.shell.frame import NAVIGATION, Place
from fanfare.console.shell.signed_in import current_session
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Refusal, Unknown
from fanfare.kernel.pages.page import Answer, View, Visit
from fanfare.staff.queries.people import member as member_of
from fanfare.staff.schemas.members import Member, StaffSession

TEMPLATE = "console/templates/error.html"


async def framed_refusal(db: Db, visit: Visit, refusal: Refusal, now: datetime) -> Answer | None:
    """Return the page of a refusal in the frame of the account, else of the person; None for nobody who is let in."""
    session = await current_session(db, visit, now)
    if session is None or session.needs_second_factor:
        return None
    parts = visit.url.partition("?")[0].split("/")
    member = await _member(db, session, parts[2] if len(parts) > len(("", "manage")) else "")
    if member is not None and member.has_to_use_sso:
        return None
    values = {
        "refusal": refusal,
        "is_unknown": isinstance(refusal, Unknown),
        "faults": refusal.errors if isinstance(refusal, BadParameters) else [],
        "place": _place_above("/" + "/".join(parts[3:])),
    }
    return await in_frame(db, visit, View(TEMPLATE, values, refusal.status, refusal.retry_after), member, session)


async def _member(db: Db, session: StaffSession, account: str) -> Member | None:
    """Return what the person is in the account of a path; None where there is none, or not for them."""
    with suppress(Unknown):
        account_id = account_id_of(account)
        return await member_of(db.for_account(account_id), session, account_id)
    return None


def _place_above(path: str) -> Place | None:
    """Return the entry of the navigation to which a path belongs."""
    places = (place for group in NAVIGATION for place in group.places)
    return next((place for place in places if place.path and path.startswith(f"{place.path}/")), None)
