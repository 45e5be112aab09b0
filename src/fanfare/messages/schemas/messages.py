"""Shapes of messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Id, LimitForm, Text

ROWS = 200
Channel = Literal["email", "sms"]
ChannelName = Annotated[Channel, ChoiceForm("email", "sms")]
STATES = ("queued", "sending", "sent", "unconfirmed", "failed", "expired", "suppressed", "stored")


class NewMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message to send.

    `recipient` is in the normal form of `fans/contact.py`. `request_key` names the request that it answers: an account
    has one message of each. `template` is a name of `templates/builtin.py`, which lists what `values` and `secrets`
    consist of; secrets are encrypted while the message waits and no record has them. It is not sent after `expires_at`.
    A marketing message needs `fan_id`; it is sent only while the fan agrees to it.
    """

    channel: Channel
    recipient: str
    template: str
    request_key: str
    values: Mapping[str, str | int] = {}
    secrets: Mapping[str, str] = {}
    fan_id: int | None = None
    business_id: int | None = None
    language: str = ""
    expires_at: datetime | None = None


class Message(msgspec.Struct):
    """A message as it is listed. Timestamps are unix seconds.

    state: `queued` (waits, or waits to be tried again), `sending`, `sent` (the gateway accepted it), `unconfirmed` (the
    connection or the worker ended before the answer came; it is not sent again), `failed`, `expired`, `suppressed` (the
    address gets no messages, or the fan has not agreed to marketing messages), `stored` (no gateway is set up).
    `answer` is what the gateway said last. recipient is null once its fan is erased.
    """

    message_id: int
    account_id: int
    channel: str
    template_name: str
    language: str
    fan_id: int | None
    business_id: int | None
    recipient: str | None
    state: str
    try_count: int
    answer: str | None
    creation_timestamp: int
    sent_timestamp: int | None
    bounce_timestamp: int | None
    report_timestamp: int | None


class MessageContent(Message):
    """A message with what it said; secret values are masked."""

    subject: str | None
    text_body: str | None
    html_body: str | None


class MessageMeta(Meta):
    """How to request the next page, and the number of messages in this one."""

    min_message_id: int | None
    count: int


class OneMessage(Params):
    """Which message."""

    message_id: Annotated[Id, "Message by its id."]


class MessageWindow(Params):
    """Which messages, the newest first."""

    fan_id: Annotated[Id | None, "Only messages to this fan."] = None
    recipient: Annotated[Text | None, "Only messages to this email address or phone number, as it is listed."] = None
    channel: Annotated[ChannelName | None, "Only mail or only SMS."] = None
    state: Annotated[Annotated[str, ChoiceForm(*STATES)] | None, "Only messages in this state."] = None
    max_message_id: Annotated[Id | None, "Only with a smaller id: the previous meta.min_message_id."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)] | None, "Page size; 200 by default."] = None

    example: ClassVar[Mapping[str, object]] = {"limit": 50}
