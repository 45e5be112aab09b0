"""A name server of this machine, which answers with the TXT records that a test sets."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest


class NameServer(asyncio.DatagramProtocol):
    """A name server that answers with the TXT records it has."""

    records: dict[str, str]
    transport: asyncio.DatagramTransport
    # names for which it says that it failed
    broken: set[str]
    # called in the server's thread with a name, before it is answered
    on_query: Callable[[str], object]

    def __init__(self) -> None:
        self.records = {}
        self.broken = set()
        self.on_query = lambda _: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        name = query.question[0].name
        self.on_query(name.to_text(omit_final_dot=True))
        if value := self.records.get(name.to_text(omit_final_dot=True)):
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", f'"{value}"'))
        if name.to_text(omit_final_dot=True) in self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        self.transport.sendto(answer.to_wire(), addr)


@pytest.fixture(scope="module")
def name_server() -> Iterator[tuple[NameServer, int]]:
    """A name server of this machine, and its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    starting = loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    transport, server = asyncio.run_coroutine_threadsafe(starting, loop).result()
    yield server, transport.get_extra_info("sockname")[1]
    loop.call_soon_threadsafe(transport.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
