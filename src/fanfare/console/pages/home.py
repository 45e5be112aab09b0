"""The way in, and the first page of an account."""

from datetime import date, datetime

from fanfare.console.queries.home import overview
from fanfare.console.schemas.home import RANGES, HomeQuery
from fanfare.console.shell.access import manage, personal
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pages.charts import Point, bar_chart
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.running.public_address import public_address
from fanfare.staff.queries.people import accounts_of
from fanfare.staff.schemas.members import Member, StaffSession

TEMPLATES = "console/templates"


@personal.get("")
async def index(db: Db, session: StaffSession) -> View | Redirect:
    """Lead to the first account of the person."""
    accounts = await accounts_of(db, session.person.staff_id)
    if accounts:
        return Redirect(f"/manage/{accounts[0].account_id}")
    return View(f"{TEMPLATES}/no_account.html")


@manage.get("", area="home")
async def home(db: Db, member: Member, visit: Visit, query: HomeQuery, now: datetime) -> View:
    """Show fans, reach and growth over a range, against the range before."""
    figures = await overview(db, member.account, query.day_count, now)
    values = {
        "figures": figures,
        "ranges": RANGES,
        "day_count": query.day_count,
        "chart": bar_chart([_bar(visit.language, day, count) for day, count in figures.daily.items()]),
    }
    return View(f"{TEMPLATES}/home.html", values)


def _bar(language: Language, day: date, count: int) -> Point:
    return Point(language.short_day(day), count, f"{language.calendar_day(day)}: {language.number(count)}")


@personal.get("/components")
async def components(session: StaffSession) -> View:  # noqa: ARG001 - for people who are signed in
    """Show every component, while the server is not reached over TLS: for those who make pages."""
    if public_address.base.startswith("https://"):
        raise Unknown
    return View(f"{TEMPLATES}/all_components.html")
