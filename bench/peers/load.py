"""Sends calls by wrk, which costs the machine least, and measures what each cost."""

import http.client
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.cpu import Cost, Meter
from bench.peers.calls import Call, Sample, Spelling, encode

CONNECTIONS = 16
# The calls of a file, one after the other; a file is read before the clock starts.
SCRIPT = """
local calls, place = {}, 0
init = function()
    for line in io.lines(os.getenv("BENCH_CALLS")) do
        local method, path, body = line:match("^(.-)\\t(.-)\\t(.*)$")
        calls[#calls + 1] = wrk.format(method, path, nil, body ~= "" and body or nil)
    end
end
request = function() place = place % #calls + 1; return calls[place] end
"""


class Run(NamedTuple):
    """Calls a second, what each cost, and how many there were."""

    rate: float
    cost: Cost
    calls: int


class RefusedCall(Exception):  # noqa: N818 - an answer, not an error of the bench
    """A peer answered with an error; the text says which."""


class Client(NamedTuple):
    """Where a peer listens, what it wants to be sent with each call, and the processes whose CPU counts."""

    port: int
    headers: Mapping[str, str]
    server: int
    postgres: int
    # processes that the server asks
    beside: Sequence[int] = ()


def ask(client: Client, call: Call) -> tuple[int, bytes]:
    """Make one call and return its status and its answer."""
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    body = None if call.body is None else encode(call.body)
    connection.request(call.method, call.path, body, {"Content-Type": "application/json", **client.headers})
    answer = connection.getresponse()
    result = answer.status, answer.read()
    connection.close()
    return result


def require(client: Client, call: Call) -> float:
    """Make one call and return its seconds; RefusedCall, with the answer, if it does not succeed."""
    started = time.perf_counter()
    status, body = ask(client, call)
    if status >= 400:
        message = f"{call.method} {call.path} was answered {status} {body[:500].decode(errors='replace')}"
        raise RefusedCall(message)
    return time.perf_counter() - started


def send(client: Client, folder: Path, calls: Path, seconds: float) -> Run:
    """Send the calls of a file for some seconds over 16 connections."""
    script = folder / "calls.lua"
    script.write_text(SCRIPT)
    command = [program(), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script)]
    for name, value in {"Content-Type": "application/json", **client.headers}.items():
        command += ["-H", f"{name}: {value}"]
    meter = Meter(client.postgres, client.server, *client.beside)
    url = f"http://127.0.0.1:{client.port}"
    result = subprocess.run(
        [*command, url], capture_output=True, text=True, check=True, env={"BENCH_CALLS": str(calls)}
    )
    match = re.search(r"(\d+) requests in", result.stdout)
    count = int(match[1]) if match else 0
    if not count or "Non-2xx" in result.stdout:
        raise RefusedCall(result.stdout + result.stderr)
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", result.stdout)[0])
    return Run(rate, meter.cost(count), count)


def calls_file(folder: Path, spelling: Spelling, sample: Sample, first: int, count: int) -> Path:
    """Write the calls of a run to a file."""
    path = folder / "calls.txt"
    path.write_bytes(b"".join(spelling(number, sample).line() + b"\n" for number in range(first, first + count)))
    return path


def program() -> str:
    """Return the path of wrk."""
    path = shutil.which("wrk")
    if path is None:
        sys.exit("wrk is needed for these figures and was not found")
    return path
