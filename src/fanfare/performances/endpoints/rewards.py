"""HTTP endpoints of rewards and their claims."""

from datetime import datetime

from fanfare.kernel.callers import PUBLIC, SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.web.endpoint import endpoint
from fanfare.performances.actions import claims
from fanfare.performances.actions import rewards as actions
from fanfare.performances.queries import rewards as queries
from fanfare.performances.schemas.performances import OnePerformance
from fanfare.performances.schemas.rewards import (
    ClaimQuery,
    ClaimUndoing,
    CodesSaved,
    FanClaims,
    FanReward,
    NewCodes,
    NewFanClaim,
    NewReward,
    NewSessionClaim,
    PerformanceReward,
    Reward,
    RewardClaim,
    RewardSaved,
    SessionClaims,
    SessionRewards,
)


@endpoint.get("/api/v1/performances/{performance_uid}/rewards", scope="apps", key=SECRET)
async def performance_rewards_list(db: Db, account: Account, target: OnePerformance) -> list[Reward]:
    """List the rewards of a performance in the order in which they were added."""
    return await queries.rewards(db, account.id, target.performance_uid)


@endpoint.post(
    "/api/v1/performances/{performance_uid}/rewards", scope="apps", key=SECRET, references=actions.references
)
async def performance_rewards_create(db: Db, account: Account, new: NewReward, now: datetime) -> RewardSaved:
    """Add a reward to a performance: what it costs, how many there are, and whether a claim gets a code."""
    return RewardSaved(await actions.create_reward(db, account.id, new, now))


@endpoint.delete("/api/v1/performances/{performance_uid}/rewards", scope="apps", key=SECRET)
async def performance_rewards_delete(db: Db, account: Account, target: PerformanceReward, now: datetime) -> None:
    """Remove a reward from a performance; what was claimed stays, and can be undone."""
    await actions.delete_reward(db, account.id, target.performance_uid, target.reward_uid, now)


@endpoint.post("/api/v1/manage/rewards/{reward_uid}/codes", scope="manage", key=SECRET)
async def manage_rewards_codes(db: Db, account: Account, new: NewCodes) -> CodesSaved:
    """Store codes of a reward, each of which is given to one claim; 409 unless its code_type is uploaded."""
    return await actions.save_codes(db, account.id, new)


@endpoint.get("/api/v1/manage/rewards/{reward_uid}/claims", scope="manage", key=SECRET)
async def manage_rewards_claims(db: Db, account: Account, query: ClaimQuery) -> ArrayPage[RewardClaim]:
    """List the claims of a reward, oldest first, with those that were undone.

    Send the header X-Next-Cursor back as `cursor` to continue.
    """
    return await queries.reward_claims(db, account.id, query)


@endpoint.get("/api/v1/manage/fans/{fan_id}/reward_claims", scope="manage", key=SECRET)
async def manage_fans_reward_claims(db: Db, account: Account, target: FanClaims) -> list[RewardClaim]:
    """List the claims of a fan, the newest first, with those that were undone."""
    return await queries.fan_claims(db, account.id, target.fan_id)


@endpoint.post("/api/v1/manage/fans/{fan_id}/rewards/{reward_uid}/claim", scope="manage", key=SECRET, is_routine=True)
async def manage_fans_rewards_claim(db: Db, account: Account, new: NewFanClaim, now: datetime) -> RewardClaim:
    """Claim a reward for a fan, and pay its price in points.

    409 when the fan has claimed it as often as one can, lacks points or required quests, or nothing is left.
    """
    return await claims.claim_for_fan(db, account.id, new, now)


@endpoint.delete("/api/v1/manage/reward_claims/{reward_claim_id}", scope="manage", key=SECRET)
async def manage_reward_claims_delete(db: Db, account: Account, change: ClaimUndoing, now: datetime) -> bool:
    """Undo a claim: the fan gets the points back, and the reward can be claimed once more. 404 if it was undone."""
    await claims.undo_claim(db, account.id, change, now)
    return True


@endpoint.get("/api/v1/sessions/{session_uid}/rewards", scope="sessions", key=PUBLIC)
async def sessions_rewards_list(db: Db, account: Account, query: SessionRewards, now: datetime) -> list[FanReward]:
    """List the rewards of a performance for the signed-in fan, with the balance and whether a claim would succeed."""
    return await claims.session_rewards(db, account.id, query, now)


@endpoint.post("/api/v1/sessions/{session_uid}/rewards/{reward_uid}/claim", scope="sessions", key=PUBLIC)
async def sessions_rewards_claim(db: Db, account: Account, new: NewSessionClaim, now: datetime) -> RewardClaim:
    """Claim a reward for the signed-in fan, and pay its price in points; 409 as for the same call by staff."""
    return await claims.claim_in_session(db, account.id, new, now)


@endpoint.get("/api/v1/sessions/{session_uid}/reward_claims", scope="sessions", key=PUBLIC)
async def sessions_reward_claims_list(
    db: Db, account: Account, target: SessionClaims, now: datetime
) -> list[RewardClaim]:
    """List the claims of the signed-in fan with their codes, the newest first."""
    return await claims.session_claims(db, account.id, target.session_uid, now)
