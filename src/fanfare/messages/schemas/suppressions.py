"""Shapes of suppressions, and addresses as they are sent to."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.fans.contact import mail_address, phone_number, read_contact
from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import ChoiceForm, Id, LimitForm, Text
from fanfare.messages.schemas.messages import ChannelName

ROWS = 500


class Addressed(Params, kw_only=True):
    """An address with its channel."""

    channel: Annotated[ChannelName, "email or sms."]
    recipient: Annotated[Text, "Email address, or phone number such as +16045550123."]

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Refuse an address that is none."""
        channel, recipient = values.get("channel"), values.get("recipient")
        if channel and recipient:
            try:
                _shown(channel, recipient, context.account.country_code)
            except ValueError as wrong:
                yield "recipient", str(wrong)

    def address(self, country_code: str | None) -> str:
        """Return the address in its shown form, a number as in that country; refuses what is none."""
        try:
            return _shown(self.channel, self.recipient, country_code)
        except ValueError as wrong:
            raise BadParameters([("recipient", str(wrong))]) from None


def _shown(channel: str, recipient: str, country_code: str | None) -> str:
    return mail_address(recipient) if channel == "email" else phone_number(recipient, country_code)


class NewSuppression(Addressed, kw_only=True):
    """An address that is to get no messages."""

    example: ClassVar[Mapping[str, object]] = {"channel": "email", "recipient": "gone@example.com"}


class ImportedSuppression(Params, kw_only=True):
    """An address of a suppression list of another system."""

    email: Annotated[Text | None, "Email address; this or phone is needed."] = None
    phone: Annotated[Text | None, "Phone number; this or email is needed."] = None
    suppression_reason: Annotated[
        Annotated[str, ChoiceForm("bounce", "complaint", "manual")] | None,
        "bounce, complaint or manual; manual when left out.",
    ] = None

    example: ClassVar[Mapping[str, object]] = {"email": "gone@example.com", "suppression_reason": "bounce"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a row without an address."""
        if "email" not in values and "phone" not in values:
            yield "email", "is required when phone is left out"

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Refuse an address that is none."""
        yield from read_contact(values, context.account.country_code).faults


class Suppression(msgspec.Struct):
    """An address that gets no messages, since the moment in unix seconds.

    reason is `bounce`, `complaint` or `manual`. message_id is the message that came back, if any. address is null once
    its fan is erased: it stays suppressed without being stored.
    """

    suppression_id: int
    account_id: int
    channel: str
    address: str | None
    reason: str
    message_id: int | None
    creation_timestamp: int


class SuppressionQuery(Params):
    """Which suppressions."""

    recipient: Annotated[Text | None, "Only this email address or phone number, as it is listed."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class OneSuppression(Params):
    """Which suppression."""

    suppression_id: Annotated[Id, "Suppression by its id."]
