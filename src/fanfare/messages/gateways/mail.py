"""Makes a mail out of a message: its parts, its headers, its DKIM signature."""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from pathlib import Path

import msgspec

from fanfare.kernel.running.settings import BadSettings
from fanfare.messages.gateways import ONE_CLICK, Envelope

# What is signed, beside the body: RFC 6376 recommends these, RFC 8058 demands the last two.
SIGNED = (
    b"from", b"reply-to", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type",
    b"auto-submitted", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
# Headers that stay on one line. The library folds what is longer than 78 characters, and a text without spaces it
# encodes: no mail program finds the URL of List-Unsubscribe then, and some take the space for a part of Message-ID.
ONE_LINE = ("Message-ID", "List-Unsubscribe")


class MailPolicy(EmailPolicy):
    """How headers are written."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return the lines of a header."""
        if name in ONE_LINE and value.isascii():
            return f"{name}: {value}{self.linesep}".encode()
        return super().fold_binary(name, value)


ASCII, UTF8 = MailPolicy(linesep="\r\n"), MailPolicy(linesep="\r\n", utf8=True)


class Signer(msgspec.Struct, frozen=True):
    """Signs mail of a domain with DKIM."""

    key: bytes
    selector: str
    domain: str

    def sign(self, mail: bytes, domain: str = "") -> bytes:
        """Return the mail with its signature, of a domain that publishes the key. It takes some ten milliseconds."""
        import dkim  # type: ignore[import-untyped]  # noqa: PLC0415 - only where a key is set

        signature: bytes = dkim.sign(
            mail, self.selector.encode(), (domain or self.domain).encode(), self.key, include_headers=_present(mail)
        )
        return signature + mail


def signer(path: str, selector: str, domain: str) -> Signer | None:
    """Return what signs with the key in a file, or None without one; raises BadSettings for a file that has no key."""
    if not path:
        return None
    try:
        signing = Signer(Path(path).read_bytes(), selector, domain)
        signing.sign(b"From: a@example.com\r\n\r\n")
    except OSError as error:
        message = f"FANFARE_DKIM_KEY cannot be read: {error.strerror}: {path}"
        raise BadSettings(message) from None
    except Exception:  # noqa: BLE001 - whatever the library says of it
        message = f"FANFARE_DKIM_KEY must be a file with a private RSA key in PEM, not {path}"
        raise BadSettings(message) from None
    return signing


def compose(envelope: Envelope, sender: str, now: datetime) -> bytes:
    """Return the mail without a signature. The reference is its Message-ID."""
    name, address = parseaddr(sender)
    mail = EmailMessage(policy=ASCII if envelope.recipient.rpartition("@")[0].isascii() else UTF8)
    mail["From"] = _address(envelope.from_name or name or envelope.sender_name, envelope.from_address or address)
    mail["To"] = _address("", envelope.recipient)
    if envelope.reply_to:
        mail["Reply-To"] = _address("", envelope.reply_to)
    mail["Subject"] = CONTROLS.sub(" ", envelope.subject)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{envelope.reference}@{address.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    if envelope.unsubscribe_url:
        mail["List-Unsubscribe"] = f"<{CONTROLS.sub('', envelope.unsubscribe_url)}>"
        mail["List-Unsubscribe-Post"] = ONE_CLICK
    mail.set_content(envelope.text)
    if envelope.html:
        mail.add_alternative(envelope.html, subtype="html")
    return mail.as_bytes()


def signing_domain(envelope: Envelope) -> str:
    """Return the domain in whose name a mail is signed; empty for the operator's."""
    return domain_of(ascii_domain(envelope.from_address)) if envelope.is_signed and envelope.from_address else ""


def domain_of(sender: str) -> str:
    """Return the domain of an address, or of a name and an address."""
    return parseaddr(sender)[1].rpartition("@")[2]


def _address(name: str, address: str) -> Address:
    local, _, domain = ascii_domain(address).rpartition("@")
    return Address(CONTROLS.sub(" ", name), local, domain)


def ascii_domain(address: str) -> str:
    """Return an address with its domain as the DNS has it."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain if domain.isascii() else domain.encode('idna').decode()}"


def _present(mail: bytes) -> list[bytes]:
    head = mail.partition(b"\r\n\r\n")[0]
    return [name for name in SIGNED if re.search(rb"^%s:" % name, head, re.IGNORECASE | re.MULTILINE)]
