"""A page of records of a stream with 1,000,000 records, and its summary, beside a page by primary key.

    nice python -m bench.streams                # an embedded PostgreSQL in .data/bench-streams, filled in minutes

Calls the domain's queries over one connection, in turns; milliseconds include the round trips over the socket. Searches
are for a word in a third of the records, one in a thousandth, one in five records, two words, a label, and a map box.
Exits 1 when the median of a page is over its target.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
    insert into stream_records (account_id, feed_record_id, stream_id, network, record_key, author_id, record_status,
        time_position, approved_at, created_at, stored_at, caption, links, latitude, longitude, labels, terms, reach,
        props)
    select 1, n, 1, 'mastodon', n, n % 50000 + 1, 'approved', n, now(), t, t, 'A caption about the match number ' || n,
           '[]', case when n % 100 = 0 then 40 + (n % 7919) / 800.0 end, case when n % 100 = 0 then -123 end,
           case when n % 50 = 0 then array['home'] else '{}' end,
           array['@network:mastodon', '@text', 'w' || n % 997, 'x' || n % 20011]
           || case when n % 3 = 0 then array['goal', '#goal'] else '{}'::text[] end
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


def searches() -> dict[str, RecordFilter]:
    """Return the searches by what they look for."""
    box = RecordFilter(
        stream_key=KEY, start_latitude=41.0, end_latitude=41.2, start_longitude=-124.0, end_longitude=-122.0
    )
    return {
        "newest page": RecordFilter(stream_key=KEY),
        "page in the middle": RecordFilter(stream_key=KEY, max_time_key=f"0_000_{RECORDS // 2}"),
        "a frequent word": RecordFilter(stream_key=KEY, q="goal"),
        "a word of 1,000 records": RecordFilter(stream_key=KEY, q="keeper"),
        "a word of 5 records": RecordFilter(stream_key=KEY, q="rare"),
        "a word that is nowhere": RecordFilter(stream_key=KEY, q="nowhere"),
        "two words": RecordFilter(stream_key=KEY, q="goal w5"),
        "a label": RecordFilter(stream_key=KEY, label_key="home"),
        "a map box": box,
    }


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
