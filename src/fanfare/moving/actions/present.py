"""Rows of the source that are here from before: which of them are written again, and which are only noted."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.moving.actions.state import Move, Table
from fanfare.moving.schemas import FANS, Row

HASH_BYTES = 8
CHANGE_NOTE = "was changed there after it was moved"


class Present(NamedTuple):
    """What a row became here, and the hash of what it had there, null for rows that are older than hashes."""

    own_id: str | None
    content_hash: bytes | None


async def present_rows(move: Move, db: Db, table: Table, foreign_ids: Sequence[str]) -> dict[str, Present]:
    """Return rows of a table that were read before, by their ids there."""
    rows = await db.rows(
        FAN_ROWS if table.name == FANS else ROWS, move.account.id, move.move_id, table.name, list(foreign_ids)
    )
    return {row["foreign_id"]: Present(row["own_id"], row["content_hash"]) for row in rows}


ROWS = """
    select foreign_id, own_id, content_hash from moved_rows
    where account_id = $1 and move_id = $2 and table_name = $3 and foreign_id = any($4::text[])
"""
FAN_ROWS = """
    select foreign_id::text as foreign_id, fan_id::text as own_id, null::bytea as content_hash from moved_fans
    where account_id = $1 and move_id = $2 and $3::text is not null and foreign_id = any($4::text[]::bigint[])
"""


def hashes_of(move: Move, table: Table, rows: Sequence[Row]) -> dict[str, bytes]:
    """Return a hash of what is read of each row, by their ids; of two rows with an id that of the last one."""
    if table.has_updates:
        return {}
    result = {}
    for row in rows:
        content = msgspec.json.encode({name: row.get(name) for name in sorted(table.fields)}, order="deterministic")
        key = move.run.hash_key.bytes
        result[table.key(row)] = hashlib.blake2b(content, digest_size=HASH_BYTES, key=key).digest()
    return result


def is_due(table: Table, row: Row, present: Mapping[str, Present], hashes: Mapping[str, bytes]) -> bool:
    """Return whether a row is written: it is new, was refused, or is written again."""
    key = table.key(row)
    earlier = present.get(key)
    if earlier is None or earlier.own_id is None or table.has_updates:
        return True
    return table.has_changes and earlier.content_hash not in (None, hashes[key])


async def touch(move: Move, db: Db, table: Table, present: Mapping[str, Present], hashes: Mapping[str, bytes]) -> None:
    """Note that rows were given again, and which of them were changed there, in the caller's transaction."""
    if not hashes:
        return
    is_changed = [present[key].content_hash not in (None, each) for key, each in hashes.items()]
    await db.execute(
        TOUCH, move.account.id, move.move_id, table.name, move.run.number, list(hashes), list(hashes.values()),
        is_changed, CHANGE_NOTE,
    )  # fmt: skip


# The hash stays that of what was moved.
TOUCH = """
    update moved_rows m
    set run_number = $4, content_hash = coalesce(m.content_hash, g.content_hash),
        notes = array_remove(m.notes, $8) || case when g.is_changed then array[$8] else '{}' end
    from unnest($5::text[], $6::bytea[], $7::boolean[]) as g (foreign_id, content_hash, is_changed)
    where m.account_id = $1 and m.move_id = $2 and m.table_name = $3 and m.foreign_id = g.foreign_id
"""
