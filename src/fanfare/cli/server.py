"""The server process `python -m fanfare.cli.server`, started with a socket by `fanfare up` and `fanfare serve`."""

import os
import resource
import socket
from collections.abc import Callable
from functools import partial

import uvicorn
import uvloop  # noqa: F401 - uvicorn imports it when it runs, which is after a fork

from fanfare.app import create
from fanfare.fans import contact
from fanfare.kernel.addresses import networks
from fanfare.kernel.clock import Clock, system_clock
from fanfare.kernel.running import metrics
from fanfare.kernel.running import settings as settings_
from fanfare.kernel.running.exits import in_one_line
from fanfare.kernel.running.garbage import collect_rarely
from fanfare.kernel.running.handovers import READY, SOCKET
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.running.threads import switch_often
from fanfare.kernel.web.server.connections import HttpConnections, Room, Times
from fanfare.kernel.web.server.protocol import Connection

GRACE_SECONDS = 10
# An iteration of the loop accepts one connection per listener. With a single one, new clients wait for as many
# iterations as there are clients before them, and an iteration is long under load.
LISTENERS = 8


class Server(uvicorn.Server):
    """A uvicorn server that reports when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        """`ready` is called once the application has started."""
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then report it."""
        await super().startup(sockets)
        collect_rarely()
        if self.started:
            self.ready()


def uvicorn_config(settings: Settings, clock: Clock = system_clock) -> uvicorn.Config:
    """Return the configuration of a server process."""
    times = Times(
        head=settings.head_seconds,
        body=settings.body_seconds,
        answer=settings.answer_seconds,
        idle=settings.keep_alive_seconds,
    )
    return uvicorn.Config(
        create(settings, clock),
        # called like the class
        http=HttpConnections(Connection, times, _room(settings)),  # type: ignore[arg-type]
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        # the application configures the log
        log_config=None,
        server_header=False,
        # the application determines the client's address, from FANFARE_TRUSTED_PROXIES
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def prepare(settings: Settings) -> Callable[[], None]:
    """Load all that serves, and return what serves until SIGTERM; that may run in a fork of this process."""
    _raise_file_limit()
    config = uvicorn_config(settings)
    config.load()
    contact.load()
    return partial(_serve, config)


def _serve(config: uvicorn.Config) -> None:
    """Serve on the inherited socket until SIGTERM, then finish running requests."""
    with in_one_line():
        metrics.share()
        listener = socket.socket(fileno=int(os.environ[SOCKET]))
        # The servers share the flag, and `dup` sets it as it is here: a server in a blocking `accept` answers nobody.
        listener.setblocking(False)  # noqa: FBT003 - socket's signature
        switch_often()
        Server(config, _report_ready).run([listener, *(listener.dup() for _ in range(LISTENERS - 1))])


def main() -> None:
    """Serve with the settings of the environment."""
    with in_one_line():
        prepare(settings_.from_environment())()


def _report_ready() -> None:
    try:
        os.write(int(os.environ[READY]), b"1")
    except OSError:
        # Another server was ready first, and the pipe is closed.
        return


def _room(settings: Settings) -> Room:
    """Leave a quarter of the open files to the database and to connections that are accepted while others close."""
    limit = settings.http_connections or resource.getrlimit(resource.RLIMIT_NOFILE)[0] * 3 // 4
    return Room(limit, max(1, int(limit * settings.address_share)), networks(settings.trusted_proxies))


def _raise_file_limit() -> None:
    """Raise the limit of open files as far as allowed: each connection needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        limit = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))


if __name__ == "__main__":
    main()
