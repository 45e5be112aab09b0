"""One campaign: its figures, fields, form and texts, and its end."""

from datetime import date, datetime, timedelta

from fanfare.campaigns.actions.campaigns import change_campaign, close_campaign
from fanfare.campaigns.queries.campaigns import campaign as campaign_details
from fanfare.campaigns.queries.managed import campaign_days
from fanfare.campaigns.queries.stats import bundle_stats, campaign_stats
from fanfare.campaigns.schemas.campaigns import CampaignChanges, CampaignClosing, OneCampaign, OneCampaignDetailed
from fanfare.campaigns.schemas.managed import CampaignDaysQuery
from fanfare.campaigns.schemas.stats import StatsRange
from fanfare.console.pages.campaigns.access import campaign_path, shown_fans, visible_campaign
from fanfare.console.pages.campaigns.lists import check_business_of, check_stream, visible_businesses
from fanfare.console.pages.choices import stream_choices, zone_choices
from fanfare.console.queries.fans_shown import current_fan_id
from fanfare.console.schemas.campaigns import (
    FIELD_KINDS,
    MAX_FORM_FIELDS,
    CampaignEdit,
    CampaignEnd,
    CampaignTexts,
    FormField,
    RangeQuery,
    local_time,
    stored_fields,
    stored_texts,
)
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.charts import Point, bar_chart
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.wire.times import day_of
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/campaigns"
RANGES = (7, 28, 90)
# Rows of the form of a campaign beyond those that it has.
NEW_FIELDS = 3
SAVED = "Saved."


@manage.get("/campaigns/{page_tab_id}", area="campaigns")
async def campaign(db: Db, member: Member, query: RangeQuery, now: datetime) -> View:
    """Show a campaign; its figures follow."""
    one = await visible_campaign(db, member, query.page_tab_id, now)
    details = await campaign_details(db, member.account, OneCampaignDetailed(page_tab_id=query.page_tab_id))
    winners = await shown_fans(db, member, {one.winner_fan_id} if one.winner_fan_id else set())
    values = {
        "campaign": one,
        "details": details,
        "winner": winners.get(one.winner_fan_id or 0),
        "day_count": int(query.days or 28),
        "ranges": RANGES,
    }
    return View(f"{TEMPLATES}/campaign.html", values)


@manage.get("/campaigns/{page_tab_id}/figures", area="campaigns")
async def campaign_figures(db: Db, member: Member, visit: Visit, query: RangeQuery, now: datetime) -> View:
    """Count entries, fans, views and opt-ins, by day too."""
    one = await visible_campaign(db, member, query.page_tab_id, now)
    today = day_of(now, member.account.time_zone)
    day_count = int(query.days or 28)
    span = (today - timedelta(days=day_count - 1), today)
    days = CampaignDaysQuery(page_tab_id=query.page_tab_id, start_date=span[0], end_date=span[1])
    daily = await campaign_days(db, member.account, days)
    window = StatsRange(page_tab_id=query.page_tab_id)
    is_bundle = one.app_type == "bundle"
    values = {
        "campaign": one,
        "figures": await campaign_stats(db, member.account, window),
        "bundle": await bundle_stats(db, member.account, window) if is_bundle else None,
        "daily": daily,
        "day_count": day_count,
        "ranges": RANGES,
        "chart": bar_chart([_bar(visit.language, each.entry_date, each.entry_count) for each in daily]),
    }
    return View(f"{TEMPLATES}/figures.html", values)


def _bar(language: Language, day: date, count: int) -> Point:
    return Point(language.short_day(day), count, f"{language.calendar_day(day)}: {language.number(count)}")


@manage.get("/campaigns/{page_tab_id}/edit", area="campaigns", right="write")
async def campaign_edit(db: Db, member: Member, query: OneCampaign, now: datetime) -> View:
    """Show the fields of a campaign, to be changed."""
    one = await visible_campaign(db, member, query.page_tab_id, now)
    details = await campaign_details(db, member.account, OneCampaignDetailed(page_tab_id=query.page_tab_id))
    zone = details.timezone or member.account.time_zone
    values = {
        "campaign": one,
        "details": details,
        "zone": zone,
        "start": local_time(details.start_timestamp, zone),
        "end": local_time(details.end_timestamp, zone),
        "businesses": await visible_businesses(db, member),
        "streams": await stream_choices(db, member),
        "zones": zone_choices(zone),
    }
    return View(f"{TEMPLATES}/edit.html", values)


@manage.post("/campaigns/{page_tab_id}/edit", area="campaigns")
async def campaign_save(db: Db, member: Member, visit: Visit, form: CampaignEdit, now: datetime) -> Redirect:
    """Save the fields of a campaign."""
    await visible_campaign(db, member, form.page_tab_id, now)
    check_business_of(member, form.business_id)
    details = await campaign_details(db, member.account, OneCampaignDetailed(page_tab_id=form.page_tab_id))
    if form.stream_key != details.stream_key:
        await check_stream(db, member, form.stream_key)
    await change_campaign(db, member.account.id, form.changes(member.account.time_zone), now)
    flash(visit, SAVED)
    return Redirect(campaign_path(member, form.page_tab_id))


@manage.get("/campaigns/{page_tab_id}/texts", area="campaigns", right="write")
async def campaign_texts(db: Db, member: Member, query: OneCampaign, now: datetime) -> View:
    """Show the fields of the form and the texts by language, to be changed."""
    one = await visible_campaign(db, member, query.page_tab_id, now)
    details = await campaign_details(db, member.account, OneCampaignDetailed(page_tab_id=query.page_tab_id))
    fields = stored_fields(details.props)
    values = {
        "campaign": one,
        "fields": [*fields, *[FormField("", "")] * min(NEW_FIELDS, MAX_FORM_FIELDS - len(fields))],
        "kinds": FIELD_KINDS,
        "texts": stored_texts(details.locale_props),
    }
    return View(f"{TEMPLATES}/texts.html", values)


@manage.post("/campaigns/{page_tab_id}/texts", area="campaigns")
async def campaign_texts_save(db: Db, member: Member, visit: Visit, form: CampaignTexts, now: datetime) -> Redirect:
    """Save the fields of the form and the texts; other props stay."""
    await visible_campaign(db, member, form.page_tab_id, now)
    details = await campaign_details(db, member.account, OneCampaignDetailed(page_tab_id=form.page_tab_id))
    changes = CampaignChanges(
        page_tab_id=form.page_tab_id,
        props={**details.props, "form_fields": form.form_fields()},
        locale_props=form.locale_props(details.locale_props),
    )
    await change_campaign(db, member.account.id, changes, now)
    flash(visit, SAVED)
    return Redirect(f"{campaign_path(member, form.page_tab_id)}/texts")


@manage.post("/campaigns/{page_tab_id}/close", area="campaigns")
async def campaign_close(db: Db, member: Member, visit: Visit, form: CampaignEnd, now: datetime) -> Redirect:
    """Close a campaign, with a winner if there is one."""
    await visible_campaign(db, member, form.page_tab_id, now)
    # A stranger who won would become one of one's own fans.
    winner_id = await current_fan_id(db, member, form.winner_fan_id) if form.winner_fan_id else None
    change = CampaignClosing(page_tab_id=form.page_tab_id, winner_fan_id=winner_id)
    await close_campaign(db, member.account.id, change, now)
    flash(visit, "The campaign is closed.")
    return Redirect(campaign_path(member, form.page_tab_id))
