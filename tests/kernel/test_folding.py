"""One text is folded in one way: by Python, by PostgreSQL, in whatever locale a database was made."""

import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from fanfare.kernel.data.migrate import FOLDER, migrate, migrations
from fanfare.kernel.folding import fold, like_pattern
from tests.api import Api
from tests.conftest import NewDatabase, named
from tests.tickets import sold as tickets

FOLDING = 37
KEYS_READ = 43
ALIKE = [
    ("İstanbul", "ISTANBUL", "istanbul", "ıstanbul"),
    ("ΌΜΗΡΟΣ", "Όμηρος", "ομηροσ"),
    ("Nguyễn Thị Đào", "NGUYEN THI DAO", unicodedata.normalize("NFD", "nguyễn thị đào")),
    ("Ştefan Țuțea", "stefan tutea", "ŞTEFAN ȚUȚEA"),
    ("Straße", "STRASSE", "STRAẞE"),
    ("Æther", "aether", "ÆTHER"),
    ("Łódź Øre Œuvre Þór", "lodz ore oeuvre thor"),
    ("Ёлка", "ЕЛКА", "елка"),
    ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
    ("서울", unicodedata.normalize("NFD", "서울")),
    ("がく", unicodedata.normalize("NFD", "がく")),
]
DISTINCT = [("ハハ", "パパ"), ("a", "b"), ("किताब", "कताब")]
# The locales that a database may have; a server refuses those that it was built without.
LOCALES = (
    "locale 'C'",
    "locale 'C.UTF-8'",
    "locale_provider builtin builtin_locale 'C.UTF-8'",
    "locale_provider icu icu_locale 'tr-TR' locale 'C'",
)


def letters() -> list[str]:
    """Return every character that is assigned."""
    every = map(chr, range(1, 0x110000))
    return [letter for letter in every if unicodedata.category(letter) not in ("Cn", "Co", "Cs")]


def words() -> Iterator[list[str]]:
    """Yield each letter alone and within a word, by the ten thousand."""
    every = letters()
    for first in range(0, len(every), 5000):
        some = every[first : first + 5000]
        yield [*some, *(f"A{letter}\u0301b" for letter in some)]


async def database_of(server_url: str, locale: str) -> str | None:
    """Make a database of a locale and return its name, or None where the server has no such locale."""
    connection = await asyncpg.connect(server_url)
    try:
        name = f"folding_{abs(hash(locale))}"
        await connection.execute(f"drop database if exists {name}")
        await connection.execute(f"create database {name} template template0 encoding 'UTF8' {locale}")
    except (asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    finally:
        await connection.close()
    return name


@pytest.mark.parametrize("locale", LOCALES)
async def test_postgresql_folds_every_letter_as_python_does(server_url: str, locale: str) -> None:
    name = await database_of(server_url, locale)
    if name is None:
        pytest.skip("the server has no such locale")
    url = named(server_url, name)
    await migrate(url)
    connection = await asyncpg.connect(url)
    sql = "select array_agg(fold_text(word) order by place) from unnest($1::text[]) with ordinality as g (word, place)"
    try:
        for some in words():
            result = await connection.fetchval(sql, some)
            assert [pair for pair in zip(some, result, strict=True) if fold(pair[0]) != pair[1]] == []
        assert await connection.fetchval("select fold_text(null)") is None
    finally:
        await connection.close()
    admin = await asyncpg.connect(server_url)
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


def test_what_is_folded_stays_as_it_is() -> None:
    assert [letter for letter in letters() if fold(fold(letter)) != fold(letter)] == []


@pytest.mark.parametrize("spellings", ALIKE)
def test_spellings_of_one_text_are_one(spellings: tuple[str, ...]) -> None:
    assert {fold(each) for each in spellings} == {fold(spellings[0])}


@pytest.mark.parametrize(("one", "second"), DISTINCT)
def test_marks_that_make_another_letter_stay(one: str, second: str) -> None:
    assert fold(one) != fold(second)


def test_signs_of_a_pattern_mean_themselves() -> None:
    assert like_pattern("50％_\\") == "%50\\%\\_\\\\%"


async def test_rows_of_before_are_folded_anew(empty_database: NewDatabase, tmp_path: Path) -> None:
    url = await empty_database()
    for each in migrations():
        if each.version < FOLDING:
            shutil.copy(FOLDER / f"{each.version:04}_{each.name}.sql", tmp_path)
    await migrate(url, tmp_path)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            """
            insert into accounts (account_id, account_name, created_at) values (7, 'Northside', now());
            insert into tags (account_id, tag_id, tag_name, created_at)
            values (7, 1, 'ΌΜΗΡΟΣ', now()), (7, 2, 'Όμηρος', now()), (7, 3, 'résumé', now()), (7, 4, 'Resume', now());
            insert into fans (account_id, fan_id, first_name, display_name, created_at, updated_at, position)
            values (7, 1, 'Nguyễn', 'Ωmegaς', now(), now(), 1), (7, 2, 'Ёлка', 'ΩmegaΣ', now(), now(), 2);
            insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
            values (7, 'öticket', '1', 1, now()), (7, 'théâtre', 'c1', 1, '2025-01-01'), (7, 'théatre', 'c1', 2, now()),
                   (7, 'café', 'c2', 1, now());
            insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
            values (7, 'café', 'c2', 2, now());
            insert into products (account_id, network, product_key, product_name, created_at, updated_at)
            values (7, 'théâtre', 'p1', 'Scarf', now(), now()), (7, 'théatre', 'p1', 'Scarf', now(), now());
            """
        )
        for each in migrations():
            shutil.copy(FOLDER / f"{each.version:04}_{each.name}.sql", tmp_path)
        await migrate(url, tmp_path)
        tags = await connection.fetch("select tag_name from tags order by tag_id")
        assert [row["tag_name"] for row in tags] == ["ΌΜΗΡΟΣ", "Όμηρος (2)", "résumé", "Resume (4)"]
        fans = await connection.fetch("select search_text, display_name from fans order by fan_id")
        assert [tuple(row) for row in fans] == [("nguyen  ", "Ωmegaς"), ("елка  ", "ΩmegaΣ_2")]
        read = "select network, identifier_value, fan_id from {} order by network"
        owners = [tuple(row) for row in await connection.fetch(read.format("fan_identifiers"))]
        assert owners == [("cafe", "c2", 1), ("oticket", "1", 1), ("theatre", "c1", 1)]
        sharers = [tuple(row) for row in await connection.fetch(read.format("shared_identifiers"))]
        assert sharers == [("cafe", "c2", 2), ("theatre", "c1", 2)]
        products = await connection.fetch('select network from products order by network collate "C"')
        assert [row["network"] for row in products] == ["theatre", "theatre"]
    finally:
        await connection.close()


OLD_KEYS = """
    insert into accounts (account_id, account_name, created_at) values (7, 'Northside', now());
    insert into fans (account_id, fan_id, created_at, updated_at, position) values (7, 1, now(), now(), 1),
        (7, 2, now(), now(), 2);
    insert into purchases (account_id, network, purchase_key, purchase_id, ordered_at, created_at, updated_at,
                           gross_sale_amount, net_sale_amount, currency, order_key, merchant_key)
    values (7, 'Box Óffice', '1042.0', 1, now(), now(), now(), 1, 1, 'CAD', '7.0', 'm'),
           (7, 'box office', '1042', 2, now(), now(), now(), 1, 1, 'CAD', '7', 'm'),
           (7, 'Box Óffice', '1.043E3', 3, now(), now(), now(), 1, 1, 'CAD', '07.0', 'm'),
           (7, 'shop', normalize('é', nfd), 4, now(), now(), now(), 1, 1, 'CAD', '1e3', 'm');
    insert into ticket_events (account_id, event_uid, event_date, created_at, updated_at, event_name, event_key,
                               network)
    values (7, '5eedc0de-0000-4000-8000-000000000001', '2026-07-03', now(), now(), 'Final', '5.0', 'Gate');
    insert into tickets (account_id, ticket_id, fan_id, event_uid, purchased_at, created_at, updated_at, num_seats,
                         paid_amount, currency, ticket_key, network)
    values (7, 1, 1, '5eedc0de-0000-4000-8000-000000000001', now(), '2026-01-01', now(), 1, 1, 'CAD', '9.0', 'Gate'),
           (7, 2, 1, '5eedc0de-0000-4000-8000-000000000001', now(), '2026-01-02', now(), 1, 1, 'CAD', '9.0', 'GATE'),
           (7, 3, 1, '5eedc0de-0000-4000-8000-000000000001', now(), '2026-01-02', now(), 1, 1, 'CAD', null, 'GATE');
    insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
    values (7, 'shop', '5.0', 1, '2026-01-01'), (7, 'shop', '5', 2, '2026-01-02'), (7, 'shop', '6.0', 1, now());
"""


async def test_keys_of_before_are_written_as_they_are_read_now(empty_database: NewDatabase, tmp_path: Path) -> None:
    url = await empty_database()
    for each in migrations():
        if each.version < KEYS_READ:
            shutil.copy(FOLDER / f"{each.version:04}_{each.name}.sql", tmp_path)
    await migrate(url, tmp_path)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(OLD_KEYS)
        for each in migrations():
            shutil.copy(FOLDER / f"{each.version:04}_{each.name}.sql", tmp_path)
        await migrate(url, tmp_path)

        async def rows(sql: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in await connection.fetch(sql)]

        assert await rows("select network, purchase_key, order_key from purchases order by purchase_id") == [
            ("box office", "1042 (1)", "7"), ("box office", "1042", "7"), ("box office", "1043", "07.0"),
            ("shop", "é", "1e3"),
        ]  # fmt: skip
        tickets = await rows("select network, ticket_key from tickets order by ticket_id")
        assert tickets == [("gate", "9"), ("gate", "9 (2)"), ("gate", None)]
        assert await rows("select network, event_key from ticket_events") == [("gate", "5")]
        assert await rows("select identifier_value, fan_id from fan_identifiers order by 1") == [("5", 1), ("6", 1)]
        assert await rows("select identifier_value, fan_id from shared_identifiers") == [("5", 2)]
    finally:
        await connection.close()


async def test_a_network_is_one_however_it_is_written(api: Api) -> None:
    spellings = ["Théâtre", "THEATRE", "theatre"]
    sold = [await tickets.sold(api, "one", network=each) for each in spellings]
    assert [each["status"] for each in sold] == ["success", "duplicate", "duplicate"]
    bought = {
        "purchase_key": "p-1", "order_key": "o-1", "merchant_key": "m", "order_timestamp": "2026-05-01 12:00:00",
        "gross_sale_amount": 1, "net_sale_amount": 1, "email": "buyer@example.com",
    }  # fmt: skip
    registered = {
        "registration_key": "r-1", "registration_timestamp": "2026-06-20 17:30:00", "first_name": "A", "last_name": "B",
        "email": "buyer@example.com", "event_name": "Final", "event_date": "2026-07-03",
    }  # fmt: skip
    scanned = {"device_key": "g", "device_sequence": 1, "scan_group_name": "G", "scan_timestamp": "2026-07-03 20:00:00"}
    result = []
    for each in spellings:
        await api.ok(await api.post("/api/v1/crm/purchases", **bought, network=each))
        await api.ok(await api.post("/api/v1/crm/registrations", **registered, network=each))
        scan = {**scanned, "registration_key": "r-1", "network": each}
        result += (await api.ok(await api.post("/api/v1/manage/registrations/scans", scans=[scan])))["data"]
    assert [each["is_duplicate"] for each in result] == [False, True, True]
    days = {"start_date": "2026-01-01", "end_date": "2026-12-31"}
    for each in spellings:
        purchases = await api.ok(await api.get("/api/v1/crm/purchases", network=each, **days))
        assert [row["network"] for row in purchases["data"]] == ["theatre"]
        scans = await api.ok(
            await api.get("/api/v1/crm/registrations/scans", network=each, scan_group_name="G", **days)
        )
        assert [row["email"] for row in scans["data"]] == ["buyer@example.com"]
    registrations = await api.ok(await api.get("/api/v1/crm/registrations", **days))
    assert [row["network"] for row in registrations["data"]] == ["theatre"]
