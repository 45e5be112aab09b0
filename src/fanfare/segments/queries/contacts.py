"""Fans with the fields that a message needs."""

from collections.abc import Sequence

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.rows import read_rows
from fanfare.segments.schemas.segments import SegmentFan


async def contacts(db: Db, account_id: int, fan_ids: Sequence[int]) -> list[SegmentFan]:
    """Return those fans who still exist, by fan id, with the fields that a message needs."""
    if not fan_ids:
        return []
    rows = await db.rows(
        """
        select f.fan_id, f.email, f.phone, f.first_name, f.last_name, f.is_subscribed, f.is_phone_subscribed
        from fans f where f.account_id = $1 and f.fan_id = any($2::bigint[])
        order by f.fan_id
        """,
        account_id,
        fan_ids,
    )
    return read_rows(SegmentFan, rows)
