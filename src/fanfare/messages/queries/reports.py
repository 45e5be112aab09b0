"""Tells how bounces and complaints are reported."""

from fanfare.messages.reports.signatures import secrets
from fanfare.messages.schemas.reports import PATH, ReportSettings


async def report_settings(account_id: int) -> ReportSettings:
    """Return the path and the secrets of an account's reports."""
    return ReportSettings(PATH.partition("{")[0] + str(account_id), secrets(account_id))
