"""Creates, changes, runs, undoes and deletes imports."""

import uuid
from datetime import datetime
from typing import Any

from fanfare.imports.actions.kinds.catalogue import kind_of
from fanfare.imports.actions.plans import check_plan
from fanfare.imports.actions.states import WrongState, check_state, set_state
from fanfare.imports.queries.imports import stored_import
from fanfare.imports.schemas.imports import ImportChanges, ImportCreated, ImportSaved, NewImport, Run, StoredImport
from fanfare.imports.topics import IMPORT_CREATED, IMPORT_DELETED, IMPORT_UPDATED
from fanfare.kernel.data import files
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import sent_fields
from fanfare.kernel.errors import BadParameters, Conflict

# Imports of an account that are not finished.
MAX_UNFINISHED = 100
DIALECT = ("encoding", "delimiter", "date_order", "decimal_separator")


class TooManyImports(Conflict):
    """100 imports are not finished; run or delete some"""


CREATE = f"""
    with {HOLD},
    created as (
        insert into imports (account_id, import_id, import_uid, kind, import_name, file_format, import_state,
                             created_at, updated_at)
        select $1, nextval('positions'), gen_random_uuid(), $2, $3, $4, 'uploading', $5, $5 from hold
        where (select count(*) from imports
               where account_id = $1 and has_file and import_state not in ('completed', 'failed', 'undone')) < $6
        returning import_id, import_uid, kind
    ),
    announced as (
        {announce(IMPORT_CREATED, "created", position="import_id", at="$5")}
    )
    select import_uid from created
"""  # noqa: S608 - fixed parts


async def create_import(db: Db, account_id: int, new: NewImport, now: datetime) -> ImportCreated:
    """Create an import that waits for its file; BadParameters (422) for an unknown kind."""
    kind = kind_of(new.kind)
    import_uid = await db.value(CREATE, account_id, kind.name, new.name, new.format or "csv", now, MAX_UNFINISHED)
    if import_uid is None:
        raise TooManyImports
    return ImportCreated(import_uid)


UPDATE = f"""
    with {HOLD},
    updated as (
        update imports
        set import_name = coalesce($3, import_name), dialect = dialect || $4::jsonb, mapping = mapping || $5::jsonb,
            constants = coalesce($6::jsonb, constants), updated_at = $7
        where account_id = $1 and import_uid = $2
        returning import_uid
    )
    {announce(IMPORT_UPDATED, "updated", at="$7", fields="$8::text[]")}
"""  # noqa: S608 - fixed parts


async def change_import(db: Db, account_id: int, changes: ImportChanges, now: datetime) -> ImportSaved:
    """Change how a file is read; it must be ready. Another encoding or delimiter means that it is inspected again."""
    fields = {name: value for name, value in sent_fields(changes).items() if value is not None and name != "import_uid"}
    dialect = {name: value for name, value in fields.items() if name in DIALECT}
    async with db.transaction() as tx:
        stored = await stored_import(tx, account_id, changes.import_uid)
        check_state(stored, "ready")
        _check_columns(stored.columns, changes.mapping or {})
        _check_values(kind_of(stored.kind).fields(), changes.values or {})
        check_plan(kind_of(stored.kind), {**stored.mapping, **(changes.mapping or {})}, changes.values or {})
        await tx.execute(
            UPDATE, account_id, changes.import_uid, changes.name, dialect, changes.mapping or {}, changes.values, now,
            list(fields),
        )  # fmt: skip
        state = "ready"
        if any(dialect.get(name, stored.dialect.get(name)) != stored.dialect.get(name) for name in DIALECT[:2]):
            state = "inspecting"
            await set_state(tx, account_id, changes.import_uid, state, now)
    return ImportSaved(changes.import_uid, state, stored.file_bytes)  # type: ignore[arg-type] # one of two


def _check_columns(columns: list[str], mapping: dict[str, Any]) -> None:
    if unknown := [name for name in mapping if name not in columns]:
        raise BadParameters([("mapping", f"the file has no column {name[:100]!r}") for name in unknown[:20]])


def _check_values(fields: list[str], values: dict[str, Any]) -> None:
    if len(values) > len(fields) + 100:
        raise BadParameters([("values", "has too many fields")])
    if any(not isinstance(value, str | int | float | bool) for value in values.values()):
        raise BadParameters([("values", "must have a text, a number or a flag for each field")])


async def run_import(db: Db, account_id: int, run: Run, now: datetime) -> ImportSaved:
    """Begin to write the rows of an import, or to check them; after a failure it continues where it ended.

    Conflict (409) while it is uploaded or worked on; BadParameters (422) if the columns cannot be read.
    """
    async with db.transaction() as tx:
        stored = await stored_import(tx, account_id, run.import_uid)
        check_state(stored, "ready", "failed")
        if not stored.has_file or stored.uploaded_at is None:
            raise FileDeleted
        plan = check_plan(kind_of(stored.kind), stored.mapping, stored.constants)
        if not plan.columns:
            raise BadParameters([("mapping", "no column is mapped to a field")])
        plan.check_dates(stored.dialect)
        state = "checking" if run.dry_run else "importing"
        await _start(tx, account_id, stored, state, now)
    return ImportSaved(run.import_uid, state, stored.file_bytes)  # type: ignore[arg-type] # one of two


class FileDeleted(Conflict):
    """The file of the import is not there; create another import"""


async def _start(db: Db, account_id: int, stored: StoredImport, state: str, now: datetime) -> None:
    """Start a run from the begin; an import that failed after it had created something continues."""
    has_batches = "select exists (select from import_batches where account_id = $1 and import_id = $2)"
    if await db.value(has_batches, account_id, stored.import_id):
        if state == "checking":
            raise WrongState(stored.import_state)
        await db.execute(
            "update imports set import_state = $3, updated_at = $4, failure = null, failure_count = 0"
            " where account_id = $1 and import_id = $2",
            account_id,
            stored.import_id,
            state,
            now,
        )
        return
    await db.execute("delete from import_faults where account_id = $1 and import_id = $2", account_id, stored.import_id)
    await set_state(db, account_id, stored.import_uid, state, now)


async def undo_import(db: Db, account_id: int, import_uid: uuid.UUID, now: datetime) -> ImportSaved:
    """Begin to delete what an import created; Conflict (409) unless it ended."""
    async with db.transaction() as tx:
        stored = await stored_import(tx, account_id, import_uid)
        check_state(stored, "completed", "failed")
        await tx.execute(
            "update imports set import_state = 'undoing', updated_at = $3 where account_id = $1 and import_uid = $2",
            account_id,
            import_uid,
            now,
        )
    return ImportSaved(import_uid, "undoing", stored.file_bytes)


DELETE = announced_deletion(
    IMPORT_DELETED, "delete from imports where account_id = $1 and import_uid = $2", returning="import_uid"
)


async def delete_import(db: Db, account_id: int, import_uid: uuid.UUID, now: datetime) -> None:
    """Delete an import with its file; what it wrote stays. One that is running ends. Unknown (404)."""
    async with db.transaction() as tx:
        await stored_import(tx, account_id, import_uid)
        await tx.execute(DELETE, account_id, import_uid, now)
        await files.delete_file(tx, account_id, import_uid)
