"""The demo that several modules look at, made once: each of them has a copy of its database."""

from collections.abc import AsyncIterator

import pytest

from fanfare.demo import create_demo
from fanfare.kernel.data.db import Db
from tests.conftest import copy_of, databases
from tests.demo.made import FANS, NOW, Demo


@pytest.fixture(scope="session")
async def demo(server_url: str, template: str) -> AsyncIterator[Demo]:
    """A database with a demo and nothing else, to which nobody is connected."""
    async with databases(server_url, copy_of(template)) as make:
        url = await make()
        db = await Db.connect(url)
        try:
            account_id = (await create_demo(db, FANS, NOW)).account_id
        finally:
            await db.close()
        yield Demo(url, account_id)
