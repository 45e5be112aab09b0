"""Reads imports."""

import uuid

from fanfare.imports.schemas.imports import ROWS, CurrentImport, Import, ImportMeta, ImportWindow
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page, below, newest_first
from fanfare.kernel.errors import Unknown

COLUMNS = """
    i.import_id, i.import_uid, kind, import_name as name, file_format as format, import_state as state, has_file,
    st.storage_uid, 's3://' || i.bucket || '/' || i.object_key as source, file_bytes,
    sheets, sheet, columns, dialect ->> 'encoding' as encoding, dialect ->> 'delimiter' as delimiter,
    dialect ->> 'date_order' as date_order, dialect ->> 'decimal_separator' as decimal_separator,
    dialect ->> 'preset' as preset, mapping, constants as values, row_count, created_count, matched_count, error_count,
    refused_count as refused_optin_count, undone_count, kept_count,
    case when import_state in ('completed', 'undone') then 1.0
         when import_state = 'fetching' then round(file_bytes::numeric / greatest((
             select f.object_bytes from import_fetches f where f.account_id = $1 and f.import_id = i.import_id
         ), 1), 4)::float
         else round(run_offset::numeric / greatest(file_bytes, 1), 4)::float end as progress,
    failure, floor(extract(epoch from i.created_at))::bigint as creation_timestamp,
    floor(extract(epoch from uploaded_at))::bigint as upload_timestamp,
    floor(extract(epoch from finished_at))::bigint as finish_timestamp
"""
SOURCE = "imports i left join storages st on st.account_id = $1 and st.storage_id = i.storage_id"
CURRENT = """
    import_id, import_uid, kind, file_format, import_name, import_state, has_file, file_bytes, is_utf8,
    columns, dialect, mapping, constants, run_offset, run_row, sheet, sheets, failure_count,
    error_count, uploaded_at, last_work
"""
# Of all files of an account's imports together.
USED_BYTES = (
    "select coalesce(sum(file_bytes + source_bytes), 0)::bigint from imports where account_id = $1 and has_file"
)


async def imports(db: Db, account_id: int, query: ImportWindow) -> Page[ImportMeta, Import]:
    """Return imports, the newest first."""
    limit, bound = query.limit or ROWS, await settled(db, account_id)
    rows = await db.rows(
        f"""
        select {COLUMNS} from {SOURCE}
        where i.account_id = $1 and i.import_id < $2 order by i.import_id desc limit $3
        """,  # noqa: S608 - fixed parts
        account_id,
        below(query.max_import_id, bound),
        limit + 1,
    )
    data = [Import(**row) for row in rows[:limit]]
    return newest_first(ImportMeta, data, "import_id", query.max_import_id, has_more=len(rows) > limit)


async def import_of(db: Db, account_id: int, import_uid: uuid.UUID) -> Import:
    """Return an import; Unknown (404)."""
    row = await db.row(
        f"select {COLUMNS} from {SOURCE} where i.account_id = $1 and i.import_uid = $2",  # noqa: S608 - fixed parts
        account_id,
        import_uid,
    )
    if row is None:
        raise Unknown(**{"import": import_uid})  # type: ignore[arg-type] # a keyword of Python
    return Import(**row)


async def current_import(db: Db, account_id: int, import_uid: uuid.UUID) -> CurrentImport:
    """Return the row of an import, locked in the caller's transaction; Unknown (404)."""
    row = await db.row(
        f"select {CURRENT} from imports where account_id = $1 and import_uid = $2 for no key update",  # noqa: S608 - fixed parts
        account_id,
        import_uid,
    )
    if row is None:
        raise Unknown(**{"import": import_uid})  # type: ignore[arg-type] # a keyword of Python
    return CurrentImport(**row)


async def accounts_due(db: Db) -> list[int]:
    """Return the accounts with an import to work on."""
    # One query for all accounts.
    rows = await db.rows(
        "select distinct account_id from imports where account_id is not null"
        " and import_state in ('converting', 'checking', 'importing', 'undoing') order by 1"
    )
    return [row["account_id"] for row in rows]


async def next_import(db: Db, account_id: int) -> CurrentImport | None:
    """Return the oldest import of an account to work on that no other worker has, locked; None if there is none."""
    row = await db.row(
        f"""
        select {CURRENT} from imports
        where account_id = $1 and import_state in ('converting', 'checking', 'importing', 'undoing')
        order by import_id limit 1 for no key update skip locked
        """,  # noqa: S608 - fixed parts
        account_id,
    )
    return None if row is None else CurrentImport(**row)


async def used_bytes(db: Db, account_id: int) -> int:
    """Return how many bytes the files of an account's imports have."""
    used: int = await db.value(USED_BYTES, account_id)
    return used
