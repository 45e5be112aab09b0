"""Topics of the change log about imports."""

import msgspec

from fanfare.kernel.data.announcements import Fields, Topic


class Totals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers of rows: all, created, matched and refused."""

    row_count: int
    created_count: int
    matched_count: int
    error_count: int


IMPORT_CREATED = Topic("import.created", "An import was created; its file follows.", "import_uid")
IMPORT_UPDATED = Topic("import.updated", "How the file of an import is read changed.", "import_uid", data=Fields)
IMPORT_CHECKED = Topic("import.checked", "A dry run of an import ended.", "import_uid", data=Totals)
IMPORT_COMPLETED = Topic("import.completed", "All rows of an import were processed.", "import_uid", data=Totals)
IMPORT_FAILED = Topic("import.failed", "An import ended before all rows were processed.", "import_uid")
IMPORT_UNDONE = Topic("import.undone", "What an import created was deleted.", "import_uid")
IMPORT_DELETED = Topic("import.deleted", "An import was deleted with its file.", "import_uid")
