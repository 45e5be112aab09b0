"""Takes an award back by one of the opposite points, once."""

import uuid
from datetime import datetime

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.points.actions.awards import award_points
from fanfare.points.schemas.points import UNDONE, NewAward, undo_key

AWARD = """
    select fan_id, point_uid, point_count, point_type, page_tab_id, award_key
    from fan_points where account_id = $1 and fan_point_uid = $2
"""


class CannotUndo(Conflict):
    """An award that takes another back cannot be undone"""


async def undo_award(db: Db, account_id: int, fan_point_uid: uuid.UUID, now: datetime) -> uuid.UUID:
    """Take an award back and return the award that does so, also if it did before.

    Unknown (404) award; CannotUndo (409) for one that undoes another, PointClosed (409) in a closed category.
    """
    row = await db.row(AWARD, account_id, fan_point_uid)
    if row is None:
        raise Unknown(award=fan_point_uid)
    if (row["award_key"] or "").startswith(UNDONE):
        raise CannotUndo
    new = NewAward(
        point_uid=row["point_uid"], fan_id=row["fan_id"], point_count=-row["point_count"],
        point_type=row["point_type"], page_tab_id=row["page_tab_id"], award_key=undo_key(fan_point_uid),
        props={"undoes": str(fan_point_uid)},
    )  # fmt: skip
    return await award_points(db, account_id, new, now)
