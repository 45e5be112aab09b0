"""The report of a move, from what is stored of each row."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from fanfare.kernel.data.db import Db
from fanfare.moving.schemas import FANS, MoveReport, Reason, TableReport

NOT_MOVED = (
    "passwords: fans log in with a code, or set a new one",
    "the ledger of consents: only whether a fan is subscribed now; wordings, times and sources stay there",
    "purchases and scans of networks and groups that are not named by --include",
    "filters and snapshots: the source lists their names, not their criteria",
    "quiz questions, wagers and other items of campaigns, views, and detailed statistics",
    "streams with their records, portals, quests and rewards, reports, figures of advertising, clicks of trackers",
    "schedules of fans, and IP addresses that are banned or allowed",
    "files: pictures stay at the addresses that they have there",
)


class ReportedTable(Protocol):
    """A table of the source."""

    @property
    def name(self) -> str:
        """Return its name."""

    @property
    def left_out(self) -> Mapping[str, str]:
        """Return the fields that are left out, with why."""

    @property
    def continues(self) -> bool:
        """Return whether a later run does not read what an earlier one has read."""

    @property
    def limit(self) -> int | None:
        """Return how many rows the source lists at most."""

    @property
    def here(self) -> str:
        """Return a query of the ids here, as texts; $1 is the account."""


class MoveKey(NamedTuple):
    """A run of a move of an account."""

    account_id: int
    move_id: int
    run_number: int


async def report(
    db: Db,
    move: MoveKey,
    tables: Sequence[ReportedTable],
    counts: Mapping[str, int | None],
    call_count: int,
) -> MoveReport:
    """Return the parity of each table of a move; `counts` are the source's own."""
    url: str = await db.value(
        "select source_url from account_moves where account_id = $1 and move_id = $2", move.account_id, move.move_id
    )
    reports = [await _table(db, move, table, counts.get(table.name)) for table in tables]
    return MoveReport(move.account_id, url, reports, list(NOT_MOVED), call_count)


ROWS = """
    select own_id, notes, run_number < $4 as is_unseen
    from moved_rows where account_id = $1 and move_id = $2 and table_name = $3
"""
FAN_ROWS = """
    select fan_id::text as own_id, notes, false and $4::integer is null as is_unseen from moved_fans
    where account_id = $1 and move_id = $2 and $3::text is not null
"""
COUNTS = """
    with rows as ({rows}), here as materialized ({here}),
    found as (
        select rows.*, own_id is not null and exists (select from here h (id) where h.id = rows.own_id) as is_here
        from rows
    )
    select count(*) as rows_read, count(*) filter (where is_here) as here,
           count(*) filter (where own_id is not null and not is_here) as gone,
           count(*) filter (where is_unseen) as unseen,
           count(*) filter (where not is_here or notes <> '{{}}' or is_unseen) as different
    from found
"""
GONE, NOT_READ = "is not here any more", "is counted by the source, but no call gave it"
UNSEEN = "was not given again: it may be deleted there"
FEWER = "is more than the source counts: fans were deleted or merged there"
REASONS = """
    with rows as ({rows})
    select note as reason, count(*) as row_count from rows cross join unnest(notes) as note group by 1
    order by 2 desc, 1
"""
# Fans who are one there are counted once.
FANS_THERE = """
    select count(*) from moved_fans
    where account_id = $1 and move_id = $2 and not notes && array['was merged there', 'is not there any more']
"""


async def _table(db: Db, move: MoveKey, table: ReportedTable, there: int | None) -> TableReport:
    rows = FAN_ROWS if table.name == FANS else ROWS
    args = move.account_id, move.move_id, table.name
    # A table that continues is not read again.
    counted_args = (*args, 0 if table.continues else move.run_number)
    counts = await db.row(COUNTS.format(rows=rows, here=table.here), *counted_args)
    if counts is None:
        message = "a count has no row"
        raise RuntimeError(message)
    unread = max(0, (there or 0) - counts["rows_read"])
    surplus = 0 if table.name != FANS or there is None else max(0, await db.value(FANS_THERE, *args[:2]) - there)
    extra = [(GONE, counts["gone"]), (NOT_READ, unread), (UNSEEN, counts["unseen"]), (FEWER, surplus)]
    reasons = await db.rows(REASONS.format(rows=rows), *counted_args)
    unknown = await db.rows(
        """
        select field_name, row_count from move_fields
        where account_id = $1 and move_id = $2 and table_name = $3 order by field_name
        """,
        *args,
    )
    sql = "select incomplete_days from move_tables where account_id = $1 and move_id = $2 and table_name = $3"
    return TableReport(
        table.name,
        there,
        counts["rows_read"],
        counts["here"],
        counts["different"] + unread + surplus,
        [*(Reason(text, count) for text, count in extra if count > 0), *(Reason(**row) for row in reasons)],
        {row["field_name"]: row["row_count"] for row in unknown},
        dict(table.left_out),
        sorted(await db.value(sql, *args) or ()),
        table.limit if table.limit is not None and counts["rows_read"] >= table.limit else None,
    )
