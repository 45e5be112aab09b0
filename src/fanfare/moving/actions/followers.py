"""What a move knows of fans, in merges and erasures."""

from fanfare.kernel.data.db import Db

TABLES = ("moved_fans",)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Let the ids of the source lead to the fan who stays."""
    await db.execute(
        "update moved_fans set fan_id = $3 where account_id = $1 and fan_id = $2", account_id, old_fan_id, fan_id
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Forget who a fan of the source is, but not the id there: another run of the move leaves the person out."""
    await db.execute(
        "update moved_fans set fan_id = null, is_erased = true, notes = '{}' where account_id = $1 and fan_id = $2",
        account_id,
        fan_id,
    )
