"""Imports of every kind, of fans also with custom fields and with opt-ins to a business: rows a second.

COPY of the fans alone stands beside them.

    nice python -m bench.imports --rows 100000

A worker of this process imports a CSV file from an embedded PostgreSQL. COPY makes no identifiers, no announcements
and finds nobody; it is a bound, not a rival. The CPU time of a row is printed for the worker and for PostgreSQL, which
work at the same time: on two free cores the larger one decides. With --profile the functions that take the time of the
worker's loop are printed; --files names the files to import, such as "fans registrations".
"""

import argparse
import asyncio
import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from bench.cpu import cpu_seconds, postgres_pid
from fanfare.accounts.actions import create_account, create_business
from fanfare.accounts.schemas import NewBusiness
from fanfare.fans.actions.fields import save_field
from fanfare.fans.schemas.attributes import FieldDefinition
from fanfare.imports.actions.imports import create_import, run_import
from fanfare.imports.actions.running import work
from fanfare.imports.actions.uploads import receive_file
from fanfare.imports.queries.imports import import_of
from fanfare.imports.schemas.imports import FilePart, NewImport, Run
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.running.embedded import Embedded
from fanfare.kernel.running.garbage import collect_rarely
from fanfare.kernel.running.threads import switch_often
from fanfare.points.actions.categories import create_point
from fanfare.points.schemas.points import NewPoint

TARGET = 20_000
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


async def account_of(dsn: str) -> int:
    """Make the tables and an account; return its id."""
    await migrate(dsn)
    db = await Db.connect(dsn, size=1)
    now = datetime.now(UTC)
    created = await create_account(db, "Bench", now, country_code="CA")
    for key in ("seat", "block"):
        await save_field(db, created.account_id, FieldDefinition(crm_field_key=key, field_type="text"), now)
    await create_point(db, created.account_id, NewPoint(point_name="Loyalty"), now)
    business_id = await create_business(db, created.account_id, NewBusiness(business_name="Hall"), now)
    await db.close()
    if business_id != 1:
        sys.exit(f"the business of the file of opt-ins has the id {business_id}")
    return created.account_id


def fans(rows: int) -> Iterator[str]:
    """Yield the lines of a file of fans."""
    yield "email,first_name,last_name,phone,birth_date,is_subscribed\n"
    for number in range(rows):
        phone = f"+1604{number + 2_000_000:07}"
        yield f"fan{number}@example.com,First{number % 500},Last{number % 900},{phone},1990-04-03,yes\n"


def seats(rows: int) -> Iterator[str]:
    """Yield the lines of a file of fans with two custom fields."""
    yield "email,first_name,field_seat,field_block\n"
    for number in range(rows):
        yield f"holder{number}@example.com,First{number % 500},{number},{number % 30}\n"


def profiles(rows: int) -> Iterator[str]:
    """Yield the lines of a file of fans as their export has them: with coordinates, and whose address is confirmed."""
    yield "email,first_name,latitude,longitude,is_confirmed,image_url\n"
    for number in range(rows):
        place = f"{40 + number % 900 / 100},{-120 + number % 700 / 100}"
        yield f"profile{number}@example.com,First{number % 500},{place},yes,https://example.com/{number}.png\n"


def activities(rows: int) -> Iterator[str]:
    """Yield the lines of a file of activities of these fans."""
    yield "email,campaign_title,activity_timestamp,field_team\n"
    for number in range(rows):
        yield f"fan{number}@example.com,Quiz,{(BEGIN + timedelta(seconds=number)).isoformat()},blue\n"


def opt_ins(rows: int) -> Iterator[str]:
    """Yield the lines of a file of fans who agree to messages of a business, the first of the account."""
    yield "email,first_name,business_1,consent_timestamp\n"
    for number in range(rows):
        yield f"member{number}@example.com,First{number % 500},yes,2025-02-01T10:00:00Z\n"


def consents(rows: int) -> Iterator[str]:
    """Yield the lines of a file of consents of the first fans."""
    yield "email,channel,is_granted,consent_wording,consent_timestamp\n"
    for number in range(rows):
        yield f"fan{number}@example.com,phone,{'yes' if number % 3 else 'no'},Call me,2025-02-01T10:00:00Z\n"


def registrations(rows: int) -> Iterator[str]:
    """Yield the lines of a file of registrations of new people, who agree to emails."""
    yield "registration_key,network,registration_timestamp,event_name,event_date,first_name,last_name,email,"
    yield "is_subscribed\n"
    for number in range(rows):
        yield f"key{number},gate,2025-02-01T10:00:00Z,Tide,2025-06-01,First{number % 500},Last{number % 900},"
        yield f"guest{number}@example.com,yes\n"


def tickets(rows: int) -> Iterator[str]:
    """Yield the lines of a file of tickets of new people."""
    yield "email,first_name,last_name,purchase_timestamp,paid_amount,num_seats,event_date,event_name,ticket_key\n"
    for number in range(rows):
        buyer = f"buyer{number}@example.com,First{number % 500},Last"
        yield f"{buyer},2025-02-01T10:00:00Z,10,1,2025-06-01,Match,t{number}\n"


def purchases(rows: int) -> Iterator[str]:
    """Yield the lines of a file of purchases of new people."""
    yield "purchase_key,network,order_key,merchant_key,order_timestamp,gross_sale_amount,net_sale_amount,email\n"
    for number in range(rows):
        yield f"p{number},shop,o{number},m,2025-02-01T10:00:00Z,10,9,customer{number}@example.com\n"


def points(rows: int) -> Iterator[str]:
    """Yield the lines of a file of points of the first fans."""
    yield "email,point_name,point_count,award_timestamp\n"
    for number in range(rows):
        yield f"fan{number}@example.com,Loyalty,10,2025-02-01T10:00:00Z\n"


def suppressions(rows: int) -> Iterator[str]:
    """Yield the lines of a suppression list."""
    yield "email,reason\n"
    for number in range(rows):
        yield f"bounced{number}@example.com,bounce\n"


# The files, by their names here: the kind of their rows and what writes them.
KINDS = {
    "fans": ("fans", fans),
    "seats": ("fans", seats),
    "profiles": ("fans", profiles),
    "activities": ("activities", activities),
    "opt-ins": ("fans", opt_ins),
    "consents": ("consents", consents),
    "registrations": ("registrations", registrations),
    "tickets": ("tickets", tickets),
    "purchases": ("purchases", purchases),
    "points": ("points", points),
    "suppressions": ("suppressions", suppressions),
}


async def imported(db: Db, account_id: int, kind: str, rows: int, server: int) -> float:
    """Import a file, print its CPU time and return the seconds of the run; `server` is the process of PostgreSQL."""
    of_kind, lines = KINDS[kind]
    now = datetime.now(UTC)
    uid = (await create_import(db, account_id, NewImport(kind=of_kind), now)).import_uid

    async def body() -> AsyncIterator[bytes]:
        yield "".join(lines(rows)).encode()

    await receive_file(db, account_id, FilePart(import_uid=uid), Upload(body()), now)
    await run_import(db, account_id, Run(import_uid=uid), now)
    begin, worker, postgres = time.monotonic(), time.process_time(), cpu_seconds(server)
    while await work(db, account_id, now):
        pass
    seconds = time.monotonic() - begin
    cpu = f"CPU of a row: worker {(time.process_time() - worker) / rows * 1e6:.0f} µs, "
    print(f"{kind:10} {cpu}PostgreSQL {(cpu_seconds(server) - postgres) / rows * 1e6:.0f} µs")
    result = await import_of(db, account_id, uid)
    if result.state != "completed" or result.error_count:
        sys.exit(f"the import ended as {result.state} with {result.error_count} errors")
    return seconds


async def copied(dsn: str, rows: int) -> float:
    """Return the seconds that COPY of as many fans takes, into a table of their columns."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("create table yardstick (like fans including defaults including indexes)")
    now = datetime.now(UTC)
    records = [
        (1, number, number, now, now, f"fan{number}@example.com", f"First{number % 500}", False, False, False)
        for number in range(rows)
    ]
    columns = (
        "account_id", "fan_id", "position", "created_at", "updated_at", "email", "first_name", "is_subscribed",
        "is_phone_subscribed", "is_optout",
    )  # fmt: skip
    begin = time.monotonic()
    await connection.copy_records_to_table("yardstick", records=records, columns=columns)
    await connection.close()
    return time.monotonic() - begin


async def measure(dsn: str, rows: int, server: int, files: Sequence[str]) -> bool:
    """Print the figures of files and return whether the target is reached."""
    account_id = await account_of(dsn)
    db = (await Db.connect(dsn, size=4)).for_account(account_id)
    rates = {kind: rows / await imported(db, account_id, kind, rows, server) for kind in files}
    await db.close()
    print(f"copy       {rows / await copied(dsn, rows):10,.0f} fans/s")
    for kind, rate in rates.items():
        print(f"{kind:10} {rate:10,.0f} rows/s, target {TARGET:,}")
    return all(rates.get(kind, TARGET) >= TARGET for kind in ("fans", "activities"))


def main() -> None:
    """Measure on a PostgreSQL of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--files", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    # as a worker does
    switch_often()
    collect_rarely()
    with (
        tempfile.TemporaryDirectory() as directory,
        Embedded(Path(directory)) as postgres,
        cProfile.Profile() as profile,
    ):
        if not options.profile:
            profile.disable()
        is_met = asyncio.run(measure(postgres.database_url, options.rows, postgres_pid(Path(directory)), options.files))
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
