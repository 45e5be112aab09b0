"""The change log: what happened to an account, in an order that a reader follows without ever missing a late commit.

Every id that a reader pages by is a position, taken from the one sequence `positions`. A writer first publishes in the
lock table a lower bound of the positions that its transaction can take, and announces what it did under a topic:
`announcements.py` has the texts for both. What takes a position must read the CTE `hold`, or come in a later statement
of the same transaction: then the lock stands before the position is taken. A reader asks `settled` and then, in a new
statement, reads no further than that: everything up to it is committed or will never be. Nobody waits for anybody.
Why so: docs/decisions/0002-positions.md.

`settled` is a bound, not a place to go on from: a reader goes on from the last row it saw. A crash may take back the
positions of transactions that never committed, and later ones take them anew.
"""

from datetime import datetime
from typing import Any

import msgspec

from fanfare.kernel.data.db import Db

TRIMMED_AT_ONCE = 5000


class Change(msgspec.Struct, frozen=True):
    """A row of the log. `data` names the changed fields and ids and holds nothing personal."""

    position: int
    topic: str
    subject_id: str
    fan_id: int | None
    occurred_at: datetime
    data: dict[str, Any]


class ChangePage(msgspec.Struct, frozen=True):
    """Changes in their order, the `after` to ask the next page with, and whether this one reached the end for now."""

    changes: list[Change]
    position: int
    is_last: bool


async def settled(db: Db, account_id: int) -> int:
    """Return the position up to which nothing of an account can still appear.

    What is read afterwards must be a new statement with its own snapshot, so this refuses (`RuntimeError`) to run in a
    transaction that keeps one. The sequence is read before the locks, which the subquery that needs its value makes
    sure of: a writer whose lock is not yet there takes its positions later, above it. A lock keeps the lower 32 bits
    of a position; the nearest number to the newest position that ends with them is meant.
    """
    row = await db.row(
        """
        with newest as materialized (select last_value from positions)
        select coalesce(
                   (select min(newest.last_value - 2147483648
                               + ((l.objid::bigint - newest.last_value + 2147483648) & 4294967295))
                    from pg_locks l
                    where l.locktype = 'advisory' and l.objsubid = 2 and l.classid::bigint = $1::bigint & 2147483647
                      and l.database = (select oid from pg_database where datname = current_database())),
                   newest.last_value) as held,
               newest.last_value, current_setting('transaction_isolation') as isolation
        from newest
        """,
        account_id,
    )
    if row is None or row["isolation"] != "read committed":
        message = "settled() needs statements with snapshots of their own: isolation `read committed`"
        raise RuntimeError(message)
    # A writer that came after the sequence was read may hold a higher one.
    bound: int = min(row["held"], row["last_value"])
    return bound


async def feed(db: Db, account_id: int, position: int, limit: int) -> ChangePage:
    """Return at most `limit` changes behind the position `after`, in order, as far as they are settled.

    Following `after` from page to page gives every committed change exactly once.
    """
    bound = await settled(db, account_id)
    rows = await db.rows(
        """
        select position, topic, subject_id, fan_id, occurred_at, data from changes
        where account_id = $1 and position > $2 and position <= $3
        order by position limit $4
        """,
        account_id,
        position,
        bound,
        limit,
    )
    data = [Change(**row) for row in rows]
    return ChangePage(data, data[-1].position if data else position, is_last=len(data) < limit)


async def accounts_with_changes(db: Db) -> list[int]:
    """Return the accounts that may have a log: all."""
    return [row["account_id"] for row in await db.rows("select account_id from accounts order by account_id")]


async def trim_changes(db: Db, account_id: int, older_than: datetime) -> int:
    """Delete an account's changes that occurred before a moment, a few thousand at once; return how many there were.

    It goes from the beginning of the log and stops at a batch that holds a younger change.
    """
    count = 0
    while True:
        word = await db.execute(
            """
            delete from changes
            where account_id = $1 and occurred_at < $2 and position <= (
                select max(oldest.position) from (
                    select position from changes where account_id = $1 order by position limit $3
                ) as oldest)
            """,
            account_id,
            older_than,
            TRIMMED_AT_ONCE,
        )
        deleted = int(word.removeprefix("DELETE "))
        count += deleted
        if deleted < TRIMMED_AT_ONCE:
            return count
