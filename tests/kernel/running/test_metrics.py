"""Figures that several server processes share lie in files that are mapped into memory."""

import os
import subprocess
import sys
from pathlib import Path

from fanfare.kernel.running.handovers import SERVER, SHARED

# Every call with every status that there may be.
COUNT = """
import asyncio
from fanfare import app
from fanfare.kernel.running import metrics

metrics.share()
async def count():
    for each in app.endpoints():
        for status in (200, 204, 302, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 503):
            metrics.count_answer(each.call_id, status, 0.1)

asyncio.run(count())
print(metrics.exposition().decode())
"""


def test_no_file_has_holes_that_a_full_disk_could_not_fill(tmp_path: Path) -> None:
    """A process that writes into a hole is ended by the system when there is no room."""
    environment = {**os.environ, SHARED: str(tmp_path), SERVER: "1"}
    result = subprocess.run([sys.executable, "-c", COUNT], env=environment, check=True, capture_output=True, text=True)
    assert 'fanfare_calls_total{call="crm_fans_search",status="503"} 1.0' in result.stdout
    files = [each.stat() for each in tmp_path.iterdir()]
    assert len(files) > 1
    assert [each for each in files if each.st_blocks * 512 < each.st_size] == []
