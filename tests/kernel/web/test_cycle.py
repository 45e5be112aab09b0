"""The head of a response: no value begins a header of its own, and every way of sending says the same."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from fanfare.kernel.web.server.cycle import PIECE, Cycle


def new_cycle(method: str = "GET", *, keep_alive: bool = True) -> tuple[Any, bytearray]:
    """Return a cycle, and what it writes."""
    output = bytearray()
    transport: Any = SimpleNamespace(write=output.extend, close=lambda: None, has_eof=False)
    flow: Any = SimpleNamespace(write_paused=False)
    log = logging.getLogger(__name__)
    scope: Any = {"method": method, "type": "http"}
    cycle = Cycle(
        scope=scope, transport=transport, flow=flow, logger=log, access_logger=log, access_log=False,
        default_headers=[(b"date", b"today")], message_event=asyncio.Event(), expect_100_continue=False,
        keep_alive=keep_alive, on_response=lambda: None,
    )  # fmt: skip
    return cycle, output


async def sent_by(cycle: Any, output: bytearray, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    await cycle.send({"type": "http.response.start", "status": 200, "headers": headers})
    await cycle.send({"type": "http.response.body", "body": body})
    assert cycle.response_complete
    return bytes(output)


@pytest.mark.parametrize("end", [b"\r\nset-cookie: a=b", b"\nset-cookie: a=b", b"\r", b"\0"])
async def test_no_value_begins_a_header_of_its_own(end: bytes) -> None:
    cycle, output = new_cycle()
    headers = [(b"content-length", b"0"), (b"location", b"/x" + end)]
    with pytest.raises(RuntimeError):
        await cycle.send({"type": "http.response.start", "status": 302, "headers": headers})
    assert (bytes(output), cycle.response_started) == (b"", False)


@pytest.mark.parametrize("size", [0, 5, PIECE, PIECE + 1])
async def test_the_short_way_sends_what_the_general_one_does(size: int) -> None:
    body = b"x" * size
    headers = [(b"content-length", b"%d" % size), (b"content-type", b"text/plain")]
    usual = await sent_by(*new_cycle(), headers, body)
    # A connection that is closed after it goes the general way.
    general = await sent_by(*new_cycle(keep_alive=False), headers, body)
    assert general.replace(b"connection: close\r\n", b"") == usual
    assert usual.startswith(b"HTTP/1.1 200 OK\r\ndate: today\r\n")
    assert usual.endswith(b"\r\n\r\n" + body)


async def test_a_response_to_head_has_no_body() -> None:
    output = await sent_by(*new_cycle("HEAD"), [(b"content-length", b"5")], b"")
    assert output.endswith(b"content-length: 5\r\n\r\n")


async def test_a_body_of_another_length_is_no_response() -> None:
    cycle, output = new_cycle()
    with pytest.raises(RuntimeError):
        await sent_by(cycle, output, [(b"content-length", b"5")], b"four")
