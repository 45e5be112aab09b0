"""Topics of the change log about exports."""

from uuid import UUID

import msgspec

from fanfare.kernel.data.announcements import Fields, Topic


class Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of rows, and of bytes of the file."""

    row_count: int
    file_bytes: int


class OfExport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The export that a schedule made; null if it made none."""

    export_uid: UUID | None


EXPORT_CREATED = Topic("export.created", "An export was started.", "export_uid")
EXPORT_COMPLETED = Topic("export.completed", "The file of an export can be fetched.", "export_uid", data=Size)
EXPORT_FAILED = Topic("export.failed", "An export ended without a file.", "export_uid")
EXPORT_DELETED = Topic("export.deleted", "An export was deleted with its file.", "export_uid")
EXPORT_SCHEDULE_CREATED = Topic("export_schedule.created", "A schedule of exports was created.", "schedule_uid")
EXPORT_SCHEDULE_UPDATED = Topic(
    "export_schedule.updated", "Fields of a schedule of exports changed.", "schedule_uid", data=Fields
)
EXPORT_SCHEDULE_DELETED = Topic("export_schedule.deleted", "A schedule of exports was deleted.", "schedule_uid")
EXPORT_SCHEDULE_COMPLETED = Topic(
    "export_schedule.completed", "The file of a scheduled export can be fetched.", "schedule_uid", data=OfExport
)
EXPORT_SCHEDULE_FAILED = Topic(
    "export_schedule.failed", "A schedule made no export, or its export ended without a file.", "schedule_uid",
    data=OfExport,
)  # fmt: skip
