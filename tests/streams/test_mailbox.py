"""A mailbox as a source, against a local IMAP server."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.servers import line_server
from tests.streams.test_records import new_stream, page
from tests.streams.test_sources import add, captions, read, state


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
