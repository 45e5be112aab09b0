"""Journal of merges: records in `merged_rows` which rows a merge changes, in every followers' table, and restores them.

The shape of each table is read from the catalogue: its primary key, its fan_id columns, and whether a unique index has
one of them, so that a merge can find rows of both fans in conflict. Without such an index a merge only updates the
fan_id, and the primary key is all that is recorded. With one, the rows of both fans are copied before and after.

Undoing a merge gives each row that still exists back to the absorbed fan. Rows of the other fan are restored where they
are still as the merge left them; rows changed or inserted since stay.
"""

import msgspec

from fanfare.fans import followers
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import assignments

# Always recorded; restored column by column in `merging`.
FANS = "fans"


class Shape(msgspec.Struct, frozen=True):
    """Columns of a table, without account_id."""

    table: str
    key: list[str]
    fan_columns: list[str]
    columns: list[str]
    # a unique index has a fan_id column
    is_single: bool
    # key columns that refer to another table, with that table
    parents: dict[str, str] = {}

    def row_key(self) -> str:
        """Return the SQL expression of the primary key of a row `t`, as JSON."""
        pairs = ", ".join(f"'{name}', t.{name}" for name in self.key)
        return f"jsonb_build_object({pairs})"


class Pair(msgspec.Struct, frozen=True):
    """A merge: its id, the absorbed fan and the fan who stays."""

    account_id: int
    merge_id: int
    absorbed_id: int
    fan_id: int


async def shapes(db: Db) -> list[Shape]:
    """Return the shapes of all tables in the journal, `fans` first, then in the order of the followers."""
    names = [FANS, *followers.journal_tables()]
    rows = await db.rows(SHAPES, names)
    by_table = {row["table"]: row for row in rows}
    parents: dict[tuple[str, str], str] = {}
    for row in await db.rows(PARENTS, names):
        parents[row["table_name"], row["column_name"]] = row["parent"]
    return [
        Shape(
            **by_table[name],
            parents={key: parents[name, key] for key in by_table[name]["key"] if (name, key) in parents},
        )
        for name in names
    ]


SHAPES = """
    select c.relname as table,
           array(select a.attname from pg_index i
                 cross join unnest(i.indkey) with ordinality as k (attnum, place)
                 join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
                 where i.indrelid = c.oid and i.indisprimary and a.attname <> 'account_id'
                 order by k.place)::text[] as key,
           array(select a.attname from pg_attribute a
                 where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname ~ 'fan_id$'
                 order by a.attnum)::text[] as fan_columns,
           array(select a.attname from pg_attribute a
                 where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                   and a.attname <> 'account_id'
                 order by a.attnum)::text[] as columns,
           exists (select from pg_index i
                   join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
                   where i.indrelid = c.oid and i.indisunique and a.attname ~ 'fan_id$') as is_single
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and c.relname = any($1::text[])
"""
# The table that a key column refers to: by its foreign key, else the only table whose primary key has this name.
PARENTS = """
    with keys as (
        select i.indrelid as parent_id, p.relname as parent, a.attname as column_name
        from pg_index i
        join pg_class p on p.oid = i.indrelid
        join pg_attribute a on a.attrelid = p.oid and a.attnum = i.indkey[1]
        where i.indisprimary and i.indnkeyatts = 2 and p.relnamespace = current_schema()::regnamespace
    )
    select c.relname as table_name, k.column_name, k.parent
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and a.attname !~ 'fan_id$'
    join keys k on k.column_name = a.attname and k.parent_id <> c.oid
    left join pg_constraint f on f.conrelid = c.oid and f.contype = 'f' and a.attnum = any(f.conkey)
    where c.relnamespace = current_schema()::regnamespace and c.relname = any($1::text[])
      and case when f.oid is null then (select count(*) from keys o where o.column_name = k.column_name) = 1
               else f.confrelid = k.parent_id end
"""


async def record_before(db: Db, shapes: list[Shape], pair: Pair) -> None:
    """Record the rows of the absorbed fan, and those of the other fan that they can conflict with."""
    parts = [
        f"select t.account_id, '{shape.table}' as table_name, '{column}' as column_name,"  # noqa: S608 - as below
        f" {shape.row_key()} as row_key, {'to_jsonb(t)' if shape.is_single else 'null::jsonb'} as image"
        f" from {shape.table} t where t.account_id = $1 and t.{column} in ($3{', $4' if shape.is_single else ''})"
        for shape in shapes
        for column in shape.fan_columns
    ]
    await db.execute(
        f"""
        insert into merged_rows (account_id, merge_id, table_name, column_name, row_key, row_before)
        select account_id, $2, table_name, column_name, row_key, image from ({" union all ".join(parts)}) as images
        """,  # noqa: S608 - names out of the database's own catalogue
        *msgspec.structs.astuple(pair),
    )


async def record_after(db: Db, shapes: list[Shape], pair: Pair) -> None:
    """Record the rows of the fan who stays after the merge; entries of unchanged rows are deleted."""
    parts = [
        f"select t.account_id, '{shape.table}' as table_name, '{column}' as column_name,"  # noqa: S608 - as below
        f" {shape.row_key()} as row_key, to_jsonb(t) as image"
        f" from {shape.table} t where t.account_id = $1 and t.{column} = $3"
        for shape in shapes
        for column in shape.fan_columns
        if shape.is_single
    ]
    await db.execute(
        f"""
        insert into merged_rows (account_id, merge_id, table_name, column_name, row_key, row_after)
        select account_id, $2, table_name, column_name, row_key, image from ({" union all ".join(parts)}) as images
        on conflict (account_id, merge_id, table_name, column_name, row_key) do update
        set row_after = excluded.row_after
        """,  # noqa: S608 - as above
        pair.account_id,
        pair.merge_id,
        pair.fan_id,
    )
    await db.execute(
        "delete from merged_rows where account_id = $1 and merge_id = $2 and row_before = row_after",
        pair.account_id,
        pair.merge_id,
    )


async def restore(db: Db, shapes: list[Shape], pair: Pair) -> None:
    """Restore the recorded rows, table by table; both fans must exist again."""
    for shape in shapes:
        if shape.table == FANS:
            continue
        for column in shape.fan_columns:
            if shape.is_single:
                await _restore_changed(db, shape, column, pair)
            await _restore_fan_id(db, shape, column, pair)
            if shape.is_single:
                await _insert_deleted(db, shape, column, pair)
    await db.execute("delete from merged_rows where account_id = $1 and merge_id = $2", pair.account_id, pair.merge_id)


def _entries(shape: Shape, column: str) -> str:
    return f"m.merge_id = $2 and m.table_name = '{shape.table}' and m.column_name = '{column}'"


async def _restore_changed(db: Db, shape: Shape, column: str, pair: Pair) -> None:
    """Restore those rows of the fan who stayed that are still as the merge left them.

    The position is not compared: a later merge that was undone gives a row a new one.
    """
    condition = (
        f"{_entries(shape, column)} and t.account_id = $1 and t.{column} = $4 and {shape.row_key()} = m.row_key"
        " and jsonb_populate_record(t, m.row_after - 'position') = t"
    )
    await db.execute(
        f"delete from {shape.table} t using merged_rows m"  # noqa: S608 - names out of the catalogue
        f" where m.account_id = $1 and {condition} and m.row_before is null and $3::bigint is not null",
        *msgspec.structs.astuple(pair),
    )
    values = [name for name in shape.columns if name not in shape.key]
    if values:
        await db.execute(
            f"update {shape.table} t set {assignments(values, 't', 'm.row_before')}"  # noqa: S608 - the same
            f" from merged_rows m where m.account_id = $1 and {condition}"
            f" and m.row_before ->> '{column}' <> $3::bigint::text",
            *msgspec.structs.astuple(pair),
        )


async def _restore_fan_id(db: Db, shape: Shape, column: str, pair: Pair) -> None:
    """Set the fan_id back in rows of which the merge changed nothing else."""
    condition = f"m.row_before ->> '{column}' = $3::bigint::text" if shape.is_single else "m.row_before is null"
    await db.execute(
        f"update {shape.table} t set {column} = $3 from merged_rows m"  # noqa: S608 - the same
        f" where m.account_id = $1 and {_entries(shape, column)} and {condition}"
        f" and t.account_id = $1 and t.{column} = $4 and {shape.row_key()} = m.row_key",
        *msgspec.structs.astuple(pair),
    )


async def _insert_deleted(db: Db, shape: Shape, column: str, pair: Pair) -> None:
    """Insert the rows that the merge deleted, unless a row that they refer to was deleted since."""
    columns = ["account_id", *shape.columns]
    # A new position, since clients that page by position must see the row again.
    values = ["nextval('positions')" if name == "position" else f"r.{name}" for name in columns]
    existing = "".join(
        f" and exists (select from {parent} p where p.account_id = $1 and p.{name} = r.{name})"
        for name, parent in shape.parents.items()
    )
    await db.execute(
        f"insert into {shape.table} ({', '.join(columns)}) select {', '.join(values)}"  # noqa: S608 - the same
        f" from merged_rows m cross join lateral jsonb_populate_record(null::{shape.table}, m.row_before) r"
        f" where m.account_id = $1 and {_entries(shape, column)} and m.row_before is not null and m.row_after is null"
        f" and m.row_before ->> '{column}' in ($3::bigint::text, $4::bigint::text){existing} on conflict do nothing",
        *msgspec.structs.astuple(pair),
    )
