"""The list of campaigns, and new ones by kind."""

from datetime import datetime
from urllib.parse import urlencode

from fanfare.accounts.queries import businesses
from fanfare.campaigns.actions.campaigns import create_campaign
from fanfare.campaigns.queries.managed import managed_campaigns
from fanfare.campaigns.schemas.managed import STATES
from fanfare.console.pages.campaigns.access import campaign_path
from fanfare.console.pages.choices import stream_choices, zone_choices
from fanfare.console.pages.streams.access import visible_stream
from fanfare.console.schemas.campaigns import KINDS, CampaignKindQuery, CampaignListQuery, NewCampaignForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/campaigns"


async def visible_businesses(db: Db, member: Member) -> list[tuple[int, str]]:
    """Return the businesses that the person works for, as (id, name)."""
    every = await businesses(db, member.account.id)
    return [(each.business_id, each.business_name) for each in every if member.sees_business(each.business_id)]


def check_business_of(member: Member, business_id: int | None) -> None:
    """Refuse (422) to put a campaign where the person could not see it."""
    if not member.sees_business(business_id):
        raise BadParameters([("business_id", "must be one of your businesses")])


async def check_stream(db: Db, member: Member, stream_key: str | None) -> None:
    """Refuse (422) a stream that the person does not see: naming it in a campaign would give it to them."""
    try:
        if stream_key is not None:
            await visible_stream(db, member, stream_key)
    except Unknown:
        raise BadParameters([("stream_key", "must be one of your streams")]) from None


@manage.get("/campaigns", area="campaigns")
async def campaigns(db: Db, member: Member, query: CampaignListQuery, now: datetime) -> View:
    """Show the campaigns, the newest first, with what they are and when."""
    page = await managed_campaigns(db, member.account.id, query.for_businesses(member.business_ids), now)
    filters = {
        "q": query.q, "app_type": query.app_type, "campaign_state": query.campaign_state,
        "business_ids": query.business_ids and query.business_ids[0], "order": query.order,
    }  # fmt: skip
    chosen = {name: value for name, value in filters.items() if value}
    counted = {**chosen, **({"cursor": str(query.cursor)} if query.cursor else {}), "include_counts": "true"}
    values = {
        "campaigns": page.data,
        "filters": filters,
        "is_filtered": bool(chosen.keys() - {"order"}),
        "kinds": KINDS,
        "states": STATES,
        "businesses": await visible_businesses(db, member),
        "counts_query": "" if query.include_counts else urlencode(counted),
        "further_query": urlencode({**chosen, "cursor": page.next_page.cursor}) if page.next_page.has_more else "",
    }
    return View(f"{TEMPLATES}/campaigns.html", values)


@manage.get("/campaigns/new", area="campaigns", right="write")
async def campaign_new(db: Db, member: Member, query: CampaignKindQuery) -> View:
    """Ask for the kind of a campaign, then for its fields."""
    values = {
        "app_type": query.app_type,
        "kinds": KINDS,
        "businesses": await visible_businesses(db, member),
        "streams": await stream_choices(db, member),
        "zones": zone_choices(member.account.time_zone),
    }
    return View(f"{TEMPLATES}/new.html", values)


@manage.post("/campaigns/new", area="campaigns")
async def campaign_create(db: Db, member: Member, visit: Visit, form: NewCampaignForm, now: datetime) -> Redirect:
    """Create a campaign."""
    check_business_of(member, form.business_id)
    await check_stream(db, member, form.stream_key)
    page_tab_id = await create_campaign(db, member.account.id, form.new(member.account.time_zone), now)
    flash(visit, "The campaign is created.")
    return Redirect(campaign_path(member, page_tab_id))
