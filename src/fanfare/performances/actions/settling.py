"""Completes the quests that fans have fulfilled, and awards their points."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.performances.queries.quests import IS_OPEN
from fanfare.performances.topics import QUEST_COMPLETED
from fanfare.points.actions.awards import Payment, pay
from fanfare.points.schemas.points import quest_key

# Whoever settles quests of the same fan waits, and then sees what is completed here. Rows are no longer due before they
# are read, so an award that is stored after that makes them due again.
BEGIN = """
    with locked as materialized (
        select fan_id from fans where account_id = $1 and fan_id = any($2::bigint[])
        order by fan_id for no key update
    )
    update quest_progresses p set is_due = false
    from locked
    where p.account_id = $1 and p.fan_id = locked.fan_id and p.is_due
"""
COMPLETE = f"""
    with {HOLD},
    completed as (
        update quest_progresses p set is_due = false, completed_at = $3, completion_id = nextval('positions')
        from hold cross join quests q
        where p.account_id = $1 and p.fan_id = any($2::bigint[]) and p.completed_at is null
          and q.account_id = $1 and q.page_tab_id = p.page_tab_id and q.performance_uid is not null
          and p.progress_count >= q.target_count and {IS_OPEN.format(fan_id="p.fan_id")}
        returning p.fan_id, p.page_tab_id, p.completion_id, q.performance_uid, q.point_uid, q.fan_points_reward,
                  q.reward_type, exists (
                      select from quest_requirements r
                      where r.account_id = $1 and r.required_page_tab_id = q.page_tab_id) as opens
    ),
    announced as (
        {announce(QUEST_COMPLETED, "completed", position="completion_id", at="$3")}
    )
    select fan_id, page_tab_id, performance_uid, point_uid, fan_points_reward, reward_type, opens
    from completed order by fan_id, page_tab_id
"""  # noqa: S608 - fixed parts
DUE = """
    select fan_id from quest_progresses where account_id = $1 and is_due group by fan_id order by fan_id limit $2
"""


async def settle(db: Db, account_id: int, fan_ids: Sequence[int], now: datetime) -> None:
    """Complete the quests that fans have fulfilled and award their points, each once; in one transaction.

    A completed quest can open others, and so can the points, until nothing more is completed.
    """

    async def write(outer: Db) -> None:
        async with outer.transaction() as tx:
            await _settle(tx, account_id, fan_ids, now)

    if db.in_transaction:
        # A conflict repeats all of it: a savepoint here would cost two round trips.
        await _settle(db, account_id, fan_ids, now)
    else:
        await db.retry_conflicts(write)


async def _settle(tx: Db, account_id: int, fan_ids: Sequence[int], now: datetime) -> None:
    await tx.execute(BEGIN, account_id, list(fan_ids))
    while rows := await tx.rows(COMPLETE, account_id, list(fan_ids), now):
        if not await pay_completed(tx, account_id, rows, now):
            return


async def pay_completed(tx: Db, account_id: int, rows: Sequence[Record], now: datetime) -> bool:
    """Award the points of completed quests; return whether these quests or points can open others.

    `rows` have what COMPLETE returns. Part of the transaction that completed them and locked the fans.
    """
    payments = [
        Payment(
            fan_id=row["fan_id"],
            point_uid=row["point_uid"],
            point_count=row["fan_points_reward"],
            award_key=quest_key(row["page_tab_id"], row["fan_id"]),
            point_type=row["reward_type"] or "points",
            page_tab_id=row["page_tab_id"],
            performance_uid=row["performance_uid"],
        )
        for row in rows
        if row["fan_points_reward"]
    ]
    paid = await pay(tx, account_id, payments, now) if payments else None
    return any(row["opens"] for row in rows) or (paid is not None and paid.has_progress)


async def settle_due(db: Db, account_id: int, now: datetime, at_once: int) -> bool:
    """Settle quests of fans that wait for it, as after a crash or a merge; return whether others may remain."""
    fan_ids = [row["fan_id"] for row in await db.rows(DUE, account_id, at_once)]
    if fan_ids:
        await settle(db, account_id, fan_ids, now)
    return len(fan_ids) == at_once
