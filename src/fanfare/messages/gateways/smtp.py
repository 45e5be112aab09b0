"""Sends mail over SMTP.

Everything up to the mail itself is said first: connecting, encryption, password, sender, recipient. What fails there
surely sent nothing. Then `begin` notes that the mail may leave, and only the mail follows.
"""

import asyncio
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import aiosmtplib

from fanfare.kernel.clock import Clock, system_clock
from fanfare.kernel.running.mail_server import ascii_domain, sender_of
from fanfare.messages.gateways import (
    LONGEST_ANSWER,
    Accepted,
    Begin,
    Delayed,
    Envelope,
    Outcome,
    Refused,
    Stopped,
    Unconfirmed,
)
from fanfare.messages.gateways.mail import Signer, compose, signing_domain
from fanfare.messages.reports.parsing import is_unreachable

TIMEOUT_SECONDS = 30.0
PERMANENT = 500
# The code of RFC 3463 with which an answer begins.
STATUS = re.compile(r"\d\.\d{1,3}\.\d{1,3}\b")
# Codes of a refused recipient that say that the address is wrong, not the mail: no such user, moved, no such domain.
UNREACHABLE_CODES = (550, 551, 553)


class Server(NamedTuple):
    """A mail server as FANFARE_SMTP_URL names it. `starttls` is None where it is used when the server offers it."""

    host: str
    port: int
    user: str | None
    password: str | None
    is_tls: bool
    starttls: bool | None


def server_of(url: str) -> Server:
    """Return the server of a URL. A password is never sent unencrypted, unless the URL says `tls=none`."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "smtps"
    tls = dict(parse_qsl(parts.query)).get("tls")
    starttls = False if is_tls or tls == "none" else True if tls == "starttls" or parts.password else None
    port = parts.port or (465 if is_tls else 587 if parts.username else 25)
    user = unquote(parts.username) if parts.username else None
    return Server(parts.hostname or "", port, user, unquote(parts.password or "") if user else None, is_tls, starttls)


class SmtpGateway:
    """A mail server, one connection for each mail."""

    def __init__(self, url: str, sender: str, signer: Signer | None, clock: Clock = system_clock) -> None:
        """`url` is that of the server, `sender` the sender of all mail; `signer` adds DKIM signatures."""
        self._server = server_of(url)
        self._sender = sender
        self._signer = signer
        self._clock = clock

    async def send(self, envelope: Envelope, begin: Begin) -> Outcome:
        """Send one mail."""
        try:
            mail = compose(envelope, self._sender, self._clock())
            recipient = ascii_domain(envelope.recipient)
        except ValueError as wrong:
            return Refused(f"the mail cannot be made: {type(wrong).__name__}")
        if self._signer:
            mail = await asyncio.to_thread(self._signer.sign, mail, signing_domain(envelope))
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.is_tls,
            start_tls=server.starttls,
            timeout=TIMEOUT_SECONDS,
        )
        try:
            refusal = await self._introduce(client, recipient)
            return refusal or await _deliver(client, mail, begin)
        finally:
            client.close()

    async def _introduce(self, client: aiosmtplib.SMTP, recipient: str) -> Outcome | None:
        """Say everything but the mail; return what stands in its way."""
        try:
            await client.connect()
            options = [] if recipient.isascii() else ["SMTPUTF8"]
            if options:
                await client.ehlo()
                if not client.supports_extension("smtputf8"):
                    return Refused("the mail server does not take addresses beyond ASCII")
            await client.mail(ascii_domain(sender_of(self._sender)[1]), options=options, encoding="utf-8")
        except aiosmtplib.SMTPAuthenticationError as error:
            return Delayed(f"the mail server refused the password: {error.code}")
        except (aiosmtplib.SMTPException, OSError) as error:
            return Delayed(_words(error))
        try:
            await client.rcpt(recipient, encoding="utf-8")
        except aiosmtplib.SMTPRecipientRefused as error:
            return _refused(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Delayed(_words(error))
        return None


async def _deliver(client: aiosmtplib.SMTP, mail: bytes, begin: Begin) -> Outcome:
    if not await begin():
        return Stopped("")
    try:
        answer = await client.data(mail)
    except aiosmtplib.SMTPResponseException as error:
        # Not its words: a server may quote from the mail what it does not like.
        words = _line(error.code, match[0] if (match := STATUS.match(error.message)) else "")
        return Refused(words) if error.code >= PERMANENT else Delayed(words)
    except (aiosmtplib.SMTPException, OSError) as error:
        return Unconfirmed(_words(error))
    return Accepted(_line(answer.code, answer.message))


def _refused(error: aiosmtplib.SMTPRecipientRefused) -> Outcome:
    words = _words(error)
    if error.code < PERMANENT:
        return Delayed(words)
    return Refused(words, is_unreachable=error.code in UNREACHABLE_CODES and is_unreachable(error.message))


def _words(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _line(error.code, error.message)
    return f"no answer of the mail server: {type(error).__name__}"


def _line(code: int, message: str) -> str:
    return " ".join(f"{code} {message}".split())[:LONGEST_ANSWER]
