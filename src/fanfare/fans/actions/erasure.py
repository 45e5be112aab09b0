"""Erases a fan: deletes all personal data in every table and stores a certificate with the number of rows.

Activities and amounts stay, under an id without a fan. Each domain erases its tables (`followers`); this module
erases what no fan_id refers to: responses stored for retries, the data of the change log, and searches that contain the
fan's address, number or name.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from fanfare.fans import followers
from fanfare.fans.actions import claims
from fanfare.fans.followers import Person
from fanfare.fans.queries.erasures import digest, erasure
from fanfare.fans.schemas.erasures import Erasure
from fanfare.fans.topics import FAN_DELETED
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data import idempotency
from fanfare.kernel.data.announcements import announce, hold
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown
from fanfare.kernel.folding import fold, like_pattern
from fanfare.kernel.wire import unix

# Fields of a response with an external key or display name of a fan.
EXTERNAL_FIELDS = ("display_name", "identifier_value", "user_key", "customer_key")


class _Effect(NamedTuple):
    """Rows by table, files outside the database that may contain the fan, and when the fan was created."""

    tables: list[dict[str, Any]]
    object_count: int
    fan_created_at: datetime


async def erase_fan(db: Db, account_id: int, fan_id: int, now: datetime, *, source: str) -> Erasure:
    """Erase a fan with the fans merged into it and return the certificate; Unknown (404) if it does not exist."""

    async def write(outer: Db) -> int:
        async with outer.transaction() as tx:
            return await _erase(tx, account_id, fan_id, now, source)

    return await erasure(db, account_id, await db.retry_conflicts(write))


async def _erase(db: Db, account_id: int, fan_id: int, now: datetime, source: str) -> int:
    old_counts = await _row_counts(db)
    await hold(db, account_id)
    # Of several who were merged it is when the first of them was created.
    fan = "select created_at from fans where account_id = $1 and fan_id = $2 for update"
    if (created_at := await db.value(fan, account_id, fan_id)) is None:
        raise Unknown(fan=fan_id)
    former = await _former_ids(db, account_id, fan_id)
    person = await _person(db, account_id, [fan_id, *former])
    await idempotency.redact_answers(
        db, account_id, list(_search_strings(person)), lambda answer: _redact(answer, person)
    )
    hashes = await _store_hashes(db, account_id, fan_id, now)
    await followers.forget_person(db, account_id, person, now)
    await followers.forget(db, account_id, fan_id)
    await _clear_changes(db, account_id, [fan_id, *former])
    identities = list(await claims.owned_since(db, account_id, fan_id))
    erasure_id = await _delete(db, account_id, fan_id, now)
    await claims.transfer_identities(db, account_id, identities, now)
    counts = _counts(old_counts, await _row_counts(db))
    effect = _Effect(counts, await followers.count_objects(db, account_id, created_at), created_at)
    # Until here it can have waited, and taken long: whatever arrived meanwhile is of before it.
    end = max(now, system_clock())
    await followers.note_erasure(db, account_id, fan_id, erasure_id, end)
    await db.execute(DATE, account_id, hashes, end)
    await _certify(db, account_id, (erasure_id, fan_id, former, source), end, effect)
    return erasure_id


async def _former_ids(db: Db, account_id: int, fan_id: int) -> list[int]:
    rows = await db.rows(
        "select absorbed_id from fan_merges where account_id = $1 and fan_id = $2 and undone_at is null"
        " order by absorbed_id",
        account_id,
        fan_id,
    )
    return [row["absorbed_id"] for row in rows]


# The identifiers that the fan $2 owns or shares.
IDENTIFIERS = """(
    select network, identifier_value from fan_identifiers where account_id = $1 and fan_id = $2
    union
    select network, identifier_value from shared_identifiers where account_id = $1 and fan_id = $2
)"""
# A text, normalised for comparison.
PLAIN = r"regexp_replace(btrim(fold_text({})), '\s+', ' ', 'g')"


async def _person(db: Db, account_id: int, fan_ids: list[int]) -> Person:
    """Return the texts that identify the fan: addresses, numbers, names, external keys, the display name."""
    rows = await db.rows(
        f"""
        with records as (
            select f.email, f.phone, f.add_phone, f.display_name, f.first_name, f.last_name from fans f
            where f.account_id = $1 and f.fan_id = $2
            union
            select r.email, r.phone, r.add_phone, r.display_name, r.first_name, r.last_name
            from fan_merges g
            join merged_rows m on m.account_id = $1 and m.merge_id = g.merge_id and m.table_name = 'fans'
            cross join lateral jsonb_to_record(m.row_before) as r (
                email text, phone text, add_phone text, display_name text, first_name text, last_name text)
            where g.account_id = $1 and g.fan_id = $2
        ),
        named as (
            select 'names' as kind, first_name || ' ' || last_name as word from records
            union
            select w.kind, w.word from records
            cross join lateral (
                values ('addresses', email), ('numbers', phone), ('numbers', add_phone), ('keys', display_name)
            ) as w (kind, word)
            union
            select case network when 'email' then 'addresses' when 'phone' then 'numbers' else 'keys' end,
                   identifier_value
            from {IDENTIFIERS} i
        )
        select kind, array_agg(distinct {PLAIN.format("word")}) as words
        from named where btrim(word) <> '' group by kind
        """,  # noqa: S608 - fixed parts
        account_id,
        fan_ids[0],
    )
    words = {row["kind"]: frozenset(row["words"]) for row in rows}
    empty: frozenset[str] = frozenset()
    kinds = {kind: words.get(kind, empty) for kind in ("addresses", "numbers", "names", "keys")}
    shared_words = await _shared_words(db, account_id, fan_ids[0], sorted(kinds["names"]))
    return Person(frozenset(fan_ids), **kinds, shared=shared_words)


async def _shared_words(db: Db, account_id: int, fan_id: int, names: list[str]) -> frozenset[str]:
    """Return those of a fan's identifiers and names that another fan has too."""
    rows = await db.rows(
        f"""
        select {PLAIN.format("o.identifier_value")} as word
        from {IDENTIFIERS} i
        cross join lateral (
            select identifier_value, fan_id from fan_identifiers
            where account_id = $1 and network = i.network and identifier_value = i.identifier_value
            union all
            select identifier_value, fan_id from shared_identifiers
            where account_id = $1 and network = i.network and identifier_value = i.identifier_value
        ) o
        where o.fan_id <> $2
        union
        select n.name from unnest($3::text[], $4::text[]) as n (name, pattern)
        where exists (
            select from fans f where f.account_id = $1 and f.fan_id <> $2 and f.search_text like n.pattern
              and {PLAIN.format("f.first_name || ' ' || f.last_name")} = n.name)
        """,  # noqa: S608 - fixed parts
        account_id,
        fan_id,
        names,
        [like_pattern(name) for name in names],
    )
    return frozenset(row["word"] for row in rows)


DATE = """
    update erased_identities set erased_at = greatest(erased_at, $3)
    where account_id = $1 and identity_hash = any($2::bytea[])
"""


async def _store_hashes(db: Db, account_id: int, fan_id: int, now: datetime) -> list[bytes]:
    """Store and return hashes of the fan's addresses and numbers: an opt-in from before the erasure has no effect."""
    await db.execute(
        "insert into erasure_keys (account_id, hash_key) values ($1, $2) on conflict (account_id) do nothing",
        account_id,
        secrets.token_bytes(32),
    )
    rows = await db.rows(
        """
        insert into erased_identities as e (account_id, identity_hash, erased_at)
        select $1, identity_hash(k.hash_key, identifiers.network, identifiers.identifier_value), $3
        from erasure_keys k cross join (
            select network, identifier_value from fan_identifiers
            where account_id = $1 and fan_id = $2 and network in ('email', 'phone')
            union
            select 'phone', numbers.number
            from fans f cross join lateral (values (f.phone), (f.add_phone)) as numbers (number)
            where f.account_id = $1 and f.fan_id = $2 and numbers.number is not null) as identifiers
        where k.account_id = $1
        on conflict (account_id, identity_hash) do update set erased_at = greatest(e.erased_at, excluded.erased_at)
        returning identity_hash
        """,
        account_id,
        fan_id,
        now,
    )
    return [row["identity_hash"] for row in rows]


async def add_identities(db: Db, account_id: int, keys: tuple[list[str], list[str]], now: datetime) -> None:
    """Store hashes of more addresses and numbers of people who were erased, which another system has of them.

    `keys` are networks and values. Those that a fan has here are left out.
    """
    await db.execute(
        """
        insert into erased_identities (account_id, identity_hash, erased_at)
        select distinct on (2) $1::bigint, identity_hash(k.hash_key, n.network, n.identifier_value), $4::timestamptz
        from erasure_keys k cross join unnest($2::text[], $3::text[]) as n (network, identifier_value)
        where k.account_id = $1 and not exists (
            select from fan_identifiers i
            where i.account_id = $1 and i.network = n.network and i.identifier_value = n.identifier_value)
        on conflict (account_id, identity_hash) do nothing
        """,
        account_id,
        *keys,
        now,
    )


def _search_strings(person: Person) -> Iterable[str]:
    """Yield the strings of which a stored response about the fan contains at least one: folded, as written in JSON."""
    for word in (*person.addresses, *person.numbers, *person.keys):
        yield msgspec.json.encode(word).decode()
    for fan_id in person.fan_ids:
        yield from (f'fan_id":{fan_id},', f'fan_id":{fan_id}}}')


def _redact(answer: Any, person: Person) -> Any:  # noqa: ANN401 - any JSON value
    """Return a response without the rows about a person; None when all of it is about the person."""
    if isinstance(answer, list):
        rows = [(each, _redact(each, person)) for each in answer]
        return [value for each, value in rows if each is None or value is not None]
    if not isinstance(answer, dict):
        return answer
    value = {name: _redact(each, person) for name, each in answer.items()}
    is_about = _is_about(answer, person) or any(value[name] is None is not each for name, each in answer.items())
    return None if is_about else value


def _is_about(values: dict[str, Any], person: Person) -> bool:
    """Return whether an object contains the person's fan_id, address or number, or an external key in its field.

    In an object with the fan_id of another fan, identifiers that both fans have do not count.
    """
    fan_ids = {each for name, each in values.items() if name.endswith("fan_id") and each is not None}
    if not fan_ids.isdisjoint(person.fan_ids):
        return True
    person = person.alone() if fan_ids and person.shared else person
    texts = {name: fold(each) for name, each in values.items() if isinstance(each, str)}
    if any(each in person.addresses or each in person.numbers for each in texts.values()):
        return True
    return any(texts.get(name) in person.keys for name in EXTERNAL_FIELDS)


async def _clear_changes(db: Db, account_id: int, fan_ids: list[int]) -> None:
    """Empty the data of the fan's rows in the change log; topic and time stay."""
    await db.execute(
        "update changes set data = '{}' where account_id = $1 and fan_id = any($2::bigint[]) and data <> '{}'",
        account_id,
        fan_ids,
    )


DELETE = f"""
    with deleted as (delete from fans where account_id = $1 and fan_id = $2 returning fan_id)
    {announce(FAN_DELETED, "deleted", position="nextval('positions')", at="$3")}
    returning position
"""  # noqa: S608 - fixed parts


async def _delete(db: Db, account_id: int, fan_id: int, now: datetime) -> int:
    erasure_id: int = await db.value(
        DELETE,
        account_id,
        fan_id,
        now,
    )
    return erasure_id


async def _row_counts(db: Db) -> dict[str, tuple[int, int]]:
    """Return how many rows of each table this transaction has deleted and changed so far, cascades included."""
    rows = await db.rows(
        "select relname, n_tup_del, n_tup_upd from pg_stat_xact_user_tables where n_tup_del + n_tup_upd > 0"
    )
    return {row["relname"]: (row["n_tup_del"], row["n_tup_upd"]) for row in rows}


def _counts(old: dict[str, tuple[int, int]], new: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    table_counts = []
    for name, (deleted, cleared) in sorted(new.items()):
        deleted_before, changed_before = old.get(name, (0, 0))
        counts = {"deleted_count": deleted - deleted_before, "cleared_count": cleared - changed_before}
        if any(counts.values()):
            table_counts.append({"table_name": name, **counts})
    return table_counts


CERTIFY = Sql("""
    insert into erasures (account_id, erasure_id, fan_id, former_ids, erasure_source, erased_at, table_counts,
                          object_count, fan_created_at, digest)
    values ($1, :erasure_id, :fan_id, :former_fan_ids, :erasure_source, :now, :tables, :object_count, :created_at,
            :digest)
""")


async def _certify(
    db: Db, account_id: int, erasure: tuple[int, int, list[int], str], now: datetime, effect: _Effect
) -> None:
    erasure_id, fan_id, former, source = erasure
    certificate = {
        "erasure_id": erasure_id,
        "fan_id": fan_id,
        "former_fan_ids": former,
        "erasure_source": source,
        "tables": effect.tables,
        "object_count": effect.object_count,
    }
    checksum = digest({**certificate, "erasure_timestamp": unix(now)})
    await db.execute(CERTIFY, account_id, **certificate, now=now, created_at=effect.fan_created_at, digest=checksum)
