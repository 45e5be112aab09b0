"""Idols: who fans follow, how many, and the events of each. Sites show the same to everybody, but for the numbers."""

from fanfare.console.shell.access import manage
from fanfare.console.shell.links import path_of
from fanfare.idols.queries import follower_counts, idol_events, idols
from fanfare.idols.queries import idol as one_idol
from fanfare.idols.schemas import EventSearch, IdolSearch, OneIdol
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import View
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/idols"
# How many idols are shown: a search finds the others.
MAX_ROWS = 100


@manage.get("/idols", area="points")
async def idol_list(db: Db, member: Member, query: IdolSearch) -> View:
    """Show the idols by name; how many fans follow them comes after the page."""
    rows = await idols(db, member.account.id, query)
    keys = {"idol_name": query.idol_name, "label_name": query.label_name}
    values = {
        "idols": rows[:MAX_ROWS],
        "hidden_count": max(len(rows) - MAX_ROWS, 0),
        "query": query,
        "counts": None,
        "figures_path": "" if member.is_limited else path_of(member, "/idols/figures", **keys),
    }
    return View(f"{TEMPLATES}/idols.html", values)


@manage.get("/idols/figures", area="points", is_account_wide=True)
async def idol_figures(db: Db, member: Member, query: IdolSearch) -> View:
    """Show the idols with how many fans follow them."""
    rows = (await idols(db, member.account.id, query))[:MAX_ROWS]
    values = {
        "idols": rows,
        "hidden_count": 0,
        "query": query,
        "counts": await follower_counts(db, member.account.id, [each.idol_uid for each in rows]),
        "figures_path": "",
    }
    return View(f"{TEMPLATES}/idols.html", values)


@manage.get("/idols/{idol_uid}", area="points")
async def idol(db: Db, member: Member, query: OneIdol) -> View:
    """Show an idol with its events."""
    values = {
        "each": await one_idol(db, member.account.id, query.idol_uid),
        "events": await idol_events(db, member.account.id, EventSearch(idol_uid=query.idol_uid)),
        "figures_path": "" if member.is_limited else path_of(member, f"/idols/{query.idol_uid}/followers"),
    }
    return View(f"{TEMPLATES}/idol.html", values)


@manage.get("/idols/{idol_uid}/followers", area="points", is_account_wide=True)
async def idol_followers(db: Db, member: Member, query: OneIdol) -> View:
    """Show how many fans follow an idol."""
    each = await one_idol(db, member.account.id, query.idol_uid)
    counts = await follower_counts(db, member.account.id, [query.idol_uid])
    return View(f"{TEMPLATES}/followers.html", {"each": each, "count": counts.get(query.idol_uid, 0)})
