"""Shape of all that is held on a fan."""

from typing import Any

import msgspec


class Export(msgspec.Struct):
    """Everything that is held on a fan: by table its rows as they are stored, without the account's id.

    `merged_rows` are the records of fans who became this one, as they were. Times are ISO 8601, export_timestamp unix
    seconds.
    """

    account_id: int
    fan_id: int
    export_timestamp: int
    tables: dict[str, list[dict[str, Any]]]
