"""Claims rewards for fans and undoes claims.

A claim is one transaction. It locks the fan's row, so that a fan's claims come one after the other, then the fan's
balance against whatever else spends points, and last the reward, whose count never exceeds its stock.
"""

import uuid
from datetime import datetime
from typing import NamedTuple

from fanfare.kernel.clock import system_random
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.performances.actions.codes import random_code
from fanfare.performances.queries import rewards as queries
from fanfare.performances.queries.rewards import HAS_REQUIRED_QUESTS
from fanfare.performances.schemas.rewards import (
    ClaimUndoing,
    FanReward,
    NewFanClaim,
    NewSessionClaim,
    RewardClaim,
    SessionRewards,
)
from fanfare.performances.topics import REWARD_CLAIM_CREATED, REWARD_CLAIM_DELETED
from fanfare.points.actions.awards import Payment, PointClosed, pay
from fanfare.points.schemas.points import return_key, reward_key
from fanfare.sessions.actions.opening import used_session

# 60 random bits.
CODE_LENGTH = 12
LOCK_FAN = "select fan_id from fans where account_id = $1 and fan_id = $2 for no key update"
PRIOR = """
    select reward_claim_id from reward_claims
    where account_id = $1 and fan_id = $2 and reward_uid = $3 and claim_key = $4 order by reward_claim_id limit 1
"""
STATE = f"""
    select r.performance_uid, r.fan_points_required, r.point_uid, r.claim_limit, r.code_type,
           (select count(*) from reward_claims c
            where c.account_id = $1 and c.fan_id = $3 and c.reward_uid = r.reward_uid and c.undone_at is null
           ) as claims,
           {HAS_REQUIRED_QUESTS.format(fan_id="$3")} as has_quests
    from rewards r
    where r.account_id = $1 and r.reward_uid = $2 and r.performance_uid is not null
"""  # noqa: S608 - fixed parts
BALANCE = """
    select total from standings where account_id = $1 and board = 'point:' || $3::uuid and fan_id = $2 for no key update
"""
TAKE = """
    update rewards set claim_count = claim_count + 1
    where account_id = $1 and reward_uid = $2 and performance_uid is not null
      and (stock is null or claim_count < stock)
    returning reward_uid
"""
# Later than the lock of the reward, so that no two claims see the same code.
TAKE_CODE = """
    delete from reward_codes c using (
        select reward_code from reward_codes where account_id = $1 and reward_uid = $2 order by reward_code limit 1
    ) first
    where c.account_id = $1 and c.reward_uid = $2 and c.reward_code = first.reward_code
    returning c.reward_code
"""
INSERT = f"""
    with {HOLD},
    saved as (
        insert into reward_claims (
            account_id, reward_claim_id, reward_uid, fan_id, point_count, reward_code, code_hash, claim_key, created_at)
        select $1, nextval('positions'), $2, $3, $4, $5, sha256(convert_to($5, 'UTF8')), $6, $7 from hold
        returning reward_claim_id, reward_uid, fan_id
    ),
    announced as (
        {announce(REWARD_CLAIM_CREATED, "saved", position="reward_claim_id", at="$7")}
    )
    select reward_claim_id from saved
"""  # noqa: S608 - fixed parts
UNDO = f"""
    with {HOLD},
    undone as (
        update reward_claims set undone_at = $3
        where account_id = $1 and reward_claim_id = $2 and undone_at is null
        returning reward_claim_id, reward_uid, fan_id, point_count, reward_code
    ),
    reward as (
        update rewards r set claim_count = claim_count - 1
        from undone where r.account_id = $1 and r.reward_uid = undone.reward_uid
        returning r.reward_uid, r.point_uid, r.performance_uid, r.code_type
    ),
    announced as (
        {announce(REWARD_CLAIM_DELETED, "undone", at="$3")}
    )
    select undone.reward_uid, fan_id, point_count, reward_code, point_uid, performance_uid, code_type
    from undone join reward on reward.reward_uid = undone.reward_uid
"""  # noqa: S608 - fixed parts
RETURN_CODE = """
    with returned as (
        update reward_claims set reward_code = null, code_hash = null
        where account_id = $1 and reward_claim_id = $2
    )
    insert into reward_codes (account_id, reward_uid, reward_code) values ($1, $3, $4)
    on conflict (account_id, reward_uid, reward_code) do nothing
"""


class RewardClaimed(Conflict):
    """The fan has claimed this reward as often as one can"""


class QuestsIncomplete(Conflict):
    """The fan has not completed all quests that are required for rewards of this performance"""


class NotEnoughPoints(Conflict):
    """The fan has fewer points than the reward costs"""


class SoldOut(Conflict):
    """Nothing of this reward is left"""


class Claimant(NamedTuple):
    """Who claims what: the ids of fan and reward, and the key of the claim, if any."""

    fan_id: int
    reward_uid: uuid.UUID
    claim_key: str | None


async def claim_for_fan(db: Db, account_id: int, new: NewFanClaim, now: datetime) -> RewardClaim:
    """Claim a reward for a fan and return the claim; with a claim_key used before, the existing one.

    Unknown (404) fan or reward; RewardClaimed, QuestsIncomplete, NotEnoughPoints, SoldOut, PointClosed (409).
    """
    return await _claim(db, account_id, Claimant(new.fan_id, new.reward_uid, new.claim_key), now)


async def claim_in_session(db: Db, account_id: int, new: NewSessionClaim, now: datetime) -> RewardClaim:
    """Claim a reward for the fan of a session; errors as `claim_for_fan`."""
    present = await used_session(db, account_id, new.session_uid, now)
    return await _claim(db, account_id, Claimant(present.fan_id, new.reward_uid, new.claim_key), now)


async def _claim(db: Db, account_id: int, claimant: Claimant, now: datetime) -> RewardClaim:
    async def write(outer: Db) -> int:
        async with outer.transaction() as tx:
            return await _write(tx, account_id, claimant, now)

    return await queries.claim(db, account_id, await db.retry_conflicts(write))


async def _write(tx: Db, account_id: int, claimant: Claimant, now: datetime) -> int:
    fan_id, reward_uid, claim_key = claimant
    if await tx.value(LOCK_FAN, account_id, fan_id) is None:
        raise Unknown(fan=fan_id)
    if claim_key is not None:
        prior: int | None = await tx.value(PRIOR, account_id, fan_id, reward_uid, claim_key)
        if prior is not None:
            return prior
    reward = await tx.row(STATE, account_id, reward_uid, fan_id)
    if reward is None:
        raise Unknown(reward=reward_uid)
    if reward["claims"] >= reward["claim_limit"]:
        raise RewardClaimed
    if not reward["has_quests"]:
        raise QuestsIncomplete
    price = reward["fan_points_required"]
    if price and (await tx.value(BALANCE, account_id, fan_id, reward["point_uid"]) or 0) < price:
        raise NotEnoughPoints
    if await tx.value(TAKE, account_id, reward_uid) is None:
        raise SoldOut
    code = await _code(tx, account_id, reward_uid, reward["code_type"])
    reward_claim_id: int = await tx.value(INSERT, account_id, reward_uid, fan_id, price, code, claim_key, now)
    if price and not await _book(tx, account_id, reward, (claimant, -price, reward_key(reward_claim_id)), now):
        raise PointClosed
    return reward_claim_id


async def _code(tx: Db, account_id: int, reward_uid: uuid.UUID, code_type: str) -> str | None:
    if code_type == "generated":
        return random_code(system_random(), CODE_LENGTH)
    if code_type == "none":
        return None
    code: str | None = await tx.value(TAKE_CODE, account_id, reward_uid)
    if code is None:
        raise SoldOut
    return code


async def _book(tx: Db, account_id: int, reward: Record, entry: tuple[Claimant, int, str], now: datetime) -> int:
    """Award or take points for a claim, by its award_key, and return whether that was done."""
    claimant, point_count, award_key = entry
    payment = Payment(
        fan_id=claimant.fan_id,
        point_uid=reward["point_uid"],
        point_count=point_count,
        award_key=award_key,
        performance_uid=reward["performance_uid"],
        reward_uid=claimant.reward_uid,
    )
    return (await pay(tx, account_id, [payment], now)).award_count > 0


async def undo_claim(db: Db, account_id: int, change: ClaimUndoing, now: datetime) -> None:
    """Undo a claim: return its points to the fan, and what was claimed to the stock; Unknown (404).

    Its code goes to nobody else unless is_code_returned.
    """

    async def write(outer: Db) -> None:
        async with outer.transaction() as tx:
            await _undo(tx, account_id, change, now)

    # Retries deadlocks: a merge locks the fan and the claim in the other order.
    await db.retry_conflicts(write)


async def _undo(tx: Db, account_id: int, change: ClaimUndoing, now: datetime) -> None:
    row = await tx.row(UNDO, account_id, change.reward_claim_id, now)
    if row is None:
        raise Unknown(reward_claim=change.reward_claim_id)
    claimant = Claimant(row["fan_id"], row["reward_uid"], None)
    is_present = await tx.value(LOCK_FAN, account_id, claimant.fan_id) is not None
    if row["point_count"] and is_present:
        entry = (claimant, row["point_count"], return_key(change.reward_claim_id))
        await _book(tx, account_id, row, entry, now)
    can_return = row["code_type"] == "uploaded" and row["reward_code"] and row["performance_uid"]
    if change.is_code_returned and can_return:
        await tx.execute(RETURN_CODE, account_id, change.reward_claim_id, row["reward_uid"], row["reward_code"])


async def session_rewards(db: Db, account_id: int, query: SessionRewards, now: datetime) -> list[FanReward]:
    """Return the rewards of a performance as the fan of a session sees them; Unknown (404)."""
    present = await used_session(db, account_id, query.session_uid, now)
    return await queries.fan_rewards(db, account_id, query.performance_uid, present.fan_id)


async def session_claims(db: Db, account_id: int, session_uid: uuid.UUID, now: datetime) -> list[RewardClaim]:
    """Return the claims of the fan of a session, the newest first; Unknown (404)."""
    present = await used_session(db, account_id, session_uid, now)
    return await queries.fan_claims(db, account_id, present.fan_id)
