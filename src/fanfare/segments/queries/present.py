"""The fans who are in a segment now, in the order of their ids, with the fields that a message needs."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.search.queries import fans
from fanfare.search.queries.conditions import condition
from fanfare.segments.queries.contacts import contacts
from fanfare.segments.queries.segments import criteria_of
from fanfare.segments.schemas.segments import OneSegment, SegmentFan


async def present_fans(
    db: Db,
    account: Account,
    target: OneSegment,
    window: tuple[int, int],
    now: datetime,
    business_ids: Sequence[int] | None = None,
) -> list[SegmentFan]:
    """Return the fans of a segment in a window (last fan id before, number of fans); Unknown (404) segment.

    With `business_ids` only fans of these businesses.
    """
    last_fan_id, limit = window
    criteria = await criteria_of(db, account.id, target)
    where = await condition(db, account, criteria, now, business_ids=business_ids)
    sql, args = fans.statement(where, limit, last_fan_id)
    return await contacts(db, account.id, [row["fan_id"] for row in await db.rows(sql, *args)])
