"""Lets a module visit as many pages as it needs: those who import `many_visits` have it for all their tests."""

from collections.abc import Iterator

import pytest

from fanfare.kernel.data import limits


@pytest.fixture(autouse=True, scope="module")
def many_visits() -> Iterator[None]:
    """All pages are opened from one address, within few minutes."""
    before = limits.VISIT_LIMITS[limits.Visits.STAFF]
    limits.VISIT_LIMITS[limits.Visits.STAFF] = 100 * before
    yield
    limits.VISIT_LIMITS[limits.Visits.STAFF] = before
