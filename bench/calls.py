"""What a call costs in the server process, without the network and without PostgreSQL.

    .venv/bin/python -m bench.calls             # takes a minute

`sessions/{session_uid}/fan` is asked of the application through its protocol, with the rows that the database returned
the first time. Prints the CPU time of a call, and how many instructions of Python's interpreter it executes in which
module: that number is the same on a busy machine and on any other, so two versions can be compared by it.
"""

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType, SimpleNamespace
from typing import Any

import asyncpg
import uvloop
from uvicorn.lifespan.on import LifespanOn
from uvicorn.server import ServerState

from bench.activities import Target, filled
from bench.sessions import UID, fill
from fanfare.cli.server import uvicorn_config
from fanfare.fans import contact
from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from fanfare.kernel.running.settings import Settings

BATCH, TRACED = 500, 20
PEER = ("127.0.0.1", 999)


class Transport:
    """A transport that only says when a response was written."""

    def __init__(self) -> None:
        socket = SimpleNamespace(setsockopt=lambda *_: None, getpeername=lambda: PEER, getsockname=lambda: PEER)
        self.extra = {"socket": socket, "peername": PEER, "sockname": PEER}
        self.written: asyncio.Future[bytes] | None = None

    def write(self, piece: bytes) -> None:
        """Note what was written."""
        if self.written and not self.written.done():
            self.written.set_result(piece)

    def get_extra_info(self, name: str, default: object = None) -> Any:  # noqa: ANN401 - as asyncio has it
        """Return what a real one knows."""
        return self.extra.get(name, default)

    def is_closing(self) -> bool:
        """Return that it is open."""
        return False

    def resume_reading(self) -> None:
        """Do nothing: everything is read."""

    def get_write_buffer_size(self) -> int:
        """Return that everything is written."""
        return 0


class Calls:
    """One connection of the server, which asks one call."""

    def __init__(self, protocol: Any, transport: Transport, target: Target) -> None:  # noqa: ANN401 - uvicorn's type
        self.protocol = protocol
        self.transport = transport
        path = f"/api/v1/sessions/{UID}000000000123/fan"
        keys = f"Api-Key: {target.api_key}\r\nApi-Secret: {target.api_secret}\r\n"
        self.request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{keys}\r\n".encode()

    async def ask(self) -> None:
        """Make the call and wait for its response."""
        written = self.transport.written = asyncio.get_running_loop().create_future()
        self.protocol.data_received(self.request)
        if not (await written).startswith(b"HTTP/1.1 200"):
            sys.exit("the call did not succeed")
        await asyncio.sleep(0)


def remember_rows() -> None:
    """Let the driver return the rows of the first time at once."""
    rows: dict[str, Any] = {}
    fetch = asyncpg.Connection.fetchrow

    async def fetch_once(self: Any, sql: str, *args: object, **options: Any) -> Any:  # noqa: ANN401 - the driver's
        if sql not in rows:
            rows[sql] = await fetch(self, sql, *args, **options)
        return rows[sql]

    setattr(asyncpg.Connection, "fetchrow", fetch_once)  # noqa: B010 - mypy knows only the driver's own


async def instructions(calls: Calls) -> Counter[str]:
    """Return how many instructions of the interpreter a call executes, by file."""
    counted: Counter[CodeType] = Counter()

    def count(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - as settrace has it
        frame.f_trace_opcodes = True
        counted[frame.f_code] += event == "opcode"
        return count

    sys.settrace(count)
    for _ in range(TRACED):
        await calls.ask()
    sys.settrace(None)
    by_file: Counter[str] = Counter()
    for code, number in counted.items():
        name = code.co_filename.rpartition("site-packages/")[2].rpartition("/src/")[2]
        by_file[name] += number // TRACED
    return by_file


async def measure(target: Target, rounds: int) -> None:
    """Ask again and again, and print what it costs."""
    config = uvicorn_config(Settings(database_url=target.dsn))
    contact.load()
    config.load()
    lifespan = LifespanOn(config)
    await lifespan.startup()
    protocol: Any = config.http_protocol_class(config=config, server_state=ServerState(), app_state={})  # type: ignore[call-arg]
    transport = Transport()
    protocol.connection_made(transport)
    calls = Calls(protocol, transport, target)
    remember_rows()
    for _ in range(BATCH):
        await calls.ask()
    gc.collect()
    gc.freeze()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(BATCH):
            await calls.ask()
        times.append((time.process_time() - start) / BATCH * 1e6)
    by_file = await instructions(calls)
    print(f"CPU time of a call: least {min(times):.0f} µs, median {statistics.median(times):.0f}")
    print(f"instructions of a call: {sum(by_file.values()):,}")
    for name, number in by_file.most_common(20):
        print(f"{number:>8,}  {name}")
    await lifespan.shutdown()


def main() -> None:
    """Read the command line, and measure on a small database."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    with (
        tempfile.TemporaryDirectory() as name,
        DirectoryLock(Path(name) / "data", "bench"),
        Embedded(Path(name) / "data") as embedded,
    ):
        keys = asyncio.run(filled(embedded.database_url, 0.002))
        asyncio.run(fill(embedded.database_url))
        uvloop.run(measure(Target(embedded.database_url, 0, *keys), rounds))


if __name__ == "__main__":
    main()
