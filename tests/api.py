"""A client of the server under test: one account's keys, and the calls as an integrator makes them."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from fanfare.accounts.actions import create_account
from fanfare.kernel.data.db import Db
from tests import answers
from tests.running import PATIENCE

Answer = httpx.Response


class Api:
    """Speaks for one account. `secret` calls carry both keys, `public` ones the public key alone."""

    def __init__(self, client: httpx.AsyncClient, account_id: int, api_key: uuid.UUID, api_secret: str) -> None:
        self.client = client
        self.account_id = account_id
        self.keys = {"Api-Key": str(api_key), "Api-Secret": api_secret}

    async def get(self, path: str, **params: Any) -> Answer:
        return await self.client.get(path, params=params, headers=self.keys)

    async def post(self, path: str, headers: dict[str, str] | None = None, /, **body: Any) -> Answer:
        return await self.client.post(path, json=body, headers={**self.keys, **(headers or {})})

    async def delete(self, path: str, **params: Any) -> Answer:
        return await self.client.delete(path, params=params, headers=self.keys)

    async def public_get(self, path: str, **params: Any) -> Answer:
        return await self.client.get(path, params=params, headers={"Api-Key": self.keys["Api-Key"]})

    async def public_post(self, path: str, **body: Any) -> Answer:
        return await self.client.post(path, json=body, headers={"Api-Key": self.keys["Api-Key"]})

    async def ok(self, answer: Answer) -> Any:
        """The JSON of an answer that must be a success."""
        assert answer.status_code == 200, answer.text
        return answer.json()


# Not Vancouver, whose rules changed in 2026: a PostgreSQL that reads older ones of its system has other days there.
ZONE = "America/Los_Angeles"


@asynccontextmanager
async def new_api(base_url: str, db: Db, name: str = "Northside", time_zone: str = ZONE) -> AsyncIterator[Api]:
    """Give a client for a new account."""
    created = await create_account(db, name, datetime.now(UTC), time_zone=time_zone, country_code="CA")
    async with answers.Client(base_url=base_url, timeout=PATIENCE) as client:
        yield Api(client, created.account_id, created.api_key, created.api_secret)
