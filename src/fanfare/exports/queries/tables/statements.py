"""The statements of exports: PostgreSQL writes the text of thousands of rows as one value, at no cost per row here."""

from collections.abc import Mapping
from typing import Literal

from fanfare.exports.queries.tables.engagement import ENGAGEMENT
from fanfare.exports.queries.tables.people import PEOPLE
from fanfare.exports.queries.tables.sales import SALES
from fanfare.exports.queries.tables.setup import SETUP
from fanfare.exports.queries.tables.table import Order, Table, key_parts

TABLES: Mapping[str, Table] = {**PEOPLE, **ENGAGEMENT, **SALES, **SETUP}
# `plain` is CSV with texts as they are, from which Parquet is made.
Format = Literal["csv", "ndjson", "plain"]
# A text in quotation marks; one that a spreadsheet would run as a formula has an apostrophe before it.
TEXT_CELL = (
    "coalesce('\"' || case when left({0}, 1) in ('=', '+', '-', '@', e'\\t', e'\\r') then '''' else '' end"
    " || replace({0}, '\"', '\"\"') || '\"', '')"
)
PLAIN_CELL = "coalesce('\"' || replace({0}, '\"', '\"\"') || '\"', '')"
CELL = "coalesce(({})::text, '')"
JSON_LINE = "(select row_to_json(r)::text from (select {}) as r)"
# The number of rows, how far they go, whether they are the last ones, and their lines: $4 rows at a time, until
# there are $5 rows or $6 bytes, as a row can have 64 KiB.
BATCH = """
    with recursive pieces as (
        select 0 as number, 0::bigint as row_count, $2::bigint as last_key, false as is_last, null as lines,
               0::bigint as byte_count
        union all
        select pieces.number + 1, pieces.row_count + n.row_count, coalesce(n.last_key, pieces.last_key),
               n.row_count < $4, n.lines, pieces.byte_count + coalesce(octet_length(n.lines), 0)
        from pieces, lateral (
            select count(*) as row_count, max(key) as last_key, string_agg(line, e'\\n' order by key) || e'\\n' as lines
            from (
                select t.{key} as key, {line} as line from {source}
                where t.account_id = $1 and t.{key} > pieces.last_key and t.{key} <= $3::bigint
                order by t.{key} limit $4) as piece) as n
        where not pieces.is_last and pieces.row_count < $5::bigint and pieces.byte_count < $6::bigint
    )
    select max(row_count) as row_count, max(last_key) as last_key, bool_or(is_last) as is_last,
           string_agg(lines, '' order by number) as lines
    from pieces
"""
# Those of some keys.
BATCH_AMONG = """
    select count(*) as row_count, string_agg(line, e'\\n' order by key) || e'\\n' as lines
    from (
        select t.{key} as key, {line} as line from {source}
        where t.account_id = $1 and t.{key} = any($2::bigint[])) as batch
"""
# All rows of some fans.
BATCH_OF_FANS = """
    select count(line) as row_count, max(fan) as last_key, count(distinct fan) < $4 as is_last,
           string_agg(line, e'\\n' order by fan) || e'\\n' as lines
    from (
        select f.fan_id as fan, each.line
        from (select fan_id from fans where account_id = $1 and fan_id > $2::bigint and fan_id <= $3::bigint
              order by fan_id limit $4) as f
        left join lateral (
            select {line} as line from {source} where t.account_id = $1 and t.fan_id = f.fan_id) as each on true
    ) as batch
"""
# Rows behind a key of several columns, in the order of its index; the number of rows before stands for it elsewhere.
BATCH_OF_KEYS = """
    select count(*) as row_count, $2::bigint + count(*) as last_key, count(*) < $4 and $3::bigint > 0 as is_last,
           string_agg(line, e'\\n' order by number) || e'\\n' as lines,
           (array_agg(place order by number desc))[1] as last_place
    from (
        select row_number() over (order by {keys}) as number, jsonb_build_array({keys}) as place, {line} as line
        from {source}
        where t.account_id = $1 and ($5::jsonb is null or ({keys}) > ({place})) order by {keys} limit $4) as batch
"""
BATCHES: Mapping[Order, str] = {"position": BATCH, "id": BATCH, "fan": BATCH_OF_FANS, "keys": BATCH_OF_KEYS}
# Whose pieces are bounded by bytes.
BY_PIECES: tuple[Order, ...] = ("position", "id")


def _line(table: Table, file_format: Format) -> str:
    if file_format == "ndjson":
        return JSON_LINE.format(", ".join(f"{each.sql} as {name}" for name, each in table.columns.items()))
    forms = {True: TEXT_CELL if file_format == "csv" else PLAIN_CELL, False: CELL}
    return " || ',' || ".join(forms[each.is_text].format(each.sql) for each in table.columns.values())


def _statement(table: Table, file_format: Format, form: str) -> str:
    parts = key_parts(table.key) if table.order == "keys" else []
    return form.format(
        key=table.key,
        keys=", ".join(f"t.{name}" for name, _ in parts),
        place=", ".join(f"($5::jsonb ->> {number})::{kind}" for number, (_, kind) in enumerate(parts)),
        line=_line(table, file_format),
        source=table.source,
    )


FORMATS: tuple[Format, ...] = ("csv", "ndjson", "plain")
# By table and format: the rows behind a key, and those of some keys.
ROWS_AFTER = {
    (name, each): _statement(table, each, BATCHES[table.order]) for name, table in TABLES.items() for each in FORMATS
}
ROWS_AMONG = {("fans", each): _statement(TABLES["fans"], each, BATCH_AMONG) for each in FORMATS}


def _types(table: Table) -> str:
    columns = ", ".join(f"{each.sql} as {name}" for name, each in table.columns.items())
    return f"select {columns} from {table.source} where t.account_id = $1 limit 0"  # noqa: S608 - fixed parts


# No rows of each table, whose columns have their types.
TYPES = {name: _types(table) for name, table in TABLES.items()}


def header(name: str, file_format: Format) -> str:
    """Return the first line of a file."""
    return "" if file_format == "ndjson" else ",".join(TABLES[name].columns) + "\n"
