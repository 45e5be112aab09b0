"""A provider that the module's account accepts."""

from collections.abc import Iterator

import pytest

from tests.api import Api
from tests.identities.logins import accept_provider
from tests.identity_provider import Provider, identity_provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    with identity_provider() as running:
        yield running


@pytest.fixture
async def provider_id(api: Api, provider: Provider) -> int:
    return await accept_provider(api, provider)
