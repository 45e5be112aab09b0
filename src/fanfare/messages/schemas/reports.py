"""Shapes of reports on messages."""

import msgspec

PATH = "/hooks/messages/{account_id}"


class ReportSettings(msgspec.Struct):
    """Where reports are sent (POST, below the address of the server), and the secrets that sign them, newest first."""

    path: str
    secrets: list[str]


class ReportsNoted(msgspec.Struct):
    """How many reports named a message of the account."""

    count: int
