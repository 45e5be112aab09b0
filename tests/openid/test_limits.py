"""Guesses are limited by IP address, over all calls that answer them, and nothing is written."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.conftest import serving
from tests.openid.provider import fan_browser, get_code, new_client, new_fan

NOW = datetime(2026, 5, 1, 17, 30, tzinfo=UTC)
GUESSER = {"X-Forwarded-For": "203.0.113.9"}
LIMIT = 600


@pytest.fixture(scope="module")
def proxied_url(settings: Settings) -> Iterator[str]:
    """A server behind proxies, at one moment: its minute never ends."""
    with serving(settings.replace(trusted_proxies=("127.0.0.0/8",)), lambda: NOW) as url:
        yield url


async def test_guesses_are_limited_by_address(api: Api, db: Db, proxied_url: str) -> None:
    client = await new_client(api, client_type="public")
    secret_client = await new_client(api)
    async with fan_browser(api, (await new_fan(api))["session_uid"]) as browser:
        code = await get_code(browser, client)
    base = f"{proxied_url}{client.base}"
    statuses: Counter[int] = Counter()
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=16), timeout=60) as guesser:

        async def guess(number: int) -> None:
            path, values = (
                ("token", {"data": client.exchange(f"{number:043}")}),
                ("token", {"auth": (secret_client.client_id, f"{number}")}),
                ("userinfo", {"headers": {**GUESSER, "Authorization": f"Bearer {number}"}}),
                ("revoke", {"data": {"client_id": str(10**9 + number)}}),
            )[number % 4]
            answer = await guesser.post(f"{base}/{path}", **{"headers": GUESSER, **values})  # type: ignore[arg-type]
            statuses[answer.status_code] += 1

        for start in range(0, LIMIT + 100, 100):
            await asyncio.gather(*(guess(number) for number in range(start, start + 100)))
        assert statuses.total() == LIMIT + 100
        assert statuses[429] == 100
        assert set(statuses) == {400, 401, 429}
        refused = await guesser.post(f"{base}/token", data=client.exchange(code), headers=GUESSER)
        assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
        assert int(refused.headers["retry-after"]) > 0
        # Others are served meanwhile, and nothing was used up.
        others = {"X-Forwarded-For": "203.0.113.10"}
        assert (await guesser.get(f"{base}/jwks", headers=others)).status_code == 200
    answer = await api.client.post(f"{client.base}/token", data=client.exchange(code))
    assert answer.status_code == 200
    assert await db.value("select count(*) from openid_grants where account_id = $1", api.account_id) == 1
