"""What the tests of OpenID Connect stand on."""

from collections.abc import Iterator

import pytest

from fanfare.hosted.actions.addresses import addresses


@pytest.fixture(scope="module", autouse=True)
def issuer_address(base_url: str) -> Iterator[None]:
    """Let the issuer be at the address of the server under test."""
    before, addresses.base = addresses.base, base_url
    yield
    addresses.base = before
