"""Exports of large rows: memory is bounded by bytes, not by rows."""

import gzip
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pyarrow.parquet  # type: ignore[import-untyped]
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.exports.test_exports import PATH, work_all

FILLS_TABLES = True
LARGE_ROWS = """
    insert into activities (account_id, activity_id, fan_id, created_at, props)
    select $1, nextval('positions'), $2, now(), jsonb_build_object('text', repeat(md5(number::text), 2000), 'n', number)
    from generate_series(1, 1500) as number
"""


@pytest.mark.parametrize("file_format", ["csv", "ndjson"])
async def test_large_rows_are_written_in_little_memory(api: Api, db: Db, file_format: str) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="large@example.com")))["fan_id"]
    await db.execute(LARGE_ROWS, api.account_id, fan_id)
    count = await db.value("select count(*) from activities where account_id = $1", api.account_id)
    uid = (await api.ok(await api.post(PATH, table="activities", format=file_format)))["export_uid"]
    tracemalloc.start()
    try:
        await work_all(api, db)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    result = await api.ok(await api.get(f"{PATH}/{uid}"))
    assert (result["state"], result["row_count"]) == ("completed", count)
    assert result["content_bytes"] > 90 * 1024 * 1024
    # A piece of rows is 6 MB, in a batch of 4 MB; the copies are its lines, their bytes and those compressed.
    assert peak < 60 * 1024 * 1024


WRITE = """
import sys
from pathlib import Path
from fanfare.exports.writers.parquet import write
count = write(Path(sys.argv[1]), Path(sys.argv[2]), {"number": "int8", "text": "text"})
# The peak of this program alone: that of getrusage begins with the memory of whoever started it.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(count, status["VmHWM"].split()[0])
"""


def _written(folder: Path, row_count: int, text: str) -> tuple[int, int]:
    """Write a Parquet file of rows with a text, and return their number and the peak of memory in MB."""
    rows, file = folder / "rows.csv.gz", folder / "rows.parquet"
    with gzip.open(rows, "wt", compresslevel=1, newline="") as output:
        output.write("number,text\n")
        output.writelines(f'{number},"{text}{number}"\n' for number in range(row_count))
    ended = subprocess.run(
        [sys.executable, "-P", "-c", WRITE, str(rows), str(file)], stdout=subprocess.PIPE, check=True
    )
    count, kilobytes = ended.stdout.split()
    return int(count), int(kilobytes) // 1024


def test_parquet_is_written_in_little_memory_however_many_rows_there_are(tmp_path: Path) -> None:
    count, megabytes = _written(tmp_path, 800_000, "x" * 480)
    assert count == pyarrow.parquet.read_metadata(tmp_path / "rows.parquet").num_rows == 800_000
    assert megabytes < 300


def test_a_row_of_parquet_can_be_larger_than_a_block(tmp_path: Path) -> None:
    count, _ = _written(tmp_path, 3, "y" * 3 * 1024 * 1024)
    table = pyarrow.parquet.read_table(tmp_path / "rows.parquet")
    assert (count, table["number"].to_pylist()) == (3, [0, 1, 2])
    assert len(table["text"][0].as_py()) == 3 * 1024 * 1024 + 1
