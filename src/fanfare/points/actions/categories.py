"""Creates and updates categories of points."""

import uuid
from datetime import datetime

import asyncpg

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.points.schemas.points import NewPoint, PointChanges
from fanfare.points.topics import POINT_CREATED, POINT_UPDATED


class PointNameTaken(Conflict):
    """Another point category of the account has this name"""


CREATE_POINT = f"""
    with {HOLD},
    inserted as (
        insert into points (account_id, point_uid, point_name, description, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $5)
        returning account_id, point_uid
    )
    {announce(POINT_CREATED, "inserted", at="$5")}
"""  # noqa: S608 - fixed parts


async def create_point(db: Db, account_id: int, new: NewPoint, now: datetime) -> uuid.UUID:
    """Create a category and return its uid; PointNameTaken (409) if the name exists."""
    point_uid = uuid.uuid4()
    try:
        await db.execute(
            CREATE_POINT,
            account_id,
            point_uid,
            new.point_name,
            new.description,
            now,
        )
    except asyncpg.UniqueViolationError:
        raise PointNameTaken from None
    return point_uid


POINT = Columns(PointChanges, key=("point_uid",))
CHANGE_POINT = f"""
    with {HOLD},
    saved as (
        update points p
        set {POINT.assignments("p", "$3")},
            updated_at = $4
        where p.account_id = $1 and p.point_uid = $2
        returning p.account_id, p.point_uid
    ),
    announced as (
        {announce(POINT_UPDATED, "saved", at="$4", fields="$5::text[]")}
    )
    select point_uid from saved
"""  # noqa: S608 - fixed parts


async def change_point(db: Db, account_id: int, changes: PointChanges, now: datetime) -> uuid.UUID:
    """Update the fields sent of a category and return its uid; Unknown (404), PointNameTaken (409)."""
    fields = POINT.sent_fields(changes)
    try:
        updated = await db.value(
            CHANGE_POINT,
            account_id,
            changes.point_uid,
            POINT.record(fields),
            now,
            list(fields),
        )
    except asyncpg.UniqueViolationError:
        raise PointNameTaken from None
    if updated is None:
        raise Unknown(point_category=changes.point_uid)
    return changes.point_uid
