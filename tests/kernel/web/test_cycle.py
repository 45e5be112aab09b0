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


@pytest.mark.parametrize("end", ["\r\nset-cookie: a=b", "\nset-cookie: a=b", "\r", "\0"])
async def test_no_value_begins_a_header_of_its_own(end: str) -> None:
    cycle, output = new_cycle()
    for headers, cookies in (({"location": "/x" + end}, []), ({}, ["a=b" + end])):
        with pytest.raises(RuntimeError):
            cycle.respond(302, headers, cookies, b"")
        assert (bytes(output), cycle.response_started) == (b"", False)
    with pytest.raises(RuntimeError):
        await sent_by(cycle, output, [(b"content-length", b"0"), (b"location", b"/x" + end.encode())], b"")
    assert bytes(output) == b""


async def test_a_value_that_cannot_be_sent_leaves_room_for_another_response() -> None:
    cycle, output = new_cycle()
    with pytest.raises(UnicodeEncodeError):
        cycle.respond(200, {"link": "/x\u2003"}, [], b"")
    assert (bytes(output), cycle.response_started, cycle.response_complete) == (b"", False, False)


@pytest.mark.parametrize("size", [0, 5, PIECE])
async def test_a_response_at_once_is_the_same_as_one_in_messages(size: int) -> None:
    body = b"x" * size
    cycle, at_once = new_cycle()
    headers = {"content-length": str(size), "content-type": "text/plain", "x-name": "caf\xe9"}
    assert cycle.respond(200, headers, ["a=1; Path=/", "b=2"], body)
    assert cycle.response_complete
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    pairs += [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2")]
    assert await sent_by(*new_cycle(), pairs, body) == bytes(at_once)
    assert at_once.startswith(b"HTTP/1.1 200 OK\r\ndate: today\r\n")
    assert at_once.endswith(b"\r\n\r\n" + body)


async def test_what_is_not_usual_is_not_sent_at_once() -> None:
    paused, lost, begun = (new_cycle() for _ in range(3))
    paused[0].flow.write_paused = lost[0].disconnected = begun[0].response_started = True
    for cycle, output in (new_cycle("HEAD"), new_cycle(keep_alive=False), paused, lost, begun):
        assert not cycle.respond(200, {"content-length": "2"}, [], b"ok")
        assert not output
    assert not new_cycle()[0].respond(200, {}, [], b"x" * (PIECE + 1))


async def test_a_response_to_head_has_no_body() -> None:
    output = await sent_by(*new_cycle("HEAD"), [(b"content-length", b"5")], b"")
    assert output.endswith(b"content-length: 5\r\n\r\n")


async def test_a_body_of_another_length_is_no_response() -> None:
    cycle, output = new_cycle()
    with pytest.raises(RuntimeError):
        await sent_by(cycle, output, [(b"content-length", b"5")], b"four")
