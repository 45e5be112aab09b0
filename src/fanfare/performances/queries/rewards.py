"""Reads rewards and their claims."""

import uuid

from fanfare.fans.queries.fans import check_fan
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.errors import Unknown
from fanfare.performances.queries.quests import check_performance
from fanfare.performances.schemas.rewards import ClaimQuery, FanReward, Reward, RewardClaim

AVAILABLE = """
    least(r.stock - r.claim_count, case r.code_type when 'uploaded' then (
        select count(*) from reward_codes c where c.account_id = r.account_id and c.reward_uid = r.reward_uid) end)
"""
REWARD = f"""
    r.reward_uid, r.performance_uid, r.reward_title, r.reward_type, r.atvenu_sales_event_key, r.atvenu_promo_key,
    r.fan_points_required, floor(extract(epoch from r.created_at))::bigint as creation_timestamp,
    r.bestring_location_group_id, r.bestring_promotion_id, r.point_uid, r.stock, r.claim_limit, r.code_type,
    r.claim_count, {AVAILABLE} as available_count
"""
REWARDS = f"""
    select {REWARD} from rewards r
    where r.account_id = $1 and r.performance_uid = $2 order by r.created_at, r.reward_uid
"""  # noqa: S608 - fixed parts
# Whether the fan completed each quest of the performance that rewards need.
HAS_REQUIRED_QUESTS = """not exists (
        select from quests q
        left join quest_progresses p on p.account_id = q.account_id and p.fan_id = {fan_id}
            and p.page_tab_id = q.page_tab_id
        where q.account_id = r.account_id and q.performance_uid = r.performance_uid and q.is_required
          and p.completed_at is null)"""
OF_FAN = f"""
    with of_fan as (
        select {REWARD}, r.created_at,
               coalesce((select s.total from standings s
                         where s.account_id = r.account_id and s.board = 'point:' || r.point_uid and s.fan_id = $3), 0)
                   as balance,
               (select count(*) from reward_claims c
                where c.account_id = r.account_id and c.fan_id = $3 and c.reward_uid = r.reward_uid
                  and c.undone_at is null) as fan_claim_count,
               {HAS_REQUIRED_QUESTS.format(fan_id="$3")} as has_quests
        from rewards r where r.account_id = $1 and r.performance_uid = $2
    )
    select reward_uid, performance_uid, reward_title, reward_type, atvenu_sales_event_key, atvenu_promo_key,
           fan_points_required, creation_timestamp, bestring_location_group_id, bestring_promotion_id, point_uid, stock,
           claim_limit, code_type, claim_count, available_count, balance, fan_claim_count,
           has_quests and (fan_points_required = 0 or balance >= fan_points_required)
               and fan_claim_count < claim_limit and coalesce(available_count, 1) > 0 as can_claim
    from of_fan order by created_at, reward_uid
"""  # noqa: S608 - fixed parts
COLUMNS = """
    c.reward_claim_id, c.reward_uid, r.reward_title, c.fan_id, c.point_count, c.reward_code, c.claim_key,
    floor(extract(epoch from c.created_at))::bigint as creation_timestamp,
    floor(extract(epoch from c.undone_at))::bigint as undo_timestamp
"""
OF_ACCOUNT = """
    from reward_claims c
    join rewards r on r.account_id = c.account_id and r.reward_uid = c.reward_uid
    where c.account_id = $1
"""
CLAIMS = f"select {COLUMNS} {OF_ACCOUNT}"
CLAIM = f"{CLAIMS} and c.reward_claim_id = $2"
CLAIMS_OF_FAN = f"{CLAIMS} and c.fan_id = $2 order by c.reward_claim_id desc"
CLAIMS_OF_REWARD = f"""
    select {COLUMNS}, c.reward_claim_id as position {OF_ACCOUNT} and c.reward_uid = $2
      and c.reward_claim_id > $3 and c.reward_claim_id < $4
    order by c.reward_claim_id {{order}} limit $5
"""


async def rewards(db: Db, account_id: int, performance_uid: uuid.UUID) -> list[Reward]:
    """Return the rewards of a performance in the order in which they were added; Unknown (404) performance."""
    await check_performance(db, account_id, performance_uid)
    return [Reward(**row) for row in await db.rows(REWARDS, account_id, performance_uid)]


async def fan_rewards(db: Db, account_id: int, performance_uid: uuid.UUID, fan_id: int) -> list[FanReward]:
    """Return the rewards of a performance as a fan sees them; Unknown (404) performance."""
    await check_performance(db, account_id, performance_uid)
    return [FanReward(**row) for row in await db.rows(OF_FAN, account_id, performance_uid, fan_id)]


async def claim(db: Db, account_id: int, reward_claim_id: int) -> RewardClaim:
    """Return one claim; Unknown (404)."""
    row = await db.row(CLAIM, account_id, reward_claim_id)
    if row is None:
        raise Unknown(reward_claim=reward_claim_id)
    return RewardClaim(**row)


async def fan_claims(db: Db, account_id: int, fan_id: int) -> list[RewardClaim]:
    """Return the claims of a fan, the newest first; Unknown (404) fan."""
    await check_fan(db, account_id, fan_id)
    return [RewardClaim(**row) for row in await db.rows(CLAIMS_OF_FAN, account_id, fan_id)]


async def reward_claims(db: Db, account_id: int, query: ClaimQuery) -> ArrayPage[RewardClaim]:
    """Return a page of the claims of a reward, the oldest first; Unknown (404) reward."""
    await check_reward(db, account_id, query.reward_uid)
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    statement = CLAIMS_OF_REWARD.format(order=cursor.order)
    rows = await db.rows(statement, account_id, query.reward_uid, low, high, query.limit + 1)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(RewardClaim), page.next_page)


async def check_reward(db: Db, account_id: int, reward_uid: uuid.UUID) -> None:
    """Raise Unknown (404) if the reward never existed."""
    exists = "select exists (select from rewards where account_id = $1 and reward_uid = $2)"
    if not await db.value(exists, account_id, reward_uid):
        raise Unknown(reward=reward_uid)
