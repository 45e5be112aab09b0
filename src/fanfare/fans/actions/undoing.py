"""Deletes fans whom an import created, unless they said no, or were changed or used since.

This is no erasure: nobody asked to be forgotten, so an opt-in from before has its effect when the fan comes back.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.fans.actions.claims import transfer_identities
from fanfare.fans.actions.journal import Shape, shapes
from fanfare.fans.topics import FAN_DELETED
from fanfare.kernel.data.announcements import announce, hold
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql

# What creating a fan writes.
CREATED_TABLES = frozenset(
    {"fans", "fan_identifiers", "shared_identifiers", "fan_businesses", "fan_fields", "consents"}
)

# Consents are in the ledger, those of the import itself with its name, and rows of other tables are looked for later.
LOCK = Sql("""
    select f.fan_id from fans f
    where f.account_id = $1 and f.fan_id = any(:fan_ids::bigint[])
      and (f.position <= :position or f.position = any(:own_positions::bigint[]))
      and not exists (
          select from consents c
          where c.account_id = $1 and c.fan_id = f.fan_id and c.consent_id > :position and c.consent_source <> :source)
      and not exists (
          select from consents c where c.account_id = $1 and c.fan_id = f.fan_id and not c.is_granted)
      and not exists (
          select from changes c
          where c.account_id = $1 and c.fan_id = f.fan_id and c.position > :position
            and split_part(c.topic, '.', 1) <> all(:topics::text[])
            and c.position <> all(:own_positions::bigint[]))
    order by f.fan_id for update of f
""")
# What a fan gets without anybody changing it, or is looked for in its own table.
NO_CHANGES = ("segment", "consent")


class OwnWrites(msgspec.Struct, frozen=True):
    """What an import wrote: the position of a batch, those of its later changes, its name, and its kind of topics."""

    position: int
    own_positions: list[int]
    source: str
    topics: tuple[str, ...] = ()


DELETE = f"""
    with deleted_consents as (
        delete from consents where account_id = $1 and fan_id = any($2::bigint[])
    ),
    deleted as (
        delete from fans where account_id = $1 and fan_id = any($2::bigint[]) returning fan_id
    )
    {announce(FAN_DELETED, "deleted", position="nextval('positions')", at="$3")}
"""  # noqa: S608 - fixed parts


async def delete_unused(db: Db, account_id: int, fan_ids: Sequence[int], writes: OwnWrites, now: datetime) -> int:
    """Delete those of the fans whom only the import changed and of whom no other table has rows.

    Runs in the caller's transaction; returns the number of those deleted.
    """
    return await delete_without_rows(db, account_id, await lock_unchanged(db, account_id, fan_ids, writes), now)


async def lock_unchanged(db: Db, account_id: int, fan_ids: Sequence[int], writes: OwnWrites) -> list[int]:
    """Return those of the fans whom only the import changed and who never said no, locked for their deletion."""
    await hold(db, account_id)
    named = {**msgspec.structs.asdict(writes), "topics": [*NO_CHANGES, *writes.topics]}
    return [row["fan_id"] for row in await db.rows(LOCK, account_id, fan_ids=list(fan_ids), **named)]


async def delete_without_rows(db: Db, account_id: int, unchanged: Sequence[int], now: datetime) -> int:
    """Delete those fans of whom no other table has rows; the caller has locked them. Return their number."""
    used = {row["fan_id"] for row in await db.rows(_used(await shapes(db)), account_id, list(unchanged))}
    unused = [fan_id for fan_id in unchanged if fan_id not in used]
    identities = await db.rows(
        "select network, identifier_value from fan_identifiers where account_id = $1 and fan_id = any($2::bigint[])",
        account_id,
        unused,
    )
    await db.execute(DELETE, account_id, unused, now)
    await transfer_identities(db, account_id, [(row["network"], row["identifier_value"]) for row in identities], now)
    return len(unused)


def _used(tables: Sequence[Shape]) -> str:
    """Return the statement that finds those of the fans $2 of whom another table has rows."""
    parts = (
        f"select t.{column} as fan_id from {each.table} t where t.account_id = $1 and t.{column} = any($2::bigint[])"  # noqa: S608 - names of our tables
        for each in tables
        if each.table not in CREATED_TABLES
        for column in each.fan_columns
    )
    return " union ".join(parts)
