"""Topics of the change log about points."""

from uuid import UUID

import msgspec

from fanfare.kernel.data.announcements import OptionalFields, Topic


class AwardData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The category and the number of points; negative when they were spent."""

    point_uid: UUID
    point_count: int


POINT_CREATED = Topic("point.created", "A category of points was created.", "point_uid")
POINT_UPDATED = Topic("point.updated", "A category of points changed.", "point_uid", data=OptionalFields)
POINTS_AWARDED = Topic("points.awarded", "Points were awarded to a fan.", "fan_point_uid", "always", AwardData)
POINTS_DELETED = Topic(
    "points.deleted", "An award was deleted by the undo of an import.", "fan_point_uid", "always", AwardData
)
