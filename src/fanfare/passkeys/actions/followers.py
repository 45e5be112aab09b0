"""What passkeys keep of a fan: moved when two fans become one, deleted when one is forgotten."""

from fanfare.kernel.data.db import Db

TABLES = ("passkeys",)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Let the passkeys of one fan log in as another; devices keep the handle that they have."""
    await db.execute(
        "update passkeys set fan_id = $3 where account_id = $1 and fan_id = $2", account_id, old_fan_id, fan_id
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete a fan's passkeys."""
    await db.execute("delete from passkeys where account_id = $1 and fan_id = $2", account_id, fan_id)
