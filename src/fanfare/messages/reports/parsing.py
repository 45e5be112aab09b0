"""Reads what comes back of messages: bounces (RFC 3464), complaints (RFC 5965), and reports of gateways as JSON."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Annotated, Literal

import msgspec

from fanfare.kernel.errors import BadParameters, Unreadable
from fanfare.kernel.folding import fold
from fanfare.messages.reports.references import messages_in

ReportType = Literal["bounce", "complaint"]
# Codes of RFC 3463 and RFC 7505 that say that no message can reach the address: no such user or domain, not an address,
# moved, a domain without mail, disabled. Others of 5.1 are about the sender.
UNREACHABLE = re.compile(r"5\.(1\.(1|2|3|6|10)|2\.1)(?!\.?\d)")
MAX_REPORTS = 1000
MAX_PARTS = 50
MAX_DATE = 100
# The end of the year 9999, the last that a datetime can have.
LATEST = 253_402_300_799


class Report(msgspec.Struct, frozen=True):
    """A message that came back. A permanent bounce, and each complaint, suppresses its address.

    `reported_at` is when the mailbox provider or the gateway reported it; None if the report does not say so.
    """

    account_id: int
    message_id: int
    type: ReportType
    is_permanent: bool
    reported_at: datetime | None = None


class _Entry(msgspec.Struct):
    """A report of a gateway; the reference is the Message-ID of the mail or the Idempotency-Key of the SMS.

    `timestamp` is when the recipient complained, in unix seconds.
    """

    type: ReportType
    reference: str
    is_permanent: bool = True
    timestamp: Annotated[int, msgspec.Meta(ge=0, le=LATEST)] | None = None


class _Entries(msgspec.Struct):
    reports: list[_Entry]


ENTRIES = msgspec.json.Decoder(_Entries)


def is_unreachable(text: str) -> bool:
    """Return whether a text that begins with a status code says that the address of the recipient does not exist."""
    # Only at its place: further on, servers quote addresses and other answers.
    return UNREACHABLE.match(text) is not None


def read_json(body: bytes) -> list[Report]:
    """Return the reports of a gateway; refuses what has another form. Unknown references are left out."""
    try:
        entries = ENTRIES.decode(body).reports
    except (msgspec.DecodeError, RecursionError):
        message = 'the body must be JSON such as {"reports": [{"type": "bounce", "reference": "fm-…"}]}'
        raise Unreadable(message) from None
    if len(entries) > MAX_REPORTS:
        raise BadParameters([("reports", f"must be at most {MAX_REPORTS} reports")])
    return [
        Report(
            account_id,
            message_id,
            entry.type,
            entry.is_permanent or entry.type == "complaint",
            None if entry.timestamp is None else datetime.fromtimestamp(entry.timestamp, UTC),
        )
        for entry in entries
        for account_id, message_id in messages_in(entry.reference)[:1]
    ]


def read_mail(body: bytes) -> list[Report]:
    """Return what a mail reports: nothing when it is neither a bounce nor a complaint, or not about our messages."""
    references = messages_in(body.decode("ascii", "replace"))
    if not references:
        return []
    try:
        mail = message_from_bytes(body)
        kinds = dict(_kinds(mail))
    except (RecursionError, ValueError, LookupError):
        return []
    reported_at = _moment(mail)
    return [Report(*references[0], kind, is_permanent, reported_at) for kind, is_permanent in kinds.items()]


def _moment(mail: Message) -> datetime | None:
    """Return the time in the header Date, or None if there is none that can be read."""
    try:
        moment = parsedate_to_datetime(str(mail.get("date", ""))[:MAX_DATE])
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _kinds(mail: Message) -> Iterator[tuple[ReportType, bool]]:
    for number, part in enumerate(mail.walk()):
        if number > MAX_PARTS:
            return
        # The library reads the groups of fields of such a part as messages.
        groups = part.get_payload()
        for fields in groups if isinstance(groups, list) else ():
            if part.get_content_type() == "message/delivery-status" and _value(fields, "action") == "failed":
                yield "bounce", is_unreachable(_value(fields, "status"))
        if part.get_content_type() == "message/feedback-report":
            text = "\n".join(map(str, groups)) if isinstance(groups, list) else str(groups)
            if re.search(r"^feedback-type:\s*(abuse|fraud)\b", text, re.IGNORECASE | re.MULTILINE):
                yield "complaint", True


def _value(fields: object, name: str) -> str:
    return fold(str(fields.get(name, "")).strip()) if isinstance(fields, Message) else ""
