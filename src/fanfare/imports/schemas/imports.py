"""Shapes of imports."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from fanfare.imports.readers.dialects import DELIMITERS
from fanfare.imports.readers.presets import NO_PRESET, PRESETS
from fanfare.imports.readers.rows import LINES, MAX_FILE_BYTES, WORKBOOK
from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.pictures import ImageAnswer
from fanfare.kernel.wire import ChoiceForm, Flag, Form, Id, IntegerForm, JsonObject, LimitForm, Text, Uuid, text_of
from fanfare.storages.schemas.objects import ObjectKey

ROWS = 100
FORMATS = ("csv", LINES, WORKBOOK)
# Their files may be compressed by gzip, which is found by their begin.
COMPRESSIBLE = tuple(each for each in FORMATS if each != WORKBOOK)
# Of all files of an account's imports together.
MAX_ACCOUNT_BYTES = 4 * MAX_FILE_BYTES
State = Literal[
    "uploading", "fetching", "converting", "ready", "checking", "importing", "completed", "failed", "undoing", "undone"
]
FileFormat = Annotated[Literal["csv", "ndjson", "xlsx"], ChoiceForm(*FORMATS)]


class DelimiterForm(Form):
    """The character between the values of a row."""

    def read(self, raw: object) -> str:
        """Return the character; ValueError for another one."""
        text = text_of(raw)
        text = {"tab": "\t", "\\t": "\t"}.get(text, text)
        if text not in DELIMITERS:
            message = "must be a comma, a semicolon, a vertical bar or tab"
            raise ValueError(message)
        return text

    def schema(self) -> dict[str, object]:
        """Describe the character."""
        return {"type": "string", "enum": [",", ";", "|", "tab"]}


class Import(msgspec.Struct):
    """An import. Timestamps are unix seconds.

    state: `uploading`, `fetching` (an object of a storage is read), `converting` (a sheet of a workbook is read, or a
    file is unpacked), `ready` (confirm how it is read, then run it), `checking` (a dry run), `importing`, `completed`,
    `failed` (`failure` says why), `undoing`, `undone`. source is the object of a storage that the file was, or null.
    The counts are those of the last run or dry run: row_count rows were processed, of which created_count created
    something, matched_count belong to what was there, and error_count were refused. refused_optin_count opt-ins were
    left out because the fan had opted out. An undo deleted undone_count of what was created and left kept_count.
    progress is from 0 to 1. has_file is false once the file was deleted. sheets has the names of the sheets of a
    workbook, sheet the one that is imported. mapping has a field, or null, for each of the columns; values those that
    every row has.
    """

    import_id: int
    import_uid: uuid.UUID
    kind: str
    name: str | None
    format: str
    state: State
    has_file: bool
    storage_uid: uuid.UUID | None
    source: str | None
    file_bytes: int
    sheets: list[str]
    sheet: str | None
    columns: list[str]
    encoding: str | None
    delimiter: str | None
    date_order: str | None
    decimal_separator: str | None
    preset: str | None
    mapping: dict[str, str | None]
    values: dict[str, Any]
    row_count: int
    created_count: int
    matched_count: int
    error_count: int
    refused_optin_count: int
    undone_count: int
    kept_count: int
    progress: float
    failure: str | None
    creation_timestamp: int
    upload_timestamp: int | None
    finish_timestamp: int | None


class ImportMeta(Meta):
    """How to request the next page, and the number of imports in this one."""

    min_import_id: int | None
    count: int


class PreviewFault(msgspec.Struct):
    """A wrong field of a row."""

    field: str
    message: str


class PreviewRow(msgspec.Struct):
    """A row of the file: its number, its cells by column, what would be imported, and what is wrong with it."""

    row_number: int
    cells: dict[str, Any]
    fields: dict[str, Any]
    errors: list[PreviewFault]


class Preview(msgspec.Struct):
    """The begin of a file as it is read. `fields` are those that a column can be mapped to."""

    rows: list[PreviewRow]
    fields: list[str]


class ImportCreated(msgspec.Struct):
    """A new import, whose file is uploaded next."""

    import_uid: uuid.UUID


class ImportSaved(msgspec.Struct):
    """The state of an import after a call."""

    import_uid: uuid.UUID
    state: State
    file_bytes: int


class CsvFile(ImageAnswer, frozen=True):
    """A CSV file."""

    media_type: ClassVar[str] = "text/csv"


class NewImport(Params, kw_only=True):
    """An import to create."""

    kind: Annotated[Text, "What the rows are: fans, …"]
    format: Annotated[
        FileFormat | None,
        "csv (the default), ndjson, or xlsx, an Excel workbook. Of an object, by its name."
        f" A file of {' or '.join(COMPRESSIBLE)} may be compressed by gzip: its format is that of its content.",
    ] = None
    name: Annotated[Text | None, "What to call it."] = None
    storage_uid: Annotated[Uuid | None, "Storage from which the file is read, instead of an upload."] = None
    object_key: Annotated[ObjectKey | None, "Key of the object in the bucket of the storage."] = None

    example: ClassVar[Mapping[str, object]] = {"kind": "fans", "name": "Members of 2026"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a storage without an object, and an object without a storage."""
        for name, another in (("storage_uid", "object_key"), ("object_key", "storage_uid")):
            if values.get(name) and not values.get(another):
                yield another, f"is required with {name}"


class OneImport(Params):
    """The uid of an import."""

    import_uid: Annotated[Uuid, "Import by its uid."]


class FilePart(Params, kw_only=True):
    """The place of a part in the file."""

    import_uid: Annotated[Uuid, "Import by its uid."]
    offset: Annotated[
        Annotated[int, IntegerForm(0, MAX_FILE_BYTES)] | None, "Bytes of the file before this part; 0 when left out."
    ] = None
    is_last: Annotated[Flag | None, "false when further parts follow."] = None


class ImportWindow(Params):
    """Which imports to list."""

    max_import_id: Annotated[Id | None, "Only imports before this one: the previous meta.min_import_id."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)] | None, "Rows of a page."] = None


class ImportChanges(Params, kw_only=True):
    """How the file of an import is read; a field that is left out stays as it is."""

    import_uid: Annotated[Uuid, "Import to change."]
    name: Annotated[Text | None, "What to call it."] = None
    sheet: Annotated[Text | None, "Sheet of a workbook to import; its columns are found again."] = None
    encoding: Annotated[
        Annotated[Literal["utf-8", "windows-1252"], ChoiceForm("utf-8", "windows-1252")] | None, "Encoding of the file."
    ] = None
    delimiter: Annotated[Annotated[str, DelimiterForm()] | None, "Character between the values of a row."] = None
    date_order: Annotated[
        Annotated[Literal["ymd", "dmy", "mdy"], ChoiceForm("ymd", "dmy", "mdy")] | None,
        "Order of day, month and year in dates such as 03/04/2026.",
    ] = None
    decimal_separator: Annotated[
        Annotated[Literal[".", ","], ChoiceForm(".", ",")] | None, "Character before the decimals of a number."
    ] = None
    preset: Annotated[
        Annotated[str, ChoiceForm(*PRESETS, NO_PRESET)] | None,
        "Product whose export the file is, whose words of consent are read; none reads the mapping alone.",
    ] = None
    mapping: Annotated[
        JsonObject | None, "The field for each column, or null to leave it out; other columns stay as they are."
    ] = None
    values: Annotated[JsonObject | None, "Fields that have the same value in every row."] = None

    example: ClassVar[Mapping[str, object]] = {"name": "Members of 2026", "date_order": "dmy"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a mapping to anything but names of fields."""
        if any(not (field is None or isinstance(field, str)) for field in (values.get("mapping") or {}).values()):
            yield "mapping", "must have the name of a field or null for each column"


class Run(Params, kw_only=True):
    """How to run an import."""

    import_uid: Annotated[Uuid, "Import to run."]
    dry_run: Annotated[Flag | None, "true: count what would happen, and change nothing."] = None


class CurrentImport(msgspec.Struct, frozen=True):
    """The row of an import that is being worked on."""

    import_id: int
    import_uid: uuid.UUID
    kind: str
    file_format: str
    import_name: str | None
    import_state: State
    has_file: bool
    file_bytes: int
    is_utf8: bool
    columns: list[str]
    dialect: dict[str, Any]
    mapping: dict[str, str | None]
    constants: dict[str, Any]
    run_offset: int
    run_row: int
    sheet: str | None
    sheets: list[str]
    failure_count: int
    error_count: int
    uploaded_at: datetime | None
    last_work: State | None
