"""The report of a move, from what is stored of each row."""

from collections.abc import Mapping, Sequence
from typing import Protocol

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
    def here(self) -> str:
        """Return a query of the ids here, as texts; $1 is the account."""


async def report(
    db: Db,
    move: tuple[int, int],
    tables: Sequence[ReportedTable],
    counts: Mapping[str, int | None],
    call_count: int,
) -> MoveReport:
    """Return the parity of each table of a move, which is an account and an id; `counts` are the source's own."""
    account_id, move_id = move
    url: str = await db.value(
        "select source_url from account_moves where account_id = $1 and move_id = $2", account_id, move_id
    )
    reports = [await _table(db, move, table, counts.get(table.name)) for table in tables]
    return MoveReport(account_id, url, reports, list(NOT_MOVED), call_count)


ROWS = "select own_id, notes from moved_rows where account_id = $1 and move_id = $2 and table_name = $3"
FAN_ROWS = """
    select fan_id::text as own_id, notes from moved_fans
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
           count(*) filter (where not is_here or notes <> '{{}}') as different
    from found
"""
GONE, NOT_READ = "is not here any more", "is counted by the source, but no call gave it"
REASONS = """
    with rows as ({rows})
    select note as reason, count(*) as row_count from rows cross join unnest(notes) as note group by 1
    order by 2 desc, 1
"""


async def _table(db: Db, move: tuple[int, int], table: ReportedTable, there: int | None) -> TableReport:
    rows = FAN_ROWS if table.name == FANS else ROWS
    args = (*move, table.name)
    counts = await db.row(COUNTS.format(rows=rows, here=table.here), *args)
    if counts is None:
        message = "a count has no row"
        raise RuntimeError(message)
    unread = max(0, (there or 0) - counts["rows_read"])
    extra = [Reason(text, count) for text, count in ((GONE, counts["gone"]), (NOT_READ, unread)) if count]
    reasons = await db.rows(REASONS.format(rows=rows), *args)
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
        counts["different"] + unread,
        [*extra, *(Reason(**row) for row in reasons)],
        {row["field_name"]: row["row_count"] for row in unknown},
        dict(table.left_out),
        sorted(await db.value(sql, *args) or ()),
    )
