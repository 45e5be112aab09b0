"""Erases a fan: all that is personal, in every table, with a certificate that tells what was done.

What the fan did stays in figures and feeds, and amounts stay, under a number that leads to nobody. The domains forget
what they keep (`followers`); here goes what no fan_id leads to: answers that are kept for retries, the data of changes,
and searches that name the fan by address, number or name.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans import followers
from fanfare.fans.queries.erasures import digest, erasure
from fanfare.fans.schemas.erasures import Erasure
from fanfare.kernel import idempotency
from fanfare.kernel.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import unix

# Shorter ones would be found in what is about somebody else.
SHORTEST_WORD = 5


async def erase_fan(db: Db, account_id: int, fan_id: int, now: datetime, *, source: str) -> Erasure:
    """Erase a fan, with whom it became one, and return the certificate; refuses (404) who is not there."""

    async def write(tried: Db) -> int:
        async with tried.transaction() as held:
            return await _erase(held, account_id, fan_id, now, source)

    return await erasure(db, account_id, await db.racing(write))


async def _erase(db: Db, account_id: int, fan_id: int, now: datetime, source: str) -> int:
    before = await _touched(db)
    await db.execute("select hold_position($1)", account_id)
    known = "select true from fans where account_id = $1 and fan_id = $2 for update"
    if not await db.value(known, account_id, fan_id):
        raise Unknown
    former = await _former_ids(db, account_id, fan_id)
    words = await _words(db, account_id, fan_id)
    await idempotency.empty_answers(db, account_id, list(_marks(words, [fan_id, *former])))
    await followers.forget_words(db, account_id, words)
    await followers.forget(db, account_id, fan_id)
    await _silence_changes(db, account_id, [fan_id, *former])
    erasure_id = await _delete(db, account_id, fan_id, now)
    await _certify(db, account_id, (erasure_id, fan_id, former, source), now, _counts(before, await _touched(db)))
    return erasure_id


async def _former_ids(db: Db, account_id: int, fan_id: int) -> list[int]:
    rows = await db.rows(
        "select absorbed_id from fan_merges where account_id = $1 and fan_id = $2 and undone_at is null"
        " order by absorbed_id",
        account_id,
        fan_id,
    )
    return [row["absorbed_id"] for row in rows]


async def _words(db: Db, account_id: int, fan_id: int) -> list[str]:
    """Return what tells the fan from everybody: addresses, numbers, outside identities, the display name."""
    rows = await db.rows(
        """
        select identifier_value as word from fan_identifiers where account_id = $1 and fan_id = $2
        union
        select w.word from fans f
        cross join lateral (values (f.email), (f.phone), (f.add_phone), (f.display_name)) as w (word)
        where f.account_id = $1 and f.fan_id = $2
        union
        select m.row_before ->> w.name
        from fan_merges g
        join merged_rows m on m.account_id = $1 and m.merge_id = g.merge_id and m.table_name = 'fans'
        cross join (values ('email'), ('phone'), ('add_phone'), ('display_name')) as w (name)
        where g.account_id = $1 and g.fan_id = $2
        """,
        account_id,
        fan_id,
    )
    found = {row["word"].lower() for row in rows if row["word"] and len(row["word"]) >= SHORTEST_WORD}
    return sorted(found, key=lambda word: (-len(word), word))


def _marks(words: Iterable[str], fan_ids: Iterable[int]) -> Iterable[str]:
    """Yield what an answer about the fan holds, as it stands in JSON, in small letters."""
    for word in words:
        yield msgspec.json.encode(word).decode()[1:-1]
    for fan_id in fan_ids:
        yield from (f'"fan_id":{fan_id},', f'"fan_id":{fan_id}}}')


async def _silence_changes(db: Db, account_id: int, fan_ids: list[int]) -> None:
    """Leave of the fan's changes what happened when, without what it was about."""
    await db.execute(
        "update changes set data = '{}' where account_id = $1 and fan_id = any($2::bigint[]) and data <> '{}'",
        account_id,
        fan_ids,
    )


async def _delete(db: Db, account_id: int, fan_id: int, now: datetime) -> int:
    erasure_id: int = await db.value(
        """
        with gone as (delete from fans where account_id = $1 and fan_id = $2 returning fan_id)
        insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)
        select $1, nextval('positions'), 'fan.deleted', fan_id::text, fan_id, $3, '{}' from gone
        returning position
        """,
        account_id,
        fan_id,
        now,
    )
    return erasure_id


async def _touched(db: Db) -> dict[str, tuple[int, int]]:
    """Return how many rows of each table this transaction has deleted and changed so far, cascades included."""
    rows = await db.rows(
        "select relname, n_tup_del, n_tup_upd from pg_stat_xact_user_tables where n_tup_del + n_tup_upd > 0"
    )
    return {row["relname"]: (row["n_tup_del"], row["n_tup_upd"]) for row in rows}


def _counts(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    found = []
    for name, (deleted, changed) in sorted(after.items()):
        deleted_before, changed_before = before.get(name, (0, 0))
        counts = {"deleted_count": deleted - deleted_before, "cleared_count": changed - changed_before}
        if any(counts.values()):
            found.append({"table_name": name, **counts})
    return found


async def _certify(
    db: Db, account_id: int, erased: tuple[int, int, list[int], str], now: datetime, counts: list[dict[str, Any]]
) -> None:
    erasure_id, fan_id, former, source = erased
    certificate = {
        "erasure_id": erasure_id,
        "fan_id": fan_id,
        "former_fan_ids": former,
        "erasure_source": source,
        "erasure_timestamp": unix(now),
        "tables": counts,
    }
    await db.execute(
        """
        insert into erasures (account_id, erasure_id, fan_id, former_ids, erasure_source, erased_at, table_counts,
                              digest)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        account_id,
        *erased,
        now,
        counts,
        digest(certificate),
    )
