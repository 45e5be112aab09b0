"""Votes by `increment` of one counter: how many a second, and whether one is lost.

    nice python -m bench.props

One server process on an embedded PostgreSQL, CONNECTIONS callers with the public key, each vote a call; in turn with
the yardstick, an `update` of one row of one counter by as many connections. Then the counters are compared with what
was answered. Exits 1 when a vote is lost, or below 500 votes a second.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx

from bench.activities import UNLIMITED, serving
from bench.cpu import cpu_seconds, postgres_pid, server_pid
from fanfare.accounts.actions import create_account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.kernel.running.embedded import Embedded

CONNECTIONS, TARGET, ROUNDS = 16, 500.0, 3
CHOICES = ("okafor", "lund", "haas")


async def prepare(dsn: str) -> dict[str, str]:
    """Make an account and the table of the yardstick; return the public key."""
    await migrate(dsn)
    db = await Db.connect(dsn, size=1)
    created = await create_account(db, "Bench", datetime.now(UTC), country_code="CA")
    await db.execute("update api_keys set rate_limit = $2 where account_id = $1", created.account_id, UNLIMITED)
    await db.execute("create table yardstick (counter_name text primary key, amount bigint not null)")
    await db.execute("insert into yardstick values ('okafor', 0)")
    await db.close()
    return {"Api-Key": str(created.api_key)}


async def votes(port: int, headers: dict[str, str], seconds: float) -> int:
    """Vote for some seconds and return how many votes were accepted."""
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, limits=limits) as client:
        end, counts = time.monotonic() + seconds, [0] * CONNECTIONS

        async def vote(number: int) -> None:
            while time.monotonic() < end:
                body = {"increment": {CHOICES[counts[number] % len(CHOICES)]: 1}}
                (await client.post("/api/v1/props/vote", json=body)).raise_for_status()
                counts[number] += 1

        await asyncio.gather(*(vote(number) for number in range(CONNECTIONS)))
    return sum(counts)


async def updates(dsn: str, seconds: float) -> int:
    """Update one row for some seconds and return how often."""
    end, counts = time.monotonic() + seconds, [0] * CONNECTIONS

    async def count(number: int) -> None:
        connection = await asyncpg.connect(dsn)
        while time.monotonic() < end:
            await connection.execute("update yardstick set amount = amount + 1 where counter_name = 'okafor'")
            counts[number] += 1
        await connection.close()

    await asyncio.gather(*(count(number) for number in range(CONNECTIONS)))
    return sum(counts)


async def votes_counted(port: int, headers: dict[str, str]) -> int:
    """Return the sum of the counters."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        values: dict[str, int] = (await client.post("/api/v1/props/vote", json={})).json()
    return sum(values.values())


async def measure(dsn: str, folder: Path, seconds: float) -> bool:
    """Print the figures and say whether they suffice."""
    headers = await prepare(dsn)
    rates, baselines, accepted = [], [], 0
    with serving(dsn, folder) as port:
        server, postgres = server_pid(), postgres_pid(folder)
        used = [0.0, 0.0]
        for _ in range(ROUNDS):
            begin = cpu_seconds(server), cpu_seconds(postgres)
            count = await votes(port, headers, seconds)
            used = [
                total + cpu_seconds(pid) - before
                for total, pid, before in zip(used, (server, postgres), begin, strict=True)
            ]
            accepted += count
            rates.append(count / seconds)
            baselines.append(await updates(dsn, seconds) / seconds)
        lost = accepted - await votes_counted(port, headers)
    per_vote = [value / accepted * 1e6 for value in used]
    print(f"votes/s: {max(rates):.0f} (of {', '.join(f'{rate:.0f}' for rate in rates)}); target {TARGET:.0f}")
    print(f"yardstick, updates of one row/s: {max(baselines):.0f}; ratio {max(rates) / max(baselines):.2f}")
    print(f"CPU of a vote: server {per_vote[0]:.0f} µs, PostgreSQL {per_vote[1]:.0f} µs")
    print(f"accepted: {accepted}, lost: {lost}")
    return lost == 0 and max(rates) >= TARGET


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5)
    criteria = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Embedded(Path(folder)) as postgres:
        is_met = asyncio.run(measure(postgres.database_url, Path(folder), criteria.seconds))
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
