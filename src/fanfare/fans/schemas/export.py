"""Schema of a data export."""

from typing import Any

import msgspec


class FanExport(msgspec.Struct):
    """Everything stored about a fan: its rows by table, as they are stored, without the account's id.

    `merged_rows` are the former records of fans merged into this one. Times are ISO 8601, export_timestamp unix
    seconds.
    """

    account_id: int
    fan_id: int
    export_timestamp: int
    tables: dict[str, list[dict[str, Any]]]
