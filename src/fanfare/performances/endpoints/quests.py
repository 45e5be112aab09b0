"""HTTP endpoints of quests."""

from datetime import datetime

from fanfare.kernel.callers import PUBLIC, SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.web.endpoint import endpoint
from fanfare.performances.actions import fan_quests
from fanfare.performances.actions import quests as actions
from fanfare.performances.queries import quests as queries
from fanfare.performances.schemas.performances import OnePerformance
from fanfare.performances.schemas.quests import (
    Completion,
    CompletionQuery,
    FanQuest,
    FanQuestQuery,
    LinkTarget,
    LinkVisit,
    NewQuest,
    OneQuest,
    Quest,
    QuestFigures,
    QuestSaved,
    SessionQuestQuery,
)


@endpoint.get("/api/v1/performances/{performance_uid}/quests", scope="apps", key=SECRET)
async def performance_quests_list(db: Db, account: Account, target: OnePerformance) -> list[Quest]:
    """List the quests of a performance in the order in which they were added."""
    return await queries.quests(db, account.id, target.performance_uid)


@endpoint.post("/api/v1/performances/{performance_uid}/quests", scope="apps", key=SECRET, references=actions.references)
async def performance_quests_create(db: Db, account: Account, new: NewQuest, now: datetime) -> QuestSaved:
    """Add a quest to a performance. It is a campaign, whose page_tab_id is returned.

    What fans did before does not count. 409 when the performance has 200 quests.
    """
    return QuestSaved(await actions.create_quest(db, account, new, now))


@endpoint.delete("/api/v1/performances/{performance_uid}/quests", scope="apps", key=SECRET)
async def performance_quests_delete(db: Db, account: Account, target: OneQuest, now: datetime) -> None:
    """Remove a quest from a performance and close its campaign; 409 while other quests require it.

    Points that it awarded stay.
    """
    await actions.delete_quest(db, account.id, target.performance_uid, target.page_tab_id, now)


@endpoint.get("/api/v1/manage/performances/{performance_uid}/quests", scope="manage", key=SECRET)
async def manage_performance_quests(db: Db, account: Account, target: OnePerformance) -> list[QuestFigures]:
    """Count the fans with progress in each quest of a performance, and those who completed it."""
    return await queries.figures(db, account.id, target.performance_uid)


@endpoint.get("/api/v1/manage/quests/{page_tab_id}/completions", scope="manage", key=SECRET)
async def manage_quests_completions(db: Db, account: Account, query: CompletionQuery) -> ArrayPage[Completion]:
    """List the fans who completed a quest, in the order in which they did.

    Send the header X-Next-Cursor back as `cursor` to continue.
    """
    return await queries.completions(db, account.id, query)


@endpoint.get("/api/v1/manage/fans/{fan_id}/quests", scope="manage", key=SECRET)
async def manage_fans_quests_list(db: Db, account: Account, query: FanQuestQuery) -> list[FanQuest]:
    """List the quests of a performance with the progress of a fan."""
    return await queries.fan_quests(db, account.id, query.performance_uid, query.fan_id)


@endpoint.get("/api/v1/sessions/{session_uid}/quests", scope="sessions", key=PUBLIC)
async def sessions_quests_list(db: Db, account: Account, query: SessionQuestQuery, now: datetime) -> list[FanQuest]:
    """List the quests of a performance with the progress of the signed-in fan."""
    return await fan_quests.session_quests(db, account.id, query, now)


@endpoint.post("/api/v1/sessions/{session_uid}/quests/{page_tab_id}/visit", scope="sessions", key=PUBLIC)
async def sessions_quests_visit(db: Db, account: Account, visit: LinkVisit, now: datetime) -> LinkTarget:
    """Note that the signed-in fan follows the link of a quest, and return the page to open."""
    return await fan_quests.visit_link(db, account.id, visit, now)
