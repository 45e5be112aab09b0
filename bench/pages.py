"""Pages of the Manage Centre over 1,000,000 fans: server time of the main ones, and the weight of a first visit.

    nice python -m bench.pages                      # an embedded PostgreSQL in .data/bench, made once (5 minutes)
    nice python -m bench.pages --dsn postgresql://…  # a database filled by `python -m bench.data`

To the data of `bench.reports` it adds 1,000,000 order lines and consents of the last three
years, and 1,000,000 activities of the last two months. Each page is read
`--rounds` times in turn by a person with the role full, from a server with an audience index beside it. Pages answer
at once; `parts` come after them. The yardstick is the page of API keys, which reads next to nothing. Weights are bytes
on the wire, compressed: `first` with stylesheets, scripts and icons, `later` without. Exits 1 when a page takes more
than 50 ms at the 95th percentile, weighs more than 150 kB at the first visit, or 20 kB later.
"""

import argparse
import asyncio
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench.audience import answer_of, ready, running
from bench.cpu import cpu_seconds, postgres_pid
from bench.data import ACCOUNT
from bench.reports import fill
from bench.search import FOLDER, database
from fanfare.kernel.data.db import Db
from fanfare.staff.actions.sessions import Browser, open_session

TARGET, FIRST_BYTES, LATER_BYTES = 50.0, 150_000, 20_000
ASSET = re.compile(r'(?:href|src)="(/assets/[^"]+)"')
YARDSTICK = "/keys"
PAGES = {
    "Home": "",
    "Fans": "/fans",
    "Fans, three criteria": "/fans?fan_provinces=BC&fan_is_subscribed=true&crm_active_days=400",
    "One fan": "/fans/4711",
    "Segments": "/segments",
    "Campaigns": "/campaigns",
    "Tickets": "/tickets",
    "Purchases": "/purchases",
    "Points": "/points",
    "Links": "/links",
    "Reports": "/reports",
    "Streams": "/streams",
}
PARTS = {
    "Home: figures": "/home/figures",
    "Home: activity": "/home/activity",
    "Home: revenue": "/home/revenue",
    "Home: consent": "/home/consents",
    "Home: campaigns": "/home/campaigns",
    "Home: attention": "/home/attention",
}
ADD = """
    insert into purchases (account_id, network, purchase_key, purchase_id, fan_id, ordered_at, created_at, updated_at,
                           gross_sale_amount, net_sale_amount, currency, order_key, merchant_key, product_name)
    select $1, 'shop', n::text, 50000000 + n, n % 1000000 + 1, now() - n * interval '95 seconds', now(), now(),
           20, 19, 'CAD', n::text, 'club', 'Scarf'
    from generate_series(1, 1000000) n;
    insert into consents (account_id, consent_id, fan_id, channel, is_granted, consent_source, given_at)
    select $1, 50000000 + n, n, 'email', n % 7 > 0, 'bench', now() - (1000000 - n) * interval '95 seconds'
    from generate_series(1, 1000000) n;
    insert into activities (account_id, activity_id, fan_id, page_tab_id, props, created_at)
    select $1, 60000000 + n, n % 1000000 + 1, 9001, '{}', now() - (1000000 - n) * interval '5 seconds'
    from generate_series(1, 1000000) n
"""


async def prepare(dsn: str) -> str:
    """Add what the pages show, and return the cookie of somebody with the role full."""
    await fill(dsn)
    db = await Db.connect(dsn, size=1, statement_seconds=1800)
    if not await db.value("select exists (select from purchases where account_id = $1)", ACCOUNT):
        for statement in ADD.split(";\n"):
            await db.execute(statement.replace("$1", str(ACCOUNT)))
        async with db.connection() as connection:
            await connection.execute("vacuum (analyze)", timeout=1800)
    staff_id = await db.value(
        "insert into staff (email, email_key, staff_name, created_at) values ($1, $1, $1, now())"
        " on conflict (email_key) do update set email = excluded.email returning staff_id",
        "bench@example.com",
    )
    await db.execute(
        "insert into staff_memberships (account_id, staff_id, role, custom_rights, created_at)"
        " values ($1, $2, 'full', '{}', now()) on conflict do nothing",
        ACCOUNT,
        staff_id,
    )
    token = await open_session(db, staff_id, "link", Browser("127.0.0.1", "bench"), datetime.now(UTC))
    await db.close()
    return token


async def weigh(client: httpx.AsyncClient, path: str) -> tuple[int, int]:
    """Return the bytes on the wire of a page alone, and with all that it loads."""

    async def size(url: str) -> tuple[int, str]:
        async with client.stream("GET", url) as answer:
            raw = [each async for each in answer.aiter_raw()]
            answer.raise_for_status()
        return sum(map(len, raw)), "" if url.startswith("/assets") else (await client.get(url)).text

    alone, html = await size(path)
    return alone, alone + sum([(await size(asset))[0] for asset in sorted(set(ASSET.findall(html)))])


async def measure(url: str, token: str, pids: tuple[int, int], rounds: int) -> bool:
    """Print milliseconds and weight of each page and say whether all are within the targets."""
    root = f"/manage/{ACCOUNT}"
    paths = {**PAGES, **PARTS, "yardstick: API keys": YARDSTICK}
    durations: defaultdict[str, list[float]] = defaultdict(list)
    used: defaultdict[str, list[list[float]]] = defaultdict(list)
    headers = {"Accept-Encoding": "gzip"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as client:
        client.cookies.set("fanfare-staff", token, domain="127.0.0.1")
        for number in range(-1, rounds):
            for name, path in paths.items():
                begin = [cpu_seconds(pid) for pid in pids]
                started = time.perf_counter()
                answer = await client.get(root + path)
                milliseconds = (time.perf_counter() - started) * 1000
                if answer.status_code != httpx.codes.OK:
                    sys.exit(f"{name}: {answer.status_code} {answer.text[:400]}")
                if number >= 0:
                    durations[name].append(milliseconds)
                    used[name].append([(cpu_seconds(pid) - each) * 1000 for pid, each in zip(pids, begin, strict=True)])
        weights = {name: await weigh(client, root + path) for name, path in PAGES.items()}
    return show(durations, used, weights)


def show(
    durations: dict[str, list[float]], used: dict[str, list[list[float]]], weights: dict[str, tuple[int, int]]
) -> bool:
    """Print the table; return whether the pages are within the targets."""
    print(f"{'page':28}{'median ms':>10}{'95 % ms':>9}{'CPU ms':>8}{'PG ms':>8}{'first kB':>10}{'later kB':>10}")
    is_met = True
    for name, values in durations.items():
        # The kernel counts in hundredths of a second, so only the mean says more.
        cpu = [statistics.fmean(each) for each in zip(*used[name], strict=True)]
        late = statistics.quantiles(values, n=20)[-1]
        later, first = weights.get(name, (0, 0))
        weight = f"{first / 1000:10.1f}{later / 1000:10.1f}" if first else ""
        print(f"{name:28}{statistics.median(values):10.1f}{late:9.1f}{cpu[0]:8.1f}{cpu[1]:8.1f}{weight}", flush=True)
        if name in PAGES:
            is_met = is_met and late <= TARGET and first <= FIRST_BYTES and later <= LATER_BYTES
    return is_met


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dsn")
    parser.add_argument("--data-dir", type=Path, default=FOLDER)
    parser.add_argument("--scale", type=float, default=1.0, help="of the data, where it is to be made")
    parser.add_argument("--rounds", type=int, default=20)
    criteria = parser.parse_args()
    with database(criteria.dsn, criteria.data_dir, criteria.scale) as dsn, tempfile.TemporaryDirectory() as folder:
        token = asyncio.run(prepare(dsn))
        environment = {"DATABASE_URL": dsn, "FANFARE_DATA_DIR": folder, "FANFARE_PORT": "0"}
        with (
            running("fanfare.cli.index", environment=environment) as index,
            running("fanfare.cli.up", "serve", environment=environment) as server,
        ):
            ready(index, "tables")
            url = answer_of(server, "is running at").split(" at ")[1].split(";")[0].strip()
            pids = (server.pid, postgres_pid(criteria.data_dir))
            is_met = asyncio.run(measure(url, token, pids, criteria.rounds))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
