"""A mailbox as a source, against a local IMAP server."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from socketserver import StreamRequestHandler
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.streams.gateways import mailbox as mailboxes
from fanfare.streams.gateways.mailbox import SHARES, _entry, _read
from fanfare.streams.schemas.entries import Entry
from tests.api import Api
from tests.running import PATIENCE
from tests.servers import line_server
from tests.streams.test_records import new_stream, page
from tests.streams.test_sources import add, captions, read, state
from tests.waits import until
from tests.yardstick import cpu_seconds, takes_longer

NOW = datetime(2026, 6, 2, tzinfo=UTC)


class Mailbox:
    """A folder with messages by their ids."""

    def __init__(self) -> None:
        self.port = 0
        self.messages: dict[int, bytes] = {}
        self.validity = 7
        self.commands: list[str] = []
        # What a hostile server says of the length of a message.
        self.claimed_size: int | None = None
        self.refuses_search = False


@contextmanager
def imap_server() -> Iterator[Mailbox]:
    """Run a server that knows what the reader needs."""
    mailbox = Mailbox()

    def serve(connection: StreamRequestHandler) -> None:
        connection.wfile.write(b"* OK ready\r\n")
        while line := connection.rfile.readline().decode():
            tag, command, *rest = line.split(maxsplit=2)
            mailbox.commands.append(f"{command} {''.join(rest)}".strip())
            for part in answers(mailbox, command.upper(), "".join(rest)):
                connection.wfile.write(part)
            is_wrong = command.upper() == "LOGIN" and '"right"' not in line
            is_refused = mailbox.refuses_search and "SEARCH" in line.upper()
            result = "NO it is refused" if is_wrong or is_refused else "OK done"
            connection.wfile.write(f"{tag} {result}\r\n".encode())

    with line_server(serve) as mailbox.port:
        yield mailbox


def answers(mailbox: Mailbox, command: str, rest: str) -> Iterator[bytes]:
    """Yield the untagged answers to a command."""
    if command == "CAPABILITY":
        yield b"* CAPABILITY IMAP4rev1\r\n"
    if command == "EXAMINE":
        yield f"* {len(mailbox.messages)} EXISTS\r\n* OK [UIDVALIDITY {mailbox.validity}] valid\r\n".encode()
    if rest.startswith("SEARCH") and not mailbox.refuses_search:
        yield f"* SEARCH {' '.join(map(str, mailbox.messages))}\r\n".encode()
    if match := re.match(r"FETCH (\d+)", rest):
        content = mailbox.messages[int(match[1])]
        size = mailbox.claimed_size or len(content)
        yield f"* 1 FETCH (UID {match[1]} BODY[]<0> {{{size}}}\r\n".encode() + content + b")\r\n"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with imap_server() as result:
        yield result


def mail(subject: str, body: str, sender: str = "Ada <ada@example.com>", kind: str = "text/plain") -> bytes:
    return (
        f"From: {sender}\r\nSubject: {subject}\r\nDate: Mon, 01 Jun 2026 10:00:00 +0200\r\n"
        f"Content-Type: {kind}; charset=utf-8\r\n\r\n{body}"
    ).encode()


async def add_mailbox(api: Api, key: str, mailbox: Mailbox, **fields: Any) -> int:
    values = {
        "source_kind": "mailbox",
        "url": f"imap://127.0.0.1:{mailbox.port}",
        "user_name": "wall",
        "secret": "right",
    }
    return await add(api, key, **{**values, **fields})


async def test_messages_are_records_until_they_are_deleted(api: Api, db: Db, mailbox: Mailbox) -> None:
    key = await new_stream(api)
    mailbox.messages = {
        3: mail("Great night", "We won!"),
        4: mail(
            "HTML", "<script>x</script><p>Bold <b>claim</b></p>", '"bea@example.com" <bea@example.com>', "text/html"
        ),
        2: b"From: eve@example.com\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 2000,
        5: b"\x00\xff garbage",
        6: mail("Wrong charset", "x", kind='text/plain; charset="no-such"; x'),
    }
    source_id = await add_mailbox(api, key, mailbox)
    await read(api, db, source_id)
    assert (await state(api, key, source_id))["last_error"] is None
    rows = (await page(api, key))["data"]
    assert [row["caption"] for row in rows] == ["Wrong charset\nx", "HTML\nBold claim", "Great night\nWe won!"]
    assert (rows[2]["author_name"], rows[2]["author_user_key"], rows[2]["network"]) == ("Ada", None, "mail")
    assert "example.com" not in str(rows)
    fetched = sum("FETCH" in each for each in mailbox.commands)
    mailbox.messages[7] = mail("One more", "Go")
    del mailbox.messages[3]
    await read(api, db, source_id, hours=1)
    assert sum("FETCH" in each for each in mailbox.commands) == fetched + 1
    assert await captions(api, key) == ["One more\nGo", "Wrong charset\nx", "HTML\nBold claim"]
    assert not any(each.startswith(("SELECT", "STORE")) for each in mailbox.commands)
    # Whoever is erased takes the messages along, also those from before the fan was there.
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="bea@example.com")))["fan_id"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    assert await captions(api, key) == ["One more\nGo", "Wrong charset\nx"]


async def test_faults_of_a_mailbox_are_shown(api: Api, db: Db, mailbox: Mailbox) -> None:
    key = await new_stream(api)
    source_id = await add_mailbox(api, key, mailbox, secret="wrong")
    await read(api, db, source_id)
    assert (await state(api, key, source_id))["last_error"].startswith("it cannot be read (error: ")
    mailbox.messages, mailbox.claimed_size = {9: mail("x", "y")}, 10**10
    await api.ok(await api.post(f"/api/v1/manage/streams/{key}/sources/{source_id}", secret="right"))
    await read(api, db, source_id)
    mailbox.claimed_size = None
    assert (await state(api, key, source_id))["last_error"] == "the server sends more than 16777216 bytes"


async def test_long_headers_of_strangers_cost_little() -> None:
    hostile = [
        b"From: " + b"a," * 60_000 + b"\r\nSubject: x\r\n\r\nbody",
        b"From: a@example.com\r\nSubject: " + b"=?utf-8?q?=C3=A9?= " * 10_000 + b"\r\n\r\nbody",
        b"From: a@example.com\r\nSubject: x\r\nContent-Type: text/plain" + b'; a="' * 30_000 + b"\r\n\r\nbody",
        # Each line is compared with the boundaries of all parts around it.
        b"From: a@example.com\r\nSubject: x\r\n"
        + b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(300))
        + b"\r\n\r\n" * 50_000,
    ]
    for content in hostile:
        assert not takes_longer(200, partial(cpu_seconds, _entry, "key", content, NOW)), content[:50]


def test_headers_are_read_as_people_write_them() -> None:
    entry = _entry(
        "key",
        "From: =?utf-8?q?Zo=C3=AB?= Núñez <zoe@example.com>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?= =?no-such?q?x?="
        "\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
        "<p>HTML</p>\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nJa! é\r\n--b--".encode(),
        NOW,
    )
    assert entry is not None
    assert entry.author.author_name == "Zoë Núñez"
    assert entry.caption.endswith("\nJa! é")
    entry = _entry("key", mail("=?utf-8?b?R3LDvMOfZQ==?=", "x"), NOW)
    assert entry is not None
    assert entry.caption == "Grüße\nx"


async def test_a_reading_without_time_goes_on_where_it_ended(
    api: Api, db: Db, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await new_stream(api)
    mailbox.messages = {number: mail(f"mail {number}", "x") for number in range(1, 5)}
    source_id = await add_mailbox(api, key, mailbox)
    monkeypatch.setattr(mailboxes, "PARSE_SECONDS", -1.0)
    for number in range(1, 5):
        await read(api, db, source_id)
        assert len(await captions(api, key)) == number
        assert (await state(api, key, source_id))["last_error"] is None


async def test_a_message_that_takes_too_long_is_left_out(
    api: Api, db: Db, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await new_stream(api)
    mailbox.messages = {number: mail(f"mail {number}", "x") for number in range(1, 4)}
    source_id = await add_mailbox(api, key, mailbox)
    ends = threading.Event()
    parse = _entry

    def slow(record_key: str, content: bytes, now: datetime) -> Entry | None:
        if b"mail 2" in content:
            ends.wait(PATIENCE)
        return parse(record_key, content, now)

    monkeypatch.setattr(mailboxes, "_entry", slow)
    monkeypatch.setattr(mailboxes, "MESSAGE_SECONDS", 0.5)
    await read(api, db, source_id)
    ends.set()
    assert (await state(api, key, source_id))["last_error"] is None
    assert "mail 3\nx" in await captions(api, key)


async def test_a_failed_connection_leaves_no_timer(api: Api, db: Db, mailbox: Mailbox) -> None:
    key = await new_stream(api)
    source_id = await add_mailbox(api, key, mailbox, url=f"imaps://127.0.0.1:{mailbox.port}")
    await read(api, db, source_id)
    assert (await state(api, key, source_id))["last_error"]
    assert [
        each for each in threading.enumerate() if isinstance(each, threading.Timer) and not each.finished.is_set()
    ] == []


async def test_an_account_takes_a_part_of_the_threads_of_mailboxes(
    api: Api, other_api: Api, db: Db, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox.messages = {1: mail("one", "x")}
    slow_ids = [await add_mailbox(api, await new_stream(api), mailbox) for _ in range(6)]
    key = await new_stream(other_api)
    source_id = await add_mailbox(other_api, key, mailbox)
    ends, fetch = threading.Event(), _read

    def slow(login: mailboxes.Login, values: Any) -> Any:
        if login.user_name == "slow":
            ends.wait(PATIENCE)
        return fetch(login, values)

    monkeypatch.setattr(mailboxes, "_read", slow)
    for slow_id in slow_ids:
        settings = {"url": f"imap://127.0.0.1:{mailbox.port}", "user_name": "slow"}
        await db.execute(
            "update stream_sources set settings = settings || $2::jsonb where source_id = $1", slow_id, settings
        )
    readings = [asyncio.create_task(read(api, db, slow_id)) for slow_id in slow_ids]
    try:

        async def is_busy() -> bool:
            return not SHARES.is_unused

        await until(is_busy)
        await read(other_api, db, source_id)
        assert await captions(other_api, key) == ["one\nx"]
    finally:
        ends.set()
        await asyncio.gather(*readings)
