"""Draws of winners: created with their conditions, drawn, winners replaced, proved by seed and list."""

import tempfile
from datetime import datetime
from typing import Annotated

from fanfare.console.pages.campaigns.access import campaign_path, shown_fans, visible_campaign, visible_draw
from fanfare.console.schemas.campaigns import CampaignDraws, DrawForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash, flash_count
from fanfare.draws.actions.draws import complete_draw, create_draw, withdraw_draw
from fanfare.draws.actions.replacing import replace_winner
from fanfare.draws.queries.draws import draws, winners
from fanfare.draws.queries.entrants import entrant_counts, entrants
from fanfare.draws.schemas import DrawQuery, DrawStart, EntrantQuery, OneDraw, Strike, WinnerQuery
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Cursor
from fanfare.kernel.pages.page import Download, Redirect, View, Visit
from fanfare.kernel.wire import Id
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/campaigns"
CampaignId = Annotated[Id, "Campaign of the draw."]


class CampaignDraw(OneDraw, kw_only=True):
    """A draw of a campaign."""

    page_tab_id: CampaignId


class CampaignDrawStart(DrawStart, kw_only=True):
    """What completes a draw of a campaign."""

    page_tab_id: CampaignId


class CampaignStrike(Strike, kw_only=True):
    """A winner of a draw of a campaign whose win ends."""

    page_tab_id: CampaignId


def _path(member: Member, form: CampaignDraw | CampaignDrawStart | CampaignStrike) -> str:
    return f"{campaign_path(member, form.page_tab_id)}/draws/{form.draw_uid}"


@manage.get("/campaigns/{page_tab_id}/draws", area="campaigns")
async def campaign_draws(db: Db, member: Member, query: CampaignDraws, now: datetime) -> View:
    """Show the draws of a campaign, and the form of a new one."""
    one = await visible_campaign(db, member, query.page_tab_id, now)
    page = await draws(db, member.account.id, DrawQuery(page_tab_id=query.page_tab_id))
    return View(f"{TEMPLATES}/draws.html", {"campaign": one, "draws": page.data})


@manage.post("/campaigns/{page_tab_id}/draws", area="campaigns")
async def campaign_draw_create(db: Db, member: Member, visit: Visit, form: DrawForm, now: datetime) -> Redirect:
    """Create a draw: its seed is chosen, and its hash shown."""
    await visible_campaign(db, member, form.page_tab_id, now)
    created = await create_draw(db, member.account.id, form.new(member.account.time_zone), now)
    flash(visit, "The draw is created. Publish the hash of its seed before you draw.")
    return Redirect(f"{campaign_path(member, form.page_tab_id)}/draws/{created.draw_uid}")


@manage.get("/campaigns/{page_tab_id}/draws/{draw_uid}", area="campaigns")
async def campaign_draw(db: Db, member: Member, query: CampaignDraw, now: datetime) -> View:
    """Show a draw: its conditions, its proof, and what was decided."""
    campaign, draw = await visible_draw(db, member, query.page_tab_id, query.draw_uid, now)
    steps = (await winners(db, member.account.id, WinnerQuery(draw_uid=query.draw_uid))).data
    valid = [step for step in steps if step.is_valid and step.winner_kind != "reserve"]
    values = {
        "campaign": campaign,
        "draw": draw,
        "steps": steps,
        "winners": valid,
        "reserves": [step for step in steps if step.is_valid and step.winner_kind == "reserve"],
        "fans": await shown_fans(db, member, {step.fan_id for step in steps if step.fan_id}),
    }
    return View(f"{TEMPLATES}/draw.html", values)


@manage.get("/campaigns/{page_tab_id}/draws/{draw_uid}/preview", area="campaigns")
async def campaign_draw_preview(db: Db, member: Member, query: CampaignDraw, now: datetime) -> View:
    """Count who would take part now."""
    campaign, draw = await visible_draw(db, member, query.page_tab_id, query.draw_uid, now)
    counts = await entrant_counts(db, member.account.id, query.draw_uid)
    return View(f"{TEMPLATES}/draw_preview.html", {"campaign": campaign, "draw": draw, "counts": counts})


@manage.post("/campaigns/{page_tab_id}/draws/{draw_uid}/complete", area="campaigns")
async def campaign_draw_complete(
    db: Db, member: Member, visit: Visit, form: CampaignDrawStart, now: datetime
) -> Redirect:
    """Draw the winners."""
    await visible_draw(db, member, form.page_tab_id, form.draw_uid, now)
    start = DrawStart(draw_uid=form.draw_uid, public_value=form.public_value)
    draw = await complete_draw(db, member.account.id, start, now)
    texts = ("Winners are drawn among %(count)s fan.", "Winners are drawn among %(count)s fans.")
    flash_count(visit, texts, draw.entrant_count or 0)
    return Redirect(_path(member, form))


@manage.post("/campaigns/{page_tab_id}/draws/{draw_uid}/withdraw", area="campaigns")
async def campaign_draw_withdraw(db: Db, member: Member, visit: Visit, form: CampaignDraw, now: datetime) -> Redirect:
    """Withdraw a draw that did not take place."""
    await visible_draw(db, member, form.page_tab_id, form.draw_uid, now)
    await withdraw_draw(db, member.account.id, form.draw_uid, now)
    flash(visit, "The draw is withdrawn.")
    return Redirect(_path(member, form))


@manage.post("/campaigns/{page_tab_id}/draws/{draw_uid}/replace", area="campaigns")
async def campaign_draw_replace(db: Db, member: Member, visit: Visit, form: CampaignStrike, now: datetime) -> Redirect:
    """Strike a winner, with a reason, and let the next follow."""
    await visible_draw(db, member, form.page_tab_id, form.draw_uid, now)
    strike = Strike(draw_uid=form.draw_uid, winner_number=form.winner_number, reason=form.reason)
    result = await replace_winner(db, member.account.id, strike, now)
    if result.winner_number is None:
        flash(visit, "The win is struck. Nobody is left who could follow.", kind="warn")
    else:
        flash(visit, "The win is struck, and the next in the order follows.")
    return Redirect(_path(member, form))


@manage.get("/campaigns/{page_tab_id}/draws/{draw_uid}/list", area="campaigns")
async def campaign_draw_list(db: Db, member: Member, query: CampaignDraw, now: datetime) -> Download:
    """Download the list of a draw, byte for byte what its hash is over; it names no fan."""
    await visible_draw(db, member, query.page_tab_id, query.draw_uid, now)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is sent
    cursor, has_more = Cursor("asc", 0), True
    while has_more:
        page = await entrants(db, member.account.id, EntrantQuery(draw_uid=query.draw_uid, cursor=cursor))
        file.write("".join(f"{each.activity_id},{each.first_activity_id}\n" for each in page.data).encode())
        cursor = Cursor("asc", page.data[-1].activity_id) if page.data else cursor
        has_more = page.next_page.has_more
    return Download(file, f"draw-{query.draw_uid}.csv", "text/csv; charset=utf-8")
