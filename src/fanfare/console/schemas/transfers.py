"""Shapes of the forms of webhooks, imports and exports, where they differ from those of calls."""

from typing import Annotated, Any

from fanfare.imports.schemas.imports import FileFormat, ImportChanges
from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, ListForm, Moment, Text, TextForm, Uuid
from fanfare.storages.schemas.objects import ObjectKey
from fanfare.webhooks.schemas.deliveries import STATES

MAX_COLUMNS = 1000
# What stands for a column that is left out.
LEFT_OUT = "-"
ColumnFields = Annotated[list[str], ListForm(TextForm(200), MAX_COLUMNS)]


class DeliveriesPage(Params):
    """Which deliveries of an endpoint to show."""

    webhook_uid: Annotated[Uuid, "Endpoint by its uid."]
    state: Annotated[str | None, ChoiceForm(*STATES), "Only deliveries in this state."] = None
    cursor: NextCursor = None
    after: Annotated[Id | None, "Where a replay of a long range goes on."] = None
    min_timestamp: Annotated[Moment | None, "Begin of that range."] = None
    max_timestamp: Annotated[Moment | None, "End of that range."] = None


class ImportForm(Params):
    """An import to create, before its file."""

    kind: Annotated[Text, "What the rows are."]
    name: Annotated[Text | None, "What to call it."] = None
    format: Annotated[FileFormat | None, "csv or ndjson."] = None


class ObjectsPage(Params):
    """Which objects of which storage to show."""

    storage_uid: Annotated[Uuid | None, "Storage whose objects to show."] = None
    prefix: Annotated[ObjectKey | None, "Only keys that begin with this."] = None
    last_object_key: Annotated[ObjectKey | None, "Only objects behind this one."] = None


class StorageImportForm(Params):
    """An import of an object."""

    kind: Annotated[Text, "What the rows are."]
    storage_uid: Annotated[Uuid, "Storage from which it is read."]
    object_key: Annotated[ObjectKey, "Key of the object."]
    name: Annotated[Text | None, "What to call it."] = None


class SheetForm(Params):
    """The sheet of a workbook to read."""

    import_uid: Annotated[Uuid, "Import by its uid."]
    sheet: Annotated[Text, "Name of the sheet."]


class MappingForm(ImportChanges):
    """How the file is read: for each column, in the order of the file, the field or nothing."""

    fields: Annotated[ColumnFields | None, "The field of each column."] = None
    is_dry: Annotated[Flag, "Whether a dry run follows."] = False

    def changes(self, columns: list[str]) -> ImportChanges:
        """Return the changes as calls have them; fields beyond the columns are left out."""
        names = self.fields or []
        mapping: dict[str, Any] = {
            column: None if field == LEFT_OUT else field for column, field in zip(columns, names, strict=False)
        }
        return ImportChanges(
            import_uid=self.import_uid, name=self.name, encoding=self.encoding, delimiter=self.delimiter,
            date_order=self.date_order, decimal_separator=self.decimal_separator, preset=self.preset,
            mapping=mapping or None,
        )  # fmt: skip
