"""The index process `python -m fanfare.cli.index`, started by `fanfare up` and `fanfare index`."""

import asyncio
import gc
import signal
from collections.abc import Callable
from functools import partial

from fanfare.audience.process.server import IndexProcess
from fanfare.kernel.running import log
from fanfare.kernel.running import settings as settings_
from fanfare.kernel.running.exits import in_one_line
from fanfare.kernel.running.settings import Settings


async def serve(settings: Settings) -> None:
    """Keep the indexes of accounts and answer queries until SIGTERM or SIGINT, then store the indexes."""
    process = IndexProcess(settings)
    loop = asyncio.get_running_loop()
    for word in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(word, process.stop)
    await process.run()


def prepare(settings: Settings) -> Callable[[], None]:
    """Return what runs an index process; that may be in a fork of this process."""
    return partial(_index, settings)


def _index(settings: Settings) -> None:
    with in_one_line():
        log.configure(settings.log_level)
        # Building an index creates millions of objects, hardly any of them in cycles.
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        asyncio.run(serve(settings))


def main() -> None:
    """Run an index process with the settings of the environment."""
    with in_one_line():
        prepare(settings_.from_environment())()


if __name__ == "__main__":
    main()
