"""What carries messages: a mail server, and a gateway for SMS. Each says what became of one message."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

# Called when all is ready and what follows may deliver the message: says whether it is still to be sent.
Begin = Callable[[], Awaitable[bool]]
LONGEST_ANSWER = 300
# The value of List-Unsubscribe-Post (RFC 8058), and the body of the POST.
ONE_CLICK = "List-Unsubscribe=One-Click"


class Envelope(msgspec.Struct, frozen=True):
    """One message as a gateway takes it. `reference` names it, also in what comes back.

    `from_address` (of a confirmed domain), `from_name`, `reply_to` and `sms_sender` are the account's own, empty for
    the operator's; `is_signed`: our DKIM key is published at the domain of `from_address`.
    """

    recipient: str
    reference: str
    subject: str
    text: str
    html: str = ""
    sender_name: str = ""
    unsubscribe_url: str = ""
    from_name: str = ""
    from_address: str = ""
    reply_to: str = ""
    sms_sender: str = ""
    is_signed: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """What became of a message, and what the gateway said."""

    answer: str


class Accepted(Outcome, frozen=True):
    """The gateway took it over."""


class Delayed(Outcome, frozen=True):
    """It was surely not taken over, and may be later."""


class Refused(Outcome, frozen=True):
    """It was surely not taken over, and will not be."""

    is_unreachable: bool = False


class Unconfirmed(Outcome, frozen=True):
    """It may have been taken over, or not."""


class Stopped(Outcome, frozen=True):
    """Somebody else sends it, or it is not to be sent any more."""


class Gateway(Protocol):
    """Carries messages of one channel."""

    async def send(self, envelope: Envelope, begin: Begin) -> Outcome:
        """Send one message. No exception of the network leaves it."""
        ...
