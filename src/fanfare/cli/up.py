"""`python -m fanfare.cli.up up|serve|work|index`: the supervisor of a running Fanfare.

The command line is replaced by this process. It loads what the servers and the worker run, and forks them: they share
its memory, and one that ends is replaced at once. docs/decisions/0100-forks.md
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path

from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running import forks
from fanfare.kernel.running.children import Launch, Running, launch, undisturbed
from fanfare.kernel.running.embedded import DirectoryLock, Embedded, running
from fanfare.kernel.running.exits import in_one_line
from fanfare.kernel.running.handovers import INDEX_PIPE, READY, SERVER, SHARED, SOCKET
from fanfare.kernel.running.outlet import Outlet
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import AS_NEEDED, Settings, from_environment, variable
from fanfare.kernel.running.supervise import Child, StopRequested, Supervisor, outlet, stoppable

BACKLOG = 2048
# The timeout of a migration.
MIGRATION_SECONDS = 3600.0
# Additional connections of the embedded database, for an operator's commands and one or two `fanfare serve`.
SPARE_CONNECTIONS = 80
WILDCARD_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - for display
STANDARD_OUTPUT = 1
# Starts a process that runs a module, with its environment and the files that it inherits.
Start = Callable[[str, Mapping[str, str], Sequence[int]], Running]


def up(settings: Settings) -> None:
    """Run all of Fanfare until SIGTERM or Ctrl-C: the embedded database (or DATABASE_URL), servers and worker."""
    lock = DirectoryLock(settings.data_dir, "fanfare up")
    try:
        with stoppable() as request, lock, listening(settings) as listener, _database(settings) as embedded:
            ready = settings.replace(database_url=embedded.database_url) if embedded else settings
            _run_module(ready, "fanfare.cli", "migrate", "--quiet")
            roles = [
                "fanfare.cli.server",
                "fanfare.cli.worker",
                *(["fanfare.cli.index"] if settings.indexes > 0 else []),
            ]
            start = _starter(ready, roles)
            _run_module(ready, "fanfare.cli.connections", "up")
            _prepare_secret_keys(settings)
            database = (
                [Child("postgres", embedded.spawn, embedded.launched, stopped_elsewhere=True)] if embedded else []
            )

            def announce() -> None:
                lock.publish(url_of(listener), embedded.database_url if embedded else None)
                _print(
                    f"Fanfare is running at {url_of(listener)} (data in {settings.data_dir.resolve()}); Ctrl-C stops it"
                )
                for line in _missing_gateways(settings):
                    _print(line)

            with _servers(ready, listener, start) as (servers, pipe), _pipe() as (calls, caller):
                processes = [*database, *servers, _worker(ready, start, caller), *_indexes(ready, start)]
                supervisor = Supervisor(processes, [(pipe, announce)], embedded.rotate_log if embedded else None)
                if ready.indexes == AS_NEEDED:
                    supervisor.signs[calls] = lambda: supervisor.processes.append(_late_index(ready))
                supervisor.run(request)
    except StopRequested:
        return


def serve(settings: Settings) -> None:
    """Run server processes on a database that is already running."""
    reachable = _with_running_database(settings, "serve")
    _prepare_secret_keys(settings)
    try:
        with stoppable() as request, listening(settings) as listener:
            start = _starter(reachable, ["fanfare.cli.server"])
            with _servers(reachable, listener, start) as (servers, pipe):
                Supervisor(
                    servers, [(pipe, lambda: _print(f"Fanfare is running at {url_of(listener)}; Ctrl-C stops it"))]
                ).run(request)
    except StopRequested:
        return


def work(settings: Settings) -> None:
    """Run a worker process on a database that is already running."""
    reachable = _with_running_database(settings, "work")
    _prepare_secret_keys(settings)
    Supervisor([_worker(reachable, _starter(reachable, ["fanfare.cli.worker"]))]).run()


def index(settings: Settings) -> None:
    """Run an index process on a database that is already running."""
    reachable = _with_running_database(settings, "index").replace(indexes=1)
    Supervisor(_indexes(reachable, _starter(reachable, ["fanfare.cli.index"]))).run()


def _prepare_secret_keys(settings: Settings) -> None:
    """Read or create the secret keys, so that an invalid file ends the command, not its first request.

    Called once the database responds: a command that cannot run leaves no file.
    """
    secret_keys.use(settings)
    secret_keys.prepare()


def _missing_gateways(settings: Settings) -> Iterator[str]:
    """Yield what to tell of messages that cannot be sent."""
    for kind, name in (("mail", "smtp_url"), ("SMS", "sms_url")):
        if not getattr(settings, name):
            yield f"{kind}: not sent but stored, see `fanfare messages list`; {variable(name)} sets where it is sent"


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """Yield a listening socket. This process keeps it open, so that a restarted server has the same port."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        message = f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}"
        raise CannotRun(message) from None
    with listener:
        yield listener


def url_of(listener: socket.socket) -> str:
    """Return the URL of the socket for this machine."""
    host, port = listener.getsockname()[:2]
    hostname = WILDCARD_HOSTS.get(host, host)
    return f"http://[{hostname}]:{port}" if ":" in hostname else f"http://{hostname}:{port}"


@contextmanager
def _database(settings: Settings) -> Iterator[Embedded | None]:
    if settings.database_url:
        yield None
        return
    connections = settings.connections("up") + SPARE_CONNECTIONS
    with Embedded(settings.data_dir, user=settings.postgres_user or None, connections=connections) as embedded:
        yield embedded


def _with_running_database(settings: Settings, command: str) -> Settings:
    """Return the settings with the URL of a running database. If it responds, it must have this version's schema."""
    if not settings.database_url:
        server = running(settings.data_dir)
        if server is None or server.database_url is None:
            message = f"no database: set DATABASE_URL, or let `fanfare up` run on {settings.data_dir}"
            raise CannotRun(message)
        settings = settings.replace(database_url=server.database_url)
    _run_module(settings, "fanfare.cli.connections", command)
    return settings


def _run_module(settings: Settings, module: str, *arguments: str) -> None:
    """Run a module in its own process, which returns its memory; a failure there ends this process too."""
    result = launch(Launch(command=_python(module, *arguments), env=_environment(settings)))
    status = result.wait(MIGRATION_SECONDS)
    if status == 1:
        # It has reported the reason.
        sys.exit(1)
    if status != 0:
        message = f"{module} {' '.join(arguments)} {'did not end' if status is None else f'ended with status {status}'}"
        raise CannotRun(message)


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """Yield the end to read, which its reader closes, and the end to write of a pipe."""
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        os.close(writer)


@contextmanager
def _servers(settings: Settings, listener: socket.socket, start: Start) -> Iterator[tuple[list[Child], int]]:
    """Yield the server processes to supervise, and the pipe to which the first one writes when it is ready."""
    with _pipe() as (reader, writer):
        fds = (listener.fileno(), writer)
        environment = _environment(settings) | {SOCKET: str(fds[0]), READY: str(fds[1])}
        if settings.workers > 1:
            environment[SHARED] = str(_empty_directory(settings.data_dir.resolve() / "metrics"))

        def start_server(number: int) -> Running:
            return start("fanfare.cli.server", {**environment, SERVER: str(number)}, fds)

        numbers = range(1, settings.workers + 1)
        yield [Child(f"server {number}", partial(start_server, number)) for number in numbers], reader


def _worker(settings: Settings, start: Start, caller: int | None = None) -> Child:
    """Return a worker; with a pipe to call by, one that calls for an index process once an account needs it."""
    environment = _environment(settings)
    fds: tuple[int, ...] = ()
    if caller is not None and settings.indexes == AS_NEEDED:
        environment[INDEX_PIPE], fds = str(caller), (caller,)
    return Child("worker", partial(start, "fanfare.cli.worker", environment, fds))


def _late_index(settings: Settings) -> Child:
    """Return an index process that is started, not forked: until it is needed, nothing of it is loaded."""
    return Child("index 1", lambda: launch(Launch(command=_python("fanfare.cli.index"), env=_environment(settings))))


def _indexes(settings: Settings, start: Start) -> list[Child]:
    begin = partial(start, "fanfare.cli.index", _environment(settings), ())
    return [Child(f"index {number}", begin) for number in range(1, settings.indexes + 1)]


def _starter(settings: Settings, modules: Sequence[str]) -> Start:
    """Load what some modules run, and return what starts processes of them.

    Elsewhere than on Linux nothing is loaded: there they are started, not forked.
    """
    if not forks.IS_POSSIBLE:
        return lambda module, env, fds: launch(Launch(command=_python(module), env=env, fds=fds))
    # Found by a library of the log, which would load it for colours that no server prints.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type] # as the documentation of `import` has it
    with undisturbed():
        runs: dict[str, Callable[[], None]] = {each: import_module(each).prepare(settings) for each in modules}
        forks.tidy()

    def start(module: str, env: Mapping[str, str], fds: Sequence[int]) -> Running:
        return forks.fork(forks.Fork(run=runs[module], title=" ".join(_python(module)), env=env, fds=fds))

    return start


def _python(module: str, *arguments: str) -> list[str]:
    # -P: do not import from the working directory.
    return [sys.executable, "-P", "-m", module, *arguments]


def _environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, **settings.environment()}


def _empty_directory(directory: Path) -> Path:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in directory.glob("*.db"):
        file.unlink()
    return directory


def _print(line: str) -> None:
    Outlet(STANDARD_OUTPUT).write(line)


def main() -> None:
    """Run the command named by the argument; errors are reported in one line, with exit status 1."""
    try:
        with in_one_line():
            {"up": up, "serve": serve, "work": work, "index": index}[sys.argv[1]](from_environment())
    finally:
        outlet().flush()


if __name__ == "__main__":
    main()
