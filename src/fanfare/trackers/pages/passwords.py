"""The page that asks for the password of a link, and the one that leads on."""

from datetime import datetime

from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import View, Visit, page
from fanfare.trackers.actions.passwords import open_link
from fanfare.trackers.actions.redirects import Redirector, Request
from fanfare.trackers.followers import PAGE_LOOK
from fanfare.trackers.queries.links import link_business
from fanfare.trackers.queries.visitors import VISITOR, visitor_cookies
from fanfare.trackers.schemas.passwords import EnteredPassword, ProtectedLink
from fanfare.trackers.verdicts.rules import signals

TEMPLATES = "trackers/templates"


@page.get("/trk/{tracker_key}/password")
async def link_password(db: Db, visit: Visit, link: ProtectedLink, now: datetime) -> View:
    """Ask for the password of a link, in the look of whose it is; 404 if there is no such link."""
    _, entry = await Redirector(db).find(visit.host, link.tracker_key, now)
    look = await PAGE_LOOK.get()(db, entry.account_id, await link_business(db, entry.account_id, entry.tracker_id))
    return View(f"{TEMPLATES}/password.html", {"look": look})


@page.post("/trk/{tracker_key}/password")
async def link_password_enter(db: Db, visit: Visit, entry: EnteredPassword, now: datetime) -> View:
    """Store the click and lead on.

    By a page, for a redirect after a form would need the target in the content policy of the page that asks.
    """
    request = Request(
        host=visit.host,
        tracker_key=entry.tracker_key,
        query=visit.url.partition("?")[2].encode(),
        signals=signals("POST", {"user-agent": visit.user_agent or ""}, visit.address),
        cookies=visit.cookies,
        visitor=visit.cookies.get(VISITOR),
        now=now,
    )
    location, visitor = await open_link(db, request, entry.password)
    visit.new_cookies |= visitor_cookies(visitor)
    return View(f"{TEMPLATES}/opened.html", {"target_url": location})
