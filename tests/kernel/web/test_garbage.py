"""A request is freed when it ends: collections of garbage stop the process for all."""

import gc

import httpx
import pytest

from fanfare.kernel.web.server.cycle import Cycle
from tests.running import PATIENCE

CALLS = 40


@pytest.mark.parametrize("path", ["/healthz", "/trk/nothing", "/api/v1/crm/fans", "/nowhere"])
async def test_a_request_leaves_nothing_to_collect(base_url: str, path: str) -> None:
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as client:
        await client.get(path)
        gc.collect()
        gc.disable()
        try:
            for _ in range(CALLS):
                await client.get(path)
            count = sum(isinstance(each, Cycle) for each in gc.get_objects())
        finally:
            gc.enable()
    # The last one of each open connection is there until the next comes.
    assert count < CALLS / 2
