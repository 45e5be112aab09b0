"""Workers on imports: killed with signal 9, and several at once; each row is written once."""

import gzip
import hashlib
import os
import random
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

from fanfare.imports.actions.files import source_uid
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import Api, new_api
from tests.imports.files import PATH, state_of, upload
from tests.imports.test_workbooks import workbook_of
from tests.running import Program
from tests.seeds import run_seed
from tests.waits import until

WORKER = [sys.executable, "-P", "-m", "fanfare.cli.worker"]
ROWS = 12_000
# Of each kind.
IS_FULL = os.environ.get("FANFARE_FAULTS") == "full"
FULL_ROWS = 10_000
# More than two batches.
BATCH_ROWS = 2_100
KILLS = 25 if IS_FULL else 2
SEED = run_seed(19)
FAULTS = "select count(*) from import_faults join imports using (account_id, import_id) where import_uid = $1"
COMPLETED = "select data from changes where account_id = $1 and topic = 'import.completed'"


# Rows of each kind: its columns, and a row by its number.
KINDS: dict[str, tuple[str, Callable[[int], str]]] = {
    "consents": ("email,channel,is_granted,consent_timestamp", lambda n: f"k{n}@example.com,email,yes,2024-01-01"),
    "activities": (
        "email,campaign_title,activity_timestamp",
        lambda n: f"k{n}@example.com,Quiz,2024-01-01T00:{n // 60 % 60:02}:{n % 60:02}Z",
    ),
    "tickets": (
        "email,first_name,last_name,purchase_timestamp,paid_amount,num_seats,event_date,event_name,ticket_key",
        lambda n: f"k{n}@example.com,A,B,2024-01-01,10,1,2024-02-01,Match,k{n}",
    ),
    "purchases": (
        "purchase_key,network,order_key,merchant_key,order_timestamp,gross_sale_amount,net_sale_amount,email",
        lambda n: f"k{n},shop,k{n},m,2024-01-01,10,9,k{n}@example.com",
    ),
    "points": ("email,point_name,point_count,award_timestamp", lambda n: f"k{n}@example.com,Loyalty,10,2024-01-01"),
    "registrations": (
        "registration_key,network,registration_timestamp,event_name,event_date,first_name,last_name,email",
        lambda n: f"k{n},fest,2024-01-01,Tide,2024-02-01,A,B,k{n}@example.com",
    ),
    "suppressions": ("email", lambda n: f"k{n}@example.com"),
}
TABLES = {"points": "fan_points"}


async def test_rows_of_every_kind_survive_a_killed_worker(base_url: str, db: Db, settings: Settings) -> None:
    async with new_api(base_url, db) as api:
        await api.ok(await api.post("/api/v1/manage/points", point_name="Loyalty"))
        count = FULL_ROWS if IS_FULL else BATCH_ROWS
        uids = {}
        for kind, (head, row) in KINDS.items():
            content = "\n".join([head, *(row(number) for number in range(count))]).encode()
            uids[kind] = await upload(api, content, kind)

        async def finished() -> int:
            sql = "select count(*) from imports where account_id = $1 and import_state = 'completed'"
            number: int = await db.value(sql, api.account_id)
            return number

        async def rows_done() -> int:
            number: int = await db.value("select sum(row_count) from imports where account_id = $1", api.account_id)
            return number

        async def are_finished() -> bool:
            return await finished() == len(uids)

        for uid in uids.values():
            await api.ok(await api.post(f"{PATH}/{uid}/run"))
        for _ in range(KILLS):
            program = Program(WORKER, **settings.environment())
            try:
                begin = await rows_done()
                await until(lambda begin=begin: _has_moved(rows_done, are_finished, begin))  # type: ignore[misc] # a default argument
            finally:
                program.process.kill()
                program.end()
        with ExitStack() as stack:
            program = Program(WORKER, **settings.environment())
            stack.callback(program.end)
            await until(are_finished)
        for kind, uid in uids.items():
            result = await api.ok(await api.get(f"{PATH}/{uid}"))
            counts = result["row_count"], result["created_count"], result["error_count"]
            assert counts == (count, count, 0), (kind, result)
            table = TABLES.get(kind, kind)
            rows = await db.value(f"select count(*) from {table} where account_id = $1", api.account_id)
            assert rows == count, kind
        assert await db.value("select count(*) from fans where account_id = $1", api.account_id) == count


async def _has_moved(
    rows_done: Callable[[], Awaitable[int]], are_finished: Callable[[], Awaitable[bool]], begin: int
) -> bool:
    return await rows_done() > begin or await are_finished()


async def test_a_killed_worker_loses_and_repeats_no_row(base_url: str, db: Db, settings: Settings) -> None:
    async with new_api(base_url, db) as api:
        lines = (
            f"w{number}@example.com,Name {number}" if number % 100 else f"wrong {number},x" for number in range(ROWS)
        )
        content = "\n".join(["email,first_name", *lines]).encode()
        uids = [await upload(api, content.replace(b"@", b"+%d@" % number)) for number in range(2)]

        async def are(state: str) -> bool:
            sql = "select count(*) from imports where account_id = $1 and import_state = $2"
            return bool(await db.value(sql, api.account_id, state) == len(uids))

        async def has_begun() -> bool:
            return bool(
                await db.value("select sum(row_count) > 2000 from imports where account_id = $1", api.account_id)
            )

        with ExitStack() as stack:
            programs = [Program(WORKER, **settings.environment()) for _ in range(2)]
            stack.callback(lambda: [each.end() for each in programs])
            for uid in uids:
                await api.ok(await api.post(f"{PATH}/{uid}/run"))
            await until(has_begun)
            programs[0].process.kill()
            programs[1].process.kill()
            programs.append(Program(WORKER, **settings.environment()))
            await until(lambda: are("completed"))
        for uid in uids:
            result = await api.ok(await api.get(f"{PATH}/{uid}"))
            counts = (result["row_count"], result["created_count"], result["error_count"])
            assert counts == (ROWS, ROWS * 99 // 100, ROWS // 100)
            assert await db.value(FAULTS, uid) == ROWS // 100
        assert await db.value("select count(*) from fans where account_id = $1", api.account_id) == 2 * ROWS * 99 // 100
        completed = await db.rows(COMPLETED, api.account_id)
        assert [row["data"]["row_count"] for row in completed] == [ROWS, ROWS]


# Rows with a text that no field has: what comes out of the file is long, and quickly imported.
UNPACKED_ROWS = 4_000
NOTES = "and so on " * 800
# Whether another connection of this database has stored a part of a file that is not committed.
IS_STORING = """
    select exists (
        select from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_xid is not null
          and query like 'insert into file_parts%')
"""
PARTS = "select count(*) from file_parts where account_id = $1 and file_uid = $2"


async def test_a_worker_that_is_killed_while_it_unpacks_leaves_nothing(
    base_url: str, db: Db, settings: Settings
) -> None:
    async with new_api(base_url, db) as api:
        lines = (f"u{number}@example.com,{number} {NOTES}" for number in range(UNPACKED_ROWS))
        content = "\n".join(["email,remarks", *lines]).encode()
        compressed = gzip.compress(content)
        uid = await upload(api, compressed)
        await _kill_unpacking(api, db, settings, uid, compressed)
        await _finish_unpacked(api, db, settings, uid, content)
        result = await state_of(api, uid)
        counts = result["row_count"], result["created_count"], result["matched_count"], result["error_count"]
        assert counts == (UNPACKED_ROWS, UNPACKED_ROWS, 0, 0)
        fans = "select count(*) from fans where account_id = $1"
        assert await db.value(fans, api.account_id) == UNPACKED_ROWS
        source_bytes = "select source_bytes from imports where account_id = $1"
        assert await db.value(source_bytes, api.account_id) == len(compressed)


async def _kill_unpacking(api: Api, db: Db, settings: Settings, uid: str, compressed: bytes) -> None:
    """Kill workers that unpack a file, each after some parts; nothing of it is there, and the file still is."""
    chance = random.Random(SEED)

    async def is_storing() -> bool:
        return bool(await db.value(IS_STORING))

    async def is_idle() -> bool:
        return not await is_storing()

    for _ in range(KILLS):
        with Program(WORKER, **settings.environment()) as program:
            for _ in range(chance.randint(1, 8)):
                await until(is_storing)
            program.kill()
        await until(is_idle)
        assert (await state_of(api, uid))["state"] == "converting", f"not while it unpacks, seed {SEED}"
        assert await db.value(PARTS, api.account_id, UUID(uid)) == 0
        source = await files.read_from(db, api.account_id, source_uid(UUID(uid)), 0, 2 * len(compressed))
        assert source == compressed


async def _finish_unpacked(api: Api, db: Db, settings: Settings, uid: str, content: bytes) -> None:
    """Let a worker unpack and import a file, whose rows are the content, each part once."""

    async def is_in(state: str) -> bool:
        sql = "select import_state = $3 from imports where account_id = $1 and import_uid = $2"
        return bool(await db.value(sql, api.account_id, UUID(uid), state))

    with Program(WORKER, **settings.environment()):
        await until(lambda: is_in("ready"))
        rows = await files.read_from(db, api.account_id, UUID(uid), 0, 2 * len(content))
        assert hashlib.sha256(rows).digest() == hashlib.sha256(content).digest()
        assert await db.value(PARTS, api.account_id, UUID(uid)) == -(-len(content) // files.PART_BYTES)
        assert (await state_of(api, uid))["file_bytes"] == len(content)
        await api.ok(await api.post(f"{PATH}/{uid}/run"))
        await until(lambda: is_in("completed"))


SHEET_ROWS = 8_000


def scratch(folder: Path, name: str = "") -> list[Path]:
    """Return the temporary directories of programs, or what of this name is in them and not empty."""
    return [each for each in folder.glob(f"fanfare-*/{name}" if name else "fanfare-*") if each.stat().st_size]


async def test_a_worker_that_is_killed_while_it_reads_a_workbook_leaves_nothing(
    base_url: str, db: Db, settings: Settings, tmp_path: Path
) -> None:
    rows = [["email", "first_name"], *([f"s{number}@example.com", f"Name {number}"] for number in range(SHEET_ROWS))]
    environment = {**settings.environment(), "TMPDIR": str(tmp_path)}
    async with new_api(base_url, db) as api:
        uid = await upload(api, workbook_of(Sheet=rows), file_format="xlsx")

        async def is_reading() -> bool:
            return bool(scratch(tmp_path, "rows.csv"))

        async def is_in(state: str) -> bool:
            return bool((await state_of(api, uid))["state"] == state)

        for _ in range(KILLS):
            with Program(WORKER, **environment) as program:
                await until(is_reading)
                program.kill()
            assert await is_in("converting")
            assert await db.value(PARTS, api.account_id, UUID(uid)) == 0
        with Program(WORKER, **environment):
            await until(lambda: is_in("ready"))
            await api.ok(await api.post(f"{PATH}/{uid}/run"))
            await until(lambda: is_in("completed"))
        result = await state_of(api, uid)
        assert (result["row_count"], result["created_count"], result["error_count"]) == (SHEET_ROWS, SHEET_ROWS, 0)
    assert scratch(tmp_path) == []
