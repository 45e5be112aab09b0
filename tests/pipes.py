"""Pipes for the output of processes under test: read to the end, or read by nobody at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """Give the two ends of a pipe that has no room left: whoever waits to write into it waits for ever."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"." * 4096)
    os.set_blocking(writer, True)
    try:
        yield reader, writer
    finally:
        for end in (reader, writer):
            with suppress(OSError):
                os.close(end)


def drained(reader: int) -> bytes:
    """Return what lies in a pipe now."""
    os.set_blocking(reader, False)
    read = b""
    with suppress(BlockingIOError):
        while extra := os.read(reader, 65536):
            read += extra
    return read
