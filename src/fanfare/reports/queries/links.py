"""Reads links to reports."""

import hashlib
import uuid
from datetime import datetime

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.reports.queries.reports import report
from fanfare.reports.schemas.links import Link
from fanfare.reports.schemas.reports import Report


class ReportLinkUnknown(Unknown):
    """The link to this report has ended"""

    def __init__(self) -> None:
        super().__init__(detail="Ask whoever sent it to you for a new one.")


def link_hash(secret: str) -> bytes:
    """Return what is stored of a link, whose secret is random."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def account_of(link: str) -> int:
    """Return the account that a link names; ReportLinkUnknown (404) for a text that is no link."""
    account_id, _, secret = link.partition(".")
    if not (account_id.isascii() and account_id.isdecimal() and secret and len(account_id) <= MAX_DIGITS):
        raise ReportLinkUnknown
    return int(account_id)


# Of an account's id.
MAX_DIGITS = 18


async def links(db: Db, account_id: int, report_uid: uuid.UUID, now: datetime) -> list[Link]:
    """Return the links to a report that have not ended, oldest first; Unknown (404) report."""
    await report(db, account_id, report_uid)
    rows = await db.rows(
        """
        select report_link_id, floor(extract(epoch from created_at))::bigint as creation_timestamp,
               floor(extract(epoch from expires_at))::bigint as expiration_timestamp
        from report_links where account_id = $1 and report_uid = $2 and expires_at > $3
        order by report_link_id
        """,
        account_id,
        report_uid,
        now,
    )
    return [Link(**row) for row in rows]


async def shared_report(db: Db, account_id: int, link: str, now: datetime) -> Report:
    """Return the report that a link shows; ReportLinkUnknown (404) for a link that has ended or never was."""
    report_uid = await db.value(
        "select report_uid from report_links where account_id = $1 and link_hash = $2 and expires_at > $3",
        account_id,
        link_hash(link),
        now,
    )
    if report_uid is None:
        raise ReportLinkUnknown
    return await report(db, account_id, report_uid)
