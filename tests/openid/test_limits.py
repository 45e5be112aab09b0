"""Guesses at a client's secret are limited by IP address, over all calls that answer them, and nothing is written.

Made-up codes and tokens are no guesses: a shop's server sends them for whoever visits it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from fanfare.kernel.addresses import subscriber
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.conftest import serving
from tests.openid.provider import new_client

NOW = datetime(2026, 5, 1, 17, 30, tzinfo=UTC)
GUESSER = {"X-Forwarded-For": "203.0.113.9"}
LIMIT = 600


@pytest.fixture(scope="module")
def proxied_url(settings: Settings) -> Iterator[str]:
    """A server behind proxies, at one moment: its minute never ends."""
    with serving(settings.replace(trusted_proxies=("127.0.0.0/8",)), lambda: NOW) as url:
        yield url


async def test_guesses_are_limited_by_address(api: Api, proxied_url: str) -> None:
    client = await new_client(api)
    base = f"{proxied_url}{client.base}"
    statuses: Counter[int] = Counter()
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=16), timeout=60) as guesser:

        async def guess(number: int) -> None:
            path, values = (
                ("token", {"auth": (client.client_id, f"{number}")}),
                ("revoke", {"data": {"client_id": str(10**9 + number)}}),
            )[number % 2]
            answer = await guesser.post(f"{base}/{path}", **{"headers": GUESSER, **values})  # type: ignore[arg-type]
            statuses[answer.status_code] += 1

        for start in range(0, LIMIT + 100, 100):
            await asyncio.gather(*(guess(number) for number in range(start, start + 100)))
        assert statuses == {401: LIMIT, 429: 100}
        refused = await guesser.post(f"{base}/token", data=client.exchange("x"), auth=client.basic, headers=GUESSER)
        assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
        assert int(refused.headers["retry-after"]) > 0
        # Others are served meanwhile.
        others = {"X-Forwarded-For": "203.0.113.10"}
        assert (await guesser.get(f"{base}/jwks", headers=others)).status_code == 200


async def test_visitors_cannot_lock_a_shop_out(api: Api, db: Db, proxied_url: str) -> None:
    shop = {"X-Forwarded-For": "203.0.113.11"}
    client = await new_client(api, scopes=["openid", "offline_access"])
    base = f"{proxied_url}{client.base}"
    async with httpx.AsyncClient(headers=shop, timeout=60) as server:
        for number in range(4):
            answers = await asyncio.gather(
                server.post(f"{base}/token", data=client.exchange(f"{number:043}"), auth=client.basic),
                server.post(
                    f"{base}/token",
                    data={"grant_type": "refresh_token", "refresh_token": f"{number:032}.{number:043}"},
                    auth=client.basic,
                ),
                server.get(f"{base}/userinfo", headers={**shop, "Authorization": f"Bearer {number}"}),
            )
            assert [each.status_code for each in answers] == [400, 400, 401]
    address = subscriber("203.0.113.11")
    assert await db.value("select count(*) from rate_windows where account_id = 0 and subscriber = $1", address) == 0
