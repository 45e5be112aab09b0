"""The tables of tickets in merges and erasures of fans."""

from fanfare.kernel.data.db import Db

TABLES = ("tickets",)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the tickets of one fan to another."""
    await db.execute(
        "update tickets set fan_id = $3 where account_id = $1 and fan_id = $2", account_id, old_fan_id, fan_id
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Clear the customer's key; the lines stay, so that totals are unchanged and a line sent again is a duplicate."""
    await db.execute(
        "update tickets set customer_key = null where account_id = $1 and fan_id = $2 and customer_key is not null",
        account_id,
        fan_id,
    )
