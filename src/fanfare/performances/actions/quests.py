"""Adds quests to performances and deletes them."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fanfare.campaigns.actions.quests import wait_for_scans
from fanfare.campaigns.topics import CAMPAIGN_CREATED
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.kernel.wire import day_bounds
from fanfare.performances.schemas.quests import MAX_QUESTS, NewQuest
from fanfare.performances.topics import QUEST_CREATED, QUEST_DELETED
from fanfare.points.actions.categories import PointNameTaken, create_point
from fanfare.points.schemas.points import NewPoint

MAX_NAME = 255
COLUMNS = """performance_uid, quest_type, target_page_tab_id, site_name, site_key, scan_group_names,
            scan_group_keys, link_url,
            is_required, access_restriction_type, fan_points_required, point_uid, reward_type, fan_points_reward,
            button_text, quest_description, atvenu_sales_event_key, atvenu_promo_key, bestring_location_group_id,
            bestring_promotion_id, start_date, end_date, starts_at, ends_at, target_count"""
PLAIN = (
    "performance_uid", "quest_type", "target_page_tab_id", "site_name", "link_url", "is_required",
    "fan_points_required", "reward_type", "fan_points_reward", "button_text", "quest_description",
    "atvenu_sales_event_key", "atvenu_promo_key", "bestring_location_group_id", "bestring_promotion_id", "start_date",
    "end_date",
)  # fmt: skip
# Folded names are computed.
VALUES = COLUMNS.replace("scan_group_keys", "group_keys").replace("site_key", "folded_site")
CREATE = f"""
    with {HOLD},
    campaign as (
        insert into campaigns (account_id, title, app_type, starts_at, ends_at, created_at, updated_at)
        values ($1, $2, 'quest', $5, $6, $4, $4)
        returning page_tab_id
    ),
    line as (
        select q.*, array(select fold_text(name) from unnest(q.scan_group_names) as name) as group_keys,
               fold_text(q.site_name) as folded_site
        from jsonb_populate_record(null::quests, $3) q
    ),
    saved as (
        insert into quests (account_id, page_tab_id, created_at, {COLUMNS})
        select $1, campaign.page_tab_id, $4, {VALUES}
        from line cross join campaign
        returning page_tab_id, performance_uid
    ),
    announced as (
        {announce(CAMPAIGN_CREATED, "campaign", at="$4")}
        {also(QUEST_CREATED, "saved", at="$4")}
    )
    select page_tab_id from saved
"""  # noqa: S608 - fixed parts
REQUIRE = """
    insert into quest_requirements (account_id, page_tab_id, required_page_tab_id)
    select distinct $1::bigint, $2::bigint, required.page_tab_id from unnest($3::bigint[]) as required (page_tab_id)
"""
# A deleted quest is a closed campaign: what fans did in it stays.
DELETE = f"""
    with {HOLD},
    deleted as (
        update quests q set performance_uid = null
        where q.account_id = $1 and {{condition}}
        returning q.page_tab_id, $2::uuid as performance_uid
    ),
    closed as (
        update campaigns c set is_active = false, closed_at = coalesce(c.closed_at, $3), updated_at = $3
        from deleted where c.account_id = $1 and c.page_tab_id = deleted.page_tab_id
    ),
    announced as (
        {announce(QUEST_DELETED, "deleted", at="$3")}
    )
    select page_tab_id from deleted
"""  # noqa: S608 - fixed parts
DELETE_ALL = DELETE.format(condition="q.performance_uid = $2")
DELETE_ONE = DELETE.format(condition="q.performance_uid = $2 and q.page_tab_id = $4")
IS_REQUIRED = """
    select exists (
        select from quest_requirements r
        join quests q on q.account_id = r.account_id and q.page_tab_id = r.page_tab_id
            and q.performance_uid is not null
        where r.account_id = $1 and r.required_page_tab_id = $2)
"""
LOCK_PERFORMANCE = """
    select performance_name, performance_date, campaign_event_key, point_uid from performances
    where account_id = $1 and performance_uid = $2 for no key update
"""


class TooManyQuests(Conflict):
    """The performance has 200 quests already; delete some first"""


class QuestRequired(Conflict):
    """Other quests of the performance require this one; delete them first"""


async def create_quest(db: Db, account: Account, new: NewQuest, now: datetime) -> int:
    """Add a quest to a performance and return its page_tab_id.

    Unknown (404) performance; BadParameters (422) as `references`; TooManyQuests (409).
    """

    async def write(outer: Db) -> int:
        async with outer.transaction() as tx:
            return await _create(tx, account, new, now)

    return await db.retry_conflicts(write)


async def _create(tx: Db, account: Account, new: NewQuest, now: datetime) -> int:
    performance = await lock_performance(tx, account.id, new.performance_uid)
    if faults := await references(tx, account, {name: getattr(new, name) for name in new.__struct_fields__}):
        raise BadParameters(faults)
    sql = "select count(*) from quests where account_id = $1 and performance_uid = $2"
    if await tx.value(sql, account.id, new.performance_uid) >= MAX_QUESTS:
        raise TooManyQuests
    point_uid = new.point_uid
    if new.fan_points_reward or new.fan_points_required:
        point_uid = await category(tx, account.id, performance, new.performance_uid, (new.point_uid, now))
    starts_at, ends_at = _window(account, new, now)
    record = {
        **{name: getattr(new, name) for name in PLAIN},
        "scan_group_names": new.scan_group_names or [],
        "access_restriction_type": new.access,
        "point_uid": point_uid,
        "starts_at": starts_at,
        "ends_at": ends_at or "infinity",
        "target_count": new.fan_points_required if new.quest_type == "points" else 1,
    }
    begins_at = starts_at if new.start_date else None
    page_tab_id: int = await tx.value(CREATE, account.id, new.quest_title, record, now, begins_at, ends_at)
    if new.required_page_tab_ids:
        await wait_for_scans(tx, account.id)
        await tx.execute(REQUIRE, account.id, page_tab_id, new.required_page_tab_ids)
    return page_tab_id


def _window(account: Account, new: NewQuest, now: datetime) -> tuple[datetime, datetime | None]:
    """Return the time in which something counts: from the second in which the quest is created."""
    begins_at = now.replace(microsecond=0)
    if new.start_date:
        begins_at = max(begins_at, day_bounds(new.start_date, account.time_zone)[0])
    return begins_at, day_bounds(new.end_date, account.time_zone)[1] if new.end_date else None


async def lock_performance(tx: Db, account_id: int, performance_uid: uuid.UUID) -> Record:
    """Lock a performance against other changes of its quests and rewards; Unknown (404)."""
    performance = await tx.row(LOCK_PERFORMANCE, account_id, performance_uid)
    if performance is None:
        raise Unknown(performance=performance_uid)
    return performance


async def category(
    tx: Db, account_id: int, performance: Record, performance_uid: uuid.UUID, choice: tuple[uuid.UUID | None, datetime]
) -> uuid.UUID:
    """Return the category of points of a quest or reward: the chosen one, else that of the performance.

    The first that is used becomes that of the performance; if none is chosen, one with its name and day is created.
    `choice` is the point_uid and the time.
    """
    point_uid, now = choice
    point_uid = point_uid or performance["point_uid"]
    if point_uid is None:
        name = f"{performance['performance_name']} {performance['performance_date']}"[-MAX_NAME:].strip()
        point_uid = await _category_named(tx, account_id, name, now)
    if performance["point_uid"] is None:
        await tx.execute(
            "update performances set point_uid = $3 where account_id = $1 and performance_uid = $2",
            account_id,
            performance_uid,
            point_uid,
        )
    return point_uid


async def _category_named(tx: Db, account_id: int, name: str, now: datetime) -> uuid.UUID:
    sql = "select point_uid from points where account_id = $1 and fold_text(point_name) = fold_text($2)"
    point_uid: uuid.UUID | None = await tx.value(sql, account_id, name)
    if point_uid is not None:
        return point_uid
    try:
        async with tx.transaction() as inner:
            return await create_point(inner, account_id, NewPoint(point_name=name), now)
    except PointNameTaken:
        # Created since by another call.
        point_uid = await tx.value(sql, account_id, name)
        if point_uid is None:
            raise
        return point_uid


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of what a quest refers to, as (name, message)."""
    required = list(set(values.get("required_page_tab_ids") or ()))
    row = await db.row(
        """
        select $2::bigint is null or exists (
                   select from campaigns where account_id = $1 and page_tab_id = $2) as has_campaign,
               $3::uuid is null or exists (select from points where account_id = $1 and point_uid = $3) as has_point,
               (select count(*) from quests
                where account_id = $1 and performance_uid = $4 and page_tab_id = any($5::bigint[])) as quest_count,
               exists (select from performances where account_id = $1 and performance_uid = $4
                   and campaign_event_key is null) as has_no_key
        """,
        account.id,
        values.get("target_page_tab_id"),
        values.get("point_uid"),
        values.get("performance_uid"),
        required,
    )
    if row is None:
        return []
    faults = []
    if not row["has_campaign"]:
        faults.append(("target_page_tab_id", "is not a campaign of this account"))
    elif values.get("quest_type") == "check_in" and not values.get("target_page_tab_id") and row["has_no_key"]:
        faults.append(("target_page_tab_id", "is required, since the performance has no campaign_event_key"))
    if row["quest_count"] < len(required):
        faults.append(("required_page_tab_ids", "must be quests of this performance"))
    if not row["has_point"]:
        faults.append(("point_uid", "is not a point category of this account"))
    return faults


async def delete_quest(db: Db, account_id: int, performance_uid: uuid.UUID, page_tab_id: int, now: datetime) -> None:
    """Delete a quest of a performance; Unknown (404), QuestRequired (409)."""
    async with db.transaction() as tx:
        await lock_performance(tx, account_id, performance_uid)
        if await tx.value(IS_REQUIRED, account_id, page_tab_id):
            raise QuestRequired
        if await tx.value(DELETE_ONE, account_id, performance_uid, now, page_tab_id) is None:
            raise Unknown(quest=page_tab_id)


async def delete_quests(tx: Db, account_id: int, performance_uid: uuid.UUID, now: datetime) -> None:
    """Delete all quests of a performance; part of the transaction that deletes it."""
    await tx.execute(DELETE_ALL, account_id, performance_uid, now)
