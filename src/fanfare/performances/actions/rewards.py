"""Adds rewards to performances and deletes them, and stores codes for their claims."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.performances.actions.quests import category, lock_performance
from fanfare.performances.schemas.rewards import MAX_REWARDS, CodesSaved, NewCodes, NewReward
from fanfare.performances.topics import REWARD_CREATED, REWARD_DELETED

COLUMNS = """performance_uid, reward_title, reward_type, fan_points_required, point_uid, atvenu_sales_event_key,
            atvenu_promo_key, bestring_location_group_id, bestring_promotion_id, stock, claim_limit, code_type"""
CREATE = f"""
    with {HOLD},
    saved as (
        insert into rewards (account_id, reward_uid, created_at, {COLUMNS})
        select $1, $2, $4, {COLUMNS} from jsonb_populate_record(null::rewards, $3)
        returning reward_uid, performance_uid
    )
    {announce(REWARD_CREATED, "saved", at="$4")}
"""  # noqa: S608 - fixed parts
# What was claimed stays; codes that nobody has go.
DELETE = f"""
    with {HOLD},
    deleted as (
        update rewards r set performance_uid = null
        where r.account_id = $1 and {{condition}}
        returning r.reward_uid, $2::uuid as performance_uid
    ),
    delete_codes as (
        delete from reward_codes c using deleted where c.account_id = $1 and c.reward_uid = deleted.reward_uid
    ),
    announced as (
        {announce(REWARD_DELETED, "deleted", at="$3")}
    )
    select reward_uid from deleted
"""  # noqa: S608 - fixed parts
DELETE_ALL = DELETE.format(condition="r.performance_uid = $2")
DELETE_ONE = DELETE.format(condition="r.performance_uid = $2 and r.reward_uid = $4")
# The reward is locked against its deletion.
SAVE_CODES = """
    with reward as (
        select reward_uid from rewards
        where account_id = $1 and reward_uid = $2 and performance_uid is not null and code_type = 'uploaded'
        for key share
    ),
    saved as (
        insert into reward_codes (account_id, reward_uid, reward_code)
        select distinct $1::bigint, reward.reward_uid, code from reward cross join unnest($3::text[]) as code
        where not exists (
            select from reward_claims c
            where c.account_id = $1 and c.reward_uid = reward.reward_uid
              and c.code_hash = sha256(convert_to(code, 'UTF8')))
        on conflict (account_id, reward_uid, reward_code) do nothing
        returning reward_code
    )
    select count(*) from saved
"""


class TooManyRewards(Conflict):
    """The performance has 200 rewards already; delete some first"""


class RewardWithoutCodes(Conflict):
    """Claims of this reward get no uploaded codes: its code_type is another"""


async def create_reward(db: Db, account_id: int, new: NewReward, now: datetime) -> uuid.UUID:
    """Add a reward to a performance and return its uid.

    Unknown (404) performance; BadParameters (422) as `references`; TooManyRewards (409).
    """
    reward_uid = uuid.uuid4()

    async def write(outer: Db) -> None:
        async with outer.transaction() as tx:
            await _create(tx, account_id, reward_uid, new, now)

    await db.retry_conflicts(write)
    return reward_uid


async def _create(tx: Db, account_id: int, reward_uid: uuid.UUID, new: NewReward, now: datetime) -> None:
    performance = await lock_performance(tx, account_id, new.performance_uid)
    if faults := await _point_faults(tx, account_id, new.point_uid):
        raise BadParameters(faults)
    sql = "select count(*) from rewards where account_id = $1 and performance_uid = $2"
    if await tx.value(sql, account_id, new.performance_uid) >= MAX_REWARDS:
        raise TooManyRewards
    record = {name: getattr(new, name) for name in NewReward.__struct_fields__}
    if new.fan_points_required:
        choice = (new.point_uid, now)
        record["point_uid"] = await category(tx, account_id, performance, new.performance_uid, choice)
    await tx.execute(CREATE, account_id, reward_uid, record, now)


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the error of a reward's point_uid, as (name, message)."""
    return await _point_faults(db, account.id, values.get("point_uid"))


async def _point_faults(db: Db, account_id: int, point_uid: uuid.UUID | None) -> list[tuple[str, str]]:
    exists = "select exists (select from points where account_id = $1 and point_uid = $2)"
    if point_uid is None or await db.value(exists, account_id, point_uid):
        return []
    return [("point_uid", "is not a point category of this account")]


async def delete_reward(
    db: Db, account_id: int, performance_uid: uuid.UUID, reward_uid: uuid.UUID, now: datetime
) -> None:
    """Delete a reward of a performance; Unknown (404)."""
    if await db.value(DELETE_ONE, account_id, performance_uid, now, reward_uid) is None:
        raise Unknown(reward=reward_uid)


async def delete_rewards(tx: Db, account_id: int, performance_uid: uuid.UUID, now: datetime) -> None:
    """Delete all rewards of a performance; part of the transaction that deletes it."""
    await tx.execute(DELETE_ALL, account_id, performance_uid, now)


async def save_codes(db: Db, account_id: int, new: NewCodes) -> CodesSaved:
    """Store codes of a reward and return how many are new and how many are left.

    Unknown (404) reward; RewardWithoutCodes (409) if its codes are not uploaded.
    """
    code_type = await db.value(
        "select code_type from rewards where account_id = $1 and reward_uid = $2 and performance_uid is not null",
        account_id,
        new.reward_uid,
    )
    if code_type is None:
        raise Unknown(reward=new.reward_uid)
    if code_type != "uploaded":
        raise RewardWithoutCodes
    saved = await db.value(SAVE_CODES, account_id, new.reward_uid, new.codes)
    sql = "select count(*) from reward_codes where account_id = $1 and reward_uid = $2"
    return CodesSaved(saved, await db.value(sql, account_id, new.reward_uid))
