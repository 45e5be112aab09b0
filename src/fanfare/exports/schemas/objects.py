"""Shapes of the files of exports at storages."""

import uuid
from typing import Annotated

import msgspec

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, LimitForm

ROWS = 500


class ExportObject(msgspec.Struct):
    """A file of an export at a storage: its table, and where it is. Timestamps are unix seconds.

    endpoint is the URL of the service when the file was there. storage_uid is null once the storage was deleted. The
    manifest beside it names nobody. With is_complete false it was on its way: the storage has all of it or parts of
    an upload, completion_timestamp is null, and it is in the list as long as Fanfare could not delete it there.
    """

    object_id: int
    export_uid: uuid.UUID
    table: str
    storage_uid: uuid.UUID | None
    endpoint: str | None
    bucket: str
    object_key: str
    is_complete: bool
    completion_timestamp: int | None


class ExportObjectMeta(Meta):
    """How to request the next page, and the number of files in this one."""

    min_object_id: int | None
    count: int


class ErasureObjectWindow(Params):
    """Of which erasure, and which of its files."""

    erasure_id: Annotated[Id, "Certificate by its id."]
    max_object_id: Annotated[Id | None, "Only files before this one: the previous meta.min_object_id."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)] | None, "Rows of a page."] = None
