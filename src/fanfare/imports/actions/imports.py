"""Creates, changes, runs, undoes and deletes imports."""

import uuid
from datetime import datetime
from typing import Any

import msgspec

from fanfare.imports.actions.files import delete_files
from fanfare.imports.actions.inspecting import inspected
from fanfare.imports.actions.kinds.catalogue import kind_of
from fanfare.imports.actions.states import WrongState, check_state, continue_work, start_work
from fanfare.imports.queries.imports import current_import
from fanfare.imports.readers.presets import NO_PRESET
from fanfare.imports.readers.rows import LINES, MAX_COLUMNS
from fanfare.imports.schemas.fields import check_plan
from fanfare.imports.schemas.imports import (
    CurrentImport,
    ImportChanges,
    ImportCreated,
    ImportSaved,
    NewImport,
    Run,
    State,
)
from fanfare.imports.topics import IMPORT_CREATED, IMPORT_DELETED, IMPORT_UPDATED
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import sent_fields
from fanfare.kernel.errors import BadParameters, Conflict
from fanfare.kernel.folding import fold
from fanfare.storages.queries.storages import storage_of

# Imports of an account that are not finished.
MAX_UNFINISHED = 100
FORMATS_BY_ENDING = {"ndjson": "ndjson", "jsonl": "ndjson", "xlsx": "xlsx"}
# Parameters of the dialect.
DIALECT = ("encoding", "delimiter", "date_order", "decimal_separator", "preset")


class TooManyImports(Conflict):
    """100 imports are not finished; run or delete some"""


CREATE = f"""
    with {HOLD},
    created as (
        insert into imports (account_id, import_id, import_uid, kind, import_name, file_format, import_state,
                             created_at, updated_at, storage_id, bucket, object_key)
        select $1, nextval('positions'), gen_random_uuid(), $2, $3, $4,
               case when $8::text is null then 'uploading' else 'fetching' end, $5, $5, st.storage_id, st.bucket, $8
        from hold left join storages st on st.account_id = $1 and st.storage_uid = $7
        where (select count(*) from imports
               where account_id = $1 and has_file and import_state not in ('completed', 'failed', 'undone')) < $6
        returning import_id, import_uid, kind, import_state
    ),
    fetched as (
        insert into import_fetches (account_id, import_id, due_at)
        select $1, import_id, $5 from created where import_state = 'fetching'
    ),
    announced as (
        {announce(IMPORT_CREATED, "created", position="import_id", at="$5")}
    )
    select import_uid from created
"""  # noqa: S608 - fixed parts


async def create_import(db: Db, account_id: int, new: NewImport, now: datetime) -> ImportCreated:
    """Create an import that waits for its file, or reads it from a storage.

    BadParameters (422) for an unknown kind, and an object that is not below the folder of the storage; Unknown (404).
    """
    kind = kind_of(new.kind)
    if new.storage_uid is not None:
        prefix = (await storage_of(db, account_id, new.storage_uid)).prefix
        if not (new.object_key or "").startswith(prefix):
            raise BadParameters([("object_key", f"must begin with {prefix}, the folder of the storage")])
        if any(part in (".", "..") for part in (new.object_key or "").split("/")):
            raise BadParameters([("object_key", "must not have the parts . or ..")])
    file_format = new.format or _format_of(new.object_key or "")
    values = (kind.name, new.name, file_format, now, MAX_UNFINISHED, new.storage_uid, new.object_key)
    import_uid = await db.value(CREATE, account_id, *values)
    if import_uid is None:
        raise TooManyImports
    return ImportCreated(import_uid)


def _format_of(object_key: str) -> str:
    """Return the format of an object by its name."""
    return FORMATS_BY_ENDING.get(fold(object_key).removesuffix(".gz").rpartition(".")[2], "csv")


UPDATE = f"""
    with {HOLD},
    updated as (
        update imports
        set import_name = $3, dialect = $4, mapping = $5, constants = $6, updated_at = $7, columns = $8
        where account_id = $1 and import_uid = $2
        returning import_uid
    )
    {announce(IMPORT_UPDATED, "updated", at="$7", fields="$9::text[]")}
"""  # noqa: S608 - fixed parts


async def change_import(db: Db, account_id: int, changes: ImportChanges, now: datetime) -> ImportSaved:
    """Change how a file is read, before it is run; with another encoding or delimiter it is inspected again."""
    fields = {name: value for name, value in sent_fields(changes).items() if name != "import_uid"}
    if fields.get("preset") == NO_PRESET:
        fields["preset"] = None
    async with db.transaction() as tx:
        current = await current_import(tx, account_id, changes.import_uid)
        check_state(current, "uploading", "ready")
        dialect = {**current.dialect, **{name: value for name, value in fields.items() if name in DIALECT}}
        current = msgspec.structs.replace(current, dialect=dialect)
        if "sheet" in fields:
            return await _change_sheet(tx, account_id, current, changes.sheet, now)
        if fields.keys() & {"encoding", "delimiter"} and current.import_state == "ready":
            current = await inspected(tx, account_id, current)
        columns = _columns(current, changes.mapping or {})
        mapping = {**current.mapping, **(changes.mapping or {})}
        constants = current.constants if changes.values is None else changes.values
        check_plan(kind_of(current.kind).fields, mapping, constants)
        await tx.execute(
            UPDATE, account_id, changes.import_uid, changes.name or current.import_name, current.dialect, mapping,
            constants, now, columns, list(fields),
        )  # fmt: skip
    return ImportSaved(changes.import_uid, current.import_state, current.file_bytes)


class NoSheet(BadParameters):
    """The workbook has no such sheet"""

    def __init__(self, sheets: list[str]) -> None:
        """`sheets` are those that it has."""
        super().__init__(
            [("sheet", f"must be one of {', '.join(sheets)[:1000]}" if sheets else "is not of a workbook")]
        )


SHEET = f"""
    with {HOLD},
    updated as (
        update imports
        set sheet = $3, import_state = case when import_state = 'ready' then 'converting' else import_state end,
            columns = '{{}}', mapping = '{{}}', dialect = '{{}}', updated_at = $4
        where account_id = $1 and import_id = $2
        returning import_uid, import_state
    ),
    announced as (
        {announce(IMPORT_UPDATED, "updated", at="$4", fields="array['sheet']")}
    )
    select import_state from updated
"""  # noqa: S608 - fixed parts


async def _change_sheet(
    db: Db, account_id: int, current: CurrentImport, sheet: str | None, now: datetime
) -> ImportSaved:
    """Choose another sheet of a workbook, which is read anew: its columns, mapping and dialect are its own."""
    if sheet not in current.sheets:
        raise NoSheet(current.sheets)
    state = await db.value(SHEET, account_id, current.import_id, sheet, now)
    return ImportSaved(current.import_uid, state, current.file_bytes)


def _columns(current: CurrentImport, mapping: dict[str, Any]) -> list[str]:
    """Return the columns, with members of JSON that occur late; BadParameters (422) for those that are not there.

    Those of a file that is to come are not known.
    """
    if not current.columns:
        return []
    unknown = [name for name in mapping if name not in current.columns]
    if current.file_format == LINES and len(current.columns) + len(unknown) <= MAX_COLUMNS:
        return [*current.columns, *unknown]
    if unknown:
        raise BadParameters([("mapping", f"the file has no column {name[:100]!r}") for name in unknown[:20]])
    return current.columns


async def run_import(db: Db, account_id: int, run: Run, now: datetime) -> ImportSaved:
    """Begin to write the rows of an import, or to check them; after a failure it continues where it ended.

    Conflict (409) while it is uploaded or works otherwise; BadParameters (422) if the columns cannot be read.
    """
    state: State = "checking" if run.dry_run else "importing"
    async with db.transaction() as tx:
        current = await current_import(tx, account_id, run.import_uid)
        if current.import_state != state:
            check_state(current, "ready", "failed")
            if not current.has_file or current.uploaded_at is None:
                raise FileDeleted
            plan = check_plan(kind_of(current.kind).fields, current.mapping, current.constants)
            if not plan.columns:
                raise BadParameters([("mapping", "no column is mapped to a field")])
            plan.check_dates(current.dialect)
            await _start(tx, account_id, current, state, now)
    return ImportSaved(run.import_uid, state, current.file_bytes)


class FileDeleted(Conflict):
    """The file of the import is not there; create another import"""


async def _start(db: Db, account_id: int, current: CurrentImport, state: State, now: datetime) -> None:
    """Start a run from the begin; one that failed after it had written rows continues."""
    if current.import_state == "failed" and current.last_work in ("importing", "undoing") and current.run_offset:
        if state == "checking" or current.last_work == "undoing":
            raise WrongState(current.import_state)
        await continue_work(db, account_id, current.import_id, state, now)
        return
    await db.execute(
        "delete from import_faults where account_id = $1 and import_id = $2", account_id, current.import_id
    )
    await start_work(db, account_id, current.import_id, state, now)


async def undo_import(db: Db, account_id: int, import_uid: uuid.UUID, now: datetime) -> ImportSaved:
    """Begin to delete what an import created, and end it if it runs; Conflict (409) while it is uploaded."""
    async with db.transaction() as tx:
        current = await current_import(tx, account_id, import_uid)
        check_state(current, "ready", "checking", "importing", "completed", "failed", "undoing", "undone")
        state = current.import_state
        if state not in ("undoing", "undone"):
            state = "undoing"
            await continue_work(tx, account_id, current.import_id, state, now)
    return ImportSaved(import_uid, state, current.file_bytes)


DELETE = announced_deletion(
    IMPORT_DELETED, "delete from imports where account_id = $1 and import_uid = $2", returning="import_uid"
)


async def delete_import(db: Db, account_id: int, import_uid: uuid.UUID, now: datetime) -> None:
    """Delete an import with its file; what it wrote stays. One that is running ends. Unknown (404)."""
    async with db.transaction() as tx:
        await current_import(tx, account_id, import_uid)
        await tx.execute(DELETE, account_id, import_uid, now)
        await delete_files(tx, account_id, import_uid)
