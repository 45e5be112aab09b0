"""Makes the data set of the search figures: 1,000,000 fans, 5,000,000 activities, 3,000,000 tags, idol links, tickets.

    python -m bench.data --dsn postgresql://…          # an empty database; by COPY, in four to six minutes

A second, small account lies in the same tables, so that statistics know more than one tenant. The seed is fixed: two
runs make the same rows, and every age and day counts back from NOW.
"""

import argparse
import asyncio
import itertools
import random
import sys
import time
import uuid
from bisect import bisect
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import asyncpg

from fanfare.campaigns.actions.activities import COUNT_ALL
from fanfare.kernel.data.migrate import migrate

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ACCOUNT, SMALL_ACCOUNT = 1, 2
TAGS, CAMPAIGNS, IDOLS, EVENTS = 60, 30, 200, 400
DAYS = 730
Row = tuple[object, ...]

NAMES = """Ada Aiko Alba Amir Anna Ben Bao Carla Chen Dario Diego Elif Emma Eva Fadi Finn Gina Hana Hugo Ida Ines
Ivan Jack Jana Jose Kai Kofi Lara Lea Leo Lina Luca Luis Maja Mara Marc Maya Mia Milo Nadia Nina Noah Nora Olga Omar
Otto Paul Petra Priya Rafa Rana René Rosa Sami Sara Sofia Theo Tom Uma Vera Viktor Wei Yara Yuki Zoë"""
SURNAMES = """Abe Adams Ahmed Alvarez Bauer Becker Bell Berg Bianchi Brown Castro Chan Costa Cruz Diaz Dubois Evans
Fischer Fox Garcia Gomez Gray Haas Hall Hansen Hill Ito Jansen Jones Khan Kim King Klein Koch Kovac Lee Lopez Lund Ma
Marin Martin Meyer Mori Müller Nagy Nguyen Novak Okafor Olsen Ortiz Park Patel Perez Popov Quinn Reed Rossi Ruiz Sato
Schmidt Silva Singh Smith Suzuki Tanaka Torres Vogel Wagner Walker Wang Weber White Wong Young Zhang"""
FIRST_NAMES, LAST_NAMES = NAMES.split(), SURNAMES.split()
# province, metro area, country, share of the fans
PLACES = [
    ("CA", "Los Angeles", "US", 14), ("NY", "New York", "US", 11), ("TX", "Dallas", "US", 9), ("FL", "Miami", "US", 7),
    ("IL", "Chicago", "US", 6), ("WA", "Seattle", "US", 5), ("CO", "Denver", "US", 4), ("TN", "Nashville", "US", 4),
    ("GA", "Atlanta", "US", 4), ("MA", "Boston", "US", 4), ("OR", "Portland", "US", 3), ("AZ", "Phoenix", "US", 3),
    ("NV", "Las Vegas", "US", 2), ("MI", "Detroit", "US", 3), ("PA", "Philadelphia", "US", 3), ("UT", "Provo", "US", 1),
    ("BC", "Vancouver", "CA", 6), ("ON", "Toronto", "CA", 7), ("QC", "Montreal", "CA", 3), ("AB", "Calgary", "CA", 1),
]  # fmt: skip
GENDERS = ["female", "male", None, "diverse", "other", "empty"]
SOURCES = ["campaign", "tickets", "import", "wifi", "session", "api"]
FAN_COLUMNS = """account_id fan_id first_name last_name email phone gender birth_date country_code province city
postal_code metro_area latitude longitude ip_address is_subscribed is_phone_subscribed is_optout is_confirmed rating
fan_source created_at updated_at position"""
EVENT_COLUMNS = """account_id event_uid network event_key event_name venue_name venue_province artist_name event_date
created_at updated_at"""
TICKET_COLUMNS = """account_id ticket_id fan_id event_uid purchased_at created_at updated_at num_seats is_deleted
paid_amount currency network ticket_key order_key price_code"""


def pick(chance: random.Random, weights: list[int]) -> int:
    """Return an index with a probability in proportion to its weight; `weights` are running totals."""
    return bisect(weights, chance.random() * weights[-1])


def running(weights: list[int]) -> list[int]:
    """Return the running totals of some weights."""
    return list(itertools.accumulate(weights))


def name_of(fan_id: int) -> tuple[str, str]:
    """Return a fan's first and last name, which follow from the id so that every table can tell the email address."""
    mixed = fan_id * 2654435761 % 2**32
    return FIRST_NAMES[mixed % len(FIRST_NAMES)], LAST_NAMES[(mixed >> 16) % len(LAST_NAMES)]


def email_of(fan_id: int) -> str:
    """Return a fan's email address."""
    return f"{'.'.join(name_of(fan_id))}.{fan_id}@example.com".lower()


def fans(chance: random.Random, account: int, first: int, count: int) -> Iterator[Row]:
    """Yield the rows of `fans`, the oldest first: ids follow the time of creation, as they do in life."""
    places, genders, sources = (
        running([each[3] for each in PLACES]),
        running([44, 38, 14, 1, 1, 2]),
        running([35, 30, 15, 8, 7, 5]),
    )
    for number in range(count):
        province, metro, country, _ = PLACES[pick(chance, places)]
        name, surname = name_of(first + number)
        created = NOW - timedelta(days=DAYS * 2) * (1 - number / count)
        has_phone = chance.random() < 0.45
        born = date(2012, 1, 1) - timedelta(days=int(abs(chance.gauss(0, 1)) * 7000)) if chance.random() < 0.7 else None
        postal = (
            f"{chance.randrange(10000, 99999)}"
            if country == "US"
            else f"V{chance.randrange(10)}B {chance.randrange(10)}K{chance.randrange(10)}"
        )
        is_mailed = chance.random() < 0.55
        yield (
            account, first + number, name, surname, email_of(first + number),
            f"+1604{first + number:07d}" if has_phone else None, GENDERS[pick(chance, genders)], born, country,
            province, metro, postal, metro, chance.uniform(25, 55), chance.uniform(-125, -70), "192.0.2.1",
            is_mailed, has_phone and chance.random() < 0.3, not is_mailed and chance.random() < 0.1, is_mailed,
            min(5, 1 + round(chance.expovariate(1.1) * 2) / 2), SOURCES[pick(chance, sources)], created, created,
            first + number,
        )  # fmt: skip


def identifiers(chance: random.Random, account: int, first: int, count: int) -> Iterator[Row]:
    """Yield the rows of `fan_identifiers`: an address each, and outside keys for some."""
    for fan_id in range(first, first + count):
        yield (account, "email", email_of(fan_id), fan_id, NOW)
        for network, share in (("yinzcam", 0.10), ("facebook", 0.04), ("spotify", 0.02)):
            if chance.random() < share:
                yield (account, network, f"{network}-{fan_id}", fan_id, NOW)


def activities(chance: random.Random, account: int, first: int, count: int, params: int) -> Iterator[Row]:
    """Yield the rows of `activities` in the order of time; few fans do most, a third do nothing."""
    for number in range(params):
        fan_id = first + int(count * 0.67 * chance.random() ** 1.6) * 7919 % count
        moment = NOW - timedelta(days=DAYS) * (1 - number / params)
        yield (account, number + 1, fan_id, 1 + int(CAMPAIGNS * number / params), '{"answer": "yes"}', moment)


def fan_tags(chance: random.Random, account: int, first: int, count: int, params: int) -> Iterator[Row]:
    """Yield the rows of `fan_tags`: the first tag is on a tenth of the fans, the last on a few hundred."""
    shares = [1 / (1 + tag) ** 1.1 for tag in range(TAGS)]
    scale = params / sum(shares)
    position = itertools.count(1)
    for tag, share in enumerate(shares):
        number = min(count, int(share * scale))
        for fan_id in chance.sample(range(first, first + count), number):
            moment = NOW - timedelta(minutes=chance.randrange(60 * 24 * DAYS))
            yield (account, tag + 1, fan_id, moment, next(position))


def idol_uid(account: int, idol: int) -> uuid.UUID:
    """Return the uid of an account's idol; they lie in no order, as in life."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{account} {idol}")


def fan_idols(chance: random.Random, account: int, first: int, count: int, params: int) -> Iterator[Row]:
    """Yield the rows of `fan_idols`: the first idol has a fan in six, the last a few thousand; most fans chose them."""
    shares = [1 / (4 + idol) for idol in range(IDOLS)]
    scale = params / sum(shares)
    for idol, share in enumerate(shares):
        for fan_id in chance.sample(range(first, first + count), min(count, int(share * scale))):
            moment = NOW - timedelta(minutes=chance.randrange(60 * 24 * DAYS))
            yield (account, idol_uid(account, idol + 1), fan_id, chance.random() < 0.7, moment, moment)


def event_uid(account: int, event: int) -> uuid.UUID:
    """Return the uid of an account's ticket event."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"ticket event {account} {event}")


def event_day(event: int) -> date:
    """Return the day of a ticket event: they lie over two years, the last sixty days ahead."""
    return NOW.date() + timedelta(days=60 - int((DAYS + 60) * (1 - event / EVENTS)))


def ticket_events(account: int) -> Iterator[Row]:
    """Yield the rows of `ticket_events`: forty venues and eighty artists."""
    for event in range(1, EVENTS + 1):
        province = PLACES[event % 40 % len(PLACES)][0]
        names = (f"key {event}", f"event {event}", f"venue {event % 40}", province, f"artist {event % 80}")
        yield (account, event_uid(account, event), "boxoffice", *names, event_day(event), NOW, NOW)


def tickets(chance: random.Random, account: int, first: int, count: int, params: int) -> Iterator[Row]:
    """Yield the rows of `tickets` in the order of time: half the fans bought, few of them much; most in few levels."""
    levels = running([40, 25, 15, 10, 7, 3])
    uids = [event_uid(account, event) for event in range(1, EVENTS + 1)]
    starts = [datetime.combine(event_day(event), NOW.timetz()) for event in range(1, EVENTS + 1)]
    for number in range(params):
        fan_id = first + int(count * 0.5 * chance.random() ** 1.6) * 7919 % count
        event = min(EVENTS - 1, int(EVENTS * (number + chance.random() * params * 0.1) / (params * 1.1)))
        bought = min(starts[event], NOW) - timedelta(minutes=int(60 * 24 * 90 * chance.random() ** 2))
        level, seats = pick(chance, levels), 1 + int(chance.expovariate(0.7)) % 8
        yield (
            account, 10_000_001 + number, fan_id, uids[event], bought, bought, bought, seats,
            chance.random() < 0.02, (120 - 18 * level) * seats, "CAD", "boxoffice", f"line {number}",
            f"order {number * 5 // 6}", "ABCDEF"[level],
        )  # fmt: skip


async def copy(db: asyncpg.Connection, table: str, columns: list[str], rows: Iterator[Row]) -> None:
    """Copy the rows into a table and print how fast that went."""
    started, done = time.perf_counter(), 0
    while batch := list(itertools.islice(rows, 100_000)):
        await db.copy_records_to_table(table, records=batch, columns=columns)
        done += len(batch)
        print(f"\r{table}: {done:,}", end="", file=sys.stderr, flush=True)
    print(f"\r{table}: {done:,} rows in {time.perf_counter() - started:.0f} s", file=sys.stderr)


async def account(db: asyncpg.Connection, account_id: int, first: int, count: int, scale: float) -> None:
    """Fill one account."""
    chance = random.Random(account_id)
    await programme(db, account_id)
    await copy(db, "fans", FAN_COLUMNS.split(), fans(chance, account_id, first, count))
    columns = ["account_id", "network", "identifier_value", "fan_id", "created_at"]
    await copy(db, "fan_identifiers", columns, identifiers(chance, account_id, first, count))
    columns = ["account_id", "activity_id", "fan_id", "page_tab_id", "props", "created_at"]
    await copy(db, "activities", columns, activities(chance, account_id, first, count, int(5_000_000 * scale)))
    await db.execute(COUNT_ALL, account_id)
    columns = ["account_id", "tag_id", "fan_id", "created_at", "position"]
    await copy(db, "fan_tags", columns, fan_tags(chance, account_id, first, count, int(3_000_000 * scale)))
    columns = ["account_id", "idol_uid", "fan_id", "is_explicit", "created_at", "updated_at"]
    await copy(db, "fan_idols", columns, fan_idols(chance, account_id, first, count, int(3_000_000 * scale)))
    await copy(db, "ticket_events", EVENT_COLUMNS.split(), ticket_events(account_id))
    await copy(db, "tickets", TICKET_COLUMNS.split(), tickets(chance, account_id, first, count, int(3_000_000 * scale)))


async def programme(db: asyncpg.Connection, account_id: int) -> None:
    """Make an account with what its fans can take part in, carry and follow."""
    await db.execute(
        "insert into accounts values ($1, $2, 'America/Vancouver', 'CA', 'CAD', $3)",
        account_id,
        f"bench {account_id}",
        NOW,
    )
    named: dict[str, list[Row]] = {
        "insert into campaigns (account_id, page_tab_id, title, created_at, updated_at) values ($1, $2, $3, $4, $4)": [
            (page_tab_id, f"campaign {page_tab_id}") for page_tab_id in range(1, CAMPAIGNS + 1)
        ],
        "insert into tags values ($1, $2, $3, $4)": [(tag_id, f"tag {tag_id}") for tag_id in range(1, TAGS + 1)],
        """
        insert into idols (account_id, idol_uid, idol_name, idol_type, created_at, updated_at)
        values ($1, $2, $3, 'other', $4, $4)
        """: [(idol_uid(account_id, idol), f"idol {idol}") for idol in range(1, IDOLS + 1)],
    }
    for sql, rows in named.items():
        await db.executemany(sql, [(account_id, *row, NOW) for row in rows])


async def make(dsn: str, scale: float) -> None:
    """Lay the tables and fill them."""
    await migrate(dsn)
    db = await asyncpg.connect(dsn)
    # What refers to a fan is made from the same numbers; checking 9,000,000 foreign keys would double the time.
    await db.execute("set session_replication_role = replica")
    await account(db, ACCOUNT, 1, int(1_000_000 * scale), scale)
    await account(db, SMALL_ACCOUNT, 10_000_001, int(20_000 * scale), scale / 50)
    await db.execute("set session_replication_role = origin")
    await db.execute("vacuum (analyze)")
    await db.execute("create table bench_is_filled ()")
    await db.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--scale", type=float, default=1.0, help="1 makes the whole set")
    criteria = parser.parse_args()
    asyncio.run(make(criteria.dsn, criteria.scale))


if __name__ == "__main__":
    main()
