"""Changes people themselves."""

from fanfare.kernel.data.db import Db


async def rename(db: Db, staff_id: int, name: str) -> None:
    """Set the name of a person."""
    await db.execute("update staff set staff_name = $2 where staff_id = $1", staff_id, name)
