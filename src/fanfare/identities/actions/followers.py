"""The external identities of a fan: moved when two fans become one, deleted when one is forgotten."""

from fanfare.kernel.data.db import Db

TABLES = ("fan_identities",)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Let the identities of one fan log in another."""
    await db.execute(
        "update fan_identities set fan_id = $3 where account_id = $1 and fan_id = $2", account_id, old_fan_id, fan_id
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete who the fan is elsewhere."""
    await db.execute("delete from fan_identities where account_id = $1 and fan_id = $2", account_id, fan_id)
