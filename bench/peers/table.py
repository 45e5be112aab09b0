"""The table of a run, as a section of docs/figures.md."""

import os
import platform
import re
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.cpu import Cost
from bench.peers.calls import JOBS
from bench.peers.peer import Peer
from bench.peers.sample import Source

START, END = "<!-- bench.peers -->", "<!-- /bench.peers -->"
HEAD = "| job | peer | a second | server µs | PostgreSQL µs | CPU in all | cores of others |"


class Figure(NamedTuple):
    """Calls or rows a second, and what each cost."""

    rate: float
    cost: Cost

    def __str__(self) -> str:
        """Return the figure as a line."""
        return f"{self.rate:,.0f}/s, {self.cost}"


class Outcome(NamedTuple):
    """Figures by job and peer, and the versions of the peers, or why they are absent."""

    figures: dict[str, dict[str, Figure]]
    versions: dict[str, str]
    absent: dict[str, str]


def machine() -> str:
    """Return what the figures were measured on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    match = re.search(r"model name\s*: (.+)", info)
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores of {match[1] if match else platform.machine()}, {memory:.0f} GiB"


def rows(outcome: Outcome) -> Iterator[str]:
    """Yield the rows of the table: each job by each peer, with its CPU as a multiple of Fanfare's."""
    for job, figures in outcome.figures.items():
        first = next(iter(figures.values()), None)
        for name, each in figures.items():
            share = (each.cost.server + each.cost.postgres) / (first.cost.server + first.cost.postgres) if first else 1
            cells = f"{each.rate:,.0f} | {each.cost.server:,.0f} | {each.cost.postgres:,.0f} | {share:.1f}"
            yield f"| {JOBS[job].title} | {name} | {cells} | {max(each.cost.others, 0):.1f} |"


def section(outcome: Outcome, peers: Sequence[Peer], source: Source, words: Sequence[str]) -> str:
    """Return the section."""
    command = shlex.join(["python", "-m", "bench.peers", *words])
    lines = [
        START,
        f"    {command}",
        "",
        f"On {datetime.now(UTC):%Y-%m-%d}, {machine()}; PostgreSQL {source.postgres} (fsync on),",
        f"{source.sample.fans:,} fans with {source.sample.activities:,} activities, one server process of each, 16",
        "connections, medians of interleaved rounds. Microseconds are CPU time of a call (of a row for tickets);",
        "`CPU in all` is a multiple of the first peer's.",
        "",
        HEAD,
        "|---|---|---:|---:|---:|---:|---:|",
        *rows(outcome),
        "",
        *(f"- {name}: {words}" for name, words in outcome.versions.items()),
        *(f"- {name} was not measured: {' '.join(reason.split())}" for name, reason in outcome.absent.items()),
        "",
        "What they do not do, which Fanfare does in the same call:",
        "",
        *(f"- {peer.name}: {'; '.join(peer.lacks)}." for peer in peers if peer.lacks),
        END,
    ]
    return "\n".join(lines)


def write(path: Path, outcome: Outcome, peers: Sequence[Peer], source: Source, words: Sequence[str]) -> None:
    """Write the section into a document, in the place of the last one or at the end."""
    text = path.read_text("utf-8") if path.exists() else "# Figures\n"
    new = section(outcome, peers, source, words)
    if START in text:
        before, rest = text.split(START, 1)
        text = before + new + rest.split(END, 1)[1]
    else:
        text = f"{text.rstrip()}\n\n{new}\n"
    path.write_text(text, "utf-8")
