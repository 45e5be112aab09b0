"""How long the embedded PostgreSQL takes until it answers, first and later, beside a bare initdb.

    python -m bench.starts

Yardstick and starts take turns, so that what else the machine does falls on all. Exits 1 when a first start takes three
seconds or more.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg

from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from fanfare.kernel.running.embedded.binaries import binaries_for
from fanfare.kernel.running.embedded.user import server_user

ROUNDS = 5
WANTED = 3.0


def bare(folder: Path) -> float:
    """Return the seconds of initdb alone."""
    user = server_user(folder / "cluster", None)
    if user.ids:
        os.chown(folder, *user.ids)
    command = [binaries_for(user, folder)["initdb"], "-D", str(folder / "cluster"), "-U", "bench", "-A", "peer"]
    started = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        cwd="/",
        user=user.uid if user.is_other else None,
        group=user.gid if user.is_other else None,
    )
    return time.perf_counter() - started


def start(data_dir: Path) -> float:
    """Return the seconds until the embedded server on a directory has answered."""

    async def ask(url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("select 1")
        await connection.close()

    started = time.perf_counter()
    with DirectoryLock(data_dir, "bench"), Embedded(data_dir) as postgres:
        asyncio.run(ask(postgres.database_url))
        return time.perf_counter() - started


def main() -> None:
    """Take the times in turns and print their medians."""
    times: dict[str, list[float]] = {"bare initdb": [], "first start": [], "later start": []}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            times["bare initdb"].append(bare(Path(name)))
        with tempfile.TemporaryDirectory() as name:
            times["first start"].append(start(Path(name) / "data"))
            times["later start"].append(start(Path(name) / "data"))
    medians = {kind: statistics.median(each) for kind, each in times.items()}
    for kind, seconds in medians.items():
        print(f"{kind:<12}{seconds:>7.2f} s{seconds / medians['bare initdb']:>7.2f} x initdb")
    sys.exit(0 if medians["first start"] < WANTED else 1)


if __name__ == "__main__":
    main()
