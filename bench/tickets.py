"""How fast tickets come in by the hundred over HTTP, beside a raw COPY of the same lines and bare inserts of them.

    nice python -m bench.tickets                   # 100,000 fans and 300,000 tickets are there; two minutes
    nice python -m bench.tickets --scale 0.01      # less there

Two server processes, four connections, 100 tickets a call, an embedded PostgreSQL that waits for the disk. An order has
two lines; nine buyers of ten are there, one is new; the lines of a call are of eight of 400 events. The first yardstick
copies as many lines, also over four connections, into a table with the columns and indexes of `tickets`, one statement
each; the second inserts them by the hundred with their rows of the change log. All take turns, so that what else the
machine does falls on each. Beside each rate stands the CPU time of 100 lines in the server and in PostgreSQL, and how
many cores other programs took: where those are many, judge by the CPU. At the end the rows are counted. Exits 1 when
the rate is missed or a line is.
"""

import argparse
import asyncio
import http.client
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import asyncpg
import msgspec

from bench.activities import Run, Target, median_run, served
from bench.cpu import Meter, postgres_pid, server_pid
from bench.data import ACCOUNT, EVENTS, FIRST_NAMES, LAST_NAMES, NOW, TICKET_COLUMNS, event_day, event_uid
from fanfare.kernel.running.embedded import DirectoryLock, Embedded

CONNECTIONS, WORKERS, BATCH = 4, 2, 100
# Events that the lines of one call are of.
ON_SALE = 8
WANTED = 24_000
HEADERS = {"Content-Type": "application/json"}


def line(chance: random.Random, fans: int, number: int) -> dict[str, object]:
    """Return a ticket as a box office sends it."""
    order = number // 2
    # A feed is in the order of purchase: what is on sale now fills a call.
    event = 1 + (number // BATCH * 37 + order % ON_SALE * 53) % EVENTS
    buyer = random.Random(order)
    fan = buyer.randrange(1, fans + 1)
    person = f"fan{fan}@example.org" if buyer.random() < 0.9 else f"new{order}@example.org"
    bought = NOW - timedelta(minutes=number % 500_000)
    return {
        "first_name": buyer.choice(FIRST_NAMES), "last_name": buyer.choice(LAST_NAMES), "email": person,
        "purchase_timestamp": f"{bought:%Y-%m-%d %H:%M:%S}", "paid_amount": "84.50", "num_seats": 2,
        "event_date": str(event_day(event)), "event_name": f"event {event}", "event_key": f"key {event}",
        "network": "boxoffice", "ticket_key": f"bench {number}", "order_key": f"order {order}",
        "price_code": chance.choice("ABCDEF"), "venue_name": f"venue {event % 40}",
    }  # fmt: skip


def send(target: Target, bodies: list[bytes]) -> int:
    """Send the batches over one connection and return how many tickets were made."""
    client = http.client.HTTPConnection("127.0.0.1", target.port)
    headers = {**HEADERS, "Api-Key": target.api_key, "Api-Secret": target.api_secret}
    created = 0
    for body in bodies:
        client.request("POST", "/api/v1/crm/tickets/bulk", body, headers)
        answer = client.getresponse()
        result = answer.read()
        if answer.status != 200:
            sys.exit(f"{answer.status}: {result[:500]!r}")
        created += result.count(b'"status":"success"')
    client.close()
    return created


def called(target: Target, fans: int, first: int, rows: int) -> float:
    """Return the tickets a second of four clients; the bodies are ready before the clock starts."""
    chance = random.Random(first)
    encode = msgspec.json.Encoder().encode
    bodies = [
        encode([line(chance, fans, start + each) for each in range(BATCH)])
        for start in range(first, first + rows, BATCH)
    ]
    shares = [bodies[number::CONNECTIONS] for number in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        started = time.perf_counter()
        created = sum(pool.map(lambda share: send(target, share), shares))
        used = time.perf_counter() - started
    if created != rows:
        sys.exit(f"{created} of {rows} tickets were made")
    return rows / used


async def copied(dsn: str, fans: int, first: int, rows: int) -> float:
    """Return the lines a second of COPY over four connections."""
    chance = random.Random(first)
    lines = [
        (
            ACCOUNT, 500_000_000 + number, chance.randrange(1, fans + 1),
            event_uid(ACCOUNT, chance.randrange(1, EVENTS + 1)), NOW - timedelta(minutes=number % 500_000), NOW, NOW, 2,
            False, "84.50", "CAD", "boxoffice", f"copied {number}", f"order {number // 2}", "A",
        )
        for number in range(first, first + rows)
    ]  # fmt: skip
    shares = [lines[number::CONNECTIONS] for number in range(CONNECTIONS)]
    connections = [await asyncpg.connect(dsn) for _ in shares]
    await connections[0].execute("create table if not exists bench_copied (like tickets including all)")
    started = time.perf_counter()
    await asyncio.gather(
        *(
            each.copy_records_to_table("bench_copied", records=share, columns=TICKET_COLUMNS.split())
            for each, share in zip(connections, shares, strict=True)
        )
    )
    used = time.perf_counter() - started
    for each in connections:
        await each.close()
    return rows / used


INSERT = """
    with lines as (
        insert into bench_copied (account_id, ticket_id, fan_id, event_uid, purchased_at, created_at, updated_at,
                                  num_seats, is_deleted, paid_amount, currency, network, ticket_key, order_key,
                                  price_code)
        select $1, nextval('positions'), fan_id, event_uid, $2, $2, $2, 2, false, 84.5, 'CAD', 'boxoffice',
               'inserted ' || number, 'order ' || number / 2, 'A'
        from unnest($3::bigint[], $4::uuid[], $5::bigint[]) as g (fan_id, event_uid, number)
        returning ticket_id, fan_id, event_uid
    )
    insert into bench_changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)
    select $1, ticket_id, 'ticket.created', ticket_id, fan_id, $2, jsonb_build_object('event_uid', event_uid) from lines
"""


async def inserted(dsn: str, fans: int, first: int, rows: int) -> float:
    """Return the lines a second of bare inserts of 100, with their rows of the change log, over four connections."""
    connections = [await asyncpg.connect(dsn) for _ in range(CONNECTIONS)]
    await connections[0].execute("create table if not exists bench_changes (like changes including all)")

    async def work(number: int, connection: asyncpg.Connection) -> None:
        chance = random.Random(first + number)
        for start in range(first + number * BATCH, first + rows, CONNECTIONS * BATCH):
            sold = [event_uid(ACCOUNT, chance.randrange(1, EVENTS + 1)) for _ in range(ON_SALE)]
            await connection.execute(
                INSERT,
                ACCOUNT,
                NOW,
                [chance.randrange(1, fans + 1) for _ in range(BATCH)],
                [sold[each % ON_SALE] for each in range(BATCH)],
                list(range(start, start + BATCH)),
            )

    started = time.perf_counter()
    await asyncio.gather(*(work(number, each) for number, each in enumerate(connections)))
    used = time.perf_counter() - started
    for each in connections:
        await each.close()
    return rows / used


async def written(dsn: str) -> tuple[int, int]:
    """Return how many tickets of the calls are there, and how many of their changes are told."""
    db = await asyncpg.connect(dsn)
    there = "select count(*) from tickets where account_id = $1 and ticket_key like 'bench %'"
    result = "select count(*) from changes where account_id = $1 and topic = 'ticket.created'"
    counts = await db.fetchval(there, ACCOUNT), await db.fetchval(result, ACCOUNT)
    await db.close()
    return counts


def measure(dsn: str, target: Target, data_dir: Path, fans: int, rounds: int, rows: int) -> bool:
    """Print the medians of calls and yardsticks and say whether the rate is met and every line is there."""
    called(target, fans, 0, rows // 5)
    postgres = postgres_pid(data_dir)
    results: dict[str, list[Run]] = {name: [] for name in ("raw COPY", "bare inserts", "tickets by the hundred")}
    for each in range(1, rounds + 1):
        first = each * rows
        meter = Meter(postgres)
        results["raw COPY"].append(run(asyncio.run(copied(dsn, fans, first, rows)), meter, rows))
        meter = Meter(postgres)
        results["bare inserts"].append(run(asyncio.run(inserted(dsn, fans, first, rows)), meter, rows))
        meter = Meter(postgres, server_pid())
        results["tickets by the hundred"].append(run(called(target, fans, first, rows), meter, rows))
    medians = {name: median_run(runs) for name, runs in results.items()}
    *_, calls = medians.values()
    for name, result in reversed(medians.items()):
        ratio = f"ratio {calls.rate / result.rate:.2f}" if result is not calls else f"wanted {WANTED:,}"
        print(f"{name:<24}{result.rate:>9,.0f} rows/s  {result.cost}; {ratio}")
    payload = rows // 5 + rounds * rows
    there, told = asyncio.run(written(dsn))
    print(f"sent {payload:,}, there {there:,}, told in the change log {told:,}")
    return calls.rate >= WANTED and there == told == payload


def run(rate: float, meter: Meter, rows: int) -> Run:
    """Return a rate with what each hundred of so many rows has cost."""
    return Run(rate, meter.cost(rows / BATCH))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--scale", type=float, default=0.1, help="share of 1,000,000 fans and 3,000,000 tickets there")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=50_000, help="tickets a round")
    criteria = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        DirectoryLock(Path(name) / "data", "bench"),
        Embedded(Path(name) / "data") as embedded,
        served(embedded.database_url, Path(name), scale=criteria.scale, workers=WORKERS) as target,
    ):
        fans = int(1_000_000 * criteria.scale)
        is_met = measure(
            embedded.database_url,
            target,
            Path(name),
            fans,
            criteria.rounds,
            criteria.rows - criteria.rows % (BATCH * 5),
        )
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
