"""Over HTTP: imports of files."""

from datetime import datetime

from fanfare.imports.actions import error_files, previews, uploads
from fanfare.imports.actions import imports as actions
from fanfare.imports.queries import imports as queries
from fanfare.imports.schemas.imports import (
    CsvFile,
    FilePart,
    Import,
    ImportChanges,
    ImportCreated,
    ImportMeta,
    ImportSaved,
    ImportWindow,
    NewImport,
    OneImport,
    Preview,
    Run,
)
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.data.paging import Page
from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/imports", scope="manage", key=SECRET)
async def manage_imports_list(db: Db, account: Account, query: ImportWindow) -> Page[ImportMeta, Import]:
    """List imports, the newest first, with their states and counts."""
    return await queries.imports(db, account.id, query)


@endpoint.post("/api/v1/manage/imports", scope="manage", key=SECRET)
async def manage_imports_create(db: Db, account: Account, new: NewImport, now: datetime) -> ImportCreated:
    """Create an import; its file is uploaded next. 409 when 100 are not finished."""
    return await actions.create_import(db, account.id, new, now)


@endpoint.get("/api/v1/manage/imports/{import_uid}", scope="manage", key=SECRET)
async def manage_imports_get(db: Db, account: Account, target: OneImport) -> Import:
    """Return an import with its dialect, columns, mapping, state and counts."""
    return await queries.import_of(db, account.id, target.import_uid)


@endpoint.post("/api/v1/manage/imports/{import_uid}", scope="manage", key=SECRET)
async def manage_imports_update(db: Db, account: Account, changes: ImportChanges, now: datetime) -> ImportSaved:
    """Update how the file of an import is read. 409 unless it is ready."""
    return await actions.change_import(db, account.id, changes, now)


@endpoint.delete("/api/v1/manage/imports/{import_uid}", scope="manage", key=SECRET)
async def manage_imports_delete(db: Db, account: Account, target: OneImport, now: datetime) -> bool:
    """Delete an import with its file, and end it if it runs; what it wrote stays."""
    await actions.delete_import(db, account.id, target.import_uid, now)
    return True


@endpoint.post("/api/v1/manage/imports/{import_uid}/file", scope="manage", key=SECRET)
async def manage_imports_upload(db: Db, account: Account, part: FilePart, upload: Upload, now: datetime) -> ImportSaved:
    """Upload the file of an import as the body, of up to 4 GiB, with the key in the headers.

    What arrived before a connection ended is stored: continue from the `file_bytes` of the import as `offset`. 409 for
    another offset.
    """
    return await uploads.receive_file(db, account.id, part, upload, now)


@endpoint.get("/api/v1/manage/imports/{import_uid}/preview", scope="manage", key=SECRET, has_conflict=True)
async def manage_imports_preview(db: Db, account: Account, target: OneImport, now: datetime) -> Preview:
    """Return the first rows of a file, as cells and as the fields that would be imported, with what is wrong."""
    return await previews.preview(db, account, target.import_uid, now)


@endpoint.post("/api/v1/manage/imports/{import_uid}/run", scope="manage", key=SECRET)
async def manage_imports_run(db: Db, account: Account, run: Run, now: datetime) -> ImportSaved:
    """Run an import, or with `dry_run` count what it would do; an import that failed continues where it ended.

    `import.completed` or `import.checked` announces the end. 409 while it is uploaded or runs.
    """
    return await actions.run_import(db, account.id, run, now)


@endpoint.get("/api/v1/manage/imports/{import_uid}/errors", scope="manage", key=SECRET, has_conflict=True)
async def manage_imports_errors(db: Db, account: Account, target: OneImport, delivery: Delivery) -> CsvFile:
    """Return the rows that were refused as CSV, each with its number and what is wrong.

    Correct the rows and upload the file as a new import: the columns with the reasons are left out. 409 once the
    file was deleted.
    """
    return await error_files.deliver(db, account.id, target.import_uid, delivery)


@endpoint.post("/api/v1/manage/imports/{import_uid}/undo", scope="manage", key=SECRET)
async def manage_imports_undo(db: Db, account: Account, target: OneImport, now: datetime) -> ImportSaved:
    """Delete what an import created, but for what was changed or used since; an import that runs ends. 409 before."""
    return await actions.undo_import(db, account.id, target.import_uid, now)
