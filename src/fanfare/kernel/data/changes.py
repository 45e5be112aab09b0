"""The change log: what happened to an account, in an order in which a reader never misses a late commit.

Every id that a reader pages by is a position, taken from the single sequence `positions`. A writer first publishes, in
the lock table, a lower bound of the positions that its transaction can take, and announces its changes under a topic:
`announcements.py` has the SQL for both. Whatever takes a position must read the CTE `hold`, or run in a later statement
of the same transaction, so that the lock exists before the position is taken. A reader queries `settled` and then, in a
new statement, reads up to that position: everything up to it is committed or never will be. Neither side waits. The
reasons are in docs/decisions/0002-positions.md.

`settled` is an upper bound, not a position to continue from: a reader continues from the last row it saw. A crash may
roll back the positions of transactions that never committed, and later transactions take them again.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.rows import read_rows

TRIM_BATCH = 5000
# Rows that a reader of few topics looks at in one step.
MAX_SPAN = 10_000
TRIM = """
    with deleted as (
        delete from changes
        where account_id = $1 and occurred_at < $2 and position <= (
            select max(oldest.position) from (
                select position from changes where account_id = $1 order by position limit $3
            ) as oldest)
        returning position
    ),
    mark as (
        insert into change_trims as t (account_id, position)
        select $1, max(position) from deleted having count(*) > 0
        on conflict (account_id) do update set position = greatest(t.position, excluded.position)
    )
    select count(*) from deleted
"""


class Change(msgspec.Struct, frozen=True):
    """A row of the log. `data` contains names of changed fields and ids, and no personal data."""

    position: int
    topic: str
    subject_id: str
    fan_id: int | None
    occurred_at: datetime
    data: dict[str, Any]


class ChangePage(msgspec.Struct, frozen=True):
    """Changes in order, the `position` to request the next page with, and whether this page is the last one for now."""

    changes: list[Change]
    position: int
    is_last: bool


async def settled(db: Db, account_id: int) -> int:
    """Return the position up to which no new row of an account can appear any more.

    Rows must be read in a later statement with its own snapshot, so this raises `RuntimeError` in a transaction that
    keeps one snapshot. The sequence is read before the locks, which the dependency on its value ensures: a writer that
    is not in the lock table yet takes positions above that value. A lock contains the lower 32 bits of a position,
    which stand for the number nearest to the newest position that ends with them.
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
                   newest.last_value) as lower_bound,
               newest.last_value, current_setting('transaction_isolation') as isolation
        from newest
        """,
        account_id,
    )
    if row is None or row["isolation"] != "read committed":
        message = "settled() needs statements with snapshots of their own: isolation `read committed`"
        raise RuntimeError(message)
    # A writer that started after the sequence was read may have locked a higher position.
    bound: int = min(row["lower_bound"], row["last_value"])
    return bound


async def feed(db: Db, account_id: int, position: int, limit: int) -> ChangePage:
    """Return at most `limit` settled changes after the given position, in order.

    Passing on the position from page to page yields every committed change exactly once.
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
    data = read_rows(Change, rows)
    return ChangePage(data, data[-1].position if data else position, is_last=len(data) < limit)


async def feed_of_topics(
    db: Db, account_id: int, position: int, limit: int, topics: Collection[str] | None = None
) -> ChangePage:
    """Return at most `limit` settled changes of some topics (None: of all) after a position, in order.

    It looks at 10,000 rows at most, so a page can have few changes, or none, and not be the last one.
    """
    if topics is None:
        return await feed(db, account_id, position, limit)
    bound = await settled(db, account_id)
    rows = await db.rows(
        """
        with span as materialized (
            select max(position) as last_position, count(*) as row_count from (
                select position from changes where account_id = $1 and position > $2 and position <= $3
                order by position limit $5) as rows
        )
        select c.position, c.topic, c.subject_id, c.fan_id, c.occurred_at, c.data, span.last_position, span.row_count
        from span
        left join changes c
            on c.account_id = $1 and c.position > $2 and c.position <= span.last_position and c.topic = any($6::text[])
        order by c.position limit $4
        """,
        account_id,
        position,
        bound,
        limit,
        MAX_SPAN,
        list(topics),
    )
    data = [Change(*tuple(row)[: len(Change.__struct_fields__)]) for row in rows if row["position"] is not None]
    if len(data) == limit:
        return ChangePage(data, data[-1].position, is_last=False)
    # The position is that of a row, since `settled` is none to continue from.
    end = rows[0]["last_position"] or position
    return ChangePage(data, end, is_last=rows[0]["row_count"] < MAX_SPAN)


async def newest_position(db: Db, account_id: int) -> int:
    """Return the position of the newest settled change of an account, 0 if there is none."""
    bound = await settled(db, account_id)
    position: int = await db.value(
        "select coalesce(max(position), 0) from changes where account_id = $1 and position <= $2", account_id, bound
    )
    return position


class Extent(msgspec.Struct, frozen=True):
    """The position up to which an account's changes were deleted, and the newest that any account has taken."""

    trimmed: int
    newest: int


async def extent(db: Db, account_id: int) -> Extent:
    """Return the extent of an account's log. Query it after a page, so that none of the page was deleted before."""
    row = await db.row(
        """
        select coalesce((select t.position from change_trims t where t.account_id = $1), 0) as trimmed,
               p.last_value as newest
        from positions p
        """,
        account_id,
    )
    assert row is not None  # noqa: S101 - a sequence has one row
    return Extent(**row)


async def accounts_with_changes(db: Db) -> list[int]:
    """Return the accounts that may have a log, which are all."""
    return [row["account_id"] for row in await db.rows("select account_id from accounts order by account_id")]


async def trim_changes(db: Db, account_id: int, older_than: datetime) -> int:
    """Delete an account's changes that occurred before `older_than`, in batches; return the number deleted.

    It starts at the beginning of the log and stops after a batch that contains a more recent change. The last position
    deleted is kept, so that readers who continue from before it are refused.
    """
    count = 0
    while True:
        deleted: int = await db.value(TRIM, account_id, older_than, TRIM_BATCH)
        count += deleted
        if deleted < TRIM_BATCH:
            return count
