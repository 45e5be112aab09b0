"""Replays clicks of real user agents against a server, and compares what it stores with their labels.

    python -m tests.trackers.replay                  # 100,000 clicks; takes a minute
    python -m tests.trackers.replay --clicks 5000

Every visitor has an address of its own. Some ask by HEAD, load the page ahead, come from a data centre, or click twice.
`disguised` are programs that name themselves exactly as a browser does: they count, since no list can tell them.
"""

import argparse
import asyncio
import gzip
import itertools
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.activities import serving
from fanfare.accounts.actions import create_account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from fanfare.trackers.actions.trackers import create_tracker
from fanfare.trackers.schemas.trackers import NewTracker
from fanfare.trackers.verdicts.rules import COUNT_COLUMNS

LABELLED: dict[str, list[str]] = json.loads(
    gzip.decompress((Path(__file__).parent / "user_agents.json.gz").read_bytes())
)
CONNECTIONS = 32
# The addresses of visitors, and those of the data centre that the server is told of.
VISITORS, DATA_CENTRE = int(IPv4Address("20.0.0.0")), int(IPv4Address("198.18.0.0"))
DATA_CENTRES = "198.18.0.0/15"
# Of so many visitors with a browser, one each does something else.
CYCLE = 20


class Visit(NamedTuple):
    """The requests of a visitor, and the verdicts to be stored: for `program`, of a bot or a preview."""

    requests: list[bytes]
    verdicts: list[str]


def visits(tracker_key: str) -> Iterator[Visit]:
    """Yield visits without end, each user agent in turn."""
    agents = [(label, agent) for label, rows in LABELLED.items() for agent in rows]
    # In another order than that of the alphabet, so that a few are of all kinds.
    Random(1).shuffle(agents)
    for number, (label, agent) in enumerate(itertools.cycle(agents)):
        kind = number % CYCLE if label != "program" else CYCLE
        address = IPv4Address((DATA_CENTRE if kind == 2 else VISITORS) + number % 2**17)
        head = f"/trk/{tracker_key} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {address}\r\n"
        extra = {1: "Sec-Purpose: prefetch\r\n", 3: f"Cookie: fanfare-trk={number:032x}\r\n"}.get(kind, "")
        text = f"{'HEAD' if kind == 0 else 'GET'} {head}User-Agent: {agent}\r\n{extra}\r\n"
        browser = {0: ["head"], 1: ["prefetch"], 2: ["datacentre"], 3: ["human", "repeated"]}.get(kind, ["human"])
        verdicts = [label] if label == "program" else browser
        yield Visit([text.encode("latin-1", "replace")] * len(verdicts), verdicts)


async def replay(base_url: str, tracker_key: str, clicks: int) -> Counter[str]:
    """Click at least so often, on some connections, and return the verdicts that are expected."""
    expected: Counter[str] = Counter()
    source = visits(tracker_key)

    async def run(number: int) -> None:
        reader, writer = await asyncio.open_connection(urlsplit(base_url).hostname, urlsplit(base_url).port)
        while expected.total() < clicks:
            visit = next(source)
            expected.update(visit.verdicts)
            for request in visit.requests:
                writer.write(request)
                answer = await reader.readuntil(b"\r\n\r\n")
                # A redirect has no body.
                if not (answer.startswith(b"HTTP/1.1 302") and b"\r\ncontent-length: 0\r\n" in answer):
                    message = f"connection {number}: {answer[:200]!r} to {request!r}"
                    raise ValueError(message)
        writer.close()

    await asyncio.gather(*map(run, range(CONNECTIONS)))
    return expected


async def counts_of(db: Db, tracker_id: int) -> tuple[Counter[str], Counter[str]]:
    """Return the verdicts of the stored clicks, and those that the figures count; bots and previews are programs."""
    rows = await db.rows("select verdict, count(*) from tracker_clicks where tracker_id = $1 group by 1", tracker_id)
    sums = ", ".join(f"sum({column})::bigint as {verdict}" for verdict, column in COUNT_COLUMNS.items())
    (days,) = await db.rows(f"select {sums} from tracker_click_days where tracker_id = $1", tracker_id)
    figures = {verdict: count for verdict, count in dict(days).items() if count}
    return _as_labels({row["verdict"]: row["count"] for row in rows}), _as_labels(figures)


def _as_labels(counts: dict[str, int]) -> Counter[str]:
    result: Counter[str] = Counter()
    for verdict, count in counts.items():
        result["program" if verdict in ("bot", "preview") else verdict] += count
    return result


async def new_tracker(dsn: str) -> tuple[int, str]:
    """Make an account with a tracker, and return its id and key."""
    await migrate(dsn)
    db = await Db.connect(dsn, size=1)
    account = await create_account(db, "Replay", datetime.now(UTC), country_code="CA")
    new = NewTracker(
        virtual_domain="localhost", target_url="https://shop.example.com/", tracker_name="x", tracker_group_name="x"
    )
    saved = await create_tracker(db, account.account_id, new, datetime.now(UTC))
    await db.close()
    return saved.tracker_id, saved.tracker_key


async def compare(dsn: str, port: int, tracker: tuple[int, str], clicks: int) -> bool:
    """Replay, print the verdicts, and say whether they are those of the labels."""
    expected = await replay(f"http://127.0.0.1:{port}", tracker[1], clicks)
    db = await Db.connect(dsn, size=1)
    results = await counts_of(db, tracker[0])
    await db.close()
    for verdict, count in expected.most_common():
        click_count, figure_count = (each[verdict] for each in results)
        sys.stdout.write(f"{verdict:<12}{count:>8,} labelled {click_count:>8,} stored {figure_count:>8,} counted\n")
    sys.stdout.write(f"{expected.total():,} clicks of {sum(map(len, LABELLED.values())):,} user agents\n")
    return all(each == expected for each in results)


def main() -> None:
    """Read the command line, replay against a server of its own, and fail if a verdict is another."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--clicks", type=int, default=100_000)
    clicks = parser.parse_args().clicks
    with (
        tempfile.TemporaryDirectory() as name,
        DirectoryLock(Path(name) / "data", "replay"),
        Embedded(Path(name) / "data") as embedded,
    ):
        ranges = Path(name) / "ranges.txt"
        ranges.write_text(DATA_CENTRES)
        os.environ |= {"FANFARE_TRUSTED_PROXIES": "127.0.0.1", "FANFARE_DATA_CENTRES": str(ranges)}
        tracker = asyncio.run(new_tracker(embedded.database_url))
        with serving(embedded.database_url, Path(name)) as port:
            is_right = asyncio.run(compare(embedded.database_url, port, tracker, clicks))
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
