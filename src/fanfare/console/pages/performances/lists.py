"""The list of performances, new ones, and one with its fields."""

from datetime import datetime, timedelta
from typing import Any

from fanfare.console.pages.campaigns.lists import check_business_of, visible_businesses
from fanfare.console.pages.choices import campaign_choices
from fanfare.console.pages.performances.access import performance_path, visible_performance
from fanfare.console.schemas.performances import PerformanceEdit, PerformanceForm, PerformanceListQuery
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.wire.times import day_of
from fanfare.performances.actions.performances import change_performance, create_performance, delete_performance
from fanfare.performances.queries.managed import managed_performances
from fanfare.performances.queries.quests import figures, quests
from fanfare.performances.queries.rewards import rewards
from fanfare.performances.schemas.managed import ManagedPerformanceQuery
from fanfare.performances.schemas.performances import NewPerformance, OnePerformance, PerformanceChanges
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/performances"
STATUSES = ("draft", "ready", "archived")
FIELDS = (
    "performance_name", "performance_date", "status", "venue_name", "city", "artist_name", "performance_url",
    "performance_group_name", "business_id", "onsale_date", "notes",
)  # fmt: skip


@manage.get("/performances", area="performances")
async def performances(db: Db, member: Member, query: PerformanceListQuery, now: datetime) -> View:
    """Show the performances that come, or those that were."""
    today = day_of(now, member.account.time_zone)
    business_ids = None if member.business_ids is None else list(member.business_ids)
    choice = ManagedPerformanceQuery(
        q=query.q,
        business_ids=business_ids,
        start_date=today if query.time == "coming" else None,
        end_date=today - timedelta(days=1) if query.time == "past" else None,
    )
    rows = await managed_performances(db, member.account.id, choice)
    if query.time == "past":
        rows.reverse()
    return View(f"{TEMPLATES}/performances.html", {"performances": rows, "q": query.q or "", "time": query.time})


@manage.get("/performances/new", area="performances", right="write")
async def performance_new(db: Db, member: Member) -> View:
    """Ask for the fields of a performance."""
    values = {"businesses": await visible_businesses(db, member), "statuses": STATUSES}
    return View(f"{TEMPLATES}/new.html", values)


@manage.post("/performances/new", area="performances")
async def performance_create(db: Db, member: Member, visit: Visit, form: PerformanceForm, now: datetime) -> Redirect:
    """Create a performance."""
    check_business_of(member, form.business_id)
    performance_uid = await create_performance(db, member.account.id, NewPerformance(**_fields(form)), now)
    flash(visit, "The performance is created.")
    return Redirect(performance_path(member, performance_uid))


def _fields(form: PerformanceForm) -> dict[str, Any]:
    return {name: getattr(form, name) for name in FIELDS}


@manage.get("/performances/{performance_uid}", area="performances")
async def performance(db: Db, member: Member, query: OnePerformance) -> View:
    """Show a performance with its quests and rewards."""
    one = await visible_performance(db, member, query.performance_uid)
    account_id = member.account.id
    counts = {each.page_tab_id: each for each in await figures(db, account_id, query.performance_uid)}
    values = {
        "performance": one,
        "quests": [(quest, counts[quest.page_tab_id]) for quest in await quests(db, account_id, query.performance_uid)],
        "rewards": await rewards(db, account_id, query.performance_uid),
        "campaigns": await campaign_choices(db, member) if member.may("performances", "write") else [],
    }
    return View(f"{TEMPLATES}/performance.html", values)


@manage.get("/performances/{performance_uid}/edit", area="performances", right="write")
async def performance_edit(db: Db, member: Member, query: OnePerformance) -> View:
    """Show the fields of a performance, to be changed."""
    one = await visible_performance(db, member, query.performance_uid)
    values = {"performance": one, "businesses": await visible_businesses(db, member), "statuses": STATUSES}
    return View(f"{TEMPLATES}/edit.html", values)


@manage.post("/performances/{performance_uid}/edit", area="performances")
async def performance_save(db: Db, member: Member, visit: Visit, form: PerformanceEdit, now: datetime) -> Redirect:
    """Save the fields of a performance; fields that the form lacks stay."""
    await visible_performance(db, member, form.performance_uid)
    check_business_of(member, form.business_id)
    fields = _fields(form)
    cleared = [name for name, value in fields.items() if value is None]
    changes = PerformanceChanges(performance_uid=form.performance_uid, fields_to_clear=cleared, **fields)
    await change_performance(db, member.account.id, changes, now)
    flash(visit, "Saved.")
    return Redirect(performance_path(member, form.performance_uid))


@manage.post("/performances/{performance_uid}/delete", area="performances")
async def performance_delete(db: Db, member: Member, visit: Visit, form: OnePerformance, now: datetime) -> Redirect:
    """Delete a performance with its quests, rewards and places in schedules."""
    await visible_performance(db, member, form.performance_uid)
    await delete_performance(db, member.account.id, form.performance_uid, now)
    flash(visit, "The performance is deleted.")
    return Redirect(f"/manage/{member.account.id}/performances")
