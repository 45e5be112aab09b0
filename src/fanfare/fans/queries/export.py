"""Exports all data about a fan, from every table of the followers."""

import asyncio
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import msgspec

from fanfare.fans import followers
from fanfare.fans.queries.fans import check_fan
from fanfare.fans.schemas.export import FanExport
from fanfare.kernel.data.db import Db
from fanfare.kernel.wire import unix

# Tables with a fan_id that contain nothing about existing fans.
NOT_EXPORTED = {"erasures": "certificates are about fans who no longer exist"}
# Columns without information on the person: secrets and hashes of them, and generated columns.
HIDDEN = [
    "account_id", "code_challenge", "code_hash", "credential_id", "device_hash", "password_hash", "public_key",
    "refresh_hash", "reset_hash", "sealed_values", "search_text", "session_hash", "user_handle",
]  # fmt: skip
# Tables with a row about several people, or about more than the person: what each of them gets of it.
SHARED_COLUMNS = {
    "campaigns": ("page_tab_id", "title"),
    "passes": (
        "pass_uid", "pass_id", "page_tab_id", "section_uid", "event_key", "created_at", "transferred_at",
        "cancelled_at",
    ),
}  # fmt: skip
# Of those, the tables in which a row has one owner, who gets all of it but the ids of others.
OWNERS = {"passes": "coalesce(t.claim_fan_id, t.fan_id)"}
# Rows of a table that are in memory at once while a file is written, and bytes of the file.
ROWS_AT_ONCE = 50
MAX_IN_MEMORY = 1024 * 1024


def _picked(image: str, table: str) -> str:
    """Return the SQL of a row without the columns that are not for each person in it."""
    names = ", ".join(f"'{name}'" for name in SHARED_COLUMNS[table])
    return f"(select jsonb_object_agg(c.key, c.value) from jsonb_each({image}) c where c.key in ({names}))"  # noqa: S608 - constants


# Tables without a fan_id.
OTHER_STATEMENTS = {
    "push_tokens": """
        select to_jsonb(p) - $3::text[] as image from push_tokens p
        where p.account_id = $1 and p.user_key in (
            select i.identifier_value from fan_identifiers i
            where i.account_id = $1 and i.fan_id = $2 and i.network = 'yinzcam')
        order by 1
    """,
    "merged_rows": f"""
        select jsonb_build_object('merge_id', m.merge_id, 'table_name', m.table_name, 'row', case m.table_name
            {" ".join(f"when '{name}' then {_picked('(m.row_before - $3::text[])', name)}" for name in SHARED_COLUMNS)}
            else m.row_before - $3::text[] end) as image
        from fan_merges g join merged_rows m on m.account_id = $1 and m.merge_id = g.merge_id
        where g.account_id = $1 and g.fan_id = $2 and m.row_before is not null
        order by 1
    """,  # noqa: S608 - fixed parts
}


def exported_tables() -> list[str]:
    """Return the tables with a fan_id that are exported."""
    return [name for name in followers.tables() if name not in NOT_EXPORTED]


async def export_fan(db: Db, account_id: int, fan_id: int, now: datetime) -> FanExport:
    """Return all data about a fan from one snapshot; Unknown (404) if the fan does not exist."""
    async with db.transaction("repeatable_read") as tx:
        statements = await _statements(tx, account_id, fan_id)
        tables = {name: await _read(tx, statement, account_id, fan_id) for name, statement in statements}
    return FanExport(account_id, fan_id, unix(now), tables)


async def export_to_file(db: Db, account_id: int, fan_id: int, now: datetime) -> IO[bytes]:
    """Return a file with the JSON of `export_fan`; whatever its length, little of it is in memory.

    The file is on disk beyond a megabyte and gone when it is closed. Few of these are written at once; the others wait.
    """
    file = SpooledTemporaryFile(MAX_IN_MEMORY)  # noqa: SIM115 - the caller reads it
    try:
        async with db.bulk_turn(), db.transaction("repeatable_read") as tx:
            statements = await _statements(tx, account_id, fan_id)
            head = {"account_id": account_id, "fan_id": fan_id, "export_timestamp": unix(now)}
            file.write(msgspec.json.encode(head)[:-1] + b',"tables":{')
            for number, (name, statement) in enumerate(statements):
                file.write(b"," * (number > 0) + msgspec.json.encode(name) + b":[")
                await _write_rows(tx, statement, (account_id, fan_id), file)
                file.write(b"]")
            file.write(b"}}")
    except BaseException:
        file.close()
        raise
    return file


async def _statements(db: Db, account_id: int, fan_id: int) -> list[tuple[str, str]]:
    """Return the tables and the statements that read the fan's rows, by name; Unknown (404) if there is no such fan."""
    await check_fan(db, account_id, fan_id)
    columns = await db.rows(FAN_COLUMNS, exported_tables())
    statements = {row["table_name"]: _rows_of(row["table_name"], row["columns"]) for row in columns}
    return sorted({**statements, **OTHER_STATEMENTS}.items())


async def _write_rows(db: Db, statement: str, ids: tuple[int, int], file: IO[bytes]) -> None:
    separator = ""
    async with db.connection() as connection:
        cursor = await connection.cursor(f"select image::text from ({statement}) as images", *ids, HIDDEN)  # noqa: S608 - the same
        while rows := await cursor.fetch(ROWS_AT_ONCE):
            images = [row["image"] for row in rows]
            # The disk can be slow, and rows are long.
            await asyncio.to_thread(_write, file, separator, images)
            separator = ","


def _write(file: IO[bytes], separator: str, images: list[str]) -> None:
    file.write((separator + ",".join(images)).encode())


FAN_COLUMNS = """
    select c.relname as table_name, array_agg(a.attname::text) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and a.attname ~ 'fan_id$'
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and c.relname = any($1::text[])
    group by c.relname
"""


def _rows_of(table: str, columns: list[str]) -> str:
    condition = " or ".join(f"t.{name} = $2" for name in columns)
    image = "to_jsonb(t) - $3::text[]"
    if table in OWNERS:
        names = ", ".join(f"'{name}'" for name in columns)
        image = f"case when {OWNERS[table]} = $2 then {image} - array[{names}] else {_picked(image, table)} end"
    elif table in SHARED_COLUMNS:
        image = _picked(image, table)
    return f"select {image} as image from {table} t where t.account_id = $1 and ({condition}) order by 1"  # noqa: S608 - names out of the catalogue


async def _read(db: Db, statement: str, account_id: int, fan_id: int) -> Any:  # noqa: ANN401 - JSON as it is
    """Return the rows as raw JSON of the database, so that no amount is rounded to a float."""
    text: str = await db.value(
        f"select coalesce(jsonb_agg(image), '[]')::text from ({statement}) as images",  # noqa: S608 - the same
        account_id,
        fan_id,
        HIDDEN,
    )
    return msgspec.Raw(text.encode())
