"""Deletes fans whom an import created, unless they said no, or were changed or used since.

This is no erasure: nobody asked to be forgotten, so an opt-in from before has its effect when the fan comes back.
"""

from collections.abc import Sequence
from datetime import datetime

from fanfare.fans.actions.claims import transfer_identities
from fanfare.fans.actions.journal import Shape, shapes
from fanfare.fans.topics import FAN_DELETED
from fanfare.kernel.data.announcements import announce, hold
from fanfare.kernel.data.db import Db

# What creating a fan writes.
CREATED_TABLES = frozenset(
    {"fans", "fan_identifiers", "shared_identifiers", "fan_businesses", "fan_fields", "consents"}
)

LOCK = """
    select f.fan_id from fans f
    where f.account_id = $1 and f.fan_id = any($2::bigint[]) and f.position <= $3
      and not exists (
          select from consents c where c.account_id = $1 and c.fan_id = f.fan_id and c.consent_id > $3)
      and not exists (
          select from consents c where c.account_id = $1 and c.fan_id = f.fan_id and not c.is_granted)
      and not exists (
          select from changes c
          where c.account_id = $1 and c.fan_id = f.fan_id and c.position > $3 and c.topic not like 'segment.%')
    order by f.fan_id for update of f
"""
DELETE = f"""
    with deleted_consents as (
        delete from consents where account_id = $1 and fan_id = any($2::bigint[])
    ),
    deleted as (
        delete from fans where account_id = $1 and fan_id = any($2::bigint[]) returning fan_id
    )
    {announce(FAN_DELETED, "deleted", position="nextval('positions')", at="$3")}
"""  # noqa: S608 - fixed parts


async def delete_unused(db: Db, account_id: int, fan_ids: Sequence[int], position: int, now: datetime) -> int:
    """Delete those of the fans who were not changed behind a position and of whom no other table has rows.

    Runs in the caller's transaction; returns the number of those deleted.
    """
    return await delete_without_rows(db, account_id, await lock_unchanged(db, account_id, fan_ids, position), now)


async def lock_unchanged(db: Db, account_id: int, fan_ids: Sequence[int], position: int) -> list[int]:
    """Return those of the fans who were not changed behind a position and never said no, locked for their deletion."""
    await hold(db, account_id)
    return [row["fan_id"] for row in await db.rows(LOCK, account_id, list(fan_ids), position)]


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
