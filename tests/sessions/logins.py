"""How tests log fans in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fanfare.kernel.data.db import Db
from tests.api import Answer, Api

PASSWORD = "correct horse"
CONNECT = "/api/v1/sessions/connect"


async def connect(api: Api, network: str = "", **values: Any) -> Any:
    """Return what a step answers to a site, which has the public key alone."""
    return await api.ok(await try_connect(api, network, **values))


async def try_connect(api: Api, network: str = "", **values: Any) -> Answer:
    return await api.public_post(CONNECT, network=network, **values)


async def registered(api: Api, email: str, **values: Any) -> Any:
    """Return the session of a new fan with a password."""
    return await connect(api, "register", email=email, password=PASSWORD, **values)


async def fan_of(api: Api, session_uid: str) -> Answer:
    return await api.public_get(f"/api/v1/sessions/{session_uid}/fan")


async def change(api: Api, session_uid: str, **values: Any) -> Answer:
    return await api.public_post(f"/api/v1/sessions/{session_uid}/fan", **values)


@asynccontextmanager
async def writes_held(db: Db, table: str, waiting: int) -> AsyncIterator[None]:
    """Hold up writes to a table until so many connections wait: calls made inside are all under way at once."""
    async with db.transaction() as tx:
        await tx.execute(f"lock table {table} in exclusive mode")
        yield
        await waiting_for_locks(db, waiting)


async def waiting_for_locks(db: Db, count: int) -> None:
    """Wait until so many connections wait for a lock."""
    statement = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    while await db.value(statement) < count:  # noqa: ASYNC110 - the database says so to nobody
        await asyncio.sleep(0.01)
