"""Quests and rewards of a performance: added, removed, who completed them, who claimed what, and claims undone."""

from datetime import datetime
from urllib.parse import urlencode

import msgspec

from fanfare.console.pages.campaigns.access import visible_campaign
from fanfare.console.pages.performances.access import masked_fans, performance_path, visible_performance
from fanfare.console.schemas.performances import (
    CodesForm,
    PerformanceClaims,
    PerformanceClaimUndoing,
    PerformanceCompletions,
)
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash, flash_count
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Cursor
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.wire import MAX_ID
from fanfare.performances.actions.claims import undo_claim
from fanfare.performances.actions.quests import create_quest, delete_quest
from fanfare.performances.actions.rewards import create_reward, delete_reward, save_codes
from fanfare.performances.queries.quests import completions, quests
from fanfare.performances.queries.rewards import claim, reward_claims, rewards
from fanfare.performances.schemas.quests import NewQuest, OneQuest, Quest
from fanfare.performances.schemas.rewards import ClaimUndoing, NewCodes, NewReward, PerformanceReward, Reward
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/performances"
ROWS = 50
NEWEST = Cursor("desc", MAX_ID)


@manage.post("/performances/{performance_uid}/quests", area="performances")
async def quest_create(db: Db, member: Member, visit: Visit, form: NewQuest, now: datetime) -> Redirect:
    """Add a quest to a performance."""
    await visible_performance(db, member, form.performance_uid)
    if form.target_page_tab_id is not None:
        await visible_campaign(db, member, form.target_page_tab_id, now)
    await create_quest(db, member.account, form, now)
    flash(visit, "The quest is added.")
    return Redirect(performance_path(member, form.performance_uid))


@manage.post("/performances/{performance_uid}/quests/{page_tab_id}/delete", area="performances")
async def quest_delete(db: Db, member: Member, visit: Visit, form: OneQuest, now: datetime) -> Redirect:
    """Remove a quest from a performance."""
    await visible_performance(db, member, form.performance_uid)
    await delete_quest(db, member.account.id, form.performance_uid, form.page_tab_id, now)
    flash(visit, "The quest is removed.")
    return Redirect(performance_path(member, form.performance_uid))


@manage.get("/performances/{performance_uid}/quests/{page_tab_id}", area="performances")
async def quest(db: Db, member: Member, query: PerformanceCompletions) -> View:
    """Show who completed a quest, the newest first."""
    performance = await visible_performance(db, member, query.performance_uid)
    one = await _quest(db, member, query)
    page = await completions(
        db, member.account.id, msgspec.structs.replace(query, limit=ROWS, cursor=query.cursor or NEWEST)
    )
    values = {
        "performance": performance,
        "quest": one,
        "completions": page.data,
        "fans": await masked_fans(db, member, {each.fan_id for each in page.data}),
        "further_query": urlencode({"cursor": page.next_page.cursor}) if page.next_page.has_more else "",
    }
    return View(f"{TEMPLATES}/quest.html", values)


async def _quest(db: Db, member: Member, query: PerformanceCompletions) -> Quest:
    rows = await quests(db, member.account.id, query.performance_uid)
    for each in rows:
        if each.page_tab_id == query.page_tab_id:
            return each
    raise Unknown(quest=query.page_tab_id)


@manage.post("/performances/{performance_uid}/rewards", area="performances")
async def reward_create(db: Db, member: Member, visit: Visit, form: NewReward, now: datetime) -> Redirect:
    """Add a reward to a performance."""
    await visible_performance(db, member, form.performance_uid)
    await create_reward(db, member.account.id, form, now)
    flash(visit, "The reward is added.")
    return Redirect(performance_path(member, form.performance_uid))


@manage.post("/performances/{performance_uid}/rewards/{reward_uid}/delete", area="performances")
async def reward_delete(db: Db, member: Member, visit: Visit, form: PerformanceReward, now: datetime) -> Redirect:
    """Remove a reward from a performance; what was claimed stays."""
    await visible_performance(db, member, form.performance_uid)
    await delete_reward(db, member.account.id, form.performance_uid, form.reward_uid, now)
    flash(visit, "The reward is removed.")
    return Redirect(performance_path(member, form.performance_uid))


@manage.get("/performances/{performance_uid}/rewards/{reward_uid}", area="performances")
async def reward(db: Db, member: Member, query: PerformanceClaims) -> View:
    """Show the stock of a reward and its claims, the newest first."""
    performance = await visible_performance(db, member, query.performance_uid)
    one = await _reward(db, member, query)
    page = await reward_claims(
        db, member.account.id, msgspec.structs.replace(query, limit=ROWS, cursor=query.cursor or NEWEST)
    )
    values = {
        "performance": performance,
        "reward": one,
        "claims": page.data,
        "fans": await masked_fans(db, member, {each.fan_id for each in page.data if each.fan_id}),
        "further_query": urlencode({"cursor": page.next_page.cursor}) if page.next_page.has_more else "",
    }
    return View(f"{TEMPLATES}/reward.html", values)


async def _reward(db: Db, member: Member, query: PerformanceClaims | PerformanceClaimUndoing | CodesForm) -> Reward:
    rows = await rewards(db, member.account.id, query.performance_uid)
    for each in rows:
        if each.reward_uid == query.reward_uid:
            return each
    raise Unknown(reward=query.reward_uid)


@manage.post("/performances/{performance_uid}/rewards/{reward_uid}/codes", area="performances")
async def reward_codes(db: Db, member: Member, visit: Visit, form: CodesForm) -> Redirect:
    """Store codes, each of which is given to one claim."""
    await visible_performance(db, member, form.performance_uid)
    await _reward(db, member, form)
    codes = list(dict.fromkeys(line.strip() for line in form.code_lines.splitlines() if line.strip()))
    result = await save_codes(db, member.account.id, NewCodes(reward_uid=form.reward_uid, codes=codes[:1000]))
    flash_count(visit, ("%(count)s code is new.", "%(count)s codes are new."), result.saved_count)
    return Redirect(f"{performance_path(member, form.performance_uid)}/rewards/{form.reward_uid}")


@manage.post("/performances/{performance_uid}/rewards/{reward_uid}/claims/{reward_claim_id}/undo", area="performances")
async def claim_undo(db: Db, member: Member, visit: Visit, form: PerformanceClaimUndoing, now: datetime) -> Redirect:
    """Undo a claim: the points go back to the fan, and the reward to the stock."""
    await visible_performance(db, member, form.performance_uid)
    await _reward(db, member, form)
    if (await claim(db, member.account.id, form.reward_claim_id)).reward_uid != form.reward_uid:
        raise Unknown(reward_claim=form.reward_claim_id)
    change = ClaimUndoing(reward_claim_id=form.reward_claim_id, is_code_returned=form.is_code_returned)
    await undo_claim(db, member.account.id, change, now)
    flash(visit, "The claim is undone; points and stock are as before.")
    return Redirect(f"{performance_path(member, form.performance_uid)}/rewards/{form.reward_uid}")
