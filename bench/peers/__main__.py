"""Fanfare beside a twin in FastAPI and SQLAlchemy, Directus and pretix: the same jobs on the same rows.

    python -m bench.peers                                  # 100,000 fans, five rounds; writes docs/figures.md
    python -m bench.peers --fans 10000 --rounds 1 --peers Fanfare --jobs fan search --figures -

One PostgreSQL that waits for the disk, one server process of each, 16 connections of wrk. The peers take turns within
each round, and each figure is the median of its rounds. A peer that cannot be installed here is named with the reason.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bench.peers import directus, fanfare, fastapi_twin, pretix, sample
from bench.peers.calls import JOBS
from bench.peers.race import Options, race
from bench.peers.table import write
from fanfare.kernel.running.embedded import DirectoryLock, Embedded

PEERS = [fanfare.PEER, fastapi_twin.PEER, directus.PEER, pretix.PEER]


def main() -> None:
    """Read the command line."""
    names = {each.name.split()[0].lower(): each for each in PEERS}
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--fans", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each run")
    parser.add_argument("--peers", nargs="+", choices=names, default=list(names))
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--figures", default="docs/figures.md", help="the file to write the table to, - for none")
    criteria = parser.parse_args()
    options = Options(criteria.rounds, criteria.seconds, criteria.jobs)
    with (
        tempfile.TemporaryDirectory() as name,
        DirectoryLock(Path(name) / "data", "bench"),
        Embedded(Path(name) / "data", connections=150) as embedded,
    ):
        passes = JOBS["check_in"].most_calls * (options.rounds * options.seconds + 10)
        source = asyncio.run(sample.made(embedded.database_url, criteria.fans, passes))
        peers = [names[each] for each in criteria.peers]
        outcome = race(peers, source, Path(name), options)
    if criteria.figures != "-":
        write(Path(criteria.figures), outcome, peers, source, sys.argv[1:])


if __name__ == "__main__":
    main()
