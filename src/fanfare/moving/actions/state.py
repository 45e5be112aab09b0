"""The state of a move: its place in each table, and what each row there became here."""

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import UNSTORABLE, Db
from fanfare.kernel.errors import CannotRun
from fanfare.moving.gateways import Source
from fanfare.moving.schemas import FANS, Options, Outcome, Page, Row

# Of an id that PostgreSQL stores.
MAX_DIGITS = 18
# What comes of rows that are not what the documentation says.
UNDOCUMENTED = (KeyError, TypeError, AttributeError, ValueError, OverflowError, *UNSTORABLE)


class Run(NamedTuple):
    """A run of a move, the number of this one, and the key of hashes of rows."""

    move_id: int
    started_at: datetime
    number: int
    hash_key: uuid.UUID


class Move(msgspec.Struct):
    """A move that a command works on."""

    db: Db
    account: Account
    source: Source
    options: Options
    run: Run
    now: Callable[[], datetime]

    @property
    def move_id(self) -> int:
        """The id of the move."""
        return self.run.move_id

    @property
    def started_at(self) -> datetime:
        """When its first run began."""
        return self.run.started_at


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the source.

    `fields` are those that `write` reads, `left_out` those that it leaves out, with why. A row that is here is written
    again if `has_updates`, or if `has_changes` and it was changed there. A table that `continues` begins a later run
    where the last one ended. `fan_fields` name fans, who are fetched before the rows are written. `here` is a query of
    the ids here ($1 is the account), as texts; `count` asks the source for its own count, which is null if it gives
    none. The source lists no more than `limit` rows.
    """

    name: str
    key: Callable[[Row], str]
    read: Callable[[Move, str | None], Awaitable[Page]]
    write: Callable[[Move, Db, list[Row]], Awaitable[list[Outcome]]]
    fields: frozenset[str]
    here: str
    count: Callable[[Move], Awaitable[int | None]] | None = None
    left_out: Mapping[str, str] = {}
    has_updates: bool = False
    has_changes: bool = False
    continues: bool = False
    fan_fields: tuple[str, ...] = ()
    limit: int | None = None


async def begin(db: Db, account: Account, url: str, tables: Sequence[Table], now: datetime) -> Run:
    """Begin a move, continue one that ended early, or begin another run of one that is finished."""
    async with db.transaction() as tx:
        row = await tx.row(
            """
            insert into account_moves (account_id, move_id, source_url, started_at)
            values ($1, nextval('positions'), $2, $3)
            on conflict (account_id, source_url) do update set source_url = excluded.source_url
            returning move_id, started_at, finished_at, run_number, hash_key
            """,
            account.id,
            url,
            now,
        )
        if row is None:
            message = "the move was not stored"
            raise RuntimeError(message)
        await tx.execute(
            """
            insert into move_tables (account_id, move_id, table_name)
            select $1, $2, name from unnest($3::text[]) as name on conflict (account_id, move_id, table_name) do nothing
            """,
            account.id,
            row["move_id"],
            [each.name for each in tables],
        )
        number = row["run_number"]
        if row["finished_at"] is not None:
            await _begin_again(tx, account.id, row["move_id"], [each.name for each in tables if each.continues])
            number += 1
        return Run(row["move_id"], row["started_at"], number, row["hash_key"])


async def _begin_again(db: Db, account_id: int, move_id: int, continuing: list[str]) -> None:
    await db.execute(
        """
        update move_tables
        set is_done = false, incomplete_days = '{}', cursor = case when table_name = any($3::text[]) then cursor end
        where account_id = $1 and move_id = $2
        """,
        account_id,
        move_id,
        continuing,
    )
    await db.execute(
        "update account_moves set finished_at = null, run_number = run_number + 1"
        " where account_id = $1 and move_id = $2",
        account_id,
        move_id,
    )


async def finish(move: Move) -> None:
    """Note that all tables were read."""
    await move.db.execute(
        "update account_moves set finished_at = $3 where account_id = $1 and move_id = $2",
        move.account.id,
        move.move_id,
        move.now(),
    )


async def place(move: Move, table: str) -> tuple[str | None, bool]:
    """Return the cursor of a table, and whether it is done."""
    row = await move.db.row(
        "select cursor, is_done from move_tables where account_id = $1 and move_id = $2 and table_name = $3",
        move.account.id,
        move.move_id,
        table,
    )
    return (row["cursor"], row["is_done"]) if row else (None, False)


class OtherCommand(CannotRun):
    """Another command moves this account."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("another command works on this move; wait for its end")


async def advance(move: Move, db: Db, table: str, cursors: tuple[str | None, str | None], page: Page) -> None:
    """Move on behind a page, between two cursors, in the caller's transaction; OtherCommand if the first is not it."""
    updated = await db.value(
        """
        update move_tables set cursor = $5, is_done = $6, incomplete_days = incomplete_days || $7::date[]
        where account_id = $1 and move_id = $2 and table_name = $3 and cursor is not distinct from $4 and not is_done
        returning true
        """,
        move.account.id,
        move.move_id,
        table,
        *cursors,
        page.cursor is None,
        page.incomplete_days,
    )
    if not updated:
        raise OtherCommand


def id_there(value: object) -> int:
    """Return an id there, a number or its digits; ValueError for anything else, such as true, which is 1 to Python."""
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS:
        message = "must be an id"
        raise ValueError(message)
    return int(text)


async def own_ids(move: Move, db: Db, table: str, foreign_ids: Iterable[object]) -> dict[str, str | None]:
    """Return what rows of a table became here, by their ids there; rows that were not read yet are missing."""
    ids = list({str(each) for each in foreign_ids if each is not None})
    if table == FANS:
        return {
            str(key): None if fan_id is None else str(fan_id) for key, fan_id in (await fan_ids(move, db, ids)).items()
        }
    rows = await db.rows(
        """
        select foreign_id, own_id from moved_rows
        where account_id = $1 and move_id = $2 and table_name = $3 and foreign_id = any($4::text[])
        """,
        move.account.id,
        move.move_id,
        table,
        ids,
    )
    return {row["foreign_id"]: row["own_id"] for row in rows}


async def fan_ids(move: Move, db: Db, foreign_ids: Iterable[object]) -> dict[int, int | None]:
    """Return the fans here by their ids there; fans who were not read yet are missing. ValueError for what is no id."""
    rows = await db.rows(
        """
        select foreign_id, fan_id from moved_fans
        where account_id = $1 and move_id = $2 and foreign_id = any($3::bigint[])
        """,
        move.account.id,
        move.move_id,
        list({id_there(each) for each in foreign_ids if each is not None}),
    )
    return {row["foreign_id"]: row["fan_id"] for row in rows}


async def erased_fans(move: Move, db: Db, foreign_ids: Iterable[int]) -> set[int]:
    """Return those of the fans there who were erased here."""
    rows = await db.rows(
        """
        select foreign_id from moved_fans
        where account_id = $1 and move_id = $2 and foreign_id = any($3::bigint[]) and is_erased
        """,
        move.account.id,
        move.move_id,
        list(foreign_ids),
    )
    return {row["foreign_id"] for row in rows}


async def remember(
    move: Move, db: Db, table: str, outcomes: Sequence[Outcome], hashes: Mapping[str, bytes] | None = None
) -> None:
    """Store what became of rows, in the caller's transaction; `hashes` are those of what they have there."""
    by_id = {each.foreign_id: each for each in outcomes}
    args = (
        move.account.id,
        move.move_id,
        list(by_id),
        [each.own_id for each in by_id.values()],
        [msgspec.json.encode(each.notes).decode() for each in by_id.values()],
    )
    if table == FANS:
        await db.execute(REMEMBER_FANS, *args, [each.is_erased for each in by_id.values()])
    else:
        await db.execute(REMEMBER, *args, table, move.run.number, [(hashes or {}).get(key) for key in by_id])


NOTES = "array(select jsonb_array_elements_text(g.notes::jsonb))"
REMEMBER = f"""
    insert into moved_rows (account_id, move_id, table_name, foreign_id, own_id, notes, run_number, content_hash)
    select $1, $2, $6, g.foreign_id, g.own_id, {NOTES}, $7, g.content_hash
    from unnest($3::text[], $4::text[], $5::text[], $8::bytea[]) as g (foreign_id, own_id, notes, content_hash)
    on conflict (account_id, move_id, table_name, foreign_id) do update
    set own_id = excluded.own_id, notes = excluded.notes, run_number = excluded.run_number,
        content_hash = excluded.content_hash
"""  # noqa: S608 - fixed parts
REMEMBER_FANS = f"""
    insert into moved_fans as m (account_id, move_id, foreign_id, fan_id, notes, is_erased)
    select $1, $2, g.foreign_id::bigint, g.own_id::bigint, {NOTES}, g.is_erased
    from unnest($3::text[], $4::text[], $5::text[], $6::boolean[]) as g (foreign_id, own_id, notes, is_erased)
    on conflict (account_id, move_id, foreign_id) do update
    set fan_id = excluded.fan_id, notes = excluded.notes, is_erased = m.is_erased or excluded.is_erased
"""  # noqa: S608 - fixed parts


async def count_unknown(move: Move, db: Db, table: Table, rows: Sequence[Row]) -> None:
    """Count fields of the source that nothing reads, where they have a value."""
    counts: dict[str, int] = {}
    for row in rows:
        for name, value in row.items():
            if name not in table.fields and name not in table.left_out and value not in (None, "", [], {}, False):
                counts[name] = counts.get(name, 0) + 1
    if counts:
        await db.execute(
            """
            insert into move_fields as f (account_id, move_id, table_name, field_name, row_count)
            select $1, $2, $3, g.field_name, g.row_count
            from unnest($4::text[], $5::bigint[]) as g (field_name, row_count)
            on conflict (account_id, move_id, table_name, field_name) do update
            set row_count = f.row_count + excluded.row_count
            """,
            move.account.id,
            move.move_id,
            table.name,
            list(counts),
            list(counts.values()),
        )
