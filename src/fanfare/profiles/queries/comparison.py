"""Compares two fans before a merge, and counts the rows of a fan, table by table; reads what undoing a merge would do.

What a merge would do is computed by the functions that do it.
"""

from collections import Counter
from typing import Any

from fanfare.fans import followers
from fanfare.fans.actions.consents import ConsentState, add_consents
from fanfare.fans.actions.journal import FANS, Shape, shapes
from fanfare.fans.actions.merging import fan_images, merge_additions
from fanfare.fans.queries.fans import check_fan, fan
from fanfare.fans.schemas.fans import Fan
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.profiles.schemas import CompareFans, Comparison, FanRows, OneMerge, RowCount, UnmergePreview

# Columns of `fans` whose change says nothing to people.
SILENT = frozenset({"props", "password_hash", "email_word_at", "phone_word_at", "optout_word_at", "rating"})
# What speaks for one person if two fans have it alike.
TELLING = ("email", "phone", "add_phone", "birth_date", "postal_code")


async def fan_rows(db: Db, account_id: int, fan_id: int) -> FanRows:
    """Return how many rows of each table are about a fan; Unknown (404) fan."""
    await check_fan(db, account_id, fan_id)
    counts = await _counts(db, account_id, fan_id, followers.tables())
    return FanRows(fan_id, sum(each.row_count for each in counts), counts)


async def _counts(db: Db, account_id: int, fan_id: int, names: list[str]) -> list[RowCount]:
    """Return the tables that have rows of a fan, those with the most first."""
    columns = await db.rows(FAN_COLUMNS, names)
    rows = await db.rows(_count_statement([(row["table_name"], row["columns"]) for row in columns]), account_id, fan_id)
    counts = [RowCount(row["table_name"], row["row_count"]) for row in rows if row["row_count"]]
    return sorted(counts, key=lambda each: (-each.row_count, each.table_name))


FAN_COLUMNS = """
    select c.relname::text as table_name,
           array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and a.attname ~ 'fan_id$'
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and c.relname = any($1::text[])
      and not a.attisdropped
    group by c.relname
"""


def _count_statement(tables: list[tuple[str, list[str]]]) -> str:
    """Return the statement that counts the rows of the fan $2 in tables, by their columns."""
    return " union all ".join(
        f"select '{table}' as table_name, count(*) as row_count from {table} t"  # noqa: S608 - names of our tables
        f" where t.account_id = $1 and ({' or '.join(f't.{column} = $2' for column in columns)})"
        for table, columns in tables
    )


async def comparison(db: Db, account_id: int, pair: CompareFans) -> Comparison:
    """Return two fans side by side, and what a merge would leave; Unknown (404) for a fan who does not exist."""
    fans = [await fan(db, account_id, fan_id) for fan_id in (pair.fan_id, pair.merged_fan_id)]
    counts = await _counts(db, account_id, pair.merged_fan_id, followers.journal_tables())
    outcome = await _outcome(db, account_id, pair)
    row_count = sum(each.row_count for each in counts)
    return Comparison(fans[0], fans[1], outcome, _agreements(fans[0], fans[1]), counts, row_count)


async def _outcome(db: Db, account_id: int, pair: CompareFans) -> dict[str, Any]:
    """Return the columns of the fan who stays that a merge would change."""
    images = await fan_images(db, account_id, [pair.fan_id, pair.merged_fan_id])
    state = ConsentState()
    for fan_id in (pair.fan_id, pair.merged_fan_id):
        await add_consents(db, account_id, fan_id, state)
    changes = {**merge_additions(images[pair.fan_id], images[pair.merged_fan_id]), **state.columns()}
    return {name: value for name, value in changes.items() if name not in SILENT and value != images[pair.fan_id][name]}


def _agreements(fan: Fan, merged_fan: Fan) -> list[str]:
    """Return the telling fields that both have alike, and `name` for the same full name."""
    numbers = [{each.phone, each.add_phone} - {None} for each in (fan, merged_fan)]
    alike = [name for name in TELLING if getattr(fan, name) and getattr(fan, name) == getattr(merged_fan, name)]
    if numbers[0] & numbers[1] and "phone" not in alike:
        alike.append("phone")
    return [*(["name"] if fan.name and fan.name == merged_fan.name else []), *alike]


UNMERGE = """
    select m.merge_id, m.fan_id, m.absorbed_id as merged_fan_id,
           floor(extract(epoch from m.merged_at))::bigint as merge_timestamp,
           nullif(concat_ws(' ', r.row_before ->> 'first_name', r.row_before ->> 'last_name'), '') as name,
           r.row_before ->> 'email' as email, r.row_before ->> 'phone' as phone,
           (select l.absorbed_id from fan_merges l
            where l.account_id = $1 and l.fan_id = m.fan_id and l.merge_id > m.merge_id and l.undone_at is null
            order by l.merge_id desc limit 1) as later_fan_id
    from fan_merges m
    left join merged_rows r on r.account_id = $1 and r.merge_id = m.merge_id and r.table_name = 'fans'
        and r.row_before ->> 'fan_id' = m.absorbed_id::text
    where m.account_id = $1 and m.fan_id = $2 and m.absorbed_id = $3 and m.undone_at is null
"""


async def unmerge_preview(db: Db, account_id: int, pair: OneMerge) -> UnmergePreview:
    """Return what undoing a merge would do; Unknown (404) if the fans are not merged."""
    row = await db.row(UNMERGE, account_id, pair.fan_id, pair.merged_fan_id)
    if row is None:
        message = "The two fans are not merged, or the merge was undone"
        raise Unknown(message)
    counts = await _returning(db, (account_id, row["merge_id"], pair.merged_fan_id, pair.fan_id))
    return UnmergePreview(**row, tables=counts, row_count=sum(each.row_count for each in counts))


async def _returning(db: Db, merge: tuple[int, int, int, int]) -> list[RowCount]:
    """Return by table how many rows go back: moved ones that are there still, and those that the merge changed."""
    tables = [each for each in await shapes(db) if each.table != FANS]
    rows = await db.rows(_returning_statement(tables), *merge)
    counts = Counter[str]()
    for row in rows:
        counts[row["table_name"]] += row["row_count"]
    return [RowCount(*each) for each in counts.most_common() if each[1]]


def _returning_statement(tables: list[Shape]) -> str:
    """Return the statement that counts the rows of the merge $2 that go from the fan $4 back to the fan $3."""
    return " union all ".join(
        f"""
        select '{each.table}' as table_name, count(*) as row_count from merged_rows m
        where m.account_id = $1 and m.merge_id = $2 and m.table_name = '{each.table}' and m.column_name = '{column}'
          and case when m.row_before is null then m.row_after is null and exists (
                  select from {each.table} t
                  where t.account_id = $1 and t.{column} = $4 and {each.row_key()} = m.row_key)
              else m.row_before ->> '{column}' = $3::bigint::text end
        """  # noqa: S608 - names out of the catalogue
        for each in tables
        for column in each.fan_columns
    )
