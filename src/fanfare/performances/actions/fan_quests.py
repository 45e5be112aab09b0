"""What the fan of a session sees of quests, and the links that fans follow."""

from datetime import datetime

from fanfare.campaigns.actions.quests import HAS_PROGRESS, progress, settle
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.performances.queries import quests as queries
from fanfare.performances.schemas.quests import FanQuest, LinkTarget, LinkVisit, SessionQuestQuery
from fanfare.sessions.actions.opening import used_session


async def session_quests(db: Db, account_id: int, query: SessionQuestQuery, now: datetime) -> list[FanQuest]:
    """Return the quests of a performance with the progress of the fan of a session; Unknown (404)."""
    present = await used_session(db, account_id, query.session_uid, now)
    return await queries.fan_quests(db, account_id, query.performance_uid, present.fan_id)


# A fan's visit of the page of a quest.
VISIT = f"""
    with visit as materialized (
        select f.fan_id, q.page_tab_id, q.link_url from fans f
        join quests q on q.account_id = f.account_id and q.page_tab_id = $3 and q.quest_type = 'link'
            and q.performance_uid is not null
        where f.account_id = $1 and f.fan_id = $2
        for key share of f
    ),
    {progress("link", "visit", "q.page_tab_id = c.page_tab_id", moment="$4::timestamptz")}
    select link_url, {HAS_PROGRESS} from visit
"""  # noqa: S608 - fixed parts


async def visit_link(db: Db, account_id: int, visit: LinkVisit, now: datetime) -> LinkTarget:
    """Note that the fan of a session follows the link of a quest, and return the page; Unknown (404)."""
    present = await used_session(db, account_id, visit.session_uid, now)
    row = await db.row(VISIT, account_id, present.fan_id, visit.page_tab_id, now)
    if row is None:
        raise Unknown(quest=visit.page_tab_id)
    if row["has_progress"]:
        await settle(db, account_id, [present.fan_id], now)
    return LinkTarget(row["link_url"])


# The link of a quest is a tracker's own, or leads to the same page.
CLICK = f"""
    with click as (select $2::bigint as fan_id),
    targets as materialized (
        select t.target_url, '/trk/' || t.tracker_key as path from trackers t
        where t.account_id = $1 and t.tracker_id = $3
    ),
    {
    progress(
        "link",
        "(select click.fan_id, targets.target_url, targets.path from click cross join targets)",
        "(q.link_url = c.target_url or right(q.link_url, length(c.path)) = c.path)",
        moment="$4::timestamptz",
        is_due="false",
    )
}
    select {HAS_PROGRESS}
"""  # noqa: S608 - fixed parts


async def follow_click(db: Db, account_id: int, fan_id: int, tracker_id: int, click_id: int, now: datetime) -> None:  # noqa: ARG001 - what trackers pass
    """Fulfil the quests whose link a fan clicked on; part of the transaction that stores the click."""
    if await db.value(CLICK, account_id, fan_id, tracker_id, now):
        await settle(db, account_id, [fan_id], now)
