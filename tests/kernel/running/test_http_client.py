"""S9: calls to others reach public addresses only, however the address is written, unless the operator allows it."""

import asyncio
import ipaddress
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fanfare.kernel.running import http_client as module
from fanfare.kernel.running.http_client import (
    AddressRefused,
    CallError,
    HttpAnswer,
    HttpClient,
    HttpRequest,
    NoAnswer,
    NotConnected,
    is_public,
)
from fanfare.kernel.running.shares import Busy
from tests.running import PATIENCE

LOOPBACK = ("127.0.0.0/8", "::1")
# One of each kind of address that leads somewhere inside.
INSIDE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.1.2.3",
    "127.255.255.255", "169.254.169.254", "169.254.0.1", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.170",
    "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::10.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::ffff:192.168.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a00:1",
    "64:ff9b::169.254.169.254", "64:ff9b:1::10.0.0.1", "100::1", "2001::1", "2001:0:7f00:1::1", "2001:10::1",
    "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::1", "2002:c0a8:1::1", "3fff::1", "4000::1", "5f00::1", "fc00::1",
    "fd00:ec2::254", "fd12:3456::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff05::2", "ff0e::1",
]  # fmt: skip
# The same in words, numbers and disguises that the system's resolver understands, or the parser of URLs might.
DISGUISES = [
    "localhost", "LOCALHOST", "localhost.", "2130706433", "0x7f000001", "0x7F.1", "0x7f.0.0.1", "017700000001",
    "0177.0.0.1", "0177.1", "127.1", "127.0.1", "127.00000.0.1", "0", "0x0", "00.0.0.0", "10.1", "0xa.1",
    "167772161", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.16689662", "0xc0a80001", "3232235521",
    "192.168.1", "%31%32%37.0.0.1", "127.0.0.1.", "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1", "loc%61lhost",
    "[::ffff:7f00:0001]", "[0:0:0:0:0:0:0:1]", "[::0001]", "[0000::1%25lo]", "[::1%25lo]", "[fe80::1%25lo]",
    "public.example@127.0.0.1", "public.example:x@127.0.0.1", "public.example%00@127.0.0.1",
    "127.0.0.1%00.example", "127.0.0.1 ", "public.example\\@127.0.0.1", "a\t127.0.0.1",
]  # fmt: skip
URLS = [f"http://[{each}]:PORT/" if ":" in each else f"http://{each}:PORT/" for each in INSIDE]
URLS += [f"http://{each}:PORT/" for each in DISGUISES]
URLS += [f"{scheme}://127.0.0.1:PORT/" for scheme in ("https", "ftp", "file", "gopher", "unix", "ws", "")]
URLS += [
    "http://127.0.0.1:PORT#@8.8.8.8/",
    "http://127.0.0.1:PORT?.example/",
    "//127.0.0.1:PORT",
    "http:///PORT",
    "file:///etc/passwd?PORT",
]


class Connects:
    """What sockets of this process try to connect to, as Python's audit events say."""

    def __init__(self) -> None:
        self.addresses: list[Any] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect" and self.addresses is not None:
            self.addresses.append(args[1])


@pytest.fixture(scope="module")
def hook() -> Connects:
    return Connects()


@pytest.fixture
def connects(hook: Connects) -> Iterator[list[Any]]:
    hook.addresses = []
    yield hook.addresses
    hook.addresses = None


@asynccontextmanager
async def server(respond: Callable[[asyncio.StreamWriter], Any]) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Run a server that reads a head and lets `respond` write; gives its port and the heads."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            result = respond(writer)
            if asyncio.iscoroutine(result):
                await result
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        yield running.sockets[0].getsockname()[1], heads


def ok(writer: asyncio.StreamWriter, body: bytes = b"{}", head: bytes = b"") -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), head, body))


async def get(client: HttpClient, url: str, **options: Any) -> HttpAnswer:
    return await client.send(HttpRequest("GET", url, **options), 1)


def test_there_are_a_hundred_vectors() -> None:
    assert len(URLS) >= 100


async def test_no_vector_makes_a_connection(connects: list[Any]) -> None:
    async with server(ok) as (port, heads):
        answer = await get(HttpClient(LOOPBACK), f"http://127.0.0.1:{port}/")
        assert (answer.status, answer.body, len(heads)) == (200, b"{}", 1)
        assert connects == [("127.0.0.1", port)], "the hook hears connections"
        connects.clear()
        client = HttpClient()
        reached = []
        for url in URLS:
            try:
                await get(client, url.replace("PORT", str(port)))
                reached.append(url)
            except CallError:
                pass
        assert (reached, connects, len(heads)) == ([], [], 1)


@pytest.mark.parametrize("address", INSIDE)
def test_what_leads_inside_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_everybody_reaches_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def resolver(*turns: Sequence[str]) -> tuple[module.Resolve, list[str]]:
    """Return a resolver that has another answer at each turn, and the names it was asked for."""
    names: list[str] = []

    async def resolve(host: str, _: int) -> Sequence[str]:
        names.append(host)
        return turns[min(len(names), len(turns)) - 1]

    return resolve, names


async def test_a_name_that_is_rebound_is_connected_where_it_was_checked(connects: list[Any]) -> None:
    async with server(ok) as (port, heads):
        resolve, names = resolver(["127.0.0.1"], ["127.0.0.2"])
        await get(HttpClient(("127.0.0.1",), resolve), f"http://rebound.example:{port}/")
        assert (names, connects, len(heads)) == (["rebound.example"], [("127.0.0.1", port)], 1)
        assert f"Host: rebound.example:{port}".encode() in heads[0]


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:127.0.0.1"], ["fe80::1%lo"]])
async def test_a_name_with_one_address_inside_is_refused(connects: list[Any], addresses: list[str]) -> None:
    resolve, _ = resolver(addresses)
    with pytest.raises(AddressRefused, match="FANFARE_OUTGOING_ALLOWED"):
        await get(HttpClient((), resolve), "http://inside.example/")
    assert connects == []


async def test_the_next_address_of_a_name_is_taken_when_the_first_does_not_respond(connects: list[Any]) -> None:
    async with server(ok) as (port, _):
        resolve, _ = resolver(["127.0.0.2", "127.0.0.1"])
        assert (await get(HttpClient(LOOPBACK, resolve), f"http://two.example:{port}/")).status == 200
    assert connects == [("127.0.0.2", port), ("127.0.0.1", port)]
    resolve, _ = resolver([])
    with pytest.raises(NotConnected):
        await get(HttpClient(LOOPBACK, resolve), "http://none.example/")


async def test_a_redirect_is_an_answer_and_is_not_followed(connects: list[Any]) -> None:
    def redirect(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")

    async with server(redirect) as (port, _):
        assert (await get(HttpClient(LOOPBACK), f"http://127.0.0.1:{port}/")).status == 302
    assert connects == [("127.0.0.1", port)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # As it is signed: keys of objects may have any of these.
        ("/b/a/../c/./d//e%2F%2e%2E/~*'!()@:?x=a%2Fb+c==&y=~*'!|{}", None),
        ("/..", None),
        ("", "/"),
        ("?x", "/?x"),
        ("/a?b#c", "/a?b"),
        ("/é a?ü=ö", "/%C3%A9%20a?%C3%BC=%C3%B6"),
    ],
)
async def test_a_path_arrives_as_it_is(path: str, expected: str | None) -> None:
    async with server(ok) as (port, heads):
        await get(HttpClient(LOOPBACK), f"http://127.0.0.1:{port}{path}")
    assert heads[0].split(b" ")[1].decode() == (path if expected is None else expected)


def endless(writer: asyncio.StreamWriter) -> Any:
    async def write() -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    return write()


def compressed(writer: asyncio.StreamWriter) -> None:
    ok(writer, b"\x1f\x8b", b"Content-Encoding: gzip\r\n")


async def test_an_answer_that_is_too_long_or_compressed_or_none_is_refused() -> None:
    client = HttpClient(LOOPBACK)
    for respond in (endless, compressed, lambda writer: writer.write(b"SSH-2.0\r\n\r\n"), lambda _: None):
        async with server(respond) as (port, _):
            with pytest.raises(NoAnswer):
                await get(client, f"http://127.0.0.1:{port}/", max_bytes=100_000)


def hanging(_: asyncio.StreamWriter) -> Any:
    return asyncio.Event().wait()


async def test_an_answer_that_does_not_come_ends_the_call() -> None:
    async with server(hanging) as (port, _):
        with pytest.raises(NoAnswer):
            await get(HttpClient(LOOPBACK), f"http://127.0.0.1:{port}/", seconds=0.1)


async def test_one_account_cannot_have_all_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging server occupies all calls of one account: its next call fails, and those of another account do not."""
    monkeypatch.setattr(module, "SLOT_SECONDS", 0.05)
    client = HttpClient(LOOPBACK)
    async with server(hanging) as (port, heads), server(ok) as (good, _):
        request = HttpRequest("GET", f"http://127.0.0.1:{port}/", seconds=60)
        calls = [asyncio.create_task(client.send(request, 1)) for _ in range(8)]
        async with asyncio.timeout(60):
            while len(heads) < len(calls):  # noqa: ASYNC110 - the server has heard all
                await asyncio.sleep(0.01)
        with pytest.raises(Busy):
            await client.send(request, 1)
        assert (await client.send(HttpRequest("GET", f"http://127.0.0.1:{good}/"), 2)).status == 200
        for each in calls:
            each.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_a_name_server_that_is_silent_occupies_the_calls_of_its_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that resolves outlives its call, so it counts as one: others keep theirs."""
    monkeypatch.setattr(module, "SLOT_SECONDS", 0.05)
    speaks = threading.Event()
    resolve_name = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **options: Any) -> Any:
        if host != "silent.example":
            return resolve_name(host, *args, **options)
        speaks.wait()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    client = HttpClient(LOOPBACK)
    silent = HttpRequest("GET", "http://silent.example/", seconds=0.05)
    try:
        for _ in range(8):
            with pytest.raises(NoAnswer):
                await client.send(silent, 1)
        with pytest.raises(Busy):
            await client.send(silent, 1)
        async with server(ok) as (port, _):
            url = f"http://127.0.0.1:{port}/"
            assert (await client.send(HttpRequest("GET", url), 2)).status == 200
            speaks.set()
            monkeypatch.setattr(module, "SLOT_SECONDS", PATIENCE)
            assert (await get(client, url)).status == 200
    finally:
        speaks.set()


def test_a_name_server_that_is_silent_does_not_delay_a_stop() -> None:
    code = """
import asyncio, socket, threading
from fanfare.kernel.running.http_client import HttpClient, HttpRequest, NoAnswer
socket.getaddrinfo = lambda *_, **__: threading.Event().wait()
try:
    asyncio.run(HttpClient().send(HttpRequest("GET", "https://silent.example/", seconds=0.01), 1))
except NoAnswer:
    print("no answer")
"""
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True, timeout=PATIENCE) == "no answer\n"


async def test_no_failure_repeats_the_url() -> None:
    for url in ("http://user:hunter2@10.0.0.1/hunter2", "http://user:hunter2@127.0.0.1:1/", "http://hunter2:x:y/"):
        with pytest.raises(CallError) as failure:
            await get(HttpClient(("127.0.0.0/8",)), url)
        assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://id.example.com/x", None),
        ("https://8.8.8.8/", None),
        ("http://127.0.0.1:99/x", None),
        ("http://id.example.com", "https"),
        ("http://8.8.8.8", "https"),
        ("ftp://id.example.com", "https"),
        ("https://user@id.example.com", "user"),
        ("https://id.example.com/#x", "#"),
        ("https:///x", "host"),
        ("https://ü.example", "ASCII"),
        ("https://a.example/" + "x" * 2048, "at most"),
        ("https://10.0.0.1/", "public"),
        ("https://[::1]/", "public"),
        ("https://[::1", "URL"),
        ("https://id.example.com:99999/", "URL"),
        ("https://id.example.com:x/", "URL"),
        ("https://id.exa\nmple.com/", "URL"),
        ("https://id.example.com\\@10.0.0.1/", "user"),
        ("https://id%2eexample.com/", "URL"),
        ("https://@id.example.com/", "user"),
        ("nonsense", "host"),
    ],
)
def test_a_url_that_an_account_names_is_checked(url: str, word: str | None) -> None:
    fault = HttpClient(("127.0.0.0/8",)).url_fault(url)
    assert fault is None if word is None else word in (fault or "")
