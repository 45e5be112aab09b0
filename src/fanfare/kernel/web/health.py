"""Pages for operators: /healthz (the process responds), /readyz (the database responds too), /metrics."""

import asyncio
import contextlib

import asyncpg

from fanfare.kernel.data import faults
from fanfare.kernel.data.db import OUTAGES, Db
from fanfare.kernel.errors import Unavailable
from fanfare.kernel.running import metrics
from fanfare.kernel.web import answers
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response

READY_SECONDS = 2.0
FAULTY = "Accounts, and filters, for which a job fails and is tried again later"
NOT_READY: tuple[type[BaseException], ...] = (*OUTAGES, asyncpg.UndefinedTableError, Unavailable)


class Health:
    """`GET /healthz`: 200 while the process answers at all."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Respond with 200."""
        await answers.put(request, response, 200, answers.encode({"status": "ok"}))


class Ready:
    """`GET /readyz`: 200 when the database answers within two seconds, else 503."""

    def __init__(self, db: Db) -> None:
        self.db = db

    async def on_get(self, request: Request, response: Response) -> None:
        """Query the newest migration."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                version = await self.db.value("select max(version) from schema_migrations")
        except NOT_READY:
            await answers.put(request, response, 503, answers.encode({"status": "no database", "schema": None}))
            response.set_header("Retry-After", "1")
            return
        await answers.put(request, response, 200, answers.encode({"status": "ok", "schema": version}))


class Metrics:
    """`GET /metrics`: metrics in the Prometheus text format."""

    def __init__(self, db: Db) -> None:
        self.db = db

    async def on_get(self, _: Request, response: Response) -> None:
        """Return the metrics; those read from the database are omitted while it does not respond."""
        response.content_type = "text/plain; version=0.0.4; charset=utf-8"
        response.data = metrics.exposition()
        with contextlib.suppress(*NOT_READY):
            async with asyncio.timeout(READY_SECONDS):
                faulty = {row["job_name"]: row["count"] for row in await faults.counts(self.db)}
            response.data += metrics.gauges("fanfare_faults", FAULTY, "job", faulty)
