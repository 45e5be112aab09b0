"""The demo's quests around the next home match: a portal, quests of several kinds, rewards, and fans who take part."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fanfare.campaigns.actions.activities import record_fan_activity
from fanfare.campaigns.schemas.activities import NewFanActivity
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.performances.actions.claims import claim_for_fan, undo_claim
from fanfare.performances.actions.fan_quests import follow_click
from fanfare.performances.actions.portals import create_portal
from fanfare.performances.actions.quests import create_quest
from fanfare.performances.actions.rewards import create_reward, save_codes
from fanfare.performances.schemas.portals import NewPortal
from fanfare.performances.schemas.quests import NewQuest
from fanfare.performances.schemas.rewards import ClaimUndoing, NewCodes, NewFanClaim, NewReward
from fanfare.points.actions.categories import create_point
from fanfare.points.schemas.points import NewPoint

FANS = 36
SCORE, LINK = "Predict the score", "https://www.harbourcity.example/tickets"
CODES = [f"COFFEE-{number:03}" for number in range(1, 41)]


# The next performance, else the last one.
PERFORMANCE = """
    select performance_uid from performances where account_id = $1
    order by performance_date < $2::timestamptz::date, abs(performance_date - $2::timestamptz::date), performance_uid
    limit 1
"""


async def make_quests(db: Db, account: Account, now: datetime) -> None:
    """Create the quests and rewards of the next match; some fans complete quests, claim, and one gives back."""
    portal = NewPortal(portal_name="Promoters of Harbour Hall", performance_group_name="Guest nights")
    await create_portal(db, account.id, portal, now)
    point = NewPoint(point_name="Match day points", description="For quests around the next home match")
    point_uid = await create_point(db, account.id, point, now)
    fan_ids = [
        row["fan_id"]
        for row in await db.rows(
            "select fan_id from fans where account_id = $1 order by fan_id limit $2", account.id, FANS
        )
    ]
    if not fan_ids:
        return
    performance_uid = await db.value(PERFORMANCE, account.id, now)
    shared = {"performance_uid": performance_uid, "point_uid": point_uid}
    await _quests(db, account, fan_ids[0], shared, now)
    await _take_part(db, account, fan_ids, now)
    await _claim(db, account.id, fan_ids, await _rewards(db, account.id, shared, now), now)


async def _quests(db: Db, account: Account, fan_id: int, shared: dict[str, Any], now: datetime) -> None:
    """Create quests of five kinds. The campaign begins with the first entry in it."""
    entry = await record_fan_activity(db, account.id, NewFanActivity(fan_id=fan_id, campaign_title=SCORE), now)
    target = await db.value(
        "select page_tab_id from activities where account_id = $1 and activity_id = $2", account.id, entry.activity_id
    )
    rows: list[dict[str, Any]] = [
        {"quest_title": SCORE, "quest_type": "campaign", "target_page_tab_id": target, "fan_points_reward": 20,
         "is_required": True},
        {"quest_title": "See the tickets", "quest_type": "link", "link_url": LINK, "button_text": "Go to the shop",
         "fan_points_reward": 10},
        {"quest_title": "Visit the fan zone", "quest_type": "scan", "scan_group_names": ["Fan zone"],
         "fan_points_reward": 30},
        {"quest_title": "Thirty points", "quest_type": "points", "fan_points_required": 30, "fan_points_reward": 5},
    ]  # fmt: skip
    page_tab_ids = [await create_quest(db, account, NewQuest(**shared, **row), now) for row in rows]
    last = NewQuest(quest_title="Come to the match", quest_type="check_in", required_page_tab_ids=page_tab_ids[:1],
                    fan_points_reward=50, **shared)  # fmt: skip
    await create_quest(db, account, last, now)


async def _take_part(db: Db, account: Account, fan_ids: list[int], now: datetime) -> None:
    """Two fans in three predict the score, and half of all click on the link."""
    tracker_id = await db.value(
        "select tracker_id from trackers where account_id = $1 and target_url = $2 order by tracker_id limit 1",
        account.id,
        LINK,
    )
    for number, fan_id in enumerate(fan_ids):
        if number % 3:
            await record_fan_activity(db, account.id, NewFanActivity(fan_id=fan_id, campaign_title=SCORE), now)
        if number % 2 and tracker_id is not None:
            await follow_click(db, account.id, fan_id, tracker_id, 0, now)


async def _rewards(db: Db, account_id: int, shared: dict[str, Any], now: datetime) -> list[UUID]:
    """Create rewards without a code, with uploaded codes, and with generated ones."""
    rows: list[dict[str, Any]] = [
        {"reward_title": "Team poster", "fan_points_required": 10, "stock": 50},
        {"reward_title": "Coffee at the kiosk", "fan_points_required": 20, "code_type": "uploaded"},
        {"reward_title": "Signed ball", "fan_points_required": 30, "stock": 2, "code_type": "generated"},
    ]
    uids = [await create_reward(db, account_id, NewReward(reward_type="custom", **shared, **row), now) for row in rows]
    await save_codes(db, account_id, NewCodes(reward_uid=uids[1], codes=CODES))
    return uids


async def _claim(db: Db, account_id: int, fan_ids: list[int], reward_uids: list[UUID], now: datetime) -> None:
    """Fans with enough points claim; one of them gives the poster back."""
    poster, coffee, ball = reward_uids
    # Who clicked too has 35 points, who only predicted the score 20.
    clickers = [fan_id for number, fan_id in enumerate(fan_ids) if number % 3 and number % 2]
    predictors = [fan_id for number, fan_id in enumerate(fan_ids) if number % 3 and not number % 2]
    claims = [*((fan_id, ball) for fan_id in clickers[:2]), *((fan_id, coffee) for fan_id in predictors[:6])]
    claims += [(fan_id, poster) for fan_id in clickers[2:8]]
    rows = [
        await claim_for_fan(db, account_id, NewFanClaim(fan_id=fan_id, reward_uid=reward_uid), now)
        for fan_id, reward_uid in claims
    ]
    for row in rows[-1:]:
        await undo_claim(db, account_id, ClaimUndoing(reward_claim_id=row.reward_claim_id), now)
