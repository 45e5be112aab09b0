"""Runs a peer's server: one process, which is stopped at the end."""

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

READY_SECONDS = 180


class NotThere(Exception):  # noqa: N818 - a state of the machine, no error of the bench
    """A peer cannot be installed or started here; the text says why."""


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(
    command: Sequence[str], port: int, log_path: Path, *, environment: Mapping[str, str], ready: str
) -> Iterator[int]:
    """Run a server until the context ends, and return its process id once a path answers."""
    with log_path.open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
        try:
            wait_until_ready(server, port, ready, log_path)
            yield server.pid
        finally:
            stop(server)


def wait_until_ready(server: "subprocess.Popen[bytes]", port: int, path: str, log_path: Path) -> None:
    """Wait until a path answers with anything but a fault of the server."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and server.poll() is None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            client.request("GET", path)
            if client.getresponse().status < 500:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            client.close()
    message = f"did not start: {log_path.read_text()[-500:]}"
    raise NotThere(message)


def stop(server: "subprocess.Popen[bytes]") -> None:
    """End a server and the processes that it started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for each in psutil.Process(server.pid).children(recursive=True):
            each.terminate()
        server.terminate()
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def run(command: Sequence[str], reason: str, *, environment: Mapping[str, str] | None = None, folder: Path) -> str:
    """Run a command of a set-up and return what it printed; NotThere, with the reason, if it fails."""
    result = subprocess.run(
        command, env={**os.environ, **(environment or {})}, cwd=folder, capture_output=True, text=True, check=False
    )
    if result.returncode:
        last = (result.stderr or result.stdout).strip().splitlines()[-1:]
        message = f"{reason} ({' '.join(last)[:200]})"
        raise NotThere(message)
    return result.stdout
