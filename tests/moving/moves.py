"""A move from one account of the module's server into another, in this process."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import msgspec

from fanfare.accounts.actions import create_account
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.moving.actions.running import move_account
from fanfare.moving.gateways import Source
from fanfare.moving.schemas import Hooks, MoveReport, Options, TableReport
from tests.api import Api
from tests.servers import Request

FANS = "/api/v1/crm/fans"
NETWORKS = ("shop",)


class Target(NamedTuple):
    """The account there, the one here that it moves into, and the address of the source."""

    there: Api
    here: Api
    db: Db
    url: str

    async def move(
        self,
        pauses: list[float] | None = None,
        *,
        networks: tuple[str, ...] = NETWORKS,
        scan_groups: tuple[str, ...] = (),
        progress: Callable[[str, int | None], None] = lambda *_: None,
    ) -> MoveReport:
        """Move to the end, and return the report; `pauses` gets how long the source was waited for, in seconds."""
        waits = [] if pauses is None else pauses

        async def pause(seconds: float) -> None:
            waits.append(seconds)

        keys = self.there.keys
        async with Source(self.url, keys["Api-Key"], keys["Api-Secret"], pause=pause) as source:
            hooks = Hooks(system_clock, progress)
            options = Options(networks, scan_groups)
            return await move_account(self.db, self.here.account_id, (self.url, source), options, hooks)

    async def fans(self) -> dict[str | None, dict[str, Any]]:
        """Return the fans here by address."""
        rows = (await self.here.ok(await self.here.get(f"{FANS}/latest")))["data"]
        return {row["email"]: row for row in rows}

    async def erase(self, email: str) -> None:
        """Erase a fan here."""
        fan_id = (await self.fans())[email]["fan_id"]
        await self.here.ok(await self.here.post(f"/api/v1/manage/fans/{fan_id}/erase"))


async def new_target(api: Api, db: Db, url: str) -> Target:
    """Create an account and one to move it into, both on the server of `api`."""
    keys = [await create_account(db, f"Moved {uuid.uuid4()}", datetime.now(UTC), country_code="CA") for _ in range(2)]
    there, here = (Api(api.client, key.account_id, key.api_key, key.api_secret) for key in keys)
    return Target(there, here, db, url)


def relay(base_url: str, request: Request) -> Any:
    """Return the answer of the module's server to a request of a move."""
    headers = {name: request.headers[name] for name in ("api-key", "api-secret")}
    with urlopen(UrlRequest(f"{base_url}{request.path}?{request.query}", headers=headers)) as answer:  # noqa: S310 - the module's server
        return msgspec.json.decode(answer.read())


def table(report: MoveReport, name: str) -> TableReport:
    """Return the report of a table."""
    return next(each for each in report.tables if each.table == name)


def reasons(report: MoveReport, name: str) -> dict[str, int]:
    """Return why rows of a table are different or not here."""
    return {each.reason: each.row_count for each in table(report, name).reasons}
