"""What `fanfare up` occupies in memory: at rest on the demo's data, and under load.

    python -m bench.memory                 # needs wrk and Linux; takes six minutes

Each page that several processes share counts for each of them by its part (PSS), so the sum is what the machine misses.
Exits 1 when all of it at rest is 180 MB or more, or a server under load 80 MB.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.activities import program

FANFARE = [sys.executable, "-P", "-m", "fanfare.cli"]
MIB = 1024 * 1024
AT_REST, UNDER_LOAD = 180, 80
ROLES = {"cli.up": "supervisor", "cli.server": "server", "cli.worker": "worker", "cli.index": "index"}


@contextmanager
def up(data_dir: Path) -> Iterator[int]:
    """Run all of it, and return the process id when it serves."""
    facts = data_dir / "fanfare.json"
    command = [*FANFARE, "up", "--data-dir", str(data_dir), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while not facts.exists():
                if process.poll() is not None:
                    sys.exit("it does not start")
                time.sleep(0.1)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def role_of(process: psutil.Process) -> str:
    """Return what a process is for."""
    command = " ".join(process.cmdline())
    return next((role for word, role in ROLES.items() if word in command), "PostgreSQL")


def memory(pid: int) -> dict[str, float]:
    """Return the megabytes by role of a process and its children."""
    result: dict[str, float] = {}
    for each in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        try:
            role, size = role_of(each), each.memory_full_info().pss / MIB
        except psutil.NoSuchProcess:
            continue
        result[role] = result.get(role, 0.0) + size
    return result


def show(title: str, sizes: dict[str, float]) -> float:
    """Print the megabytes by role, and return their sum."""
    parts = ", ".join(f"{role} {size:.0f}" for role, size in sizes.items())
    print(f"{title:<12}{sum(sizes.values()):>6.0f} MB: {parts}")
    return sum(sizes.values())


def under_load(pid: int, url: str, keys: dict[str, str], seconds: int) -> dict[str, float]:
    """Ask for a fan and for pages of fans, 16 calls at once, and return the memory at the end of it."""
    headers = [f"-HApi-Key: {keys['api_key']}", f"-HApi-Secret: {keys['api_secret']}"]
    for path in ("/api/v1/crm/fans/1234", "/api/v1/crm/activities?limit=200"):
        command = [program("wrk"), "-t1", "-c16", f"-d{seconds}s", *headers, url + path]
        subprocess.run(command, check=True, capture_output=True)
    return memory(pid)


def main() -> None:
    """Make the demo's data, start on it again, and measure."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rest", type=int, default=150, help="seconds of rest")
    parser.add_argument("--load", type=int, default=10, help="seconds of load, for each of two calls")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        # The embedded PostgreSQL has a user of its own, who must get through.
        Path(name).chmod(0o755)
        data_dir = Path(name) / "data"
        demo = [*FANFARE, "demo", "--data-dir", str(data_dir), "--json"]
        keys = json.loads(subprocess.run(demo, check=True, capture_output=True).stdout)
        with up(data_dir) as pid:
            # Segments are built, and PostgreSQL vacuums what was loaded: that is not rest.
            time.sleep(options.rest)
            show("first start", memory(pid))
        with up(data_dir) as pid:
            time.sleep(options.rest)
            total = show("at rest", memory(pid))
            url = json.loads((data_dir / "fanfare.json").read_text())["url"]
            busy = under_load(pid, url, keys, options.load)
            show("under load", busy)
    sys.exit(0 if total < AT_REST and busy["server"] < UNDER_LOAD else 1)


if __name__ == "__main__":
    main()
