"""Sends SMS by a gateway: a POST of JSON to any address, or one of those that apprise knows."""

import asyncio
from http import HTTPStatus
from urllib.parse import quote

import msgspec

from fanfare.kernel.running.http_client import CallError, HttpRequest, NotConnected, http_client
from fanfare.kernel.running.shares import Busy
from fanfare.messages.gateways import (
    Accepted,
    Begin,
    Delayed,
    Envelope,
    Gateway,
    Outcome,
    Refused,
    Stopped,
    Unconfirmed,
)

TIMEOUT_SECONDS = 30.0
# What a gateway answers when it has surely not taken a message over, and may later.
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def sms_gateway(url: str) -> Gateway:
    """Return the gateway of FANFARE_SMS_URL."""
    return HttpGateway(url) if url.startswith(("http://", "https://")) else AppriseGateway(url)


class HttpGateway:
    """Takes a POST of `{"to", "text"}`, and `"from"` where the account has a sender.

    It is told an Idempotency-Key, and never followed to another address.
    """

    def __init__(self, url: str) -> None:
        """`url` may contain user and password."""
        self._url = url

    async def send(self, envelope: Envelope, begin: Begin) -> Outcome:
        """Send one SMS. The answer is kept as its status alone: a gateway may repeat the text in it."""
        if not await begin():
            return Stopped("")
        sender = {"from": envelope.sms_sender} if envelope.sms_sender else {}
        content = msgspec.json.encode({"to": envelope.recipient, "text": envelope.text, **sender})
        headers = {"Content-Type": "application/json", "Idempotency-Key": envelope.reference}
        # The answer's body is not read: it may be of any length.
        request = HttpRequest("POST", self._url, headers, content, TIMEOUT_SECONDS, max_bytes=None)
        try:
            return _outcome((await http_client.send(request, None)).status)
        except Busy:
            return Delayed("the gateway was not called: too many calls at once")
        except NotConnected as error:
            return Delayed(f"the gateway cannot be reached: {error}")
        except CallError as error:
            return Unconfirmed(f"no answer of the gateway: {error}")


def _outcome(status: int) -> Outcome:
    words = f"HTTP {status}"
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return Accepted(words)
    if status in BUSY:
        return Delayed(words)
    # Of another fault of its own nobody knows what came before it.
    return Unconfirmed(words) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused(words)


class AppriseGateway:
    """One of apprise's services; the number is added to the path of its URL, where these have their recipients.

    Apprise says only that it did not succeed, so what fails is not tried again: it might arrive twice.
    """

    def __init__(self, url: str) -> None:
        """`url` has no recipient."""
        self._url = url

    async def send(self, envelope: Envelope, begin: Begin) -> Outcome:
        """Send one SMS."""
        if not await begin():
            return Stopped("")
        is_accepted = await asyncio.to_thread(self._notify, envelope)
        return Accepted("apprise: accepted") if is_accepted else Unconfirmed("apprise: not accepted")

    def _notify(self, envelope: Envelope) -> bool:
        import apprise  # noqa: PLC0415 - large, and only where its URL is set

        base, mark, query = self._url.partition("?")
        service = apprise.Apprise()
        service.add(f"{base.rstrip('/')}/{quote(envelope.recipient)}{mark}{query}")
        return bool(service.notify(body=envelope.text, body_format=apprise.NotifyFormat.TEXT))
