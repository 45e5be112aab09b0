"""Migrations stay as they were released; and what an account needs that moves to another PostgreSQL.

That is: the account first in every key, and no unlogged table with what must move along. No triggers and no clock in an
upsert, beside: writes stay plain.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.rules import waivers
from tests.rules.project import MIGRATIONS, PACKAGE, sources
from tests.rules.schema import Key, Table, migration_texts, statements, tables
from tests.rules.sql import texts

# Functions whose value is another one each time.
VOLATILE = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|random|gen_random_uuid|nextval|timeofday)\s*\("
    r"|\bcurrent_(timestamp|date|time)\b"
)
# From `do update set` to what ends it: returning, where, or the bracket after which the statement goes on.
UPSERT = re.compile(
    r"\bdo\s+update\s+set\b(.*?)(?:\breturning\b|\bwhere\b|$|\)\s*,?\s*\w*\s*(?:as\b|select\b|insert\b))", re.DOTALL
)
UNLOGGED = re.compile(r"^create\s+unlogged\s+table\s+(?:if\s+not\s+exists\s+)?(\w+)")
# What may be lost with a crash: the calls of a minute.
PASSING = frozenset({"rate_windows"})

# The checksum of each migration, as `sha256sum` writes it, in any order.
CHECKSUMS = Path(__file__).with_name("migrations.sha256")
ADD = f"(cd src/fanfare/migrations && sha256sum {{name}}) >> tests/rules/{CHECKSUMS.name}"


def checksum_faults(files: dict[str, str], checksums: dict[str, str]) -> Iterator[str]:
    """Yield each migration that is new, changed or gone, and what to do about it."""
    for name, checksum in files.items():
        if name not in checksums:
            yield f"{name} is new: freeze it with: {ADD.format(name=name)}"
        elif checksums[name] != checksum:
            yield (
                f"{name} was changed, and databases have it already as it was: restore the file and write what is to "
                f"change into a new migration. (Only if {name} is on no branch but yours: put its new line in place of "
                f"the old one in tests/rules/{CHECKSUMS.name}.)"
            )
    for name in checksums.keys() - files.keys():
        yield f"{name} is gone, and databases have it already: restore the file"


def test_released_migrations_never_change() -> None:
    lines = [line.split() for line in CHECKSUMS.read_text("utf-8").splitlines()]
    checksums = {name: checksum for checksum, name in lines}
    assert len(checksums) == len(lines), f"a migration stands twice in {CHECKSUMS.name}"
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(MIGRATIONS.glob("*.sql"))}
    assert list(checksum_faults(files, checksums)) == []


def test_sees_a_new_a_changed_and_a_missing_migration() -> None:
    faults = list(checksum_faults({"1.sql": "a", "2.sql": "b"}, {"1.sql": "z", "3.sql": "c"}))
    assert [fault.split(":")[0] for fault in faults] == [
        "1.sql was changed, and databases have it already as it was",
        "2.sql is new",
        "3.sql is gone, and databases have it already",
    ]


def key_faults(table: Table, key: Key, shared: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with one key of a tenant's table; keys to a shared table need no account."""
    place = key.name or table.name
    if key.kind == "foreign key" and key.to in shared:
        return
    if key.columns[0] != "account_id":
        yield place, f"{key.kind} ({', '.join(key.columns)}) does not start with account_id"


def table_faults(rows: dict[str, Table], shared: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each breach of the tenant rules, as its place (the table or index) and what is wrong."""
    for table in rows.values():
        if "account_id" not in table.columns or table.name in shared:
            yield table.name, "is not a tenant's table"
            continue
        if not table.columns["account_id"].startswith("bigint not null"):
            yield table.name, "account_id is not `bigint not null`"
        if not any(key.kind == "primary key" for key in table.keys):
            yield table.name, "has no primary key"
        for key in table.keys:
            yield from key_faults(table, key, shared)


def statement_faults(sql: str) -> Iterator[str]:
    """Yield the triggers that a migration makes."""
    for statement in statements(sql):
        if re.search(r"\bcreate\s+(or\s+replace\s+)?(constraint\s+)?trigger\b|\breturns\s+trigger\b", statement):
            yield f"a trigger: {statement[:60]}"


def upsert_faults(sql: str) -> list[str]:
    """Return the moving values that a `do update set` takes."""
    clauses = [match[1] for match in UPSERT.finditer(sql.lower())]
    return [f"{match[0]} in `do update set`" for clause in clauses for match in VOLATILE.finditer(clause)]


def waived() -> dict[str, waivers.Reason]:
    return {**waivers.TABLES, **waivers.INDEXES}


def test_every_key_starts_with_the_account() -> None:
    created = tables(migration_texts())
    assert created
    assert waivers.without(table_faults(created, waivers.TABLES), waived()) == []


def test_unlogged_tables_hold_nothing_that_must_move() -> None:
    created = {name for sql in migration_texts() for each in statements(sql) for name in UNLOGGED.findall(each)}
    assert [
        f"{name} is unlogged: it goes with a crash, and stays behind when its account moves"
        for name in created - PASSING
    ] == []


def test_no_trigger() -> None:
    assert [fault for sql in migration_texts() for fault in statement_faults(sql)] == []


def test_no_clock_in_an_upsert() -> None:
    code = [text.sql for source in sources(PACKAGE) for text in texts(source)]
    assert [fault for sql in [*migration_texts(), *code] for fault in upsert_faults(sql)] == []


def test_sees_each_breach() -> None:
    created = tables(
        [
            """
            create table no_account (x bigint primary key);
            create table loose (account_id integer, loose_id bigint, primary key (account_id, loose_id));
            create table wrong (
                account_id bigint not null,
                wrong_id bigint not null,
                fan_id bigint references fans (fan_id),
                country_code text references countries (country_code),
                primary key (wrong_id, account_id)
            );
            create unique index wrong_by_fan on wrong (fan_id);
            create table keyless (account_id bigint not null);
            """
        ]
    )
    assert list(table_faults(created, ["countries"])) == [
        ("no_account", "is not a tenant's table"),
        ("loose", "account_id is not `bigint not null`"),
        ("wrong", "foreign key (fan_id) does not start with account_id"),
        ("wrong", "primary key (wrong_id, account_id) does not start with account_id"),
        ("wrong_by_fan", "unique index (fan_id) does not start with account_id"),
        ("keyless", "has no primary key"),
    ]


def test_sees_a_trigger_and_a_clock() -> None:
    assert len(list(statement_faults("create trigger t after insert on fans execute function f()"))) == 1
    assert len(list(statement_faults("create or replace function f() returns trigger as $$ x $$"))) == 1
    upsert = "insert into t values ($1) on conflict (a) do update set x = {} returning x"
    assert upsert_faults(upsert.format("now()")) == ["now( in `do update set`"]
    assert upsert_faults(upsert.format("excluded.x") + "; select now()") == []
    assert upsert_faults("with a as (insert … do update set x = random()), b as (select now()) select 1") == [
        "random( in `do update set`"
    ]
