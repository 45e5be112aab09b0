"""The tables of points in merges and erasures of fans."""

from fanfare.kernel.data.db import Db
from fanfare.points.actions.standings import recount_fans

__all__ = ["EXCLUDED", "TABLES", "forget_fan", "move_fan", "recount_fans"]

TABLES = ("fan_points", "standings")
EXCLUDED = ("standings",)


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete a fan's standings and clear personal data of the awards, which stay."""
    await db.execute(
        """
        with deleted as (
            delete from standings where account_id = $1 and fan_id = $2 returning account_id, board, total
        ),
        steps as (
            select deleted.account_id, deleted.board, step.level, step.bucket
            from deleted
            cross join lateral (values (0, standing_bucket(deleted.total)), (1, standing_bucket(deleted.total) >> 7))
                as step (level, bucket)
        ),
        count_fans as (
            update standing_buckets b set fan_count = b.fan_count - 1
            from steps
            where b.account_id = $1 and b.account_id = steps.account_id
              and b.board = steps.board and b.level = steps.level and b.bucket = steps.bucket
        )
        update fan_points
        set ip_address = null, award_key = null, award_signature = null, session_uid = null, props = '{}'
        where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the awards of one fan to another and recompute the standings."""
    await db.execute(
        "update fan_points set fan_id = $3 where account_id = $1 and fan_id = $2", account_id, old_fan_id, fan_id
    )
    await recount_fans(db, account_id, [old_fan_id, fan_id])
