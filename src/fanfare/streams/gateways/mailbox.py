"""Reads a folder of a mailbox by IMAP, over a connection to a checked address and within bounds."""

import asyncio
import email
import email.policy
import hashlib
import imaplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fanfare.fans.contact import mail_key
from fanfare.kernel.running.http_client import CallError, http_client
from fanfare.streams.gateways.fetching import Part, Reading, Source, SourceFault, next_part
from fanfare.streams.gateways.texts import clean, plain_text, shown_name
from fanfare.streams.schemas.entries import Author, Entry, mail_author_key

TLS_PORT, PLAIN_PORT = 993, 143
SECONDS = 20.0
# Of all of a reading: the time above is that of each part, and a slow server sends many.
MAX_SECONDS = 45.0
# Slow servers take the threads of mailboxes alone.
THREADS = ThreadPoolExecutor(4, thread_name_prefix="mailbox")
MAX_MESSAGES = 50
# Of one message, and of everything that a server sends in one reading.
MAX_MESSAGE_BYTES = 256 * 1024
MAX_BYTES = 16 * 1024 * 1024


class Login(msgspec.Struct, frozen=True):
    """Where a mailbox is and who opens it; `address` is the checked one of the host."""

    host: str
    address: str
    port: int
    is_tls: bool
    user_name: str
    password: str
    folder: str


class Messages(msgspec.Struct, frozen=True):
    """What a folder has: its validity, all ids of messages, which of them are read now, and their contents."""

    validity: str
    ids: list[int]
    part: Part
    contents: dict[int, bytes]


class _Connection(imaplib.IMAP4):
    """A connection that reads no more than it may."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._rest = MAX_BYTES
        self._twin: socket.socket | None = None
        self._timer = threading.Timer(MAX_SECONDS, self._stop)
        self._timer.daemon = True
        super().__init__(login.host, login.port, SECONDS)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        connection = socket.create_connection((self._login.address, self._login.port), timeout)
        # Wrapping detaches the socket; its twin ends the same connection.
        self._twin = connection.dup()
        self._timer.start()
        if not self._login.is_tls:
            return connection
        return ssl.create_default_context().wrap_socket(connection, server_hostname=self._login.host)

    def _stop(self) -> None:
        if self._twin is not None:
            with suppress(OSError):
                self._twin.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Close the connection."""
        self._timer.cancel()
        if self._twin is not None:
            self._twin.close()
        with suppress(OSError, AttributeError):
            self.shutdown()

    def read(self, size: int) -> bytes:
        """Read a part of an answer; the server says how long it is."""
        self._spend(size)
        return super().read(size)

    def readline(self) -> bytes:
        """Read a line of an answer."""
        line = super().readline()
        self._spend(len(line))
        return line

    def _spend(self, size: int) -> None:
        self._rest -= size
        if self._rest < 0:
            message = f"the server sends more than {MAX_BYTES} bytes"
            raise SourceFault(message)


async def read_mailbox(source: Source, now: datetime) -> Reading:
    """Read the newest messages of a folder; raises SourceFault."""
    login = await _login(source)
    messages = await asyncio.get_running_loop().run_in_executor(THREADS, _read, login, source.state)
    key = source.setting("url") + login.user_name + login.folder + messages.validity
    prefix = hashlib.sha256(key.encode()).hexdigest()[:16] + ":"
    entries = [
        entry
        for number, content in sorted(messages.contents.items())
        if (entry := await asyncio.to_thread(_entry, f"{prefix}{number}", content, now))
    ]
    first_id = _first_id(source.state, messages.validity)
    return Reading(
        entries,
        {
            "validity": messages.validity,
            "next_id": max([*messages.part.numbers, first_id - 1]) + 1,
            "deferred": messages.part.rest,
        },
        # A folder that is empty for a moment deletes nothing.
        keys=frozenset(f"{prefix}{number}" for number in messages.ids) if messages.ids else None,
        key_prefix=prefix,
        numbers={each.record_key: int(each.record_key.removeprefix(prefix)) for each in entries},
        is_full=messages.part.is_full,
    )


def _first_id(state: Mapping[str, Any], validity: str) -> int:
    """Return the first id that was not read yet; with another validity all ids are new."""
    return int(state.get("next_id", 1)) if state.get("validity") == validity else 1


async def _login(source: Source) -> Login:
    parts = urlsplit(source.setting("url"))
    is_tls = parts.scheme == "imaps"
    port = parts.port or (TLS_PORT if is_tls else PLAIN_PORT)
    try:
        addresses = await http_client.addresses(parts.hostname or "", port)
    except (CallError, OSError, UnicodeError) as error:
        message = f"it cannot be reached ({type(error).__name__})"
        raise SourceFault(message) from None
    return Login(
        host=parts.hostname or "",
        address=addresses[0],
        port=port,
        is_tls=is_tls,
        user_name=source.setting("user_name"),
        password=source.secret or "",
        folder=source.setting("folder") or "INBOX",
    )


def _read(login: Login, state: Mapping[str, Any]) -> Messages:
    try:
        connection = _Connection(login)
        try:
            connection.login(login.user_name, login.password)
            return _folder(connection, login.folder, state)
        finally:
            connection.end()
    except (imaplib.IMAP4.error, OSError, ValueError, UnicodeError, IndexError, TypeError) as error:
        # The words of the server are no secret, but can be anything.
        detail = clean(str(error), 100) if isinstance(error, imaplib.IMAP4.error) else ""
        message = f"it cannot be read ({type(error).__name__}{': ' if detail else ''}{detail})"
        raise SourceFault(message) from None


def _folder(connection: imaplib.IMAP4, folder: str, state: Mapping[str, Any]) -> Messages:
    quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
    status, _ = connection.select(f'"{quoted}"', readonly=True)
    if status != "OK":
        message = "it has no such folder"
        raise SourceFault(message)
    validity = ((connection.response("UIDVALIDITY")[1] or [b""])[0] or b"").decode("ascii", "replace")
    status, lines = connection.uid("search", "UNDELETED")
    if status != "OK":
        message = "it does not list its messages"
        raise SourceFault(message)
    ids = sorted(int(each) for each in (lines[0] or b"").split())
    first_id = _first_id(state, validity)
    present = frozenset(ids)
    deferred = [each for each in state.get("deferred", []) if each in present and each < first_id]
    part = next_part([each for each in ids if each >= first_id], deferred, MAX_MESSAGES)
    contents = {number: content for number in part.numbers for content in _message(connection, number)}
    return Messages(validity, ids, part, contents)


def _message(connection: imaplib.IMAP4, number: int) -> Iterator[bytes]:
    _, data = connection.uid("fetch", str(number), f"(BODY.PEEK[]<0.{MAX_MESSAGE_BYTES}>)")
    yield from [bytes(part[1]) for part in data if isinstance(part, tuple)][:1]


def _entry(record_key: str, content: bytes, now: datetime) -> Entry | None:
    try:
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)  # noqa: S101 - what the policy makes
        name, address = parseaddr(str(message.get("From", "")))
        key = mail_address_key(address)
        caption = clean(f"{clean(str(message.get('Subject', '')), 255)}\n{_text(message)}")
        moment = _moment(message)
    except Exception:  # noqa: BLE001 - the parser raises whatever it comes upon; one message must not stop the others
        return None
    if not key or not caption:
        return None
    return Entry(
        record_key=record_key,
        author=Author(mail_author_key(key), shown_name(name) or "…"),
        created_at=moment or now,
        caption=caption,
    )


def mail_address_key(address: str) -> str | None:
    """Return the key of a sender's address, or None if it is invalid."""
    try:
        return mail_key(address)
    except ValueError:
        return None


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    if body is None:
        return ""
    payload = body.get_payload(decode=True)
    charset = body.get_content_charset("utf-8")
    try:
        text = bytes(payload).decode(charset, "replace") if isinstance(payload, bytes) else ""
    except LookupError:
        text = bytes(payload).decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return plain_text(text)[0] if body.get_content_type() == "text/html" else clean(text)


def _moment(message: EmailMessage) -> datetime | None:
    try:
        moment = parsedate_to_datetime(str(message.get("Date", "")))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
