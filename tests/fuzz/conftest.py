"""One account in which every call that makes something was made once by its example, and a key without a limit."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from fanfare import app
from fanfare.accounts.actions import create_account, create_key
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.data.db import Db
from fanfare.kernel.web import openapi
from tests import answers
from tests.running import PATIENCE

NO_LIMIT = 2_000_000_000
DOCUMENT = openapi.document(app.endpoints(), "0")
Headers = dict[str, str]


@pytest.fixture(scope="module")
async def account_id(db: Db) -> int:
    return (await create_account(db, "Fuzz", datetime.now(UTC))).account_id


@pytest.fixture(scope="module")
async def keys(db: Db, account_id: int) -> Headers:
    key = await create_key(db, account_id, SCOPES, datetime.now(UTC), rate_limit=NO_LIMIT)
    return {"Api-Key": str(key.api_key), "Api-Secret": key.api_secret}


@pytest.fixture(scope="module")
async def client(base_url: str, keys: Headers) -> AsyncIterator[httpx.AsyncClient]:
    async with answers.Client(base_url=base_url, headers=keys, timeout=PATIENCE) as api:
        for path, item in DOCUMENT["paths"].items():
            content = item.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" in content and "{" not in path:
                await api.post(path, json=content["example"])
        yield api
