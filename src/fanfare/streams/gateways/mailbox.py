"""Reads a folder of a mailbox by IMAP, over a connection to a checked address and within bounds."""

import asyncio
import email
import hashlib
import imaplib
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fanfare.fans.contact import mail_key
from fanfare.kernel.running.http_client import CallError, http_client
from fanfare.kernel.running.shares import Busy, Shares
from fanfare.streams.gateways.fetching import Part, Reading, Source, SourceFault, next_part
from fanfare.streams.gateways.texts import clean, plain_text, shown_name
from fanfare.streams.schemas.entries import Author, Entry, mail_author_key

TLS_PORT, PLAIN_PORT = 993, 143
SECONDS = 20.0
# Of all of a reading: the time above is that of each part, and a slow server sends many.
MAX_SECONDS = 30.0
# Slow servers take the threads of mailboxes alone, and those of one account only a part of them.
THREADS = ThreadPoolExecutor(4, thread_name_prefix="mailbox")
SHARES = Shares(4)
WAIT_SECONDS = 60.0
MAX_MESSAGES = 50
# A reading parses messages for this time, and one message for that time; what is left over is read next.
PARSE_SECONDS, MESSAGE_SECONDS = 15.0, 5.0
# Of one message, and of everything that a server sends in one reading.
MAX_MESSAGE_BYTES = 256 * 1024
MAX_BYTES = 16 * 1024 * 1024
# Characters of a header, and multipart parts inside each other: the standard library needs more than linear time.
MAX_HEADER = 1000
MAX_BOUNDARIES = 20
BOUNDARY = re.compile(rb"boundary\s*[=*]", re.IGNORECASE)


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
        try:
            super().__init__(login.host, login.port, SECONDS)
        except BaseException:
            self.end()
            raise

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
    messages = await _messages(login, source)
    key = source.setting("url") + login.user_name + login.folder + messages.validity
    prefix = hashlib.sha256(key.encode()).hexdigest()[:16] + ":"
    entries, remaining = await _entries(messages.contents, prefix, now)
    first_id = _first_id(source.state, messages.validity)
    return Reading(
        entries,
        {
            "validity": messages.validity,
            "next_id": max([*messages.part.numbers, first_id - 1]) + 1,
            "deferred": [*remaining, *messages.part.rest],
        },
        # A folder that is empty for a moment deletes nothing.
        keys=frozenset(f"{prefix}{number}" for number in messages.ids) if messages.ids else None,
        key_prefix=prefix,
        numbers={each.record_key: int(each.record_key.removeprefix(prefix)) for each in entries},
        is_full=messages.part.is_full or bool(remaining),
    )


async def _messages(login: Login, source: Source) -> Messages:
    try:
        async with SHARES.slot(source.account_id, WAIT_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(THREADS, _read, login, source.state)
    except Busy:
        message = "other mailboxes of the account take long"
        raise SourceFault(message) from None


async def _entries(contents: Mapping[int, bytes], prefix: str, now: datetime) -> tuple[list[Entry], list[int]]:
    """Return what the messages say, and the numbers of those for which there was no time."""
    entries: list[Entry] = []
    numbers = sorted(contents)
    end = time.monotonic() + PARSE_SECONDS
    for place, number in enumerate(numbers):
        # At least one, so that each reading gets further.
        if place and time.monotonic() > end:
            return entries, numbers[place:]
        with suppress(TimeoutError):
            async with asyncio.timeout(MESSAGE_SECONDS):
                entry = await asyncio.to_thread(_entry, f"{prefix}{number}", contents[number], now)
                entries += [entry] if entry else []
    return entries, []


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


class _Policy(Compat32):
    """Headers as short texts that are not parsed until they are asked for."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Return the name of a header and the beginning of its value."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[:MAX_HEADER].encode("ascii", "surrogateescape").decode("utf-8", "replace")


def _entry(record_key: str, content: bytes, now: datetime) -> Entry | None:
    if len(BOUNDARY.findall(content)) > MAX_BOUNDARIES:
        return None
    try:
        message = email.message_from_bytes(content, policy=_Policy())
        name, address = parseaddr(_header(message, "From"))
        key = mail_address_key(address)
        caption = clean(f"{clean(_decoded(_header(message, 'Subject')), 255)}\n{_text(message)}")
        moment = _moment(message)
    except Exception:  # noqa: BLE001 - the parser raises whatever it comes upon; one message must not stop the others
        return None
    if not key or not caption:
        return None
    return Entry(
        record_key=record_key,
        author=Author(mail_author_key(key), shown_name(_decoded(name)) or "…"),
        created_at=moment or now,
        caption=caption,
    )


def _header(message: Message, name: str) -> str:
    return str(message.get(name, ""))


def _decoded(value: str) -> str:
    """Return the text of a header whose words may be encoded."""
    try:
        parts = decode_header(value)
    except MessageError:
        return value
    # What is not encoded comes back as the module's bytes of it, or as text if nothing is.
    return "".join(
        part if isinstance(part, str) else _text_of(part, charset or "raw-unicode-escape") for part, charset in parts
    )


def _text_of(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset, "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def mail_address_key(address: str) -> str | None:
    """Return the key of a sender's address, or None if it is invalid."""
    try:
        return mail_key(address)
    except ValueError:
        return None


def _text(message: Message) -> str:
    """Return the first plain text, or the first HTML as text; attached files are none."""
    parts = [part for part in message.walk() if part.get_content_disposition() != "attachment"]
    for kind in ("text/plain", "text/html"):
        for part in parts:
            if part.get_content_type() == kind:
                text = _body(part)
                return plain_text(text)[0] if kind == "text/html" else clean(text)
    return ""


def _body(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    return _text_of(payload, part.get_content_charset("utf-8"))


def _moment(message: Message) -> datetime | None:
    try:
        moment = parsedate_to_datetime(_header(message, "Date"))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
