"""What segments keep of a fan, when two fans become one and when one is forgotten."""

from fanfare.kernel.db import Db
from fanfare.segments.actions import members, snapshots

TABLES = (*snapshots.TABLES, *members.TABLES)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Put one fan on the lists that another is on, with where it was a member before."""
    await snapshots.move_fan(db, account_id, old_fan_id, fan_id)
    await members.move_fan(db, account_id, old_fan_id, fan_id)


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Take a fan off every list, and delete where it was a member before."""
    await snapshots.forget_fan(db, account_id, fan_id)
    await members.forget_fan(db, account_id, fan_id)
