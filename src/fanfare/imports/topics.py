"""Topics of the change log about imports."""

import msgspec

from fanfare.kernel.data.announcements import Fields, Topic


class Totals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The kind of the rows, and the numbers of rows: all, created, matched and refused."""

    kind: str
    row_count: int
    created_count: int
    matched_count: int
    error_count: int


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The kind of the rows."""

    kind: str


IMPORT_CREATED = Topic("import.created", "An import was created; its file follows.", "import_uid", data=Kind)
IMPORT_UPDATED = Topic("import.updated", "How the file of an import is read changed.", "import_uid", data=Fields)
IMPORT_INSPECTED = Topic("import.inspected", "A file was read and can be mapped.", "import_uid", data=Kind)
IMPORT_CHECKED = Topic("import.checked", "A dry run of an import ended.", "import_uid", data=Totals)
IMPORT_COMPLETED = Topic("import.completed", "All rows of an import were processed.", "import_uid", data=Totals)
IMPORT_FAILED = Topic("import.failed", "An import ended before all rows were processed.", "import_uid", data=Kind)
IMPORT_UNDONE = Topic("import.undone", "What an import created was deleted.", "import_uid", data=Kind)
IMPORT_DELETED = Topic("import.deleted", "An import was deleted with its file.", "import_uid")
