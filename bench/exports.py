"""Exports of activities: rows a second and memory, as CSV, NDJSON and Parquet, beside COPY of the same columns.

    nice python -m bench.exports --rows 1000000

A worker of this process writes the file into an embedded PostgreSQL. The target is 10,000,000 rows in 120 s within 300
MB, 83,333 rows/s. Exits 1 below.
"""

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from bench.imports import account_of
from fanfare.accounts.queries import account_by_id
from fanfare.exports.actions.exports import create_export
from fanfare.exports.actions.running import work
from fanfare.exports.queries.exports import export_of
from fanfare.exports.schemas.exports import FORMATS, FileFormat, NewExport
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.embedded import Embedded

TARGET, MAX_MEGABYTES = 83_333, 300
FILL = """
    insert into activities (account_id, activity_id, fan_id, page_tab_id, ip_address, user_key, props, created_at)
    select $1, nextval('positions'), n % 100000 + 1, null, '192.0.2.' || n % 250, 'key-' || n,
           jsonb_build_object('team', 'blue', 'score', n % 100), timestamptz '2026-01-01' + n * interval '1 second'
    from generate_series(1, $2::bigint) as n
"""
COPY = """
    copy (select activity_id, fan_id, page_tab_id, ip_address, user_key, props::text, created_at from activities
          order by activity_id) to program 'cat > /dev/null' with (format csv)
"""


async def fill(dsn: str, account_id: int, rows: int) -> None:
    """Make the activities."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("set statement_timeout = 0")
    await connection.execute(FILL, account_id, rows)
    await connection.execute("vacuum analyze activities")
    await connection.close()


async def copied(dsn: str) -> float:
    """Return the seconds that COPY of the same columns takes."""
    connection = await asyncpg.connect(dsn)
    begin = time.monotonic()
    await connection.execute(COPY)
    await connection.close()
    return time.monotonic() - begin


async def exported(db: Db, account_id: int, file_format: FileFormat) -> float:
    """Return the seconds of an export."""
    account, now = await account_by_id(db, account_id), datetime.now(UTC)
    begin = time.monotonic()
    new = NewExport(table="activities", format=file_format)
    uid = (await create_export(db, account, new, now)).export_uid
    while await work(db, account_id, now):
        pass
    if (await export_of(db, account_id, uid)).state != "completed":
        sys.exit("the export did not end")
    return time.monotonic() - begin


async def measure(dsn: str, rows: int) -> bool:
    """Print the figures and return whether the target is reached."""
    account_id = await account_of(dsn)
    await fill(dsn, account_id, rows)
    db = (await Db.connect(dsn, size=4)).for_account(account_id)
    print(f"copy     {rows / await copied(dsn):10,.0f} rows/s")
    slowest = float("inf")
    for each in FORMATS:
        rate = rows / await exported(db, account_id, each)
        slowest = min(slowest, rate)
        print(f"{each:8} {rate:10,.0f} rows/s, target {TARGET:,}")
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(f"memory   {memory:10,.0f} MB at most, target {MAX_MEGABYTES}")
    await db.close()
    return slowest >= TARGET and memory <= MAX_MEGABYTES


def main() -> None:
    """Measure on a PostgreSQL of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as directory, Embedded(Path(directory)) as postgres:
        sys.exit(0 if asyncio.run(measure(postgres.database_url, rows)) else 1)


if __name__ == "__main__":
    main()
