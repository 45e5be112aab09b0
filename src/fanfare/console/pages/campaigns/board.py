"""The board of a campaign: its items with what was taken of them, the leaderboard, and the answers of fans."""

from datetime import datetime

from fanfare.campaigns.actions.items import create_item, delete_item
from fanfare.campaigns.queries.activities import counters
from fanfare.campaigns.queries.items import public_items, wager_entries
from fanfare.campaigns.queries.stats import detailed_stats
from fanfare.campaigns.schemas.activities import CounterChoice
from fanfare.campaigns.schemas.campaigns import CUSTOM
from fanfare.campaigns.schemas.items import NewItem, OneItem, WagerChoice
from fanfare.campaigns.schemas.stats import LEADERBOARD, DetailedStatsChoice
from fanfare.console.pages.campaigns.access import campaign_path, shown_fans, visible_campaign
from fanfare.console.schemas.campaigns import BoardQuery, ItemForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/campaigns"
PLACES, VALUES, WAGERS = 20, 50, 50


@manage.get("/campaigns/{page_tab_id}/board", area="campaigns")
async def campaign_board(db: Db, member: Member, query: BoardQuery, now: datetime) -> View:
    """Show the items of a campaign; who leads and what fans answered follow."""
    one = await visible_campaign(db, member, query.page_tab_id, now)
    items = await public_items(db, member.account, query.page_tab_id)
    return View(f"{TEMPLATES}/board.html", {"campaign": one, "items": items})


@manage.get("/campaigns/{page_tab_id}/standings", area="campaigns")
async def campaign_standings(db: Db, member: Member, query: BoardQuery, now: datetime) -> View:
    """Show who leads, what fans answered in a custom campaign, and the last wagers."""
    one = await visible_campaign(db, member, query.page_tab_id, now)
    account, page_tab_id = member.account, query.page_tab_id
    choice = DetailedStatsChoice(page_tab_id=page_tab_id, target=LEADERBOARD, limit=PLACES)
    leaders = (await detailed_stats(db, account, choice)).data
    answers = []
    if one.app_type == CUSTOM:
        answers = await counters(db, account.id, CounterChoice(campaign_title=one.title, limit=VALUES))
    entries = (await wager_entries(db, account, WagerChoice(page_tab_id=page_tab_id, limit=WAGERS))).data
    wagers = [(entry, wager) for entry in entries for wager in entry.wagers]
    fan_ids = {row["fan_id"] for row in leaders} | {wager.fan_id for _, wager in wagers}
    values = {
        "campaign": one,
        "leaders": leaders,
        # What fans typed can name them.
        "answers": answers if not member.mask("campaigns").is_on else [],
        "is_masked": member.mask("campaigns").is_on,
        "wagers": wagers,
        "fans": await shown_fans(db, member, fan_ids),
    }
    return View(f"{TEMPLATES}/standings.html", values)


@manage.post("/campaigns/{page_tab_id}/items", area="campaigns")
async def campaign_item_create(db: Db, member: Member, visit: Visit, form: ItemForm, now: datetime) -> Redirect:
    """Add an item: a question, something to vote for, something to wager on."""
    await visible_campaign(db, member, form.page_tab_id, now)
    new = NewItem(page_tab_id=form.page_tab_id, title=form.item_title, item_count=form.item_count)
    await create_item(db, member.account.id, new, now)
    flash(visit, "The item is added.")
    return Redirect(f"{campaign_path(member, form.page_tab_id)}/board")


@manage.post("/campaigns/{page_tab_id}/items/{tab_item_id}/delete", area="campaigns")
async def campaign_item_delete(db: Db, member: Member, visit: Visit, form: OneItem, now: datetime) -> Redirect:
    """Delete an item on which nothing was placed."""
    await visible_campaign(db, member, form.page_tab_id, now)
    await delete_item(db, member.account.id, form, now)
    flash(visit, "The item is deleted.")
    return Redirect(f"{campaign_path(member, form.page_tab_id)}/board")
