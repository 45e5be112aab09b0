"""Makes a mail out of a message: its parts, its headers, its DKIM signature."""

import re
from datetime import datetime
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path

import msgspec

from fanfare.kernel.running.mail_server import ascii_domain, sender_of
from fanfare.kernel.running.settings import BadSettings
from fanfare.messages.gateways import ONE_CLICK, Envelope
from fanfare.messages.gateways.headers import address_header, line_header, text_header, url_header

# What is signed, beside the body: RFC 6376 recommends these, RFC 8058 demands the last two.
SIGNED = (
    b"from", b"reply-to", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type",
    b"auto-submitted", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
# A mail server on the way may encode what has bytes beyond ASCII, and the signature would break (RFC 6376, 5.3).
# Lines of quoted-printable have at most 76 characters.
POLICY = EmailPolicy(linesep="\r\n", cte_type="7bit", max_line_length=76)
CANONICAL = (b"relaxed", b"relaxed")


class Signer(msgspec.Struct, frozen=True):
    """Signs mail of a domain with DKIM."""

    key: bytes
    selector: str
    domain: str

    def sign(self, mail: bytes, domain: str = "") -> bytes:
        """Return the mail with its signature, of a domain that publishes the key. It takes some ten milliseconds."""
        import dkim  # type: ignore[import-untyped]  # noqa: PLC0415 - only where a key is set

        signature: bytes = dkim.sign(
            mail,
            self.selector.encode(),
            (domain or self.domain).encode(),
            self.key,
            canonicalize=CANONICAL,
            include_headers=_present(mail),
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
    name, address = sender_of(sender)
    head = [
        address_header("From", envelope.from_name or name or envelope.sender_name, envelope.from_address or address),
        address_header("To", "", envelope.recipient),
        address_header("Reply-To", "", envelope.reply_to) if envelope.reply_to else "",
        text_header("Subject", envelope.subject),
        line_header("Date", format_datetime(now)),
        line_header("Message-ID", f"<{envelope.reference}@{domain_of(sender)}>"),
        line_header("Auto-Submitted", "auto-generated"),
    ]
    if envelope.unsubscribe_url:
        head.append(url_header("List-Unsubscribe", envelope.unsubscribe_url))
        head.append(line_header("List-Unsubscribe-Post", ONE_CLICK))
    content = EmailMessage(policy=POLICY)
    content.set_content(envelope.text)
    if envelope.html:
        content.add_alternative(envelope.html, subtype="html")
    return "".join(head).encode() + content.as_bytes()


def signing_domain(envelope: Envelope) -> str:
    """Return the domain in whose name a mail is signed; empty for the operator's."""
    return domain_of(ascii_domain(envelope.from_address)) if envelope.is_signed and envelope.from_address else ""


def domain_of(sender: str) -> str:
    """Return the domain of an address, or of a name and an address, as the DNS has it."""
    return ascii_domain(sender_of(sender)[1]).rpartition("@")[2]


def _present(mail: bytes) -> list[bytes]:
    head = mail.partition(b"\r\n\r\n")[0]
    return [name for name in SIGNED if re.search(rb"^%s:" % name, head, re.IGNORECASE | re.MULTILINE)]
