"""Processes under test. What they write goes into files, so that none of them ever waits for its reader."""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import IO, Self

PAUSE = 0.02
# How long to wait for what must come. No claim on how fast it does: on a very busy machine a start took a minute.
PATIENCE = 300.0


class Program:
    """A process that runs beside the test."""

    # files and sockets that it inherits
    pass_fds: Sequence[int] = ()

    def __init__(self, command: Sequence[str], **environment: str) -> None:
        self._outputs: list[IO[bytes]] = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]  # noqa: SIM115 - as long as this
        out, errors = self._outputs
        env = {**os.environ, **environment}
        self.process = subprocess.Popen(command, stdout=out, stderr=errors, env=env, pass_fds=self.pass_fds)
        self.pid = self.process.pid

    @property
    def output(self) -> str:
        """What it has written to its standard output so far."""
        return self._written(0)

    @property
    def errors(self) -> str:
        """What it has written to its standard error so far."""
        return self._written(1)

    def _written(self, number: int) -> str:
        file = self._outputs[number].fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode()

    def line(self, name: str = "output") -> str:
        """Wait for the first line of `output` or `errors`; it is empty when the process ended without one."""
        end = time.monotonic() + PATIENCE
        while "\n" not in (written := getattr(self, name)):
            if self.process.poll() is not None and "\n" not in getattr(self, name):
                return str(written)
            assert time.monotonic() < end, f"no line came: {self.output}{self.errors}"
            time.sleep(PAUSE)
        return str(written).partition("\n")[0] + "\n"

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for the end and return the exit status."""
        return self.process.wait(seconds)

    def end(self) -> tuple[int, str]:
        """Stop it and return its exit status and what it wrote to its standard error."""
        self.process.terminate()
        return self.wait(), self.errors

    def kill(self) -> None:
        """Kill it with signal 9."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end()
