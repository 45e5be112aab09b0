"""Links: the list with honest clicks, one link with its figures by day, QR code and clicks."""

import tempfile
from datetime import date, datetime, timedelta

from markupsafe import Markup

from fanfare.campaigns.queries.campaigns import campaigns
from fanfare.campaigns.schemas.campaigns import Campaign, CampaignChoice
from fanfare.console.pages.choices import campaign_choices
from fanfare.console.schemas.links import RANGES, LinkPage, LinksPage, PictureFile
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.console.shell.links import path_of
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.pages.charts import BarChart, Point, bar_chart
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.page import Download, Redirect, View, Visit
from fanfare.kernel.pictures import qr_inline, qr_png, qr_svg
from fanfare.kernel.wire.times import day_of
from fanfare.staff.schemas.members import Member
from fanfare.trackers.actions import trackers as actions
from fanfare.trackers.queries.clicks import clicks
from fanfare.trackers.queries.days import tracker_days
from fanfare.trackers.queries.domains import domains
from fanfare.trackers.queries.hosts import shared_host
from fanfare.trackers.queries.trackers import tracker, trackers
from fanfare.trackers.schemas.clicks import ClickQuery
from fanfare.trackers.schemas.domains import DomainQuery
from fanfare.trackers.schemas.trackers import (
    NewTracker,
    OneTracker,
    Tracker,
    TrackerChanges,
    TrackerDay,
    TrackerQuery,
    TrackersQuery,
)
from fanfare.trackers.verdicts.rules import HUMAN, REPEATED, VERDICTS

TEMPLATES = "console/templates/links"
ROWS, CLICK_ROWS = 50, 30
NETWORKS = ("spotify", "instagram", "facebook", "google", "X", "custom")


@manage.get("/links", area="links")
async def links(db: Db, member: Member, query: LinksPage, now: datetime) -> View:
    """Show the links, the newest first, with the clicks of people and sales of the last 31 days."""
    choice = TrackersQuery(text=query.text, cursor=query.cursor, limit=ROWS)
    page = await trackers(db, member.account, choice, now, business_ids=member.business_ids)
    following = page.next_page
    values = {
        "trackers": page.data,
        "machine_counts": {each.tracker_id: _machine_count(each.click_counts) for each in page.data},
        "text": query.text,
        "further": path_of(member, "/links", text=query.text, cursor=following.cursor) if following.has_more else "",
    }
    return View(f"{TEMPLATES}/links.html", values)


def _machine_count(click_counts: dict[str, int]) -> int:
    """Return the clicks of programs: neither those of people nor their second taps."""
    return sum(count for verdict, count in click_counts.items() if verdict not in (HUMAN, REPEATED))


async def _choices(db: Db, member: Member) -> tuple[list[Campaign], list[str]]:
    """Return the campaigns that a link can belong to, and the domains that links can have."""
    account_id = member.account.id
    owners = [
        each for each in await campaigns(db, account_id, CampaignChoice()) if member.sees_business(each.business_id)
    ]
    hosts = [each.virtual_domain for each in (await domains(db, account_id, DomainQuery())).data if each.is_confirmed]
    return owners, [shared_host(), *hosts]


@manage.get("/links/new", area="links", right="write")
async def link_new(db: Db, member: Member) -> View:
    """Ask where a link leads and what it is for."""
    owners, hosts = await _choices(db, member)
    values = {
        "campaigns": [(each.page_tab_id, each.name) for each in reversed(owners)],
        "hosts": [(host, host) for host in hosts],
        "networks": [(name, name) for name in NETWORKS],
    }
    return View(f"{TEMPLATES}/new.html", values)


@manage.post("/links/new", area="links")
async def link_create(db: Db, member: Member, visit: Visit, form: NewTracker, now: datetime) -> Redirect:
    """Make a link; people of some businesses make those of their campaigns."""
    owners, _ = await _choices(db, member)
    if (form.page_tab_id or member.is_limited) and form.page_tab_id not in {each.page_tab_id for each in owners}:
        raise BadParameters([("page_tab_id", "must be one of your campaigns")])
    link = await actions.create_tracker(db, member.account.id, form, now)
    flash(visit, "The link is made.")
    return Redirect(path_of(member, f"/links/{link.tracker_id}"))


async def _tracker(db: Db, member: Member, query: TrackerQuery, now: datetime) -> Tracker:
    """Return a link; Unknown (404), also for one of a business that the person does not see."""
    result = await tracker(db, member.account, query, now)
    if member.is_limited:
        owners, _ = await _choices(db, member)
        if result.page_tab_id not in {each.page_tab_id for each in owners}:
            raise Unknown(tracker=query.tracker_id)
    return result


@manage.get("/links/{tracker_id}", area="links")
async def link(db: Db, member: Member, visit: Visit, query: LinkPage, now: datetime) -> View:
    """Show a link: clicks by verdict and sales by day, its QR code, and its last clicks."""
    last = day_of(now, member.account.time_zone)
    window = _window(query, last)
    link_figures = await _tracker(db, member, window, now)
    days = await tracker_days(db, member.account, window, now)
    choice = ClickQuery(tracker_id=query.tracker_id, verdict=query.verdict, cursor=query.cursor, limit=CLICK_ROWS)
    page, path = await clicks(db, member.account.id, choice), f"/links/{query.tracker_id}"
    values = {
        "each": link_figures,
        "campaigns": dict(await campaign_choices(db, member)),
        "picture": Markup(qr_inline(link_figures.tracker_url, visit.language.text("QR code"))),  # noqa: S704 - drawn by us
        "machine_count": _machine_count(link_figures.click_counts),
        "verdicts": VERDICTS,
        "days": days,
        "day_count": int(query.days),
        "chart": _chart(visit.language, days),
        "clicks": page.data,
        "mask": member.mask("links"),
        "verdict": query.verdict,
        "path": path_of(member, path),
        "ranges": [(int(count), path_of(member, path, days=count)) for count in RANGES],
        "verdict_paths": {each: path_of(member, path, days=query.days, verdict=each) for each in ("", *VERDICTS)},
        "further": path_of(member, path, days=query.days, verdict=query.verdict, cursor=page.next_page.cursor)
        if page.next_page.has_more
        else "",
    }
    return View(f"{TEMPLATES}/link.html", values)


def _window(query: LinkPage, last: date) -> TrackerQuery:
    first = last - timedelta(days=int(query.days) - 1)
    return TrackerQuery(tracker_id=query.tracker_id, min_creation_date=first, max_creation_date=last)


def _chart(language: Language, days: list[TrackerDay]) -> BarChart:
    """Return the clicks of people by day."""
    return bar_chart(
        [
            Point(
                language.short_day(each.day),
                each.click_counts.get(HUMAN, 0),
                f"{language.calendar_day(each.day)}: {language.number(each.click_counts.get(HUMAN, 0))}",
            )
            for each in days
        ]
    )


@manage.post("/links/{tracker_id}", area="links")
async def link_save(db: Db, member: Member, visit: Visit, form: TrackerChanges, now: datetime) -> Redirect:
    """Save what a link leads to and how it is named; its domain and key stay."""
    await _tracker(db, member, TrackerQuery(tracker_id=form.tracker_id), now)
    await actions.change_tracker(db, member.account.id, form, now)
    flash(visit, "Saved.")
    return Redirect(path_of(member, f"/links/{form.tracker_id}"))


@manage.get("/links/{tracker_id}/qr", area="links")
async def link_picture(db: Db, member: Member, query: PictureFile, now: datetime) -> Download:
    """Download the QR code of a link."""
    link_figures = await _tracker(db, member, TrackerQuery(tracker_id=query.tracker_id), now)
    picture = qr_svg(link_figures.tracker_url) if query.form == "svg" else qr_png(link_figures.tracker_url)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is sent
    file.write(picture.content)
    return Download(file, f"link-{query.tracker_id}.{query.form}", picture.media_type)


@manage.post("/links/{tracker_id}/delete", area="links", needs_proof=True)
async def link_delete(db: Db, member: Member, visit: Visit, form: OneTracker, now: datetime) -> Redirect:
    """Delete a link with its clicks and figures."""
    await _tracker(db, member, TrackerQuery(tracker_id=form.tracker_id), now)
    await actions.delete_tracker(db, member.account.id, form.tracker_id, now)
    flash(visit, "The link is deleted with its clicks.")
    return Redirect(path_of(member, "/links"))
