"""Shapes of senders of mail and SMS."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.fans.contact import mail_address
from fanfare.kernel.parameters import Params
from fanfare.kernel.running.settings import SMS_SENDER
from fanfare.kernel.wire import Id, TextForm

Name = Annotated[str, TextForm(100, r"[^\x00-\x1f\x7f<>]+", "must be a name without < and >")]
MailText = Annotated[str, TextForm(320)]
SmsSender = Annotated[
    str,
    TextForm(16, SMS_SENDER, "must be a number, or 1 to 11 letters and digits"),
]


class DnsRecord(msgspec.Struct):
    """A record to set at the domain of a sender. state: found or missing at the last check, unknown before it."""

    purpose: str
    record_type: str
    name: str
    value: str
    is_required: bool
    state: str


class Sender(msgspec.Struct):
    """Who messages come from; business_id null for the whole account. from_address is used once is_confirmed.

    Until then, and where it is null, mail comes from server_address. Timestamps are in unix seconds.
    """

    sender_id: int
    account_id: int
    business_id: int | None
    from_name: str | None
    from_address: str | None
    reply_to: str | None
    sms_sender: str | None
    is_confirmed: bool
    is_signed: bool
    server_address: str
    dns_records: list[DnsRecord]
    check_timestamp: int | None
    last_update_timestamp: int


class SenderText(Params, kw_only=True):
    """What messages say of who sends them; each field left out is that of the account, else of the operator."""

    from_name: Annotated[Name | None, "Name of mail; the operator's or the business's when left out."] = None
    from_address: Annotated[
        MailText | None, "Address of mail, of a domain that a DNS record confirms; the operator's when left out."
    ] = None
    reply_to: Annotated[MailText | None, "Where answers to mail go; to the sender when left out."] = None
    sms_sender: Annotated[SmsSender | None, "Sender of SMS, which the operator allows; else the gateway's."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse addresses that are none, and those that only some mail servers of recipients take (RFC 6531)."""
        for name in ("from_address", "reply_to"):
            try:
                if values.get(name) and not mail_address(values[name]).rpartition("@")[0].isascii():
                    yield name, "must have no characters beyond ASCII before the @"
            except ValueError as wrong:
                yield name, str(wrong)


class NewSender(SenderText, kw_only=True):
    """The sender of the account, or of one business, in place of the one before."""

    business_id: Annotated[Id | None, "Business whose messages it is for; the whole account when left out."] = None

    example: ClassVar[Mapping[str, object]] = {
        "from_name": "Northside FC",
        "from_address": "news@northside.example",
        "reply_to": "office@northside.example",
    }


class OneSender(Params):
    """Which sender."""

    sender_id: Annotated[Id, "Sender by its id."]


class SenderSaved(msgspec.Struct):
    """The sender that was saved."""

    sender_id: int
