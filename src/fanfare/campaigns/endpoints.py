"""HTTP endpoints of campaigns, activities, items and wagers."""

from datetime import datetime
from typing import Any

from fanfare.campaigns.actions import activities as activity_actions
from fanfare.campaigns.actions import campaigns as campaign_actions
from fanfare.campaigns.actions import events as event_actions
from fanfare.campaigns.actions import items as item_actions
from fanfare.campaigns.queries import activities, campaigns, items, managed, stats
from fanfare.campaigns.schemas.activities import (
    Activity,
    ActivityPageMeta,
    ActivitySaved,
    ActivityWindow,
    CampaignActivity,
    CampaignActivityWindow,
    Counter,
    CounterChoice,
    FanActivity,
    FanActivityWindow,
    NewActivity,
    NewFanActivity,
)
from fanfare.campaigns.schemas.campaigns import (
    Campaign,
    CampaignChanges,
    CampaignChoice,
    CampaignClosing,
    CampaignDetails,
    CampaignSaved,
    CampaignSearch,
    CrmCampaign,
    NewCampaign,
    OneCampaign,
    OneCampaignDetailed,
)
from fanfare.campaigns.schemas.items import (
    ItemChanges,
    ItemSaved,
    NewItem,
    NewWager,
    OneItem,
    PublicItem,
    WagerChoice,
    WagerEntry,
    WagerSaved,
)
from fanfare.campaigns.schemas.managed import CampaignDaysQuery, EntriesOfDay, ManagedCampaign, ManagedCampaignQuery
from fanfare.campaigns.schemas.stats import (
    BundleStats,
    CampaignStats,
    DetailedStatsChoice,
    EventsSaved,
    NewEvents,
    NewViews,
    StatsRange,
    ViewsSaved,
)
from fanfare.kernel.callers import PUBLIC, SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, Page
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/crm/activities/counters", scope="crm", key=SECRET)
async def crm_activity_counters(db: Db, account: Account, query: CounterChoice) -> list[Counter]:
    """Count the values of a custom property over the activities of a named custom campaign, one row for each value."""
    return await activities.counters(db, account.id, query)


@endpoint.get("/api/v1/crm/campaigns", scope="crm", key=SECRET)
async def crm_campaigns_list(db: Db, account: Account, query: CampaignSearch) -> list[CrmCampaign]:
    """List the account's campaigns, optionally by a part of the title."""
    return await campaigns.crm_campaigns(db, account.id, query.q)


@endpoint.get("/api/v1/crm/activities", scope="crm", key=SECRET)
async def crm_activities_list(db: Db, account: Account, query: ActivityWindow) -> Page[ActivityPageMeta, Activity]:
    """Read the feed of activities, at most 200 per page.

    The newest come first, and the next page is `max_activity_id = meta.min_activity_id`. With `min_activity_id` the
    order is ascending, and the next page is `min_activity_id = meta.max_activity_id`. A client that follows either gets
    every activity once.
    """
    return await activities.activity_page(db, account, query)


@endpoint.post("/api/v1/crm/activities", scope="crm", key=SECRET)
async def crm_activities_create(db: Db, account: Account, new: NewActivity, now: datetime) -> list[ActivitySaved]:
    """Record an activity together with the details of the fan who did it, for data integrations.

    The fan is found by email, then by phone, or created; the fan's data is completed, never overwritten. Values in
    field_* parameters are recorded with the activity. The response has one entry.
    """
    return [await activity_actions.record_activity(db, account, new, now)]


@endpoint.get("/api/v1/crm/fans/{fan_id}/activities", scope="crm", key=SECRET)
async def crm_fan_activities_list(db: Db, account: Account, query: FanActivityWindow) -> ArrayPage[FanActivity]:
    """List the activities of one fan, optionally of a single campaign, the newest first."""
    return await activities.fan_activities(db, account, query)


@endpoint.post("/api/v1/crm/fans/{fan_id}/activities", scope="crm", key=SECRET)
async def crm_fan_activities_create(db: Db, account: Account, new: NewFanActivity, now: datetime) -> ActivitySaved:
    """Record an activity of one fan in a custom campaign, with custom values in field_* parameters."""
    return await activity_actions.record_fan_activity(db, account.id, new, now)


@endpoint.get("/api/v1/campaigns", scope="apps", key=PUBLIC, has_etag=True)
async def campaigns_list(db: Db, account: Account, query: CampaignChoice) -> list[Campaign]:
    """List campaigns with their display configuration, by type, business and whether the scheduler shows them."""
    return await campaigns.campaigns(db, account.id, query)


@endpoint.get("/api/v1/campaigns/{page_tab_id}", scope="apps", key=PUBLIC, has_etag=True)
async def campaigns_get(db: Db, account: Account, target: OneCampaignDetailed) -> CampaignDetails:
    """Return the configuration of one campaign, with its quiz questions or items on request."""
    return await campaigns.campaign(db, account, target)


@endpoint.get("/api/v1/campaigns/{page_tab_id}/props", scope="apps", key=PUBLIC, has_etag=True)
async def campaigns_props(db: Db, account: Account, target: OneCampaign) -> dict[str, Any]:
    """Return all configured properties of one campaign."""
    return await campaigns.campaign_props(db, account.id, target.page_tab_id)


@endpoint.get("/api/v1/campaigns/{page_tab_id}/fan_activities", scope="apps", key=PUBLIC)
async def campaigns_fan_activities(
    db: Db, account: Account, query: CampaignActivityWindow
) -> ArrayPage[CampaignActivity]:
    """List the activities of a campaign without personal data except the fan id, and without hidden fans."""
    return await activities.campaign_activities(db, account.id, query)


@endpoint.get("/api/v1/campaigns/{page_tab_id}/stats", scope="apps", key=SECRET)
async def campaigns_stats(db: Db, account: Account, query: StatsRange) -> CampaignStats:
    """Count entries, fans, views and opt-ins of one campaign inside a date range."""
    return await stats.campaign_stats(db, account, query)


@endpoint.get("/api/v1/campaigns/{page_tab_id}/bundle_stats", scope="apps", key=SECRET)
async def campaigns_bundle_stats(db: Db, account: Account, query: StatsRange) -> BundleStats:
    """Count over a bundle: one summary, in which each fan counts once, and the figures of every campaign in it."""
    return await stats.bundle_stats(db, account, query)


@endpoint.get("/api/v1/campaigns/{page_tab_id}/detailed_stats", scope="apps", key=SECRET)
async def campaigns_detailed_stats(db: Db, account: Account, query: DetailedStatsChoice) -> ArrayPage[dict[str, Any]]:
    """Read row-level statistics of a campaign.

    `target` chooses the kind of rows and their layout. leaderboard ranks the fans, hidden ones included, by the points
    won in the campaign inside the window; fan_points returns its awards, wager_points its wagers; the other kinds
    return what apps reported.
    """
    return await stats.detailed_stats(db, account, query)


@endpoint.get("/api/v1/campaigns/{page_tab_id}/wager_entries", scope="apps", key=SECRET)
async def campaigns_wager_entries(db: Db, account: Account, query: WagerChoice) -> ArrayPage[WagerEntry]:
    """List the items of a wager campaign with the wagers placed on them, 10,000 wagers a page, the oldest first.

    Send the header X-Next-Cursor back as `cursor` to continue; later pages have only the items of their wagers.
    """
    return await items.wager_entries(db, account, query)


@endpoint.get("/api/v1/manage/campaigns", scope="manage", key=SECRET)
async def manage_campaigns_list(
    db: Db, account: Account, query: ManagedCampaignQuery, now: datetime
) -> ArrayPage[ManagedCampaign]:
    """List campaigns with their state and, on request, the number of entries, newest first by default.

    Send the header X-Next-Cursor back as `cursor` to continue.
    """
    return await managed.managed_campaigns(db, account.id, query, now)


@endpoint.get("/api/v1/manage/campaigns/{page_tab_id}/days", scope="manage", key=SECRET)
async def manage_campaigns_days(db: Db, account: Account, query: CampaignDaysQuery) -> list[EntriesOfDay]:
    """Count the entries of a campaign and their fans by day, at most 366 days."""
    return await managed.campaign_days(db, account, query)


@endpoint.post("/api/v1/manage/campaigns", scope="manage", key=SECRET, references=campaign_actions.references)
async def manage_campaigns_create(db: Db, account: Account, new: NewCampaign, now: datetime) -> CampaignSaved:
    """Create a campaign; 409 when a custom campaign with that title exists."""
    return CampaignSaved(await campaign_actions.create_campaign(db, account.id, new, now))


@endpoint.post(
    "/api/v1/manage/campaigns/{page_tab_id}", scope="manage", key=SECRET, references=campaign_actions.references
)
async def manage_campaigns_update(db: Db, account: Account, changes: CampaignChanges, now: datetime) -> CampaignSaved:
    """Update the fields sent of a campaign; an empty value clears. `page_tab_ids` replaces the bundle's members."""
    return CampaignSaved(await campaign_actions.change_campaign(db, account.id, changes, now))


@endpoint.post(
    "/api/v1/manage/campaigns/{page_tab_id}/close",
    scope="manage",
    key=SECRET,
    references=campaign_actions.closing_references,
)
async def manage_campaigns_close(db: Db, account: Account, change: CampaignClosing, now: datetime) -> CampaignSaved:
    """Close a campaign and name its winner; 409 when it already has another winner."""
    return CampaignSaved(await campaign_actions.close_campaign(db, account.id, change, now))


@endpoint.get("/api/v1/manage/campaigns/{page_tab_id}/items", scope="manage", key=SECRET)
async def manage_campaign_items_list(db: Db, account: Account, target: OneCampaign) -> list[PublicItem]:
    """List the items of a campaign in their order."""
    return await items.items(db, account, target.page_tab_id)


@endpoint.post(
    "/api/v1/manage/campaigns/{page_tab_id}/items", scope="manage", key=SECRET, references=item_actions.references
)
async def manage_campaign_items_create(db: Db, account: Account, new: NewItem, now: datetime) -> ItemSaved:
    """Add an item, such as a quiz question or something to wager on, to a campaign."""
    return ItemSaved(await item_actions.create_item(db, account.id, new, now))


@endpoint.post(
    "/api/v1/manage/campaigns/{page_tab_id}/items/{tab_item_id}",
    scope="manage",
    key=SECRET,
    references=item_actions.references,
)
async def manage_campaign_items_update(db: Db, account: Account, changes: ItemChanges, now: datetime) -> ItemSaved:
    """Update the fields sent of an item; an empty value clears. 409 when more are taken than the new item_count."""
    return ItemSaved(await item_actions.change_item(db, account.id, changes, now))


@endpoint.delete("/api/v1/manage/campaigns/{page_tab_id}/items/{tab_item_id}", scope="manage", key=SECRET)
async def manage_campaign_items_delete(db: Db, account: Account, target: OneItem, now: datetime) -> bool:
    """Delete an item; 409 once wagers are placed on it."""
    await item_actions.delete_item(db, account.id, target, now)
    return True


@endpoint.post(
    "/api/v1/manage/campaigns/{page_tab_id}/wagers",
    scope="manage",
    key=SECRET,
    references=item_actions.wager_references,
    is_routine=True,
)
async def manage_campaign_wagers_create(db: Db, account: Account, new: NewWager, now: datetime) -> WagerSaved:
    """Place a wager on an item for a fan; 409 when fewer are left."""
    return await item_actions.place_wager(db, account.id, new, now)


@endpoint.post("/api/v1/manage/campaigns/{page_tab_id}/views", scope="manage", key=SECRET, is_routine=True)
async def manage_campaign_views_create(db: Db, account: Account, new: NewViews, now: datetime) -> ViewsSaved:
    """Record views of a campaign; the response has the viewer's count of that day."""
    return await event_actions.record_views(db, account, new, now)


@endpoint.post(
    "/api/v1/manage/campaigns/{page_tab_id}/events", scope="manage", key=SECRET, array_field="events", is_routine=True
)
async def manage_campaign_events_create(db: Db, account: Account, new: NewEvents, now: datetime) -> EventsSaved:
    """Record app events of a campaign, at most 1000 in a call; an invalid one does not affect the others.

    The body is a JSON array, or an object with it as field `events`.
    """
    return await event_actions.record_events(db, account, new, now)
