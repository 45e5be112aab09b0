"""The tables of performances in merges and erasures of fans."""

from fanfare.fans.queries.fans import check_fan
from fanfare.kernel.data.db import Db

TABLES = ("fan_performances", "fan_events", "quest_progresses", "reward_claims")
MOVE = """
    with move_events as (
        insert into fan_events (account_id, fan_id, event_uid, created_at)
        select account_id, $3, event_uid, created_at from fan_events where account_id = $1 and fan_id = $2
        on conflict (account_id, fan_id, event_uid) do nothing
    ),
    move_quests as (
        insert into quest_progresses as p (
            account_id, fan_id, page_tab_id, progress_count, is_due, completed_at, completion_id)
        select account_id, $3, page_tab_id, progress_count, completed_at is null, completed_at, completion_id
        from quest_progresses where account_id = $1 and fan_id = $2
        on conflict (account_id, fan_id, page_tab_id) do update
        set progress_count = p.progress_count + excluded.progress_count,
            is_due = p.completed_at is null and excluded.completed_at is null,
            completed_at = least(p.completed_at, excluded.completed_at),
            completion_id = least(p.completion_id, excluded.completion_id)
    ),
    move_claims as (
        update reward_claims set fan_id = $3 where account_id = $1 and fan_id = $2
    ),
    open_quests as (
        update quest_progresses p set is_due = true
        where p.account_id = $1 and p.fan_id = $3 and p.completed_at is null
          and not exists (select from quest_progresses o
                          where o.account_id = $1 and o.fan_id = $2 and o.page_tab_id = p.page_tab_id)
    )
    insert into fan_performances (account_id, fan_id, performance_uid, created_at)
    select account_id, $3, performance_uid, created_at
    from fan_performances where account_id = $1 and fan_id = $2
    on conflict (account_id, fan_id, performance_uid) do nothing
"""


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move one fan's schedule, progress in quests and claims to another.

    What either completed stays completed and is not paid again. What both together fulfil is settled by the job.
    """
    await check_fan(db, account_id, fan_id)
    await db.execute(MOVE, account_id, old_fan_id, fan_id)
    await forget_fan(db, account_id, old_fan_id)


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete a fan's schedule and progress in quests, and the codes of claims, which stay for the stock."""
    await db.execute(
        """
        with delete_events as (delete from fan_events where account_id = $1 and fan_id = $2),
        delete_quests as (delete from quest_progresses where account_id = $1 and fan_id = $2),
        clear_claims as (
            update reward_claims set reward_code = null, claim_key = null where account_id = $1 and fan_id = $2
        )
        delete from fan_performances where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )
