"""The way in, and the first page of an account: figures at once, the rest after the page, each by itself."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from fanfare.console.pages.samples import samples
from fanfare.console.queries import home as queries
from fanfare.console.queries.attention import AREAS, attention
from fanfare.console.schemas.home import RANGES, HomeQuery
from fanfare.console.shell.access import manage, personal
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pages.charts import BarChart, Point, bar_chart
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.running.public_address import public_address
from fanfare.staff.queries.people import session_accounts
from fanfare.staff.schemas.members import Member, StaffSession

TEMPLATES = "console/templates"
# A day on which more said no than yes is none to look at, unless there were as many as these in the range.
MIN_REFUSALS = 10


@personal.get("")
async def index(db: Db, session: StaffSession) -> View | Redirect:
    """Lead to the first account of the person."""
    accounts = await session_accounts(db, session)
    if accounts:
        return Redirect(f"/manage/{accounts[0].account_id}")
    return View(f"{TEMPLATES}/no_account.html")


@manage.get("", area="home")
async def home(db: Db, member: Member, visit: Visit, query: HomeQuery, now: datetime) -> View:
    """Show new fans over a range, against the range before; the rest comes after the page."""
    days = queries.last_days(member.account, query.day_count, now)
    values = {"days": days, "ranges": RANGES, "day_count": query.day_count}
    if not member.is_limited:
        fans = await queries.new_fans(db, days)
        values |= {"fans": fans, "growth": _chart(visit.language, fans, visit.language.number)}
    return View(f"{TEMPLATES}/home/home.html", values)


@manage.get("/home/figures", area="home", is_account_wide=True)
async def home_figures(db: Db, member: Member, query: HomeQuery, now: datetime) -> View:
    """Show how many fans there are and can be reached, how many are new, and what they did."""
    figures = await queries.overview(db, queries.last_days(member.account, query.day_count, now), now)
    return View(f"{TEMPLATES}/home/figures.html", {"figures": figures, "day_count": query.day_count})


@manage.get("/home/activity", area="home", is_account_wide=True)
async def home_activity(db: Db, member: Member, visit: Visit, query: HomeQuery, now: datetime) -> View:
    """Show activities by day."""
    series = await queries.activity(db, queries.last_days(member.account, query.day_count, now))
    chart = _chart(visit.language, series, visit.language.number)
    return View(f"{TEMPLATES}/home/activity.html", {"series": series, "chart": chart, "day_count": query.day_count})


@manage.get("/home/revenue", area="purchases", is_account_wide=True)
async def home_revenue(db: Db, member: Member, visit: Visit, query: HomeQuery, now: datetime) -> View:
    """Show what was paid by day, in each currency."""
    series = await queries.revenue(db, queries.last_days(member.account, query.day_count, now))
    language = visit.language
    charts = {
        currency: _chart(language, each, partial(language.money, currency=currency))
        for currency, each in series.items()
    }
    return View(f"{TEMPLATES}/home/revenue.html", {"series": series, "charts": charts, "day_count": query.day_count})


@manage.get("/home/consents", area="home", is_account_wide=True)
async def home_consents(db: Db, member: Member, visit: Visit, query: HomeQuery, now: datetime) -> View:
    """Show how many fans said yes and no, by day."""
    yes, no = await queries.consents(db, queries.last_days(member.account, query.day_count, now))
    points = _points(visit.language, yes.days.items(), visit.language.number)
    chart = bar_chart(points, lower=[float(each) for each in no.days.values()])
    values = {"yes": yes, "no": no, "chart": chart, "day_count": query.day_count}
    return View(f"{TEMPLATES}/home/consents.html", values)


@manage.get("/home/campaigns", area="campaigns")
async def home_campaigns(db: Db, member: Member, query: HomeQuery, now: datetime) -> View:
    """Show the campaigns that run now."""
    days = queries.last_days(member.account, query.day_count, now)
    campaigns = await queries.campaigns(db, days, member.business_ids, now)
    return View(f"{TEMPLATES}/home/campaigns.html", {"campaigns": campaigns, "day_count": query.day_count})


@manage.get("/home/attention", area="home", is_account_wide=True)
async def home_attention(db: Db, member: Member, query: HomeQuery, now: datetime) -> View:
    """Show what needs a look, of the areas that the person may read."""
    yes, no = await queries.consents(db, queries.last_days(member.account, query.day_count, now))
    matters = [each for each in await attention(db, member.account.id, now) if member.may(AREAS[each.concern][0])]
    is_sinking = no.total > max(yes.total, MIN_REFUSALS)
    values = {"matters": matters, "areas": AREAS, "yes": yes, "no": no, "is_sinking": is_sinking}
    return View(f"{TEMPLATES}/home/attention.html", {**values, "day_count": query.day_count})


def _chart(language: Language, series: queries.Comparison, text: Callable[[Decimal | float], str]) -> BarChart:
    points = _points(language, series.days.items(), text)
    return bar_chart(points, previous=[float(each) for each in series.previous] if series.total_before else ())


def _points(
    language: Language, days: Iterable[tuple[date, Decimal | int]], text: Callable[[Decimal | float], str]
) -> list[Point]:
    return [
        Point(language.short_day(day), float(amount), f"{language.calendar_day(day)}: {text(amount)}")
        for day, amount in days
    ]


@personal.get("/components")
async def components(session: StaffSession) -> View:  # noqa: ARG001 - for people who are signed in
    """Show every component, while the server is not reached over TLS: for those who make pages."""
    if public_address.base.startswith("https://"):
        raise Unknown
    return View(f"{TEMPLATES}/all_components.html", samples())
