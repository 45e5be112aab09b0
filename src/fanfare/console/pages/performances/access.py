"""Which performances a person sees: those of their businesses, if they are limited to some."""

import uuid

from fanfare.fans.queries.fans import fans_by_ids
from fanfare.fans.schemas.fans import Fan
from fanfare.kernel.data.db import Db
from fanfare.performances.queries.performances import performance as performance_by_uid
from fanfare.performances.schemas.performances import Performance
from fanfare.staff.schemas.members import Member

AREA = "performances"


async def visible_performance(db: Db, member: Member, performance_uid: uuid.UUID) -> Performance:
    """Return a performance that the person may see; Unknown (404)."""
    performance = await performance_by_uid(db, member.account.id, performance_uid)
    member.require_business(performance.business_id, performance=performance_uid)
    return performance


async def masked_fans(db: Db, member: Member, fan_ids: set[int]) -> dict[int, Fan]:
    """Return fans by their ids as the person may see them."""
    fans = await fans_by_ids(db, member.account.id, sorted(fan_ids)) if fan_ids else []
    mask = member.mask(AREA)
    return {fan.fan_id: mask.record(fan) for fan in fans}


def performance_path(member: Member, performance_uid: uuid.UUID) -> str:
    """Return the path of a performance."""
    return f"/manage/{member.account.id}/performances/{performance_uid}"
