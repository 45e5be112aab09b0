"""The check of a session beside pgbench, and password logins beside other calls.

    python -m bench.sessions             # needs wrk and pgbench; takes two minutes

`sessions/{session_uid}/fan` is what a site asks on each of its pages: its rate beside pgbench running the very
statement. Then a fan is read 40 times a second, alone and beside 20 logins a second: the 99th percentile of both. One
server process, an embedded PostgreSQL that waits for the disk.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench import data
from bench.activities import FANS, Contest, Target, compete, served
from fanfare.fans.actions.passwords import password_hash
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.embedded import DirectoryLock, Embedded
from fanfare.sessions.queries.sessions import FAN_BY_HASH

UID = "00000000-0000-4000-8000-"
PASSWORD = "correct horse"  # noqa: S105 - of made-up fans
# The bytes of the uid that ends with the number of the fan, in pgbench's words.
BYTES = f"decode(replace('{UID}' || lpad(:fan::text, 12, '0'), '-', ''), 'hex')"
CHECK = Contest(
    "fan of a session, by GET",
    f"""wrk.format("GET", "/api/v1/sessions/{UID}" .. string.format("%012d", fan) .. "/fan", head)""",
    FAN_BY_HASH,
    (str(data.ACCOUNT), f"sha256({BYTES})", "now()"),
    0.30,
)
READS, LOGINS = 40, 20


async def fill(dsn: str) -> None:
    """Give every fan a session and a password."""
    db = await Db.connect(dsn, size=1, statement_seconds=600)
    await db.execute(
        f"""
        insert into sessions (account_id, session_id, session_hash, fan_id, login_method, created_at, used_at,
                              expires_at)
        select account_id, nextval('positions'),
               sha256(decode(replace('{UID}' || lpad(fan_id::text, 12, '0'), '-', ''), 'hex')), fan_id, 'password',
               $2, $2, $2::timestamptz + interval '1 day'
        from fans where account_id = $1
        """,  # noqa: S608 - fixed parts
        data.ACCOUNT,
        datetime.now(UTC),
    )
    stored = await password_hash(data.ACCOUNT, PASSWORD)
    await db.execute("update fans set password_hash = $2 where account_id = $1 and fan_id < 1000", data.ACCOUNT, stored)
    await db.execute("vacuum (analyze) sessions, fans")
    await db.close()


async def paced(rate: float, seconds: float, client: httpx.AsyncClient, *, is_login: bool) -> list[float]:
    """Make calls at a rate, whether or not those before are answered; return how many milliseconds each took."""
    started = time.perf_counter()

    async def one(number: int) -> float:
        await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
        begin, fan_id = time.perf_counter(), number % 900 + 1
        if is_login:
            form = {"network": "email", "email": f"fan{fan_id}@example.org", "password": PASSWORD}
            answer = await client.post("/api/v1/sessions/connect", data=form)
        else:
            answer = await client.get(f"/api/v1/sessions/{UID}{fan_id:012}/fan")
        answer.raise_for_status()
        return (time.perf_counter() - begin) * 1000

    return await asyncio.gather(*(one(number) for number in range(int(rate * seconds))))


async def beside_logins(target: Target, seconds: float) -> bool:
    """Print the 99th percentile of reads alone and beside logins; say whether it is doubled at most."""
    keys = {"Api-Key": target.api_key, "Api-Secret": target.api_secret}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{target.port}", headers=keys, timeout=60) as client:
        await paced(READS, 2, client, is_login=False)
        alone = await paced(READS, seconds, client, is_login=False)
        beside, logins = await asyncio.gather(
            paced(READS, seconds, client, is_login=False), paced(LOGINS, seconds, client, is_login=True)
        )
    worst = [statistics.quantiles(each, n=100)[98] for each in (alone, beside)]
    p99 = statistics.quantiles(logins, n=100)[98]
    print(f"a fan read, p99: {worst[0]:.1f} ms alone, {worst[1]:.1f} beside {LOGINS} logins/s; wanted at most twice")
    print(f"a login: median {statistics.median(logins):.0f} ms, p99 {p99:.0f}")
    return worst[1] <= 2 * worst[0]


def main() -> None:
    """Read the command line, run both, and fail when one falls short."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    criteria = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        DirectoryLock(Path(name) / "data", "bench"),
        Embedded(Path(name) / "data") as embedded,
        served(embedded.database_url, Path(name)) as target,
    ):
        asyncio.run(fill(embedded.database_url))
        print(f"{FANS:,} fans with a session each")
        is_fast = compete(CHECK, target, Path(name), criteria.rounds, criteria.seconds)
        is_fair = asyncio.run(beside_logins(target, criteria.seconds * 5))
    sys.exit(0 if is_fast and is_fair else 1)


if __name__ == "__main__":
    main()
