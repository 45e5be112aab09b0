import asyncio
from pathlib import Path

import asyncpg
import pytest

from fanfare.kernel.data.migrate import CannotMigrate, migrate, migrations
from tests.conftest import NewDatabase
from tests.running import PATIENCE

FIRST = "create table first (id bigint primary key);"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name.removeprefix('m')}.sql").write_text(text)
    return folder


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_applies_once_and_in_order(empty_database: NewDatabase, tmp_path: Path) -> None:
    url = await empty_database()
    folder = write(tmp_path, m0002_second="insert into first values (2);", m0001_first=FIRST)
    assert [each.version for each in await migrate(url, folder)] == [1, 2]
    assert await migrate(url, folder) == []
    assert await ask(url, "select count(*) from first") == 1
    write(folder, m0003_third="insert into first values (3);")
    assert [each.version for each in await migrate(url, folder)] == [3]


async def test_a_failing_file_leaves_nothing(empty_database: NewDatabase, tmp_path: Path) -> None:
    url = await empty_database()
    folder = write(tmp_path, m0001_first=FIRST, m0002_bad="create table second (id int); select 1/0;")
    with pytest.raises(CannotMigrate, match=r"migration 2 \(bad\) failed"):
        await migrate(url, folder)
    assert await ask(url, "select to_regclass('second')") is None
    assert await ask(url, "select max(version) from schema_migrations") == 1


async def test_what_cannot_be_noted_is_not_applied(empty_database: NewDatabase, tmp_path: Path) -> None:
    url = await empty_database()
    unnotable = "create table second (id int); alter table schema_migrations add check (version < 2);"
    with pytest.raises(CannotMigrate, match="failed"):
        await migrate(url, write(tmp_path, m0001_first=FIRST, m0002_second=unnotable))
    assert await ask(url, "select to_regclass('second')") is None


async def test_starters_do_not_race(empty_database: NewDatabase, tmp_path: Path) -> None:
    url = await empty_database()
    index = "-- no transaction\n-- beside the writers\ncreate index concurrently first_ids on first (id);"
    folder = write(tmp_path, m0001_first=f"{FIRST} select pg_sleep(0.3);", m0002_index=index)
    done = await asyncio.wait_for(asyncio.gather(*(migrate(url, folder) for _ in range(6))), PATIENCE)
    assert sorted(len(each) for each in done) == [0, 0, 0, 0, 0, 2]
    assert await ask(url, "select indisvalid from pg_index where indexrelid = 'first_ids'::regclass")


async def test_refuses_a_changed_file(empty_database: NewDatabase, tmp_path: Path) -> None:
    url = await empty_database()
    await migrate(url, write(tmp_path, m0001_first=FIRST))
    with pytest.raises(CannotMigrate, match="changed after it was applied"):
        await migrate(url, write(tmp_path, m0001_first=FIRST + " "))


async def test_refuses_a_newer_database(empty_database: NewDatabase, tmp_path: Path) -> None:
    url = await empty_database()
    await migrate(url, write(tmp_path, m0001_first=FIRST, m0002_second="select 1;"))
    (tmp_path / "0002_second.sql").unlink()
    with pytest.raises(CannotMigrate, match="newer version"):
        await migrate(url, tmp_path)


def test_refuses_doubled_numbers_and_odd_names(tmp_path: Path) -> None:
    write(tmp_path, m0001_first=FIRST, m0001_other=FIRST)
    with pytest.raises(CannotMigrate, match="two migrations have the number 1"):
        migrations(tmp_path)
    (tmp_path / "0001_other.sql").rename(tmp_path / "2-other.sql")
    with pytest.raises(CannotMigrate, match="not named"):
        migrations(tmp_path)
