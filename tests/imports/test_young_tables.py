"""Imports into a new database: no plan that was made for empty tables is used once they are full."""

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.imports.files import imported
from tests.waits import until

COUNT, BATCH = 4000, 1000
# Entries of indexes of fans and of their identifiers that were read, by foreign keys, too; and rows read in order.
READ = """
    select (select sum(idx_tup_read) from pg_stat_user_indexes where relname = any($1))
           + (select sum(seq_tup_read) from pg_stat_user_tables where relname = any($1))
"""
TABLES = ["fans", "fan_identifiers"]
# Figures are there for others once a connection is closed.
SESSIONS = "select count(*) from pg_stat_activity where pid = any($1)"


async def test_a_row_of_an_import_reads_no_more_than_those_of_its_batch(api: Api, db: Db, database_url: str) -> None:
    for name in TABLES:
        await db.execute(f"alter table {name} set (autovacuum_enabled = false)")
    lines = "\n".join(f"young{number}@example.com" for number in range(COUNT))
    worker = await Db.connect(database_url, size=1)
    pids = [await worker.value("select pg_backend_pid()")]
    result = await imported(api, worker, f"email\n{lines}\n".encode())
    assert result["created_count"] == COUNT
    await worker.close()

    async def is_closed() -> bool:
        return bool(await db.value(SESSIONS, pids) == 0)

    await until(is_closed)
    # With plans for empty tables a row reads all before it, half the file on average.
    assert int(await db.value(READ, TABLES)) < COUNT * BATCH
