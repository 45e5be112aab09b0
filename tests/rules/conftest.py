"""What the rules share."""

from collections.abc import Iterator

import pytest

from tests.rules.project import parsed


@pytest.fixture(scope="package", autouse=True)
def trees() -> Iterator[None]:
    """Keep the trees of all files for the rules, and free them before other tests run."""
    yield
    parsed.cache_clear()
