"""Callers who hold a server up, as a process of its own: `python -m tests.faults.crowd PORT COUNT`.

A third each says nothing, sends a head by a byte now and then, and a body so. Who is cut off comes again. It says
`ready` when all have connected, and goes on until it is stopped.
"""

import asyncio
import itertools
import os
import random
import resource
import sys

PAUSE_SECONDS = 3.0
LONGEST_SECONDS = 600.0
HEAD = b"POST /api/v1/crm/fans HTTP/1.1\r\nHost: x\r\n"
KINDS = (b"", HEAD + b"A: ", HEAD + b"Content-Length: 1000000\r\n\r\n")
# More would be refused by the system's queue of connections.
AT_ONCE = 100


async def hold(port: int, begin: bytes, gate: asyncio.Semaphore, connected: asyncio.Event) -> None:
    """Hold a connection as long as the server lets, again and again."""
    while True:
        try:
            async with gate:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(begin)
            connected.set()
            await asyncio.gather(reader.read(), drip(writer) if begin else asyncio.sleep(0))
        except OSError:
            pass
        else:
            writer.close()
        await asyncio.sleep(random.random())


async def drip(writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then until the connection is closed."""
    await asyncio.sleep(random.random() * PAUSE_SECONDS)
    while not writer.is_closing():
        writer.write(b"a")
        await asyncio.sleep(PAUSE_SECONDS)


async def main(port: int, count: int) -> None:
    """Hold that many connections until somebody stops this, for so long at most."""
    # They stand for other machines, which take nothing from this one's processors.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    maximum = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (maximum, maximum))
    gate = asyncio.Semaphore(AT_ONCE)
    connected = [asyncio.Event() for _ in range(count)]
    kinds = itertools.cycle(KINDS)
    holding = [asyncio.create_task(hold(port, next(kinds), gate, each)) for each in connected]
    for each in connected:
        await each.wait()
    print("ready", flush=True)  # noqa: T201 - what the test waits for
    await asyncio.wait(holding, timeout=LONGEST_SECONDS)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
