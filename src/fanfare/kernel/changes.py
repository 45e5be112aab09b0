"""The change log: what happened to an account, in an order that a reader follows without ever missing a late commit.

Every id that a reader pages by is a position, taken from the one sequence `positions`. A writer first publishes in the
lock table, by `hold_position(account)`, a lower bound of the positions that its transaction can take:

    with hold as materialized (select hold_position($1) as held),
    made as (
        insert into things (account_id, thing_id, …) select $1, nextval('positions'), … from hold returning thing_id
    )
    insert into changes (account_id, position, topic, subject_id, occurred_at, data)
    select $1, thing_id, 'thing.created', thing_id::text, $2, '{}' from made

`hold` is materialized and read first, so the lock stands before the position is taken. A reader asks `settled` and
then, in a new statement, reads no further than that: everything up to it is committed or will never be.
"""

from datetime import datetime
from typing import Any

import msgspec

from fanfare.kernel.db import Db


class Change(msgspec.Struct, frozen=True):
    """A row of the log."""

    position: int
    topic: str
    subject_id: str
    fan_id: int | None
    occurred_at: datetime
    data: dict[str, Any]


async def settled(db: Db, account_id: int) -> int:
    """Return the position up to which nothing of an account can still appear.

    The sequence is read before the locks: a writer whose lock is not yet there takes its positions later, above it.
    """
    bound: int = await db.value(
        """
        with newest as materialized (select last_value from positions)
        select least(newest.last_value, (
            select min(l.objid::bigint << 6) from pg_locks l
            where l.locktype = 'advisory' and l.objsubid = 2 and l.database = (
                      select oid from pg_database where datname = current_database())
              and l.classid = (($1::bigint & 2147483647)::integer)::oid and l.granted
        ))
        from newest
        """,
        account_id,
    )
    return bound


async def feed(db: Db, account_id: int, after: int, limit: int) -> list[Change]:
    """Return the changes behind a position, in order, as far as they are settled."""
    bound = await settled(db, account_id)
    rows = await db.rows(
        """
        select position, topic, subject_id, fan_id, occurred_at, data from changes
        where account_id = $1 and position > $2 and position <= $3
        order by position limit $4
        """,
        account_id,
        after,
        bound,
        limit,
    )
    return [Change(**row) for row in rows]
