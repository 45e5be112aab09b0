"""Totals that statements keep beside the rows they come from, and the comparison of both.

Each domain lists its totals in its `totals.py`; `app.totals` returns all of them, and `fanfare verify` compares them.
A statement that keeps a total writes it together with its rows, so that every snapshot of the database agrees.
"""

from collections.abc import AsyncIterator, Iterable

import msgspec

from fanfare.kernel.data.db import Db

# Of each total and account; more of them say the same.
MAX_DIFFERENCES = 100


class Total(msgspec.Struct, frozen=True):
    """One kept total.

    `name` is a plural noun. `figure_sql` reads the totals of the account $1 and `count_sql` counts their rows, both
    with two columns: `key`, a text, and `figure`, a number or text. A key that only one of them has is 0 in the other.
    """

    name: str
    figure_sql: str
    count_sql: str


class Difference(msgspec.Struct, frozen=True):
    """A total that is not what its rows say: `figure` is null where it is missing, `count` where there are no rows."""

    account_id: int
    total: str
    key: str
    figure: str | None
    count: str | None


def _comparison(total: Total) -> str:
    return f"""
        select key, figures.figure::text as figure, counts.figure::text as count
        from ({total.figure_sql}) as figures full join ({total.count_sql}) as counts using (key)
        where coalesce(figures.figure::text, '0') <> coalesce(counts.figure::text, '0')
        order by key limit {MAX_DIFFERENCES}
    """  # noqa: S608 - constants of the domains


async def differences(db: Db, account_id: int, totals: Iterable[Total]) -> AsyncIterator[Difference]:
    """Yield what differs in one account, at most 100 of each total; all totals are compared at one moment."""
    async with db.transaction("repeatable_read") as snapshot:
        for total in totals:
            for row in await snapshot.rows(_comparison(total), account_id):
                yield Difference(account_id, total.name, row["key"], row["figure"], row["count"])
