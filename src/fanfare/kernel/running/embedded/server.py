"""Runs the embedded server: creates its cluster, starts it, cleans up after a crash, and stops it."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

import psutil

from fanfare.kernel.running.children import Launch, Launched, launch
from fanfare.kernel.running.embedded.binaries import Binaries, binaries_for
from fanfare.kernel.running.embedded.configuration import CONNECTIONS, DATABASE, PORT, files
from fanfare.kernel.running.embedded.directory_lock import replace
from fanfare.kernel.running.embedded.user import CannotStart, server_user
from fanfare.kernel.running.scratch import Scratch

CLUSTER = "postgres"
LOG = "postgres.log"
LOG_BYTES = 5 * 1024 * 1024
READY_SECONDS = 60.0
STOP_SECONDS = (20.0, 5.0, 5.0)
PAUSE = 0.02


def has_cluster(data_dir: Path) -> bool:
    """Return whether a data directory has a database."""
    return (data_dir / CLUSTER).exists()


class Embedded:
    """The embedded PostgreSQL of one data directory, which the caller must have locked (`Hold`)."""

    def __init__(
        self, data_dir: Path, *, durable: bool = True, user: str | None = None, connections: int = CONNECTIONS
    ) -> None:
        """`durable=False` is for tests, which may lose data."""
        self.data_dir = data_dir.resolve()
        self.cluster = self.data_dir / CLUSTER
        self.durable = durable
        self.connections = connections
        self.user = server_user(self.cluster, user)
        self.launched: Launched | None = None
        self._scratch: Scratch | None = None
        self._binaries: Binaries | None = None

    @property
    def database_url(self) -> str:
        """The URL of the database; it needs no password, since the server checks the system user."""
        return f"postgresql://{DATABASE}@/{DATABASE}?host={quote(str(self.runtime), safe='/')}&port={PORT}"

    @property
    def runtime(self) -> Path:
        """The private directory of the socket, which exists as long as this object runs the server."""
        if self._scratch is None:
            self._scratch = Scratch(f".s.PGSQL.{PORT}", is_allowed=self.user.passes)
            if self.user.ids is not None:
                os.chown(self._scratch.path, *self.user.ids)
        return self._scratch.path

    def start(self) -> None:
        """Create the cluster if it is missing, start the server and wait until it accepts connections."""
        self.spawn()
        self._wait_until_ready()

    def spawn(self) -> Launched:
        """Clean up after a dead server and start one, without waiting for it."""
        binaries = self._ready_binaries()
        if self.cluster.exists():
            self._check_version(binaries)
        else:
            self._make_cluster(binaries)
        with self._open_log() as log:
            self.launched = self._spawn(binaries, log)
        return self.launched

    def _spawn(self, binaries: Binaries, log: IO[bytes]) -> Launched:
        self._clear_leftovers()
        for name, content in files(self.runtime, self.user, self.connections, durable=self.durable).items():
            replace(self.cluster / name, content.encode(), self.user.ids)
        with self._path_for_server(self.cluster) as (path, fds):
            return launch(
                Launch(
                    command=[binaries["postgres"], "-D", path],
                    env=_environment(),
                    cwd="/",
                    user=self.user.ids,
                    fds=fds,
                    output=log,
                    errors=log,
                    death_signal=signal.SIGINT,
                )
            )

    def stop(self) -> None:
        """Stop the server: end sessions and write data; escalate if that takes too long."""
        if self.launched is not None:
            for signal_, seconds in zip((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL), STOP_SECONDS, strict=True):
                if self.launched.poll() is not None:
                    break
                self.launched.send_signal(signal_)
                self.launched.wait(seconds)
            self.launched = None
        if self._scratch is not None:
            self._scratch.remove()
            self._scratch = self._binaries = None

    def __enter__(self) -> Self:
        """Start the server."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self.stop()

    def _ready_binaries(self) -> Binaries:
        if self._binaries is None:
            self._binaries = binaries_for(self.user, self.runtime)
        return self._binaries

    @contextmanager
    def _path_for_server(self, directory: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield a path by which the server's user reaches its directory, and the files to inherit for it.

        If a parent directory is inaccessible to that user, its permissions are not changed: the server inherits a
        descriptor of its directory, opened here, which Linux names /proc/self/fd/N in the server and in each of its
        processes.
        """
        if not self.user.is_other or self.user.passes(directory.parent):
            yield str(directory), ()
            return
        if sys.platform != "linux":
            message = (
                f"PostgreSQL runs as {self.user.name}, which has no access to {directory.parent}: "
                "choose another --data-dir, do not run this as root, or set DATABASE_URL"
            )
            raise CannotStart(message)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            yield f"/proc/self/fd/{descriptor}", (descriptor,)
        finally:
            os.close(descriptor)

    def _make_cluster(self, binaries: Binaries) -> None:
        """Create the cluster under a temporary name and rename it, so that an existing one is complete."""
        temporary = self.data_dir / f"{CLUSTER}.new"
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            temporary.mkdir(mode=0o700)
            self._fill_cluster(binaries, temporary)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        temporary.rename(self.cluster)

    def _fill_cluster(self, binaries: Binaries, temporary: Path) -> None:
        if self.user.ids is not None:
            os.chown(temporary, *self.user.ids)
        with self._path_for_server(temporary) as (path, fds):
            initdb = [binaries["initdb"], "-D", path, "--username", DATABASE, "--auth", "peer", "--encoding", "UTF8"]
            initdb += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"]
            # Without durability there is no need to sync.
            self._run([*initdb, *([] if self.durable else ["--no-sync"])], fds)
            # Single-user mode creates the database without a running server.
            sql = f"create database {DATABASE};\n".encode()
            self._run([binaries["postgres"], "--single", "-D", path, "postgres"], fds, sql)

    def _run(self, command: list[str], fds: tuple[int, ...], stdin: bytes = b"") -> None:
        with tempfile.TemporaryFile() as stdin_file, tempfile.TemporaryFile() as errors:
            stdin_file.write(stdin)
            stdin_file.seek(0)
            process = launch(
                Launch(
                    command=command,
                    env=_environment(),
                    cwd="/",
                    user=self.user.ids,
                    fds=fds,
                    input=stdin_file,
                    output=errors,
                    errors=errors,
                    death_signal=signal.SIGKILL,
                )
            )
            status = process.wait(READY_SECONDS)
            errors.seek(0)
            output = errors.read()
        if status != 0 or b"ERROR:" in output or b"FATAL:" in output:
            message = f"{Path(command[0]).name} failed ({status}): {output.decode(errors='replace').strip()[-500:]}"
            raise CannotStart(message)

    def _check_version(self, binaries: Binaries) -> None:
        try:
            major = int((self.cluster / "PG_VERSION").read_text())
        except (OSError, ValueError):
            message = f"{self.cluster} is not a database cluster: it has no readable PG_VERSION"
            raise CannotStart(message) from None
        if major != binaries.major:
            message = f"{self.cluster} was created by PostgreSQL {major}, but version {binaries.major} is installed"
            raise CannotStart(message)

    def _open_log(self) -> IO[bytes]:
        self.rotate_log()
        path = self.data_dir / LOG
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "wb")

    def rotate_log(self) -> None:
        """Rotate the log: a long one is copied and truncated while the server continues to write."""
        path = self.data_dir / LOG
        with suppress(OSError):
            if path.stat().st_size > LOG_BYTES:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                os.truncate(path, 0)

    def _wait_until_ready(self) -> None:
        """Wait for the line `ready` that the server writes to its postmaster.pid."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            if self.launched is None or self.launched.poll() is not None:
                break
            if self._is_ready(self.launched.pid):
                return
            time.sleep(PAUSE)
        message = f"PostgreSQL did not start; the end of its log, {self.data_dir / LOG}: {self._log_tail()}"
        raise CannotStart(message)

    def _is_ready(self, pid: int) -> bool:
        lines = self._pid_file()
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"  # noqa: PLR2004 - its format

    def _pid_file(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _log_tail(self) -> str:
        try:
            return (self.data_dir / LOG).read_text(errors="replace")[-600:].strip()
        except OSError:
            return ""

    def _clear_leftovers(self) -> None:
        """Stop the processes of a previous server or owner in the cluster, and remove its pid file.

        This is safe because the caller has locked the data directory: nobody else may run a server there.
        """
        lines = self._pid_file()
        leftovers = self._processes()
        main = [each for each in leftovers if lines and str(each.pid) == lines[0]]
        # A complete server whose owner was killed is already stopping; it may need time to write its data.
        for processes, signals in ((main, (signal.SIGINT, signal.SIGQUIT)), (leftovers, (signal.SIGKILL,))):
            for signal_ in signals:
                _signal_all(processes, signal_)
                psutil.wait_procs(processes, timeout=STOP_SECONDS[0] if signal_ == signal.SIGINT else STOP_SECONDS[1])
        if remaining := self._processes():
            message = f"cannot stop a previous PostgreSQL on {self.cluster}: {[each.pid for each in remaining]}"
            raise CannotStart(message)
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _processes(self) -> list[psutil.Process]:
        """Return the running server processes whose working directory is the cluster."""
        processes = []
        for process in psutil.process_iter(["name"]):
            try:
                if process.info["name"] == "postgres" and process.cwd() == str(self.cluster):
                    processes.append(process)
            except psutil.Error:
                # gone, a zombie, or another user's: not of this cluster
                continue
        return processes


def _signal_all(processes: list[psutil.Process], signal_: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(signal_)
        except psutil.NoSuchProcess:
            continue


def _environment() -> dict[str, str]:
    """Return an environment without the caller's PG* variables, which would configure the server."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
