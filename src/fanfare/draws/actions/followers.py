"""The tables of draws in merges and erasures of fans.

The list of a draw names entries, not fans, so that its hash can be verified whatever becomes of the fans.
"""

from fanfare.kernel.data.db import Db

TABLES = ("draw_winners",)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the wins of one fan to another."""
    statement = "update draw_winners set fan_id = $3 where account_id = $1 and fan_id = $2"
    await db.execute(statement, account_id, old_fan_id, fan_id)


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Clear the fan and what staff wrote about them; the entry and its place stay, as the draw's proof."""
    statement = "update draw_winners set fan_id = null, reason = null where account_id = $1 and fan_id = $2"
    await db.execute(statement, account_id, fan_id)
