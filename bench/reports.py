"""A report of each type over 1,000,000 fans, with 5,000,000 activities and 3,000,000 tickets.

    nice python -m bench.reports                      # an embedded PostgreSQL in .data/bench, made once (4 minutes)
    nice python -m bench.reports --dsn postgresql://…  # a database filled by `python -m bench.data`

To the data of `bench.data` it adds a campaign in which every fan took part, a bundle of all campaigns, two years of
figures of 200 ads, 500 trackers with two years of clicks, and a stream. Each report is read `--rounds` times in turn
from a server with an audience index beside it. The yardstick is a count of all fans in PostgreSQL. Exits 1 when one
takes more than 300 ms in the median. CPU is that of the server and PostgreSQL for one reading, or one count.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bench.audience import answer_of, prepare, ready, running
from bench.cpu import cpu_seconds
from bench.data import ACCOUNT, NOW
from bench.search import FOLDER, database
from fanfare.accounts.actions import create_key
from fanfare.kernel.data.db import Db
from fanfare.reports.schemas.types import TYPES

TARGET = 300.0
YARDSTICK = "yardstick: count of all fans"
REPORTS = "/api/v1/manage/reports"
EVERYBODY, BUNDLE, TRACKERS, STREAM = 9001, 9002, 500, "benchstream"
DAYS = {"start_date": str((NOW - timedelta(days=365)).date()), "end_date": str(NOW.date())}
# Each part once; the account's own rows of bench.data stay.
ADD = """
    insert into campaigns (account_id, page_tab_id, title, created_at, updated_at)
    values ($1, 9001, 'Everybody', $2, $2), ($1, 9002, 'Bundle', $2, $2);
    insert into campaign_members select $1, 9002, page_tab_id, page_tab_id from campaigns
    where account_id = $1 and page_tab_id < 9000;
    insert into activities (account_id, activity_id, fan_id, page_tab_id, props, created_at)
    select account_id, 30000000 + fan_id, fan_id, 9001, '{}', $2::timestamptz - (fan_id % 300) * interval '1 day'
    from fans where account_id = $1;
    insert into ad_days
    select $1, $2::timestamptz::date - day, (array['meta', 'google', 'tiktok', 'x'])[1 + ad % 4], 'a', 'c' || ad % 20,
           ad::text, 'Campaign', 'CAD', 10, 1000, 20, 1, 50, 1, 50, 0, 0, 0, 0, $2
    from generate_series(0, 729) as day, generate_series(1, 200) as ad;
    insert into trackers (account_id, tracker_id, host, tracker_key, tracker_name, tracker_group_name, network,
                          target_url, created_at, updated_at)
    select $1, number, '', 'bench' || number, 'Tracker ' || number, 'Bench', 'custom', 'https://shop.example.com/',
           $2, $2
    from generate_series(1, 500) as number;
    insert into tracker_click_days (account_id, tracker_id, figure_date, human_count)
    select $1, tracker, $2::timestamptz::date - day, 100
    from generate_series(1, 500) as tracker, generate_series(0, 729) as day;
    insert into streams values ($1, 1, 'benchstream', 'Wall', '{}', '{}', null, '', '', 50, 'open', true, true, 20,
                                null, $2, $2, null);
    insert into stream_authors (account_id, author_id, stream_id, network, author_key, author_name, author_status,
                                stored_count, approved_count, created_at)
    select $1, n, 1, 'mastodon', n, 'Author ' || n, 'new', 4, 4, $2 from generate_series(1, 50000) n;
    insert into stream_records (account_id, feed_record_id, stream_id, network, record_key, author_id, record_status,
        time_position, slice_position, approved_at, created_at, stored_at, caption, links, labels, terms, reach, props)
    select $1, n, 1, 'mastodon', n, n % 50000 + 1, 'approved', n, n,
           $2, $2::timestamptz - n * interval '3 minutes', $2,
           'A caption about the match number ' || n, '[]', case when n % 50 = 0 then array['home'] else '{}' end,
           array['@network:mastodon', 'w' || n % 997], 10, '{}'
    from generate_series(1, 200000) n;
    insert into stream_days
    select $1, 1, label, (created_at at time zone 'UTC')::date, count(*), count(*), sum(reach)
    from stream_records cross join unnest(labels || ''::text) label where account_id = $1 group by 3, 4;
    insert into stream_author_counts values ($1, 1, 50000)
"""
OPTIONS: dict[str, dict[str, Any]] = {
    "fans": {"fan_provinces": "CA,NY,TX"},
    "segment": {"segment_type": "tag", "segment_id": "1"},
    "campaign": {"page_tab_id": EVERYBODY},
    "campaign_bundle": {"page_tab_id": BUNDLE},
    "ticket_sales": {"by": "event"},
    "tracker": {"tracker_id": 1},
    "stream": {"stream_key": STREAM},
}


async def fill(dsn: str) -> dict[str, str]:
    """Add what `bench.data` lacks, and return keys."""
    await prepare(dsn)
    db = await Db.connect(dsn, size=1, statement_seconds=1800)
    if not await db.value("select exists (select from trackers where account_id = $1)", ACCOUNT):
        async with db.transaction() as tx:
            for statement in ADD.split(";\n"):
                sql = statement.replace("$1", str(ACCOUNT)).replace("$2", f"'{NOW.isoformat()}'::timestamptz")
                await tx.execute(sql)
        async with db.connection() as connection:
            await connection.execute("vacuum (analyze)", timeout=1800)
    key = await create_key(db, ACCOUNT, ["manage", "reports"], datetime.now(UTC), name="reports", rate_limit=1_000_000)
    await db.close()
    return {"Api-Key": str(key.api_key), "Api-Secret": key.api_secret}


async def create(client: httpx.AsyncClient, name: str, *, has_days: bool) -> str:
    """Create a report of a type and return its uid."""
    body = {"report_name": name, "report_type": name, "options": OPTIONS.get(name, {}), **(DAYS if has_days else {})}
    answer = await client.post(REPORTS, json=body)
    if answer.is_error:
        sys.exit(f"{name}: {answer.text}")
    return str(answer.json()["report_uid"])


async def measure(dsn: str, url: str, headers: dict[str, str], pids: tuple[int, int], rounds: int) -> bool:
    """Print the milliseconds of each type and say whether all are within the target."""
    db = await Db.connect(dsn, size=1, statement_seconds=600)
    durations: defaultdict[str, list[float]] = defaultdict(list)
    used: defaultdict[str, list[list[float]]] = defaultdict(list)

    async def read(name: str, run: Callable[[], Awaitable[Any]]) -> None:
        begin = [cpu_seconds(pid) for pid in pids]
        started = time.perf_counter()
        await run()
        durations[name].append((time.perf_counter() - started) * 1000)
        used[name].append([(cpu_seconds(pid) - each) * 1000 for pid, each in zip(pids, begin, strict=True)])

    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as client:
        uids = {name: await create(client, name, has_days=bool(kind.days)) for name, kind in TYPES.items()}
        for _ in range(rounds):
            for name, uid in uids.items():
                await read(name, partial(fetch, client, uid))
            await read(YARDSTICK, partial(db.value, "select count(*) from fans where account_id = $1", ACCOUNT))
    await db.close()
    print(f"{'a report of':32}{'median ms':>10}{'worst':>8}{'CPU ms':>8}{'PG ms':>8}")
    for name, values in durations.items():
        cpu = [statistics.median(each) for each in zip(*used[name], strict=True)]
        print(f"{name:32}{statistics.median(values):10.1f}{max(values):8.1f}{cpu[0]:8.1f}{cpu[1]:8.1f}", flush=True)
    return all(statistics.median(values) <= TARGET for name, values in durations.items() if name in TYPES)


async def fetch(client: httpx.AsyncClient, uid: str) -> None:
    """Read a report."""
    (await client.get(f"/api/v1/reports/{uid}")).raise_for_status()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dsn")
    parser.add_argument("--data-dir", type=Path, default=FOLDER)
    parser.add_argument("--scale", type=float, default=1.0, help="of the data, where it is to be made")
    parser.add_argument("--rounds", type=int, default=5)
    criteria = parser.parse_args()
    with database(criteria.dsn, criteria.data_dir, criteria.scale) as dsn, tempfile.TemporaryDirectory() as folder:
        headers = asyncio.run(fill(dsn))
        environment = {"DATABASE_URL": dsn, "FANFARE_DATA_DIR": folder, "FANFARE_PORT": "0"}
        with (
            running("fanfare.cli.index", environment=environment) as index,
            running("fanfare.cli.up", "serve", environment=environment) as server,
        ):
            ready(index, "tables")
            url = answer_of(server, "is running at").split(" at ")[1].split(";")[0].strip()
            postgres = int(next(criteria.data_dir.rglob("postmaster.pid")).read_text().splitlines()[0])
            is_met = asyncio.run(measure(dsn, url, headers, (server.pid, postgres), criteria.rounds))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
