"""Runs a move: each page is read, then written in a transaction that also moves the place in its table on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import CannotRun
from fanfare.moving.actions.catalogue import TABLES
from fanfare.moving.actions.present import hashes_of, is_due, present_rows, touch
from fanfare.moving.actions.rows import redate_changes
from fanfare.moving.actions.state import (
    UNDOCUMENTED,
    Move,
    Table,
    advance,
    begin,
    count_unknown,
    fan_ids,
    finish,
    id_there,
    place,
    remember,
)
from fanfare.moving.actions.tables.fans import adopt_fans
from fanfare.moving.gateways import Source
from fanfare.moving.queries import MoveKey, report
from fanfare.moving.schemas import Hooks, MoveReport, Options, Outcome, Page, Row

WRITE_SECONDS = 300


async def move_account(
    db: Db, account_id: int, source: tuple[str, Source], options: Options, hooks: Hooks
) -> MoveReport:
    """Move an account from a source, which is a URL and its API, into one here; return the report.

    A move that ended early continues. CannotRun if the source refuses the key or stays away.
    """
    url, api = source
    account = await account_by_id(db, account_id)
    run = await begin(db, account, url, TABLES, hooks.now())
    move = Move(db.for_account(account_id), account, api, options, run, hooks.now)
    for table in TABLES:
        await _move_table(move, table, hooks.progress)
    await finish(move)
    counts = {table.name: await table.count(move) for table in TABLES if table.count is not None}
    return await report(db, MoveKey(account_id, run.move_id, run.number), TABLES, counts, api.call_count)


async def _move_table(move: Move, table: Table, progress: Callable[[str, int | None], None]) -> None:
    checkpoint, is_done = await place(move, table.name)
    cursor = checkpoint
    cursors: set[str | None] = set()
    while not is_done:
        if cursor in cursors:
            message = f"the source gives the same rows of {table.name} again and again"
            raise CannotRun(message)
        cursors.add(cursor)
        page = await _read(move, table, cursor)
        await _adopt(move, table, page.rows)
        is_done = page.cursor is None
        next_checkpoint = page.checkpoint if page.checkpoint is not None else page.cursor
        await _write(move, table, page, (checkpoint, next_checkpoint))
        cursor, checkpoint = page.cursor, next_checkpoint
        progress(table.name, len(page.rows))
    progress(table.name, None)


async def _read(move: Move, table: Table, cursor: str | None) -> Page:
    """Return a page; CannotRun if the answer is not what the documentation says."""
    with _documented(table):
        page = await table.read(move, cursor)
        for row in page.rows:
            table.key(row)
    return page


@contextmanager
def _documented(table: Table) -> Iterator[None]:
    """Raise CannotRun for what comes of rows that are not what the documentation says."""
    try:
        yield
    except UNDOCUMENTED as error:
        message = f"the answer for {table.name} is not what the API documents: {type(error).__name__}"
        raise CannotRun(message) from error


async def _adopt(move: Move, table: Table, rows: list[Row]) -> None:
    """Fetch the fans that rows name and that the feed of fans did not have."""
    with _documented(table):
        ids = {each for row in rows for name in table.fan_fields if (each := _fan_id(row.get(name))) is not None}
        if ids:
            await adopt_fans(move, sorted(ids - (await fan_ids(move, move.db, ids)).keys()))


def _fan_id(value: object) -> int | None:
    """Return the id of a fan there; None for a row that names none, or what is no id: it is left out then."""
    try:
        return id_there(value) if value else None
    except ValueError:
        return None


async def _write(move: Move, table: Table, page: Page, checkpoints: tuple[str | None, str | None]) -> None:
    with _documented(table):
        async with move.db.transaction() as tx:
            await _write_page(move, tx, table, page, checkpoints)


async def _write_page(move: Move, tx: Db, table: Table, page: Page, checkpoints: tuple[str | None, str | None]) -> None:
    await tx.allow(WRITE_SECONDS)
    rows = page.rows
    position: int = await tx.value("select last_value from positions")
    await advance(move, tx, table.name, checkpoints, page)
    hashes = hashes_of(move, table, rows)
    present = await present_rows(move, tx, table, [table.key(row) for row in rows])
    await count_unknown(move, tx, table, [row for row in rows if table.key(row) not in present])
    if due := [row for row in rows if is_due(table, row, present, hashes)]:
        await remember(move, tx, table.name, await _outcomes(move, tx, table, due), hashes)
    due_keys = {table.key(row) for row in due}
    await touch(move, tx, table, present, {key: each for key, each in hashes.items() if key not in due_keys})
    await redate_changes(tx, move.account.id, position, move.now())


async def _outcomes(move: Move, db: Db, table: Table, rows: Sequence[Row]) -> list[Outcome]:
    """Write rows, and leave out those that are not what the documentation says, each with a note."""
    try:
        async with db.transaction() as tx:
            return await table.write(move, tx, list(rows))
    except UNDOCUMENTED as error:
        if len(rows) == 1:
            outcome = Outcome(table.key(rows[0]))
            outcome.note(f"is not what the API documents: {type(error).__name__}")
            return [outcome]
    middle = len(rows) // 2
    halves = rows[:middle], rows[middle:]
    return [each for half in halves for each in await _outcomes(move, db, table, half)]
