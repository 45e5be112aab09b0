"""The tables of purchases in merges and erasures of fans."""

from fanfare.kernel.data.db import Db

TABLES = ("purchases",)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the purchases of one fan to another."""
    await db.execute(
        "update purchases set fan_id = $3 where account_id = $1 and fan_id = $2", account_id, old_fan_id, fan_id
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Clear the customer's data; the lines and amounts stay."""
    await db.execute(
        """
        update purchases
        set fan_id = null, customer_key = null, email = null, phone = null, city = null, province = null
        where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )
