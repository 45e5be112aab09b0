"""The daily pass over the ratings of 1,000,000 fans, and what rating one touched fan costs, beside a bare update.

    nice python -m bench.ratings                     # on the data set of bench.search, made when it is not there
    nice python -m bench.ratings --dsn postgresql://…

The first pass rates everybody; the second, a day later, only reads, but for those who grew old. Chunks are transactions
of 1000 fans; the yardstick writes the ratings of as many fans by a bare update.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path

from bench.data import ACCOUNT, NOW
from bench.search import FOLDER, database
from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import migrate
from fanfare.ratings import actions

BARE = """
    update fans set rating = 1, updated_at = $3 where account_id = $1 and fan_id > $2 and fan_id <= $2 + 1000
"""


async def measure(dsn: str) -> None:
    """Print the table."""
    await migrate(dsn)
    db = await Db.connect(dsn)
    account = await account_by_id(db, ACCOUNT)
    await db.execute("delete from rating_progress where account_id = $1", ACCOUNT)
    print(f"{'':32} {'fans/s':>8} {'chunk ms':>9} {'worst ms':>9}")
    bare = [await _used_of(db.execute(BARE, ACCOUNT, place, NOW)) for place in range(0, 100_000, 1000)]
    print(f"{'yardstick: bare update of 1000':32} {1000 / statistics.mean(bare):8,.0f} {_figures(bare)}", flush=True)
    for name, now in (("first pass, all written", NOW), ("a day later", NOW + timedelta(days=1))):
        used, is_more = [], True
        while is_more:
            started = time.perf_counter()
            is_more = await actions.continue_pass(db, account, now)
            used.append(time.perf_counter() - started)
        print(f"{name:32} {1000 / statistics.mean(used):8,.0f} {_figures(used)}", flush=True)
    one = [await _used_of(actions.rate(db, account, [fan_id * 997], NOW)) for fan_id in range(1, 300)]
    print(f"{'one touched fan':32} {1 / statistics.mean(one):8,.0f} {_figures(one)}")
    spread = "select rating, count(*) from fans where account_id = $1 group by rating order by rating"
    print(", ".join(f"{row[0]}: {row[1]:,}" for row in await db.rows(spread, ACCOUNT)))
    await db.close()


async def _used_of(run: Awaitable[object]) -> float:
    started = time.perf_counter()
    await run
    return time.perf_counter() - started


def _figures(used: list[float]) -> str:
    return f"{statistics.median(used) * 1000:9.1f} {max(used) * 1000:9.1f}"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dsn")
    parser.add_argument("--data-dir", type=Path, default=FOLDER)
    criteria = parser.parse_args()
    with database(criteria.dsn, criteria.data_dir) as dsn:
        asyncio.run(measure(dsn))


if __name__ == "__main__":
    main()
