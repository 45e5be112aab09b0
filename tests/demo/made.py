"""What modules that look at the demo stand on.

from tests.demo.made import FANS, NOW, account_id, database_url

__all__ = ["account_id", "database_url"]
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from tests.conftest import copy_of, databases

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
FANS = 1500


class Demo(NamedTuple):
    """A database, and the account of the demo in it."""

    url: str
    account_id: int


@pytest.fixture(scope="module")
async def database_url(server_url: str, demo: Demo) -> AsyncIterator[str]:
    """The address of the module's own copy."""
    async with databases(server_url, copy_of(demo.url)) as make:
        yield await make()


@pytest.fixture(scope="module")
def account_id(demo: Demo) -> int:
    """The account of the demo."""
    return demo.account_id
