"""Topics of the change log about exports."""

import msgspec

from fanfare.kernel.data.announcements import Topic


class Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of rows, and of bytes of the file."""

    row_count: int
    file_bytes: int


EXPORT_CREATED = Topic("export.created", "An export was started.", "export_uid")
EXPORT_COMPLETED = Topic("export.completed", "The file of an export can be fetched.", "export_uid", data=Size)
EXPORT_FAILED = Topic("export.failed", "An export ended without a file.", "export_uid")
EXPORT_DELETED = Topic("export.deleted", "An export was deleted with its file.", "export_uid")
