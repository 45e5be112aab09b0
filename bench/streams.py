"""A page of records of a stream with 1,000,000 records, and its summary, beside a page by primary key.

    nice python -m bench.streams                # an embedded PostgreSQL in .data/bench-streams, filled in minutes

Calls the domain's queries over one connection, in turns; milliseconds include the round trips over the socket. Searches
are for words, labels, networks and map boxes, alone and in pairs, many of which match nothing: nobody has a search that
reads the whole stream. Exits 1 when the median of a page is over its target.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from fanfare.streams.queries.records import search
from fanfare.streams.queries.summary import summary
from fanfare.streams.schemas.records import RecordFilter
from fanfare.streams.schemas.summary import SummaryQuery

FOLDER = Path(".data/bench-streams")
ACCOUNT, KEY = 1, "bench"
RECORDS, ROUNDS = 1_000_000, 30
TARGET_MS = 10.0
NOW = datetime(2026, 6, 1, tzinfo=UTC)
FILL = """
    insert into accounts values (1, 'bench', 'America/Vancouver', 'CA', 'CAD', now());
    insert into streams values (1, 1, 'bench', 'Wall', '{}', '{}', null, '', '', 50, 'open', true, true, 20, null,
                                now(), now(), null);
    insert into stream_authors (account_id, author_id, stream_id, network, author_key, author_name, author_status,
                                stored_count, approved_count, created_at)
    select 1, n, 1, 'mastodon', n, 'Author ' || n, 'new', 20, 20, now() from generate_series(1, 50000) n;
    insert into stream_slices
    select 1, 1, n, 4096 from generate_series(0, {records} - 1, 4096) n;
    insert into stream_records (account_id, feed_record_id, stream_id, network, record_key, author_id, record_status,
        time_position, slice_position, approved_at, created_at, stored_at, caption, links, latitude, longitude, labels,
        terms, reach, props)
    select 1, n, 1, case n % 3 when 2 then 'rss' else 'mastodon' end, n, n % 50000 + 1, 'approved', n,
           (n - 1) / 4096 * 4096, now(), t, t, 'A caption about the match number ' || n, '[]',
           case when n % 100 = 0 then 40 + (n % 7919) / 800.0 when n % 2 = 1 then 49.2767 end,
           case when n % 100 = 0 then -123 when n % 2 = 1 then -123.112 end,
           case when n % 50 = 0 then array['home'] else '{}' end,
           array['@text', 'w' || n % 997, 'x' || n % 20011,
                 case n % 3 when 2 then '@network:rss' else '@network:mastodon' end]
           || case n % 3 when 0 then array['goal', '#goal'] when 1 then array['away'] else '{}'::text[] end
           || case when n % 2 = 0 then array['even'] else '{}'::text[] end
           || case when n <= 300000 then array['opening'] else '{}'::text[] end
           || case when n % 1000 = 7 then array['keeper'] else '{}'::text[] end
           || case when n % 200000 = 9 then array['rare'] else '{}'::text[] end
           || case when n % 50 = 0 then array['@label:home'] else '{}'::text[] end, 10, '{}'
    from (select n, timestamptz '2025-06-01 00:00Z' + n * interval '30 seconds' as t
          from generate_series(1, {records}) n) as r;
    insert into stream_days
    select 1, 1, label, (created_at at time zone 'UTC')::date, count(*), count(*), sum(reach)
    from stream_records cross join unnest(labels || ''::text) label group by 3, 4;
    insert into stream_author_counts values (1, 1, 50000);
    select setval('positions', {records});
"""
YARDSTICK = """
    select * from stream_records where account_id = $1 and feed_record_id < $2 order by feed_record_id desc limit 51
"""


# Half of the records are from one place.
STADIUM = {"start_latitude": 49.2, "end_latitude": 49.3, "start_longitude": -123.2, "end_longitude": -123.1}
BESIDE = {**STADIUM, "start_longitude": -123.1, "end_longitude": -123.0}
BOX = {"start_latitude": 41.0, "end_latitude": 41.2, "start_longitude": -124.0, "end_longitude": -122.0}
SEARCHES: dict[str, dict[str, Any]] = {
    "newest page": {},
    "page in the middle": {"max_time_key": f"0_000_{RECORDS // 2}"},
    "a frequent word": {"q": "goal"},
    "a word of 1,000 records": {"q": "keeper"},
    "a word of 5 records": {"q": "rare"},
    "a word that is nowhere": {"q": "nowhere"},
    "a word of the oldest 300,000 records": {"q": "opening"},
    "two words": {"q": "goal w5"},
    "two frequent words that never meet": {"q": "goal away"},
    "a label": {"label_key": "home"},
    "a label, from the oldest on": {"label_key": "home", "min_time_key": "0_000_0"},
    "a map box": BOX,
    "a map box with half of the records": STADIUM,
    "an empty map box beside them": BESIDE,
    "a frequent word in a map box": {"q": "goal", **STADIUM},
    "a frequent word that is not in the map box": {"q": "even", **STADIUM},
    "a frequent word in an empty map box": {"q": "goal", **BESIDE},
    "a network": {"networks": ["rss"]},
    "two networks": {"networks": ["rss", "mastodon"]},
    "a network that is nowhere": {"networks": ["mail"]},
    "a frequent word and a network that never meet": {"q": "goal", "networks": ["rss"]},
    "a frequent word in networks that are nowhere": {"q": "goal", "networks": ["mail", "form"]},
    "a network in an empty map box": {"networks": ["rss"], **BESIDE},
    "what came since, with a filter": {"q": "nowhere", "min_time_key": f"0_000_{RECORDS - 100}"},
}


def searches() -> dict[str, RecordFilter]:
    """Return the searches by what they look for."""
    return {name: RecordFilter(stream_key=KEY, **fields) for name, fields in SEARCHES.items()}


async def measure(db: Db) -> dict[str, float]:
    """Return the median milliseconds of each call."""
    sections = ["words", "hashtags", "labels"]
    start, end = NOW - timedelta(days=90), NOW - timedelta(hours=5)
    window = SummaryQuery(stream_key=KEY, data=sections, start_time=start, end_time=end)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "yardstick: 51 rows by primary key": lambda: db.rows(YARDSTICK, ACCOUNT, RECORDS // 2),
        "summary": lambda: summary(db, ACCOUNT, SummaryQuery(stream_key=KEY)),
        "summary with all sections": lambda: summary(db, ACCOUNT, SummaryQuery(stream_key=KEY, data=sections)),
        "summary of a window": lambda: summary(db, ACCOUNT, window),
        "summary of a label": lambda: summary(db, ACCOUNT, SummaryQuery(stream_key=KEY, label_key="home")),
    }
    for name, query in searches().items():
        calls[name] = lambda query=query: search(db, ACCOUNT, query)  # type: ignore[misc]
    durations: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            started = time.perf_counter()
            await call()
            durations[name].append((time.perf_counter() - started) * 1000)
    return {name: statistics.median(each) for name, each in durations.items()}


async def main() -> bool:
    """Measure and print; return whether all pages are within their target."""
    with DirectoryLock(FOLDER, "bench"), Embedded(FOLDER) as postgres:
        await migrate(postgres.database_url)
        db = await Db.connect(postgres.database_url, size=3, statement_seconds=1800)
        if not await db.value("select count(*) from accounts"):
            async with db.connection() as connection:
                await connection.execute(FILL.replace("{records}", str(RECORDS)), timeout=1800)
        async with db.connection() as connection:
            await connection.execute("vacuum analyze", timeout=1800)
        medians = await measure(db)
        await db.close()
    for name, median in medians.items():
        print(f"{name:36} {median:8.2f} ms")
    return all(median <= TARGET_MS for name, median in medians.items() if name in searches())


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
