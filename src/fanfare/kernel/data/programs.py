"""Runs a program of its own within a transaction, whose connection is used meanwhile: the server ends idle ones."""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.tasks import start_task

# Less than the server waits for a transaction that does nothing.
PULSE_SECONDS = 15.0


class TooLongError(Exception):
    """The program has taken longer than it may."""


class Ended(NamedTuple):
    """The exit status of a program, and what it wrote to its output and its standard error."""

    status: int
    output: bytes
    errors: bytes


async def run_program(db: Db, command: Sequence[str], seconds: float) -> Ended:
    """Run a program to its end, at most for some seconds; it is killed with the caller. Raises TooLongError.

    Its input ends when this process does, also by kill -9: see `end_with_caller`.
    """
    read_end, write_end = os.pipe()
    try:
        return await _run(db, command, seconds, read_end)
    finally:
        os.close(write_end)


async def _run(db: Db, command: Sequence[str], seconds: float, source: int) -> Ended:
    """Run a program whose input is an open file, which is closed once it has begun."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=source, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    finally:
        os.close(source)
    outputs: list[bytes] = []

    async def read() -> None:
        outputs.extend(await process.communicate())

    reading = start_task(read(), "the output of a program")
    try:
        await _wait(db, reading, time.monotonic() + seconds)
        reading.result()
        return Ended(process.returncode or 0, *outputs)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        # Not until its outputs end: whoever it has started may still have them.
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _wait(db: Db, reading: asyncio.Task[None], end: float) -> None:
    while not reading.done():
        remaining = end - time.monotonic()
        if remaining <= 0:
            raise TooLongError
        await asyncio.wait({reading}, timeout=min(PULSE_SECONDS, remaining))
        if not reading.done():
            await db.value("select 1")
