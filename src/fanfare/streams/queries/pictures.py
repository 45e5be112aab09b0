"""Reads copies of pictures."""

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown


async def picture(db: Db, account_id: int, picture_key: str) -> bytes:
    """Return a copy; Unknown (404)."""
    content: bytes | None = await db.value(
        "select content from stream_pictures where account_id = $1 and picture_key = $2", account_id, picture_key
    )
    if content is None:
        raise Unknown(picture=picture_key)
    return content
