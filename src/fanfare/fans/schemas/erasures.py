"""Schemas of erasures and their certificates."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, LimitForm

ROWS = 200


class TableCount(msgspec.Struct):
    """The effect of an erasure on one table: rows deleted, and rows kept without the person."""

    table_name: str
    deleted_count: int
    cleared_count: int


class Erasure(msgspec.Struct):
    """The certificate of an erasure. It names the fan by id only, with the ids of fans merged into it.

    erasure_source names the call, erasure_timestamp is in unix seconds. object_count files of exports were at storages
    by then, complete or on their way, and may contain the person; it is absent in certificates from before they were
    counted. digest is the SHA-256, in hexadecimal, of the other fields as JSON, keys sorted, without spaces.
    """

    erasure_id: int
    fan_id: int
    former_fan_ids: list[int]
    erasure_source: str
    erasure_timestamp: int
    tables: list[TableCount]
    digest: str
    object_count: int | msgspec.UnsetType = msgspec.UNSET


class Certificate(msgspec.Struct):
    """A certificate as operators keep it outside the database, beside those of other accounts."""

    account_id: int
    erasure_id: int
    fan_id: int
    former_fan_ids: list[int]
    erasure_timestamp: int
    digest: str


class ErasureMeta(Meta):
    """How to request the next page, and the number of certificates in this one."""

    min_erasure_id: int | None
    count: int


class OneErasure(Params):
    """The id of a certificate."""

    erasure_id: Annotated[Id, "Certificate by its id."]


class ErasureWindow(Params):
    """Filters for certificates, the newest first."""

    fan_id: Annotated[Id | None, "Only those of the fan who had this id."] = None
    max_erasure_id: Annotated[Id | None, "Only with a smaller id: the previous meta.min_erasure_id."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)] | None, "Page size; 200 by default."] = None

    example: ClassVar[Mapping[str, object]] = {"limit": 50}
