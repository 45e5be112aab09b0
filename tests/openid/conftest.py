"""What the tests of OpenID Connect stand on."""

from collections.abc import Iterator

import pytest

from fanfare.kernel.running.public_address import public_address


@pytest.fixture(scope="module", autouse=True)
def issuer_address(base_url: str) -> Iterator[None]:
    """Let the issuer be at the address of the server under test."""
    before, public_address.base = public_address.base, base_url
    yield
    public_address.base = before
