"""Tells calls that wait that their server is stopping, so that it need not wait for them."""

import asyncio
from functools import cache


@cache
def stopping_of(_: asyncio.AbstractEventLoop) -> asyncio.Event:
    """Return the event that is set when the server of an event loop stops."""
    return asyncio.Event()


def stopping() -> asyncio.Event:
    """Return the event that is set when the server of the running event loop stops."""
    return stopping_of(asyncio.get_running_loop())
