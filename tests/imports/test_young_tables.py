"""Imports into a new database: no plan that was made for empty tables is used once they are full.

Nor does a row read what others of the file have in common with it, such as a time.
"""

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.imports.files import imported
from tests.waits import until

COUNT, BATCH = 4000, 1000
# Entries of indexes of fans and of their identifiers that were read, by foreign keys, too; and rows read in order.
READ = """
    select (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes where relname = any($1))
           + (select coalesce(sum(seq_tup_read), 0) from pg_stat_user_tables where relname = any($1))
"""
# Of each kind its columns, a row by its number, and the tables that have what a row may be the same as.
KINDS = {
    "fans": ("email", "{0}", ["fans", "fan_identifiers"]),
    "points": ("email,point_name,point_count,award_timestamp", "{0},Loyalty,10,2024-01-01", ["fan_points"]),
    "activities": ("email,campaign_title,activity_timestamp", "{0},Quiz,2024-01-01", ["activities"]),
    "tickets": (
        "email,first_name,last_name,purchase_timestamp,paid_amount,num_seats,event_date,event_name",
        "{0},A,B,2024-01-01,10,1,2024-02-01,Match",
        ["tickets"],
    ),
    "registrations": (
        "email,registration_key,network,registration_timestamp,event_name,event_date,first_name,last_name",
        "{0},{0},gate,2024-01-01,Tide,2024-02-01,A,B",
        ["registrations"],
    ),
    "consents": ("email,channel,is_granted,consent_timestamp", "{0},email,yes,2024-01-01", ["consents"]),
    "suppressions": ("email", "{0}", ["suppressions"]),
}
# Figures are there for others once a connection is closed.
SESSIONS = "select count(*) from pg_stat_activity where pid = any($1)"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_row_of_an_import_reads_no_more_than_those_of_its_batch(
    api: Api, db: Db, database_url: str, kind: str
) -> None:
    head, row, tables = KINDS[kind]
    if kind == "points":
        await api.ok(await api.post("/api/v1/manage/points", point_name="Loyalty"))
    for name in tables:
        await db.execute(f"alter table {name} set (autovacuum_enabled = false)")
    before = int(await db.value(READ, tables))
    lines = "\n".join(row.format(f"{kind}{number}@example.com") for number in range(COUNT))
    worker = await Db.connect(database_url, size=1)
    pids = [await worker.value("select pg_backend_pid()")]
    result = await imported(api, worker, f"{head}\n{lines}\n".encode(), kind)
    assert result["created_count"] == COUNT
    await worker.close()

    async def is_closed() -> bool:
        return bool(await db.value(SESSIONS, pids) == 0)

    await until(is_closed)
    # With plans for empty tables a row reads all before it, half the file on average.
    assert int(await db.value(READ, tables)) - before < COUNT * BATCH
