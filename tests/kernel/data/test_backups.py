"""A backup made while all goes on, and a Fanfare that goes on from it elsewhere."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from fanfare.accounts.actions import create_account
from fanfare.kernel.data import backups
from fanfare.kernel.data.changes import feed
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.migrate import RESTORING, CannotMigrate, migrate
from fanfare.kernel.errors import CannotRun
from tests.conftest import NewDatabase
from tests.faults.test_killed import HALVES
from tests.kernel.running.test_up import FANFARE, Up, running_up
from tests.running import PATIENCE

WRITERS = 4
SEQUENCES = "select sequencename, coalesce(last_value, 0) as last_value from pg_sequences where schemaname = 'public'"


def fanfare(*words: object, **environment: str) -> str:
    ran = subprocess.run(
        [*FANFARE, *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **environment},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def refused(*words: object) -> str:
    ran = subprocess.run([*FANFARE, *map(str, words)], check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert (ran.returncode, ran.stdout) == (1, ""), ran.stderr
    return ran.stderr


class Writers:
    """Add fans with an activity again and again, and note who was acknowledged."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.fans: dict[str, int] = {}
        self.is_over = False

    async def write(self, writer: int) -> None:
        while not self.is_over:
            await self.add(f"w{writer}.{len(self.fans)}@example.com")

    async def add(self, email: str) -> int:
        answer = await self.client.post("/api/v1/crm/activities", json={"email": email, "campaign_title": "Load"})
        assert answer.status_code == 200, answer.text
        ((fan_id,),) = [(row["fan_id"],) for row in answer.json()]
        self.fans[email] = fan_id
        return int(fan_id)

    async def add_fans(self, count: int) -> None:
        old = len(self.fans)
        while len(self.fans) < old + count:  # noqa: ASYNC110 - the writers tell nobody
            await asyncio.sleep(0.01)


@asynccontextmanager
async def using(up: Up) -> AsyncIterator[Db]:
    db = await Db.connect(up.facts["database_url"], size=4)
    yield db
    await db.close()


class Lost:
    """What is known outside of a server that is lost: its keys, what it acknowledged, how far its readers were."""

    def __init__(self, account_id: int, keys: dict[str, str]) -> None:
        self.account_id, self.keys = account_id, keys
        self.backed_up: dict[str, int] = {}
        self.fans: dict[str, int] = {}
        self.cursor = 0
        self.sequences: dict[str, int] = {}
        self.erased = 0


async def lose(data_dir: Path, file: Path, certificates: Path) -> Lost:
    """Run a server under load, back it up, let it go on for a while, and stop it."""
    with running_up(data_dir) as up:
        async with using(up) as db:
            created = await create_account(db, "Lost", datetime.now(UTC), country_code="CA")
            await db.execute("update api_keys set rate_limit = 1000000000 where account_id = $1", created.account_id)
            lost = Lost(created.account_id, {"Api-Key": str(created.api_key), "Api-Secret": created.api_secret})
            async with httpx.AsyncClient(base_url=up.facts["url"], headers=lost.keys, timeout=PATIENCE) as client:
                writers = Writers(client)
                lost.erased = await writers.add("erased@example.com")
                writing = asyncio.gather(*(writers.write(number) for number in range(WRITERS)))
                await writers.add_fans(40)
                lost.backed_up = dict(writers.fans)
                await asyncio.to_thread(fanfare, "backup", file, "--data-dir", data_dir)
                await writers.add_fans(40)
                erased = await client.post(f"/api/v1/manage/fans/{lost.erased}/erase")
                assert erased.status_code == 200, erased.text
                writers.is_over = True
                await writing
            lost.fans = writers.fans
            printed = await asyncio.to_thread(fanfare, "erasures", "list", "--data-dir", data_dir)
            await asyncio.to_thread(certificates.write_text, printed)
            lost.sequences = {row["sequencename"]: row["last_value"] for row in await db.rows(SEQUENCES)}
            lost.cursor = (await feed(db, lost.account_id, 0, 100_000)).position
    return lost


async def test_a_server_is_lost_and_another_goes_on_from_its_backup(tmp_path: Path) -> None:
    file, certificates, data_dir = tmp_path / "backup", tmp_path / "certificates", tmp_path / "new"
    lost = await lose(tmp_path / "old", file, certificates)
    assert file.stat().st_mode & 0o777 == 0o600
    await asyncio.to_thread(fanfare, "restore", file, "--data-dir", data_dir)
    assert "1 fans erased again, of 1" in await asyncio.to_thread(
        fanfare, "erasures", "apply", certificates, "--data-dir", data_dir
    )
    with running_up(data_dir) as up:
        async with using(up) as db:
            await check_rows(db, lost)
            await check_ids(db, lost, up)
        assert "is not empty" in await asyncio.to_thread(refused, "restore", file, "--data-dir", data_dir)
        again = await asyncio.to_thread(fanfare, "erasures", "apply", certificates, "--data-dir", data_dir)
        assert "0 fans erased again" in again
    assert "is not empty" in await asyncio.to_thread(refused, "restore", file, "--data-dir", data_dir)


async def check_rows(db: Db, lost: Lost) -> None:
    """All that was acknowledged before the backup is there, whole, but for who was erased after it."""
    rows = await db.rows(
        "select identifier_value, fan_id from fan_identifiers where account_id = $1 and network = 'email'",
        lost.account_id,
    )
    saved = {row["identifier_value"]: row["fan_id"] for row in rows}
    expected = {email: fan_id for email, fan_id in lost.backed_up.items() if fan_id != lost.erased}
    assert {email: saved.get(email) for email in expected} == expected
    assert saved.items() <= lost.fans.items()
    assert lost.erased not in saved.values()
    halves = await db.row(HALVES, lost.account_id)
    assert halves is not None
    assert dict(halves) == dict.fromkeys(halves.keys(), 0)


async def check_ids(db: Db, lost: Lost, up: Up) -> None:
    """No id is given twice, and a reader who was further than the backup misses nothing that is new."""
    now = {row["sequencename"]: row["last_value"] for row in await db.rows(SEQUENCES)}
    assert [name for name, last in lost.sequences.items() if now[name] <= last] == []
    async with httpx.AsyncClient(base_url=up.facts["url"], headers=lost.keys, timeout=PATIENCE) as client:
        fan_id = await Writers(client).add("new@example.com")
    assert fan_id not in lost.fans.values()
    observed = await feed(db, lost.account_id, lost.cursor, 1000)
    assert str(fan_id) in {change.subject_id for change in observed.changes} | {
        str(change.fan_id) for change in observed.changes
    }


@pytest.fixture
async def filled(empty_database: NewDatabase) -> str:
    """The address of a database with one account."""
    url = await empty_database()
    await migrate(url)
    db = await Db.connect(url, size=2)
    await create_account(db, "Dumped", datetime.now(UTC), country_code="CA")
    await db.close()
    return url


async def rows(url: str, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


async def ask(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_restore_that_was_cut_off_is_ended_by_the_next(
    filled: str, empty_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, url = tmp_path / "backup", await empty_database()
    await asyncio.to_thread(backups.dump, filled, file)

    async def cut_off(_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(backups, "_advance_sequences", cut_off)
        with pytest.raises(ConnectionError):
            await backups.restore(url, file)
    with pytest.raises(CannotMigrate, match="a restore of this database was interrupted"):
        await migrate(url)
    await backups.restore(url, file)
    assert await migrate(url) == []
    assert await ask(url, "select account_name from accounts") == "Dumped"
    assert await ask(url, "select last_value from positions") > backups.POSITION_GAP
    with pytest.raises(CannotRun, match="not empty"):
        await backups.restore(url, file)


async def test_a_restore_that_fails_leaves_nothing(filled: str, empty_database: NewDatabase, tmp_path: Path) -> None:
    file, url = tmp_path / "backup", await empty_database()
    await asyncio.to_thread(backups.dump, filled, file)
    full = file.read_bytes()
    file.write_bytes(full[: len(full) // 2])
    with pytest.raises(CannotRun):
        await backups.restore(url, file)
    assert await ask(url, "select to_regclass('accounts') is null")
    file.write_bytes(full)
    await backups.restore(url, file)
    assert await ask(url, "select count(*) from accounts") == 1


async def test_ids_go_ahead_after_a_restore_by_other_means(filled: str) -> None:
    old = {row["sequencename"]: row["last_value"] for row in await rows(filled, SEQUENCES)}
    await asyncio.to_thread(fanfare, "restore", DATABASE_URL=filled)
    new = {row["sequencename"]: row["last_value"] for row in await rows(filled, SEQUENCES)}
    assert {name: new[name] - last for name, last in old.items()} == {
        **dict.fromkeys(old, backups.ID_GAP),
        "positions": backups.POSITION_GAP,
    }
    assert await ask(filled, "select account_name from accounts") == "Dumped"


async def test_what_is_no_backup_is_refused(empty_database: NewDatabase, tmp_path: Path) -> None:
    url, file = await empty_database(), tmp_path / "file"
    with pytest.raises(CannotRun, match="does not exist"):
        await backups.restore(url, file)
    file.write_text("no dump")
    with pytest.raises(CannotRun, match="is not a backup"):
        await backups.restore(url, file)
    file.unlink()
    await asyncio.to_thread(backups.dump, url, file)
    with pytest.raises(CannotRun, match="is not a Fanfare backup"):
        await backups.restore(url, file)
    with pytest.raises(CannotRun, match="already exists"):
        await asyncio.to_thread(backups.dump, url, file)
    assert not await ask(url, f"select to_regclass('{RESTORING}') is not null")


async def test_a_dump_that_fails_leaves_no_file(filled: str, tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="no_such"):
        await asyncio.to_thread(backups.dump, filled.replace("/test_", "/no_such_"), tmp_path / "backup")
    assert await asyncio.to_thread(os.listdir, tmp_path) == []
