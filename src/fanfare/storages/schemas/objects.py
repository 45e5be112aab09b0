"""Shapes of the objects of a storage."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Form, LimitForm, Uuid, storage_fault, text_of

ROWS = 100
MAX_ROWS = 500
MAX_KEY_BYTES = 1024


class ObjectKeyForm(Form):
    """The key of an object, as it is: spaces and slashes are part of it."""

    def read(self, raw: object) -> str:
        """Return the key."""
        text = text_of(raw)
        if fault := storage_fault(text):
            raise ValueError(fault)
        if len(text.encode(errors="replace")) > MAX_KEY_BYTES:
            message = f"must have at most {MAX_KEY_BYTES} bytes"
            raise ValueError(message)
        return text

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return {"type": "string", "maxLength": MAX_KEY_BYTES, "examples": ["fanfare/members.csv"]}


ObjectKey = Annotated[str, ObjectKeyForm()]


class StorageObject(msgspec.Struct):
    """An object of a storage. Its key is that in the bucket. Timestamps are unix seconds."""

    object_key: str
    object_bytes: int
    last_update_timestamp: int | None


class ObjectMeta(Meta):
    """How to request the next page, and the number of objects in this one."""

    last_object_key: str | None
    count: int


class ObjectQuery(Params, kw_only=True):
    """Which objects to list, in the order of their keys."""

    storage_uid: Annotated[Uuid, "Storage by its uid."]
    prefix: Annotated[ObjectKey | None, "Only keys that begin with this, below the folder of the storage."] = None
    last_object_key: Annotated[
        ObjectKey | None, "Only objects behind this one: the meta.last_object_key of the previous page."
    ] = None
    limit: Annotated[Annotated[int, LimitForm(MAX_ROWS)], "Maximum number of rows to return."] = ROWS

    example: ClassVar[Mapping[str, object]] = {}
