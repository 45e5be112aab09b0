"""Loads the ceremonies at their first use, beside the event loop: importing them takes 15 MB and half a second."""

import asyncio
from functools import cache
from importlib import import_module
from types import ModuleType

NAME = "fanfare.passkeys.actions.ceremonies"


async def load_ceremonies() -> ModuleType:
    """Return the module of the ceremonies."""
    return _module() if _module.cache_info().currsize else await asyncio.to_thread(_module)


@cache
def _module() -> ModuleType:
    return import_module(NAME)
